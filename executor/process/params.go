package process

import (
	"net/netip"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// params are the parameters in `with:`.
type params struct {
	listen  string // a loopback address with port
	health  string // a path; empty: it is enough that the address answers
	image   string // host/repository; default: that of SLUICE_IMAGE
	env     map[string]string
	timeout time.Duration // to become healthy
}

// defaultTimeout is how long a process may take to become healthy.
const defaultTimeout = 30 * time.Second

var variableRE = lazyregexp.New(`\A[A-Za-z_][A-Za-z0-9_]*\z`)

// Check takes listen (a loopback address with port, required), health (a path), image (host/repository), env, timeout
// and environment.
func (e *Executor) Check(with map[string]any) error {
	_, err := readParams(with)
	return err
}

func readParams(with map[string]any) (params, error) {
	r := executor.Read(with)
	p := params{
		listen: r.Required("listen"), health: r.String("health"), image: r.String("image"), env: r.Map("env"), timeout: r.Duration("timeout"),
	}
	r.String("environment")
	if err := r.Err(); err != nil {
		return p, err
	}
	if p.timeout == 0 {
		p.timeout = defaultTimeout
	}
	if !executor.IsReference(p.listen) {
		at, err := netip.ParseAddrPort(p.listen)
		if err != nil || !at.Addr().IsLoopback() || at.Port() == 0 {
			return p, executor.Permanentf("with.listen: %q is not a loopback address with a port, like 127.0.0.1:8081", p.listen)
		}
	}
	if p.health != "" && !executor.IsReference(p.health) && (!strings.HasPrefix(p.health, "/") || strings.ContainsAny(p.health, " \r\n")) {
		return p, executor.Permanentf("with.health: %q is not a path like /healthz", p.health)
	}
	for k := range p.env {
		if !variableRE.MatchString(k) {
			return p, executor.Permanentf("with.env: %q is not a variable's name", k)
		}
	}
	return p, nil
}

// reference is the image to run, by digest.
func reference(p params, r executor.Request) (ref, digest string, err error) {
	repository := p.image
	if repository == "" {
		tag, err := name.NewTag(r.Env["SLUICE_IMAGE"], name.StrictValidation)
		if err != nil {
			return "", "", executor.Permanentf("SLUICE_IMAGE: there is no image to run: %w", err)
		}
		repository = tag.Context().Name()
	}
	digest = r.Digest
	if digest == "" {
		digest = r.Env["SLUICE_IMAGE_DIGEST"]
	}
	d, err := name.NewDigest(repository+"@"+digest, name.StrictValidation)
	if err != nil {
		return "", "", executor.Permanentf("the image is run by digest, and %q is none: %w", digest, err)
	}
	return d.Name(), d.DigestStr(), nil
}
