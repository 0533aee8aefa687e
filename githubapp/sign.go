package githubapp

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/golang-jwt/jwt/v4"
)

// clock signs for the App with GitHub's time: a machine whose clock is minutes off would be refused for good.
type clock struct {
	now func() time.Time
	key *rsa.PrivateKey

	mu    sync.Mutex
	ahead time.Duration // of GitHub's clock
	at    time.Time     // when that was measured
}

// Clocks less apart than sameClock go alike: GitHub tells whole seconds, and its answers take a moment. What was measured stays
// for clockFor: what comes late makes GitHub's clock look slow, never fast.
const (
	sameClock = 3 * time.Second
	clockFor  = time.Minute
)

// hear takes GitHub's time from an answer.
func (c *clock) hear(resp *http.Response) {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return
	}
	now := c.now()
	ahead := date.Sub(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() || ahead > c.ahead || now.Sub(c.at).Abs() > clockFor {
		c.ahead, c.at = ahead, now
	}
}

// skew is how far GitHub's clock is ahead of ours, as its answers tell; zero before the first one.
func (c *clock) skew() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ahead.Abs() < sameClock {
		return 0
	}
	return c.ahead
}

// listening takes GitHub's time from every answer.
type listening struct {
	next  http.RoundTripper
	clock *clock
}

// RoundTrip implements http.RoundTripper.
func (l listening) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(req)
	if err == nil {
		l.clock.hear(resp)
	}
	return resp, err
}

// Ahead is how far GitHub's clock is ahead of this machine's, within some seconds, as GitHub's answers tell; 0 before the
// first one, and where they go alike.
func (a *App) Ahead() time.Duration { return a.clock.skew() }

// Sign implements ghinstallation.Signer. GitHub takes ten minutes at most, and no time of issue in its future.
func (c *clock) Sign(claims jwt.Claims) (string, error) {
	registered, ok := claims.(*jwt.RegisteredClaims)
	if !ok {
		return "", fmt.Errorf("cannot sign claims of type %T", claims)
	}
	now := c.now().Add(c.skew()).Truncate(time.Second)
	registered.IssuedAt = jwt.NewNumericDate(now.Add(-time.Minute))
	registered.ExpiresAt = jwt.NewNumericDate(now.Add(5 * time.Minute))
	return jwt.NewWithClaims(jwt.SigningMethodRS256, registered).SignedString(c.key)
}

// wrong tells whether an answer of 401 may be due to our clock, which is known by now: then signing again may help.
func (c *clock) wrong(resp *http.Response) bool {
	return resp.StatusCode == http.StatusUnauthorized && c.skew().Abs() > 30*time.Second
}

// appTransport signs with the App's key. Each user needs its own: ghinstallation sets fields of it.
func (a *App) appTransport() *ghinstallation.AppsTransport {
	// The error is only for a missing signer.
	t, _ := ghinstallation.NewAppsTransportWithOptions(a.app, a.o.AppID, ghinstallation.WithSigner(a.clock))
	t.BaseURL = strings.TrimSuffix(a.o.APIURL, "/")
	return t
}

// asApp makes calls as the App itself, once more when its clock was wrong.
type asApp struct {
	apps  *ghinstallation.AppsTransport
	clock *clock
}

// RoundTrip implements http.RoundTripper.
func (t asApp) RoundTrip(req *http.Request) (*http.Response, error) {
	first, err := again(req)
	if err != nil {
		return nil, err
	}
	resp, err := t.apps.RoundTrip(first)
	if err != nil || !t.clock.wrong(resp) {
		return resp, err
	}
	second, err := again(req)
	if err != nil {
		return resp, nil //nolint:nilerr // the first answer stands
	}
	return t.apps.RoundTrip(second)
}

// again is a copy of a request that can be sent, with its body from the start.
func again(req *http.Request) (*http.Request, error) {
	out := req.Clone(req.Context())
	if req.Body == nil || req.Body == http.NoBody {
		return out, nil
	}
	if req.GetBody == nil {
		return nil, errors.New("the request's body cannot be sent twice")
	}
	body, err := req.GetBody()
	out.Body = body
	return out, err
}

// renewAfter is the least age at which a token is given up for lacking a permission.
const renewAfter = time.Minute

// signer signs an installation's calls. A token is asked for when it is needed and renewed a minute before it expires.
// GitHub revokes tokens too, and a token keeps the permissions it was made with; then a new one is asked for.
type signer struct {
	next  http.RoundTripper
	clock *clock
	make  func() *ghinstallation.Transport

	mu     sync.Mutex
	source *ghinstallation.Transport
	made   time.Time
}

func (a *App) newSigner(installation int64) *signer {
	s := &signer{next: a.once, clock: a.clock}
	s.make = func() *ghinstallation.Transport {
		t := ghinstallation.NewFromAppsTransport(a.appTransport(), installation)
		t.BaseURL = strings.TrimSuffix(a.o.APIURL, "/")
		return t
	}
	return s
}

func (s *signer) current() *ghinstallation.Transport {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.source == nil {
		s.source, s.made = s.make(), s.clock.now()
	}
	return s.source
}

// drop gives up the tokens of a source that is at least so old.
func (s *signer) drop(source *ghinstallation.Transport, age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.source == source && s.clock.now().Sub(s.made) >= age {
		s.source = nil
	}
}

// token is a token that is good for a minute, and where it is from.
func (s *signer) token(ctx context.Context) (string, *ghinstallation.Transport, error) {
	source := s.current()
	token, err := source.Token(ctx)
	var refused *ghinstallation.HTTPError
	if errors.As(err, &refused) && refused.Response != nil && s.clock.wrong(refused.Response) {
		token, err = source.Token(ctx)
	}
	return token, source, err
}

// RoundTrip implements http.RoundTripper. An answer of 401 means that nothing was done, so writes are repeated as well.
func (s *signer) RoundTrip(req *http.Request) (*http.Response, error) {
	for try := 1; ; try++ {
		token, source, err := s.token(req.Context())
		if err != nil {
			return nil, err
		}
		signed, err := again(req)
		if err != nil {
			return nil, err
		}
		signed.Header.Set("Authorization", "token "+token)
		resp, err := s.next.RoundTrip(signed)
		switch {
		case err != nil:
			return nil, err
		case resp.StatusCode == http.StatusUnauthorized:
			s.drop(source, 0)
			if try == 1 {
				continue
			}
		case resp.StatusCode == http.StatusForbidden && strings.Contains(peek(resp).Message, lacksPermission):
			s.drop(source, renewAfter) // it may have been granted since
		}
		return resp, nil
	}
}
