package sns

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

const (
	// fetchTimeout bounds everything that one message may have fetched: SNS waits 15 s for the answer.
	fetchTimeout = 5 * time.Second
	// keepCertificate is how long a certificate is used before it is fetched again; less when it ends earlier.
	keepCertificate = 24 * time.Hour
	// keepFailure is how long an address that had none is not asked again.
	keepFailure = time.Minute
	// maxFetches is how many addresses are asked a minute: whoever knows a topic's ARN can name some.
	maxFetches = 20
	// maxCertificate is the size of a file at most.
	maxCertificate = 64 << 10
	// maxIssuers is how many issuers are fetched at most, one above the other.
	maxIssuers = 3
)

var (
	certPath = lazyregexp.New(`^/SimpleNotificationService-[A-Za-z0-9]{8,64}\.pem$`)
	// signerName is whom the certificate must have been issued to.
	signerName = lazyregexp.New(`^sns(-signing)?([.-][a-z0-9-]+)?\.amazonaws\.com(\.cn)?$`)
	// issuerHost is where Amazon's authority has the certificates of its issuers.
	issuerHost = lazyregexp.New(`^[a-z0-9.-]+\.amazontrust\.com$`)
)

// certificate is a key, or why there is none.
type certificate struct {
	key   *rsa.PublicKey
	err   error
	until time.Time
}

// certificates fetches and keeps SNS's certificates.
type certificates struct {
	client *http.Client
	roots  *x509.CertPool // nil: the machine's
	now    func() time.Time
	flight singleflight.Group

	mu      sync.Mutex
	known   map[string]certificate
	fetched []time.Time // in the last minute
}

// key is the public key of the certificate at an address of a host.
func (c *certificates) key(ctx context.Context, address, host string) (*rsa.PublicKey, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" || u.Host != host:
		return nil, &Refusal{Problem: "the signing certificate is not at https://" + host}
	case !certPath.MatchString(u.Path) || u.RawPath != "":
		return nil, &Refusal{Problem: "the address of the signing certificate is none of SNS's"}
	}
	if k, ok := c.recall(address); ok {
		return k.key, k.err
	}
	// The fetch is everybody's who waits for it, so it does not end with the first of them.
	done := c.flight.DoChan(address, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		return c.fetch(ctx, address), nil
	})
	select {
	case r := <-done:
		k := r.Val.(certificate)
		return k.key, k.err
	case <-ctx.Done():
		return nil, fmt.Errorf("signing certificate: %w", ctx.Err())
	}
}

func (c *certificates) recall(address string) (certificate, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.known[address]
	return k, ok && c.now().Before(k.until)
}

