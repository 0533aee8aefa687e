package process

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// deployment is what is wanted.
type deployment struct {
	r           executor.Request
	p           params
	ref, digest string
	tell        func(line string)
}

// say tells what the server does; what the process writes stands as it is.
func (d deployment) say(format string, args ...any) {
	d.tell("[sluice] " + fmt.Sprintf(format, args...))
}

// running is the deployment as it will be written down once it serves.
func (d deployment) running(run string) Running {
	env := map[string]string{}
	for k, v := range d.r.Env {
		if strings.HasPrefix(k, "SLUICE_") {
			env[k] = v
		}
	}
	return Running{
		Owner: d.r.Owner, Repo: d.r.Repo, Environment: d.r.Environment, Image: d.ref, Digest: d.digest, Listen: d.p.listen,
		ActionID: d.r.ID, Run: run, Health: d.p.health, With: d.p.env, Env: env,
	}
}

// stopWait is how long a process may take to end.
const stopWait = 20 * time.Second

// deploy makes the environment be served by the deployment, and writes the report. An error leaves it open; calling
// again goes on: what runs in the action's own folder is this deployment, and what is in current.json is the one before.
func (e *Executor) deploy(ctx context.Context, at environment, d deployment) error {
	before, had, err := at.current()
	if err != nil {
		return err
	}
	if at.stopAsked(d.r.ID) {
		return at.finish(d.r.ID, executor.Report{Status: pipeline.Stopped, Summary: "stopped before it began"})
	}
	image, err := e.unpack(ctx, d.ref, d.digest)
	if err != nil {
		return err
	}
	d.say("%s is unpacked", d.ref)
	run := filepath.Base(at.file(d.r.ID, ".run"))
	next := d.running(run)
	if had && before.Digest == d.digest && before.Listen == d.p.listen && maps.Equal(before.With, d.p.env) && before.Run != run {
		if alive, err := at.alive(before); err != nil {
			return err
		} else if alive && answers(ctx, d.p.listen, d.p.health) == nil {
			next.Run = before.Run // it serves already: nothing is interrupted
			return e.succeed(at, d, next, "served by this digest already")
		}
	}
	if _, _, err := image.command(); err != nil {
		return err
	}
	state, _, err := supervise.Look(filepath.Join(at.dir, run))
	if err != nil {
		return err
	}
	// A deployment that ran already has done this, and what is current may be what was started again after it failed.
	if had && state == supervise.Absent {
		d.say("%s is ended", before.Digest)
		if err := e.endWithin(ctx, at, before.Run); err != nil {
			return err
		}
	}
	trouble := e.run(ctx, at, d, image, next, d.p.timeout)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if trouble == nil {
		return e.succeed(at, d, next, "")
	}
	if had && before.Run != run {
		next.before = &before
	}
	return e.fail(ctx, at, d, next, trouble)
}

func (e *Executor) endWithin(ctx context.Context, at environment, run string) error {
	ctx, cancel := context.WithTimeout(ctx, stopWait)
	defer cancel()
	return end(ctx, filepath.Join(at.dir, run))
}

// succeed writes down what serves, then the report.
func (e *Executor) succeed(at environment, d deployment, next Running, how string) error {
	if err := at.serve(next); err != nil {
		return err
	}
	if how == "" {
		how = "serves " + d.digest
	}
	d.say("%s", how)
	return at.finish(d.r.ID, executor.Report{
		Status: pipeline.Succeeded, Summary: how, URL: "http://" + d.p.listen + "/", ExternalID: next.Run,
		Variables: map[string]string{"url": "http://" + d.p.listen, "digest": d.digest},
	})
}

