package appspec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/appspec/rollout"
	"github.com/sluicehq/sluice/executor/supervise"
)

// runnerName is the Runner's name in supervise.Spec.
const runnerName = "appspec"

// Runners are what the hidden subcommand must be given for deployments.
func Runners() map[string]supervise.Runner {
	return map[string]supervise.Runner{runnerName: runDeployment}
}

// plan is what the supervisor is told to do.
type plan struct {
	ID          string      `json:"id"` // of the deployment
	Dir         string      `json:"dir"`
	Group       string      `json:"group"` // the folder of hosts and revisions
	Application string      `json:"application"`
	GroupName   string      `json:"group_name"`
	GroupID     string      `json:"group_id"`
	Revision    revision    `json:"revision"`
	Config      string      `json:"config"`
	Kind        string      `json:"kind"`
	Place       string      `json:"place"` // of the group on a machine, below the host's folder
	Hosts       []hostParam `json:"hosts"`
	SSH         SSH         `json:"ssh,omitzero"`
	Env         []string    `json:"env,omitempty"`   // of every script
	Users       []string    `json:"users,omitempty"` // that scripts may run as on folders of this machine
	NoRollback  bool        `json:"no_rollback,omitempty"`
	IgnoreStop  bool        `json:"ignore_stop,omitempty"`
	Probe       probe       `json:"probe,omitzero"`
	Traffic     traffic     `json:"traffic,omitzero"` // in place
	// Bake is how long the hosts are watched after the deployment.
	Bake time.Duration `json:"bake,omitempty"`
}

// host is where a revision is deployed to.
type host interface {
	// load reads the host's state; a host that never had one is new.
	load(ctx context.Context) (hostState, error)
	save(ctx context.Context, s hostState) error
	// download brings the bundle of a deployment to the host, from a folder of this machine.
	download(ctx context.Context, id, bundle string) error
	// install puts files into a side and removes those of before that the revision lacks. note is told the names of what is
	// ours there, before the first file is touched and at the end.
	install(ctx context.Context, at sideName, r revision, before []string, note func([]string) error) error
	// run runs a script to its end and returns the last line that it wrote.
	run(ctx context.Context, x execution) (last string, err error)
	// allow makes a side the one that serves.
	allow(ctx context.Context, to sideName) error
	// serve puts the file where it is that tells a load balancer that the host takes traffic, or takes it away.
	serve(ctx context.Context, file string, on bool) error
	// sweep ends processes that have a variable (NAME=value) in their environment.
	sweep(variable string)
	// keep removes all bundles but those of the deployments named.
	keep(ctx context.Context, ids []string) error
	// clock tells how far the host's clock is ahead of this machine's.
	clock(ctx context.Context) (ahead time.Duration, err error)
	// close lets go of the host.
	close()
}

// execution is a script that is to be run on a host.
type execution struct {
	bundle  string // the deployment whose bundle has it
	script  Script
	side    sideName
	env     []string
	timeout time.Duration
	prefix  string // of each line in the log
}

// deployment is a deployment under way.
type deployment struct {
	plan    plan
	config  rollout.Config
	starter *starter
	notes   notes
	hosts   []host
	// ctx ends when this process has to: then nothing is decided any more.
	ctx context.Context //nolint:containedctx // told apart from the contexts of phases, which end before it
}

// runDeployment is the body of the supervisor.
func runDeployment(ctx context.Context, s *supervise.Session, payload []byte) ([]byte, int, error) {
	d := &deployment{starter: &starter{session: s, calls: make(chan func())}, ctx: ctx}
	if err := json.Unmarshal(payload, &d.plan); err != nil {
		return nil, -1, fmt.Errorf("the plan of the deployment: %w", err)
	}
	done := make(chan struct{})
	var err error
	go func() {
		defer close(done)
		err = d.all(ctx)
	}()
	d.starter.serve(done)
	return nil, 0, err
}

