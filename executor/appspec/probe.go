package appspec

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
)

// probe asks a host whether its service is well. {address} stands for the host's address.
type probe struct {
	HTTP string `json:"http,omitempty"` // an address that must answer below 400
	TCP  string `json:"tcp,omitempty"`  // host:port that must take a connection
	// Timeout is how long a host may take until it is well.
	Timeout time.Duration `json:"timeout,omitempty"`
}

const (
	defaultProbe = time.Minute
	oneProbe     = 5 * time.Second
	lateProbe    = time.Second // an answer after that is an error, though it is an answer
	probePause   = 100 * time.Millisecond
)

func (p probe) set() bool { return p.HTTP != "" || p.TCP != "" }

// check looks at the addresses, with a host's put in: with a port of its own or without.
func (p probe) check() error {
	fits := func(text string, ok func(string) bool) bool {
		return text == "" || executor.IsReference(text) || ok(strings.ReplaceAll(text, "{address}", "host")) ||
			ok(strings.ReplaceAll(text, "{address}", "host:1"))
	}
	if !fits(p.HTTP, func(text string) bool {
		u, err := url.Parse(text)
		return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
	}) {
		return fmt.Errorf("with.probe_http: %q; want an address like http://{address}:8080/health", p.HTTP)
	}
	if !fits(p.TCP, func(text string) bool {
		host, port, err := net.SplitHostPort(text)
		return err == nil && host != "" && port != ""
	}) {
		return fmt.Errorf("with.probe_tcp: %q; want an address like {address}:5432", p.TCP)
	}
	return nil
}

// of is the probe of a host.
func (p probe) of(address string) probe {
	p.HTTP, p.TCP = strings.ReplaceAll(p.HTTP, "{address}", address), strings.ReplaceAll(p.TCP, "{address}", address)
	return p
}

// answer is what one probe found. problem says why the host is not well. Not every answer that counts as an error means that: one
// that is late, or sends elsewhere, does not.
type answer struct {
	problem error
	errs    bool
}

// once asks one time.
func (p probe) once(ctx context.Context) answer {
	ctx, cancel := context.WithTimeout(ctx, oneProbe)
	defer cancel()
	asked := time.Now()
	if p.TCP != "" {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.TCP)
		if err == nil {
			err = conn.Close()
		}
		if err != nil {
			return answer{err, true}
		}
	}
	status := http.StatusOK
	if p.HTTP != "" {
		var err error
		if status, err = p.get(ctx); err != nil {
			return answer{err, true}
		}
	}
	return answer{errs: status/100 != 2 || time.Since(asked) > lateProbe}
}

// get asks by HTTP, and returns a status below 400.
func (p probe) get(ctx context.Context) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.HTTP, nil)
	if err != nil {
		return 0, err
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req) // no proxy: it would be asked instead
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)); err != nil {
		return 0, err
	}
	if resp.StatusCode >= 400 {
		return 0, fmt.Errorf("GET %s answers %s", p.HTTP, resp.Status)
	}
	return resp.StatusCode, nil
}

// await asks until the host is well, or the time is up.
func (p probe) await(ctx context.Context) error {
	over := time.NewTimer(p.Timeout)
	defer over.Stop()
	tick := time.NewTicker(probePause)
	defer tick.Stop()
	for {
		problem := p.once(ctx).problem
		if problem == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-over.C:
			return fmt.Errorf("not well after %s: %w", p.Timeout, problem)
		}
	}
}
