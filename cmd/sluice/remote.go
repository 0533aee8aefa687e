package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/sluicehq/sluice/config"
)

// remoteFlags say which server is asked, as whom, about which repository.
type remoteFlags struct {
	Server string `placeholder:"URL" help:"Address of the server. Default: SLUICE_SERVER."`
	Token  string `placeholder:"TOKEN" help:"Token, made on the server's page /tokens. Default: SLUICE_TOKEN, or what is in the file that SLUICE_TOKEN_FILE names; other people on this machine see flags, and not these."`
	Repo   string `placeholder:"OWNER/NAME" help:"Repository. Default: that of the clone here, by the address of its remote."`
	JSON   bool   `name:"json" help:"Print one JSON object."`
}

// remoteTimeout is how long one request may take.
const remoteTimeout = 30 * time.Second

// maxReply is how much of an answer is read, in bytes.
const maxReply = 8 << 20

// remote is a server, asked about one repository.
type remote struct {
	base        *url.URL
	token       string
	owner, name string
	client      *http.Client
}

// remoteError is an answer that is no success, in the server's words.
type remoteError struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Usage  string `json:"usage"`
}

func (e *remoteError) Error() string {
	text := plainText(strings.TrimSpace(e.Title + ". " + e.Detail))
	if e.Usage != "" {
		text += " Usage: " + strings.TrimPrefix(plainText(e.Usage), "/")
	}
	return text
}

// temporary tells whether asking again may help.
func (e *remoteError) temporary() bool {
	return e.Status == http.StatusTooManyRequests || e.Status >= http.StatusInternalServerError
}

// connect checks the flags and the environment. Nothing is sent yet.
func (f *remoteFlags) connect(e *env) (*remote, error) {
	base, err := serverURL(firstOf(f.Server, e.getenv("SLUICE_SERVER")))
	if err != nil {
		return nil, &usageError{err}
	}
	token, err := f.token(e)
	if err != nil {
		return nil, &usageError{err}
	}
	owner, name, err := f.repository(e.ctx)
	if err != nil {
		return nil, &usageError{err}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // nothing stays behind when the command ends
	return &remote{base: base, token: token, owner: owner, name: name, client: &http.Client{
		Timeout: remoteTimeout, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// serverURL reads the server's address. A token goes over the network by https only.
func serverURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, errors.New("no server is named: set SLUICE_SERVER to its address, such as https://sluice.example.com, or give --server")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the address of the server is wrong: want https:// and a host, such as https://sluice.example.com")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, fmt.Errorf("%s is plain http, which would show the token to the network: use https", u.Redacted())
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func (f *remoteFlags) token(e *env) (string, error) {
	text, file := firstOf(f.Token, e.getenv("SLUICE_TOKEN")), e.getenv("SLUICE_TOKEN_FILE")
	if text == "" && file != "" {
		read, err := config.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("the file that SLUICE_TOKEN_FILE names cannot be read: %w", err)
		}
		text = string(read.Data)
	}
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", errors.New("no token is given: make one on the server's page /tokens, and set SLUICE_TOKEN_FILE to a file with it")
	case !strings.HasPrefix(text, "sluice_") || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New("what is given as token is none of Sluice, which begin with sluice_: make one on the server's page /tokens")
	}
	return text, nil
}

// fullName is owner/name.
func fullName() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*)/([A-Za-z0-9._-]+)$`)
}

// repository is the one that is named, else the one the clone here was made of.
func (f *remoteFlags) repository(ctx context.Context) (owner, name string, err error) {
	text := f.Repo
	if text == "" {
		if text, err = originRepository(ctx, "."); err != nil {
			return "", "", fmt.Errorf("no repository is named: give --repo owner/name, or run this in a clone (%w)", err)
		}
	}
	m := fullName().FindStringSubmatch(text)
	if m == nil {
		return "", "", fmt.Errorf("%q is no repository: want owner/name", text)
	}
	return m[1], m[2], nil
}

// originRepository is owner/name of the clone in a folder, by the address of its remote.
func originRepository(ctx context.Context, dir string) (string, error) {
	c, err := openRepository(ctx, dir)
	if err != nil {
		return "", err
	}
	if c.url == "" {
		return "", errors.New("the clone has no remote")
	}
	parts := strings.Split(strings.TrimSuffix(strings.TrimRight(strings.ReplaceAll(c.url, ":", "/"), "/"), ".git"), "/")
	if len(parts) < 2 {
		return "", errors.New("the address of the clone's remote names no repository")
	}
	return strings.Join(parts[len(parts)-2:], "/"), nil
}

// ask sends one request about the repository and reads the answer into out. Headers are pairs.
func (r *remote) ask(ctx context.Context, method, path string, body, out any, headers ...string) error {
	var send io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		send = bytes.NewReader(raw)
	}
	req, err := r.request(ctx, method, path, send)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := r.client.Do(req)
	if err != nil {
		return r.unreachable(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	if err != nil {
		return r.unreachable(err)
	}
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		if err := json.Unmarshal(raw, out); err != nil {
			return fmt.Errorf("%s does not answer as a Sluice server does; look at the address", r.base)
		}
		return nil
	}
	return r.refusal(res, raw)
}

// request is one request about the repository, with the token.
func (r *remote) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	at := r.base.JoinPath("api", "v1", "repos", r.owner, r.name).String() + path
	req, err := http.NewRequestWithContext(ctx, method, at, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "sluice")
	return req, nil
}

// refusal is an answer that is no success.
func (r *remote) refusal(res *http.Response, body []byte) error {
	wrong := &remoteError{}
	if json.Unmarshal(body, wrong) != nil || wrong.Title == "" {
		wrong.Title, wrong.Detail = fmt.Sprintf("%s answers %s", r.base, res.Status), "Look at the address: it is that of the dashboard."
	}
	wrong.Status = res.StatusCode
	return wrong
}

// unreachableError is a server that did not answer.
type unreachableError struct {
	server string
	err    error
}

func (e *unreachableError) Error() string {
	return fmt.Sprintf("the server at %s cannot be reached: %v", e.server, e.err)
}

func (e *unreachableError) Unwrap() error { return e.err }

func (r *remote) unreachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // its text repeats method and address
	}
	return &unreachableError{server: r.base.String(), err: err}
}

// again tells whether an error may be over in a moment.
func again(err error) bool {
	var wrong *remoteError
	var away *unreachableError
	return errors.As(err, &away) && !errors.Is(err, context.Canceled) || errors.As(err, &wrong) && wrong.temporary()
}

// plainText takes out what would steer a terminal.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return -1
		}
		return r
	}, s)
}