// all carries the deployment out, or on. An error means that it could not be, or the context's end; how the deployment ended
// is in the notes.
func (d *deployment) all(ctx context.Context) error {
	unlock, err := actiondir.Lock(ctx, filepath.Join(d.plan.Group, "lock")) // one deployment of a group at a time
	if err != nil {
		return err
	}
	defer unlock()
	defer func() {
		for _, h := range d.hosts {
			h.close()
		}
	}()
	if err := d.begin(ctx); err != nil || d.notes.Ended {
		return err
	}
	halt, release := d.untilStopped(ctx)
	defer release()
	problem, err := d.forward(halt)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	summary := ""
	if problem != "" {
		if d.notes.Problem == "" {
			stopped := errors.Is(context.Cause(halt), errStopped)
			if err := d.notes.change(func(p *progress) { p.Problem, p.Stopped = problem, stopped }); err != nil {
				return err
			}
		}
		if summary, err = d.back(ctx); err != nil {
			return err
		}
		summary = joinSentences(problem, summary)
	} else if summary, err = d.succeed(ctx); err != nil {
		return err
	}
	if err := d.tidy(ctx); err != nil {
		_, _ = fmt.Fprintf(d.starter.session, "what earlier deployments left behind is not removed: %v\n", err)
	}
	return d.notes.change(func(p *progress) { p.Ended, p.Now, p.Summary = true, "", summary })
}

// begin opens the hosts and the notes of what has happened.
func (d *deployment) begin(ctx context.Context) (err error) {
	if d.config, err = rollout.Parse(d.plan.Config); err != nil {
		return err
	}
	d.notes.path = progressFile(d.plan.Dir)
	for _, h := range d.plan.Hosts {
		d.hosts = append(d.hosts, d.host(h))
	}
	if found, err := actiondir.ReadJSON(d.notes.path, &d.notes.progress); found || err != nil {
		return err
	}
	var all []*hostProgress
	for i, h := range d.plan.Hosts {
		p := &hostProgress{Name: h.Name}
		state, err := d.hosts[i].load(ctx)
		if err != nil {
			p.Unhealthy = true // it is tried first, and fails by itself
			p.Message = executor.OneLine(err.Error())
		}
		p.Unhealthy, p.Live = p.Unhealthy || state.Failed, state.Live
		if last := state.live().Last; last != nil {
			p.From, p.Revision = last.name(), rollout.RevisionOld
			if last.Digest == d.plan.Revision.Digest {
				p.Revision = rollout.RevisionCurrent
			}
		}
		all = append(all, p)
	}
	good, err := d.good()
	if err != nil {
		return err
	}
	remarks := d.plan.unheard()
	for _, r := range remarks {
		_, _ = fmt.Fprintf(d.starter.session, "%s:%d: %s\n", r.Path, r.StartLine, r.Message)
	}
	return d.notes.change(func(p *progress) {
		if p.Hosts, p.Remarks = all, remarks; good != nil {
			p.Before = good.Deployment
		}
	})
}

// host makes the host that an entry of the parameters is about.
func (d *deployment) host(h hostParam) host {
	if h.SSH == "" {
		return &folder{dir: filepath.Join(d.plan.Group, "hosts", h.Name), starter: d.starter, users: d.plan.Users}
	}
	user, addr, _ := strings.Cut(h.SSH, "@")
	return &remote{
		machine: &machine{user: user, addr: addr, access: d.plan.SSH}, starter: d.starter, root: h.Root,
		dir: path.Join(h.Dir, d.plan.Place, h.Name), bundles: filepath.Join(d.plan.Group, "revisions"),
	}
}

