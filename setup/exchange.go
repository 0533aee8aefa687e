package setup

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// conversion is GitHub's answer to the exchange. It is the one place that has key and secrets, and prints none of them.
type conversion struct {
	ID    int64  `json:"id"`
	Slug  string `json:"slug"`
	Name  string `json:"name"`
	Owner struct {
		Login string `json:"login"`
	} `json:"owner"`
	URL           string `json:"html_url"`
	ClientID      string `json:"client_id"`
	ClientSecret  string `json:"client_secret"`
	WebhookSecret string `json:"webhook_secret"`
	Key           string `json:"pem"`
}

// String names the App.
func (c conversion) String() string { return fmt.Sprintf("App %d", c.ID) }

// GoString names the App.
func (c conversion) GoString() string { return c.String() }

// Format names the App, whatever the verb.
func (c conversion) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// codeText is what GitHub's codes are made of.
var codeText = lazyregexp.New(`^[A-Za-z0-9_-]{1,200}$`)

// maxConversion is the size of the answer at most.
const maxConversion = 1 << 20

// exchange trades the code for the App. A code is good once, for an hour.
func (s *Server) exchange(ctx context.Context, code string) (conversion, error) {
	var c conversion
	if !codeText.MatchString(code) {
		return c, errors.New("GitHub sent no code that can be one")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.opts.APIURL+"app-manifests/"+code+"/conversions", http.NoBody)
	if err != nil {
		return c, errors.New("the address of GitHub's API is wrong")
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	req.Header.Set("User-Agent", "sluice-setup")
	res, err := s.opts.Client.Do(req)
	if err != nil {
		var withURL *url.Error // whose text has the code
		if errors.As(err, &withURL) {
			err = withURL.Err
		}
		return c, fmt.Errorf("GitHub's API at %s: %w", req.URL.Host, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		return c, fmt.Errorf("GitHub's API at %s answered %d: the code is used, expired or another GitHub's", req.URL.Host, res.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxConversion)).Decode(&c); err != nil {
		return conversion{}, errors.New("GitHub's answer cannot be read") // the cause may quote it
	}
	return c, s.checkConversion(c)
}

// checkConversion looks whether a server could be started with what came.
func (s *Server) checkConversion(c conversion) error {
	var missing []string
	for _, part := range []struct {
		what string
		ok   bool
	}{
		{"ID", c.ID > 0}, {"client ID", c.ClientID != ""}, {"client secret", c.ClientSecret != ""},
		{"webhook secret", c.WebhookSecret != "" && !strings.Contains(c.WebhookSecret, ",")}, {"private key", usableKey(c.Key)},
	} {
		if !part.ok {
			missing = append(missing, part.what)
		}
	}
	switch {
	case len(missing) > 0:
		return fmt.Errorf("GitHub's answer has no usable %s", strings.Join(missing, ", "))
	case strings.ContainsAny(c.ClientID+c.ClientSecret+c.WebhookSecret, "\r\n\x00"):
		return errors.New("GitHub's answer has a secret of several lines")
	case s.opts.Organization != "" && !strings.EqualFold(c.Owner.Login, s.opts.Organization):
		return fmt.Errorf("the App is %q's and not %q's", c.Owner.Login, s.opts.Organization)
	}
	return nil
}

func usableKey(text string) bool {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return false
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key.N.BitLen() >= 2048
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	return err == nil && ok && key.N.BitLen() >= 2048
}

// installURL is where the App is installed, if GitHub's answer names a page of this GitHub.
func (s *Server) installURL(c conversion) string {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != s.github.Scheme || !strings.EqualFold(u.Host, s.github.Host) {
		return ""
	}
	return strings.TrimSuffix(u.String(), "/") + "/installations/new"
}
