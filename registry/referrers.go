package registry

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// referrers lists what refers to a manifest. A registry that does not know the question has none.
func (s *session) referrers(ctx context.Context, ref name.Digest) ([]v1.Hash, error) {
	options := append(slices.Clone(s.options), remote.WithContext(ctx), remote.Reuse(s.puller))
	index, err := remote.Referrers(ref, options...)
	if err == nil {
		var list *v1.IndexManifest
		if list, err = index.IndexManifest(); err == nil {
			out := make([]v1.Hash, 0, len(list.Manifests))
			for _, d := range list.Manifests {
				out = append(out, d.Digest)
			}
			return out, nil
		}
	}
	var answer *transport.Error
	if errors.As(err, &answer) && slices.Contains(
		[]int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}, answer.StatusCode) {
		return nil, nil
	}
	return nil, wrap("list the referrers of", ref.Name(), err)
}