// forward does what the deployment is for. problem says why it failed, and is empty when it did not.
func (d *deployment) forward(ctx context.Context) (problem string, err error) {
	if d.notes.Problem != "" || d.notes.Good { // that was certain before the supervisor was killed
		return d.notes.Problem, nil
	}
	everywhere := d.every(func(*hostProgress) bool { return true })
	problem, err = d.roll(ctx, deploying, d.config, everywhere)
	if problem == "" && err == nil && d.plan.Kind == blueGreen {
		problem, err = d.shiftAll(ctx)
	}
	if problem != "" || err != nil || d.plan.Bake == 0 {
		return problem, err
	}
	last := d.lastPhase()
	return d.bake(ctx, d.every(func(h *hostProgress) bool { return h.Outcomes[last] == rollout.Succeeded }))
}

// lastPhase is the phase after which a host serves the revision.
func (d *deployment) lastPhase() phase {
	if d.plan.Kind == blueGreen {
		return shifting
	}
	return deploying
}

// shiftAll lets traffic to the new side of the hosts that have one.
func (d *deployment) shiftAll(ctx context.Context) (problem string, err error) {
	ready := d.every(func(h *hostProgress) bool { return h.Outcomes[deploying] == rollout.Succeeded })
	config := d.config
	if config.Minimum(len(ready)) >= len(ready) { // what is left suffices for the minimum: one host at a time
		config = rollout.OneAtATime
	}
	return d.roll(ctx, shifting, config, ready)
}

// every lists the hosts that a condition holds for.
func (d *deployment) every(is func(*hostProgress) bool) []int {
	d.notes.mu.Lock()
	defer d.notes.mu.Unlock()
	var out []int
	for i, h := range d.notes.Hosts {
		if is(h) {
			out = append(out, i)
		}
	}
	return out
}

// roll goes over hosts in batches, as rollout says, and says what the problem was.
func (d *deployment) roll(ctx context.Context, ph phase, config rollout.Config, hosts []int) (problem string, err error) {
	for {
		fleet := d.notes.fleet(ph, hosts)
		next := rollout.Next(config, fleet)
		whole := !slices.ContainsFunc(fleet, func(h rollout.Host) bool { return h.Outcome != rollout.Succeeded })
		switch {
		case halted(ctx) != "" && !whole:
			return halted(ctx), nil
		case next.Done && next.Succeeded:
			return "", nil
		case next.Done:
			return next.Reason + d.firstMessage(ph), nil
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		}
		var batch []int
		for _, i := range next.Batch {
			batch = append(batch, hosts[i])
		}
		if err := d.batch(ctx, ph, batch); err != nil {
			return "", err
		}
	}
}

// firstMessage is why the first host failed.
func (d *deployment) firstMessage(ph phase) string {
	d.notes.mu.Lock()
	defer d.notes.mu.Unlock()
	for _, h := range d.notes.Hosts {
		if h.Outcomes[ph] == rollout.Failed && h.Message != "" {
			return fmt.Sprintf("; %s: %s", h.Name, h.Message)
		}
	}
	return ""
}

