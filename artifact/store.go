package artifact

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"

	"github.com/sluicehq/sluice/internal/silence"
)

// Options are the settings of Open.
type Options struct {
	// URL says where artifacts are kept: the path of a folder, file:///path, or s3://bucket with the parameters of
	// gocloud.dev/blob/s3blob (region, ssetype, kmskeyid, …) and prefix.
	URL string
	// Work is the folder of bytes on their way. Defaults to os.TempDir().
	Work   string
	Limits Limits
	// Place waits until this host may pack or unpack one more, and gives the place back by leave. What comes from a bucket or goes there
	// takes none. Nil: there is no bound.
	Place func(ctx context.Context) (leave func(), err error)
}

// Open opens a store. A folder is made when it is not there (mode 0700). Nothing is asked of a bucket yet; Check does that.
// Close the store.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{work: cmp.Or(o.Work, os.TempDir()), limits: o.Limits.withDefaults(), place: o.Place}
	if s.place == nil {
		s.place = func(context.Context) (func(), error) { return func() {}, nil }
	}
	if err := os.MkdirAll(s.work, 0o700); err != nil {
		return nil, fmt.Errorf("artifacts: %w", err)
	}
	scheme, rest, isURL := strings.Cut(o.URL, "://")
	var err error
	switch {
	case !isURL || scheme == fileblob.Scheme:
		if s.folder = o.URL; isURL {
			s.folder = rest
		}
		if err = os.MkdirAll(s.folder, 0o700); err == nil {
			s.bucket, err = fileblob.OpenBucket(s.folder, &fileblob.Options{
				NoTempDir: true, Metadata: fileblob.MetadataDontWrite, DirFileMode: 0o700,
			})
		}
	case scheme == s3blob.Scheme:
		s.bucket, err = openS3(ctx, o.URL, silence.Max)
	default:
		err = fmt.Errorf("%s://: want a folder or s3://bucket", scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("artifacts: %w", err)
	}
	return s, nil
}

// openS3 opens a bucket whose connections end once nothing has moved on them for so long.
func openS3(ctx context.Context, address string, most time.Duration) (*blob.Bucket, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	prefix := q.Get("prefix")
	q.Del("prefix")
	if !q.Has("response_checksum_validation") {
		q.Set("response_checksum_validation", "when_required") // every byte is hashed here, and what is wrong is known as changed
	}
	u.RawQuery = q.Encode()
	var opener s3blob.URLOpener
	b, err := opener.OpenBucketURL(ctx, u) // which writes what the address says of encryption into its Options
	if err != nil {
		return nil, err
	}
	var client *s3.Client
	if !b.As(&client) {
		return nil, errors.New("the library's bucket has no client of S3")
	}
	options := client.Options()
	through, ok := options.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return nil, fmt.Errorf("the library's client of S3 is a %T, whose connections cannot be limited", options.HTTPClient)
	}
	// Frozen: in some of its modes (AWS_DEFAULTS_MODE) the client sets the dial of one that is not anew.
	options.HTTPClient = through.WithTransportOptions(func(t *http.Transport) { silence.Limit(t, most) }).Freeze()
	b, err = s3blob.OpenBucket(ctx, s3.New(options), u.Host, &opener.Options)
	if err != nil || prefix == "" {
		return b, err
	}
	return blob.PrefixedBucket(b, strings.TrimSuffix(prefix, "/")+"/"), nil
}

// Close lets go of the store.
func (s *Store) Close() error { return s.bucket.Close() }

// Shared tells whether other hosts have the same store by its address alone. A folder may be shared too, which cannot be
// seen from here.
func (s *Store) Shared() bool { return s.folder == "" }

// Check asks for the first name that is kept, so that a bucket that is not there, or that the server may not list, is
// found before it is needed.
func (s *Store) Check(ctx context.Context) error {
	_, err := s.bucket.List(&blob.ListOptions{Prefix: root}).Next(ctx)
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return nil
	case gcerrors.Code(err) == gcerrors.NotFound:
		return fmt.Errorf("artifacts: there is no such bucket: %w", err)
	case gcerrors.Code(err) == gcerrors.PermissionDenied:
		return fmt.Errorf("artifacts: the server may not list the bucket: %w", err)
	case refused(err):
		return fmt.Errorf("artifacts: the bucket's service refuses the server's credentials: %w", err)
	}
	return fmt.Errorf("artifacts: %w", err)
}

// refused tells whether a service of S3 does not know who asks: gcerrors has no code of its own for it.
func refused(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains([]string{"SignatureDoesNotMatch", "InvalidAccessKeyId", "ExpiredToken", "InvalidToken"}, api.ErrorCode())
}

// root begins the names of artifacts.
const root = "sha256/"

// Prune removes artifacts that keep does not name (by digest) and that were stored before the time given; it returns
// how many. Nothing else is touched, but files that were being written in a folder when a process ended.
func (s *Store) Prune(ctx context.Context, keep func(digest string) bool, before time.Time) (int, error) {
	n := 0
	names := s.bucket.List(&blob.ListOptions{Prefix: root})
	for {
		o, err := names.Next(ctx)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("prune artifacts: %w", err)
		}
		m := locationRE.FindStringSubmatch(o.Key)
		if m == nil || !o.ModTime.Before(before) || m[2] == "" && keep("sha256:"+m[1]) {
			continue
		}
		switch err := s.bucket.Delete(ctx, o.Key); {
		case gcerrors.Code(err) == gcerrors.NotFound: // another server was faster
		case err != nil:
			return n, fmt.Errorf("prune artifacts: %w", err)
		default:
			n++
		}
	}
}
