package appspec

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/appspec/rollout"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Kinds of deployments, in `with.type`.
const (
	inPlace   = "in-place"
	blueGreen = "blue-green"
)

// maxHosts bounds a fleet: a deployment writes a line for each of them into a check.
const maxHosts = 200

// params are the parameters in `with:`.
type params struct {
	hosts      []hostParam
	config     rollout.Config
	kind       string // inPlace or blueGreen
	from       string // the input that is deployed; empty: the only one
	noRollback bool
	ignoreStop bool
	probe      probe
	bake       time.Duration
	traffic    traffic
}

// hostParam is one entry of `with.hosts`.
type hostParam struct {
	// Name tells hosts apart: letters, digits, dots, dashes and underscores.
	Name string `json:"name"`
	// Address is what {address} means in a probe. Defaults to the machine's, of a folder to 127.0.0.1.
	Address string `json:"address"`
	// SSH is user@host:port of a machine; empty: the host is a folder.
	SSH string `json:"ssh,omitempty"`
	// Root is the folder of the machine that has both sides; empty: / is deployed to, in place. Dir is where revisions and
	// state are kept there.
	Root string `json:"root,omitempty"`
	Dir  string `json:"dir,omitempty"`
}

// defaultDir is where a machine keeps revisions and state.
const defaultDir = "/var/lib/sluice"

var machineRE = lazyregexp.New(`\A([a-z_][a-z0-9_-]{0,31})@([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?\z`)

var hostRE = lazyregexp.New(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\z`)

// zonal are CodeDeploy's words for a deployment that goes zone by zone.
func zonal() []string { return []string{"zonal_config", "zonalConfig", "minimumHealthyHostsPerZone"} }

func readParams(with map[string]any) (params, error) {
	for _, key := range zonal() {
		if _, ok := with[key]; ok {
			return params{}, executor.Permanentf("with.%s: hosts have no zones here, so no minimum can be kept in each; give each zone an action "+
				"of its own, with its own hosts, config and bake, one run_order after the other", key)
		}
	}
	r := executor.Read(with)
	var errs []string
	failf := func(format string, args ...any) { errs = append(errs, fmt.Sprintf(format, args...)) }
	p := params{
		kind: cmp.Or(r.String("type"), inPlace), from: r.String("from"), ignoreStop: r.Bool("ignore_stop_failures"), bake: r.Duration("bake"),
		probe: probe{HTTP: r.String("probe_http"), TCP: r.String("probe_tcp"), Timeout: cmp.Or(r.Duration("probe_timeout"), defaultProbe)},
	}
	p.traffic = traffic{File: strings.TrimRight(r.String("traffic_file"), "/"), Drain: r.Duration("drain")}
	p.noRollback = r.Has("rollback") && !r.Bool("rollback") && !executor.IsReference(with["rollback"])
	if !r.Has("hosts") {
		failf("with.hosts is required: the names of the hosts, such as [web-1, web-2]")
	} else if err := p.readHosts(with["hosts"]); err != nil {
		failf("%v", err)
	}
	if config := r.String("config"); config != "" && !executor.IsReference(config) {
		var err error
		if p.config, err = rollout.Parse(config); err != nil {
			failf("with.config: %v", err)
		}
	}
	if p.kind != inPlace && p.kind != blueGreen && !executor.IsReference(p.kind) {
		failf("with.type: %q; want %s or %s", p.kind, inPlace, blueGreen)
	}
	for _, h := range p.hosts {
		if p.kind == blueGreen && h.SSH != "" && h.Root == "" {
			failf("with.hosts: %s needs root, the folder that has both sides, for type blue-green", h.Name)
		}
	}
	if err := p.probe.check(); err != nil {
		failf("%v", err)
	}
	if err := p.traffic.check(p.kind); err != nil {
		failf("%v", err)
	}
	if p.bake > maxBake {
		failf("with.bake: %s is too long; at most %s", p.bake, maxBake)
	}
	if err := r.Err(); err != nil {
		return p, err
	}
	if len(errs) > 0 {
		return p, executor.Permanentf("%s", strings.Join(errs, "\n"))
	}
	return p, nil
}

// maxBake bounds the time after a deployment in which it is watched.
const maxBake = 24 * time.Hour

// readHosts reads a list whose entries are names, or mappings with name and address.
func (p *params) readHosts(v any) error {
	if executor.IsReference(v) {
		return nil
	}
	var list []any
	switch v := v.(type) {
	case []any:
		list = v
	case []string:
		for _, s := range v {
			list = append(list, s)
		}
	default:
		return fmt.Errorf("with.hosts: want a list of hosts, got %T", v)
	}
	if len(list) == 0 || len(list) > maxHosts {
		return fmt.Errorf("with.hosts: %d hosts; want 1 to %d", len(list), maxHosts)
	}
	for i, e := range list {
		h, err := readHost(e)
		if err != nil {
			return fmt.Errorf("with.hosts[%d]: %w", i, err)
		}
		if slices.ContainsFunc(p.hosts, func(o hostParam) bool { return strings.EqualFold(o.Name, h.Name) }) {
			return fmt.Errorf("with.hosts[%d]: %s is there twice", i, h.Name)
		}
		p.hosts = append(p.hosts, h)
	}
	return nil
}

// machine completes what is said of a machine.
func (h *hostParam) machine() error {
	if h.SSH == "" {
		h.Address = cmp.Or(h.Address, "127.0.0.1")
		if h.Root != "" || h.Dir != "" {
			return errors.New("root and dir are of hosts with ssh")
		}
		return nil
	}
	m := machineRE.FindStringSubmatch(h.SSH)
	if m == nil {
		return fmt.Errorf("ssh %q: want user@host, or user@host:port", h.SSH)
	}
	h.SSH = m[1] + "@" + m[2] + ":" + cmp.Or(m[3], "22")
	h.Address, h.Dir = cmp.Or(h.Address, m[2]), cmp.Or(h.Dir, defaultDir)
	if h.Root = strings.TrimRight(h.Root, "/"); h.Root != "" && !onHost(h.Root) || !onHost(h.Dir) {
		return errors.New("root and dir are absolute paths of the machine, and \"..\" is no part of them")
	}
	return nil
}

func readHost(v any) (hostParam, error) {
	var h hostParam
	switch v := v.(type) {
	case string:
		h.Name = v
	case map[string]any:
		r := executor.Read(v)
		h.Name, h.Address, h.SSH = r.String("name"), r.String("address"), r.String("ssh")
		h.Root, h.Dir = r.String("root"), r.String("dir")
		if err := r.Err(); err != nil {
			return h, fmt.Errorf("%s", strings.ReplaceAll(err.Error(), "with.", ""))
		}
	default:
		return h, fmt.Errorf("want a name, or name and address, got %T", v)
	}
	if !hostRE.MatchString(h.Name) {
		return h, fmt.Errorf("%q is no name of a host; use letters, digits, dots, dashes and underscores, 63 at most", h.Name)
	}
	if err := h.machine(); err != nil {
		return h, err
	}
	if u, err := url.Parse("http://" + h.Address); err != nil || u.Host != h.Address {
		return h, fmt.Errorf("address %q: want host or host:port", h.Address)
	}
	return h, nil
}