// batch visits some hosts at once and writes down how each went.
func (d *deployment) batch(ctx context.Context, ph phase, hosts []int) error {
	var names []string
	for _, i := range hosts {
		names = append(names, d.plan.Hosts[i].Name)
	}
	err := d.notes.change(func(p *progress) {
		p.Now = fmt.Sprintf("%s: %s", ph, strings.Join(names, ", "))
		if n := len(p.Rounds); n == 0 || p.Rounds[n-1].Phase != ph || !slices.Equal(p.Rounds[n-1].Hosts, names) {
			p.Rounds = append(p.Rounds, round{ph, names})
		}
	})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(d.starter.session, "%s: %s\n", ph, strings.Join(names, ", "))
	errs := make([]error, len(hosts))
	var all sync.WaitGroup
	for n, i := range hosts {
		all.Go(func() { errs[n] = d.visit(ctx, ph, i) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// visit does a phase on one host and settles it. An error means that this process has to end.
func (d *deployment) visit(ctx context.Context, ph phase, i int) error {
	problem := d.work(ctx, ph, i)
	if d.ctx.Err() != nil {
		return context.Cause(d.ctx)
	}
	outcome, message := rollout.Succeeded, ""
	if problem != nil {
		outcome, message = rollout.Failed, executor.OneLine(problem.Error())
	}
	return d.notes.settle(i, ph, outcome, message)
}

// work does a phase on one host.
func (d *deployment) work(ctx context.Context, ph phase, i int) error {
	on := d.hosts[i]
	state, err := on.load(ctx)
	if err != nil {
		return err
	}
	v := &visit{d: d, host: i, on: on, state: state, phase: ph, to: d.plan.Revision}
	switch ph {
	case deploying:
		v.side = d.notes.Hosts[i].Live
		if d.plan.Kind == blueGreen {
			v.side = v.side.other()
		}
		err = v.bring(ctx)
	case shifting:
		err = v.shift(ctx, d.notes.Hosts[i].Live.other())
	case returning:
		err = d.goBack(ctx, v)
	}
	return err
}

// bring deploys a revision to the side of a visit, and keeps whether that succeeded.
func (v *visit) bring(ctx context.Context) error {
	v.state.Failed = true // until it has succeeded
	if err := v.on.save(ctx, v.state); err != nil {
		return err
	}
	if err := v.walk(ctx, v.installing()); err != nil {
		return err
	}
	at := v.state.Sides[v.side]
	at.Last = &v.to
	v.state.Sides[v.side], v.state.Failed = at, false
	return v.on.save(ctx, v.state)
}

// shift lets traffic to a side.
func (v *visit) shift(ctx context.Context, to sideName) error {
	steps := v.switching(to)
	v.state.Failed = true
	if err := v.on.save(ctx, v.state); err != nil {
		return err
	}
	if err := v.walk(ctx, steps); err != nil {
		return err
	}
	v.state.Failed = false
	return v.on.save(ctx, v.state)
}

// succeed remembers the revision as the one to go back to. That it succeeded is certain before: else a deployment that is told to
// stop just then would go back to itself.
func (d *deployment) succeed(ctx context.Context) (summary string, err error) {
	if err := d.notes.change(func(p *progress) { p.Good = true }); err != nil {
		return "", err
	}
	if err := actiondir.WriteJSON(filepath.Join(d.plan.Group, "group.json"), group{Good: &d.plan.Revision}); err != nil {
		return "", err
	}
	ph := d.lastPhase()
	ok := d.every(func(h *hostProgress) bool { return h.Outcomes[ph] == rollout.Succeeded })
	rounds := 0
	for _, r := range d.notes.Rounds {
		if r.Phase == ph {
			rounds++
		}
	}
	return joinSentences(fmt.Sprintf("%s is on %d of %d hosts, deployed in %s%s", d.plan.Revision.name(), len(ok), len(d.hosts),
		rollout.Counted(rounds, "batch", "batches"), d.firstMessage(ph)), d.odd(ctx)), nil
}

// bundle is where the bundle of a deployment is kept for its hosts.
func (d *deployment) bundle(id string) string { return filepath.Join(d.plan.Group, "revisions", id) }

// tidy removes the bundles that nobody can ask for any more: those of earlier revisions, or that of one that failed.
func (d *deployment) tidy(ctx context.Context) error {
	good, err := d.good()
	if err != nil {
		return err
	}
	var errs []error
	for _, h := range d.hosts {
		state, err := h.load(ctx)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		var own []string
		for _, s := range state.Sides {
			if s.Last != nil {
				own = append(own, s.Last.Deployment)
			}
		}
		errs = append(errs, h.keep(ctx, own))
	}
	for _, id := range []string{d.plan.ID, d.notes.Before} {
		if id != "" && (good == nil || good.Deployment != id) {
			errs = append(errs, os.RemoveAll(d.bundle(id)))
		}
	}
	return errors.Join(errs...)
}

// joinSentences puts a semicolon between what is not empty.
func joinSentences(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