// fail ends what does not serve and starts again what did.
func (e *Executor) fail(ctx context.Context, at environment, d deployment, next Running, trouble error) error {
	if err := e.endWithin(ctx, at, next.Run); err != nil {
		return err
	}
	report := executor.Report{Status: pipeline.Failed, Summary: strings.Join(strings.Fields(trouble.Error()), " ")}
	if errors.Is(trouble, errStopped) {
		report.Status = pipeline.Stopped
	}
	d.say("%s", report.Summary)
	if next.before != nil {
		back := *next.before
		back.Run = filepath.Base(at.file(d.r.ID, ".back"))
		if err := at.serve(back); err != nil { // before it runs, so that whoever comes next ends it
			return err
		}
		switch err := e.again(ctx, at, d, back); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			report.Summary += "; the one before could not be started again: " + strings.Join(strings.Fields(err.Error()), " ")
		default:
			report.Summary += "; " + back.Digest + " serves again"
			d.say("%s serves again", back.Digest)
		}
	}
	return at.finish(d.r.ID, report)
}

// again starts what served before. How long the new one was given is no measure for it.
func (e *Executor) again(ctx context.Context, at environment, d deployment, back Running) error {
	image, err := e.unpack(ctx, back.Image, back.Digest)
	if err != nil {
		return err
	}
	return e.run(ctx, at, d, image, back, defaultTimeout)
}

// errStopped says that somebody asked for the end of the deployment.
var errStopped = errors.New("stopped")

// run starts a process, unless its folder says that this was done before, and waits until it answers.
func (e *Executor) run(ctx context.Context, at environment, d deployment, image unpacked, r Running, timeout time.Duration) error {
	args, dir, err := image.command()
	if err != nil {
		return err
	}
	run := filepath.Join(at.dir, r.Run)
	state, _, err := supervise.Look(run)
	if err != nil {
		return err
	}
	if state == supervise.Absent {
		if conn, err := net.DialTimeout("tcp", r.Listen, time.Second); err == nil {
			conn.Close()
			return fmt.Errorf("something else listens on %s", r.Listen)
		}
	}
	host, port, err := net.SplitHostPort(r.Listen)
	if err != nil {
		return err
	}
	_, err = e.launcher.Start(ctx, run, supervise.Spec{
		Args: args, Dir: dir, Env: image.environ(e.o.Env, r.Env, r.With, map[string]string{"PORT": port, "HOST": host, "LISTEN": r.Listen}),
		Grace: 3 * time.Second, LogHead: 64 << 10, LogTail: 256 << 10, Secrets: e.o.Secrets,
	})
	if err != nil {
		return err
	}
	d.say("%s is started on %s", r.Digest, r.Listen)
	out := &output{run: run, tell: d.tell}
	trouble := e.await(ctx, at, r, timeout, out)
	return errors.Join(trouble, out.end())
}

// await asks the process until it answers, and passes on what it writes meanwhile.
func (e *Executor) await(ctx context.Context, at environment, r Running, timeout time.Duration, out *output) error {
	over := time.NewTimer(timeout)
	defer over.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		state, result, err := supervise.Look(filepath.Join(at.dir, r.Run))
		switch {
		case err != nil:
			return err
		case state == supervise.Finished:
			return fmt.Errorf("the process ended: %s, status %d %s%s", result.Reason, result.ExitCode, result.Signal, result.Error)
		case state == supervise.Interrupted:
			return errors.New("the process was killed from outside")
		case at.stopAsked(r.ActionID) && !strings.HasSuffix(r.Run, ".back"):
			return errStopped
		}
		if err := out.pass(); err != nil {
			return err
		}
		problem := answers(ctx, r.Listen, r.Health)
		if problem == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-over.C:
			return fmt.Errorf("not healthy after %s: %w", timeout, problem)
		}
	}
}

// answers asks a process how it is: an answer below 400 at the path, or a connection when there is no path.
func answers(ctx context.Context, listen, health string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if health == "" {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", listen)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listen+health, nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true} // no proxy: the address is on this host
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		return fmt.Errorf("GET %s answers %s", health, resp.Status)
	}
	return nil
}