// fetch gets and checks a certificate, and remembers what came of it.
func (c *certificates) fetch(ctx context.Context, address string) certificate {
	if k, ok := c.recall(address); ok {
		return k
	}
	if !c.mayFetch() {
		return certificate{err: errors.New("signing certificate: too many new addresses within a minute")}
	}
	k := certificate{until: c.now().Add(keepFailure)}
	leaf, err := c.chain(ctx, address)
	if err == nil {
		k.key, _ = leaf.PublicKey.(*rsa.PublicKey)
		k.until = c.now().Add(keepCertificate)
		if leaf.NotAfter.Before(k.until) {
			k.until = leaf.NotAfter
		}
	}
	if k.err = err; err == nil && k.key == nil {
		k.err = &Refusal{Problem: "the signing certificate has no RSA key"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for known, old := range c.known {
		if !c.now().Before(old.until) {
			delete(c.known, known)
		}
	}
	c.known[address] = k
	return k
}

func (c *certificates) mayFetch() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for len(c.fetched) > 0 && now.Sub(c.fetched[0]) >= time.Minute {
		c.fetched = c.fetched[1:]
	}
	if len(c.fetched) >= maxFetches {
		return false
	}
	c.fetched = append(c.fetched, now)
	return true
}

// chain fetches a certificate and looks whether it was issued to SNS by somebody who is trusted. The certificates between
// the two are in the same file, or those of the connection, or where the certificate says.
func (c *certificates) chain(ctx context.Context, address string) (*x509.Certificate, error) {
	found, between, err := c.get(ctx, address)
	if err != nil {
		return nil, err
	}
	leaf := found[0]
	if !namesSNS(leaf) {
		return nil, &Refusal{Problem: "the signing certificate was not issued to SNS"}
	}
	issuers := x509.NewCertPool()
	for _, x := range append(found[1:], between...) {
		issuers.AddCert(x)
	}
	last := leaf
	for i := 0; ; i++ {
		_, err := leaf.Verify(x509.VerifyOptions{
			Roots: c.roots, Intermediates: issuers, CurrentTime: c.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err == nil {
			return leaf, nil
		}
		var unknown x509.UnknownAuthorityError
		if !errors.As(err, &unknown) || i == maxIssuers {
			return nil, &Refusal{Problem: fmt.Sprintf("the signing certificate is not trusted: %v", err)}
		}
		next, err := c.issuer(ctx, last)
		if err != nil {
			return nil, err
		}
		issuers.AddCert(next)
		last = next
	}
}

func namesSNS(leaf *x509.Certificate) bool {
	for _, name := range append([]string{leaf.Subject.CommonName}, leaf.DNSNames...) {
		if signerName.MatchString(name) {
			return true
		}
	}
	return false
}

// issuer fetches the certificate of whoever issued one. It need not come by https: it is trusted only for who issued it.
func (c *certificates) issuer(ctx context.Context, of *x509.Certificate) (*x509.Certificate, error) {
	for _, address := range of.IssuingCertificateURL {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || !issuerHost.MatchString(u.Host) {
			continue
		}
		found, _, err := c.get(ctx, address)
		if err != nil {
			return nil, err
		}
		return found[0], nil
	}
	return nil, &Refusal{Problem: "the signing certificate is not trusted: nobody says who issued it"}
}

// get fetches certificates, PEM or DER, at least one; between are those that the host showed of its own issuers.
func (c *certificates) get(ctx context.Context, address string) (found, between []*x509.Certificate, err error) {
	got, err := get(ctx, c.client, address, maxCertificate)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("signing certificate: %w", err)
	case got.later():
		return nil, nil, fmt.Errorf("signing certificate: %s answered %d", got.host, got.status)
	case got.status != http.StatusOK:
		return nil, nil, &Refusal{Problem: fmt.Sprintf("the signing certificate is not there: %s answered %d", got.host, got.status)}
	}
	for rest := got.body; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if x, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			found = append(found, x)
		}
	}
	if x, err := x509.ParseCertificate(got.body); err == nil && len(found) == 0 { // as it is: a signature may end with a byte that is a space in text
		found = append(found, x)
	}
	if len(found) == 0 {
		return nil, nil, &Refusal{Problem: "what is at the address of the signing certificate is none"}
	}
	if len(got.chain) > 1 {
		between = got.chain[1:]
	}
	return found, between, nil
}

// answer is what a GET brought.
type answer struct {
	status int
	host   string // that answered, after redirects
	body   []byte
	chain  []*x509.Certificate // that the host showed, its own first
}

// later tells whether it is worth asking again.
func (a *answer) later() bool { return a.status >= 500 || a.status == http.StatusTooManyRequests }

// get is a GET whose answer is read up to a size.
func get(ctx context.Context, client *http.Client, address string, most int64) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "sluice")
	res, err := client.Do(req)
	if err != nil {
		var withURL *url.Error // whose text has the address, and an address may have a token
		if errors.As(err, &withURL) {
			err = fmt.Errorf("%s: %w", req.URL.Host, withURL.Err)
		}
		return nil, err
	}
	defer res.Body.Close()
	a := &answer{status: res.StatusCode, host: res.Request.URL.Host}
	if res.TLS != nil {
		a.chain = res.TLS.PeerCertificates
	}
	if a.body, err = io.ReadAll(io.LimitReader(res.Body, most+1)); err != nil {
		return nil, err
	}
	if int64(len(a.body)) > most {
		return nil, fmt.Errorf("%s: the answer is too long", req.URL.Host)
	}
	return a, nil
}
