package appspec

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// pollAfter is how soon a deployment under way is asked about again; the bell comes before it.
const pollAfter = 2 * time.Second

// maxTries bounds how often a deployment whose supervisor was killed is carried on.
const maxTries = 10

// logSize is how much of a log is reported. Replacing bytes that are no text makes it longer, at most threefold.
const logSize = executor.MaxLog / 3

// Status tells where the deployment stands. When its supervisor was killed another one carries it on.
func (e *Executor) Status(ctx context.Context, r executor.Request, _ string) (executor.Report, error) {
	w := e.workspace(r.ID)
	if report, done, err := w.Report(); done || err != nil {
		return report, err
	}
	if !w.Exists() {
		return executor.Report{}, fmt.Errorf("the folder of deployment %s is not on this host: a deployment is followed by the server "+
			"that started it, or by one that shares its data folder", r.ID)
	}
	var report executor.Report
	err := w.Locked(ctx, func() (err error) {
		report, err = e.look(ctx, w, r)
		return err
	})
	return report, err
}

// look is Status under the folder's lock.
func (e *Executor) look(ctx context.Context, w workspace, r executor.Request) (executor.Report, error) {
	if report, done, err := w.Report(); done || err != nil {
		return report, err
	}
	n := max(w.Current(), 1)
	state, result, err := supervise.Look(w.Try(n))
	if err != nil {
		return executor.Report{}, err
	}
	var p progress
	if _, err := actiondir.ReadJSON(progressFile(string(w.Dir)), &p); err != nil {
		return executor.Report{}, err
	}
	switch {
	case state == supervise.Running:
		e.launcher.Watch(w.Try(n))
		return w.underWay(n, r, p, e.o.Secrets)
	case p.Ended:
		return e.close(w, n, r, p)
	case state == supervise.Absent: // it ended before it began
		return w.inProgress("begins"), e.again(ctx, w, n, r)
	case state == supervise.Finished && result.Reason == supervise.NotStarted:
		return e.close(w, n, r, progress{Hosts: p.Hosts, Rounds: p.Rounds, Problem: result.Error, Summary: "the deployment could not be carried out: " + executor.OneLine(result.Error)})
	case n >= maxTries:
		return e.close(w, n, r, progress{Hosts: p.Hosts, Rounds: p.Rounds, Problem: "interrupted",
			Summary: fmt.Sprintf("interrupted %d times: the deployment was killed from outside; look at the hosts, and retry it", n)})
	}
	return w.inProgress("is carried on after it was interrupted"), e.again(ctx, w, n+1, r)
}

// again starts another supervisor for the same deployment.
func (e *Executor) again(ctx context.Context, w workspace, n int, r executor.Request) error {
	params, err := readParams(r.With)
	if err != nil {
		return err
	}
	from, err := params.input(r)
	if err != nil {
		return err
	}
	if n == 1 {
		return e.begin(ctx, w, r, params, from)
	}
	p, err := e.plan(ctx, w, r, params, from)
	if err != nil {
		return err
	}
	return e.launch(ctx, w, n, p, r)
}

func (w workspace) inProgress(what string) executor.Report {
	return executor.Report{Status: pipeline.InProgress, Summary: what, PollAfter: pollAfter}
}

// underWay is the report of a deployment that runs.
func (w workspace) underWay(n int, r executor.Request, p progress, secrets []string) (executor.Report, error) {
	report := w.inProgress("begins")
	if p.Now != "" {
		report.Summary = p.Now
	}
	report.Hosts = hostsOf(r, p)
	for i, h := range report.Hosts {
		report.Hosts[i].Message = supervise.Mask(h.Message, secrets)
	}
	var err error
	report.Log, err = supervise.Log(w.Try(n), logSize)
	return report, err
}

// ReadLog reads what the scripts of a deployment have written.
func (e *Executor) ReadLog(_ context.Context, r executor.Request, from executor.LogPlace, most int) (executor.LogPart, error) {
	return e.workspace(r.ID).ReadLog(from, most)
}

// hostsOf is what the report says about each host.
func hostsOf(r executor.Request, p progress) []executor.Host {
	params, err := readParams(r.With)
	if err != nil {
		return nil // it was read when the deployment began
	}
	from, err := params.input(r)
	if err != nil {
		return nil
	}
	return p.hosts(params.kind, revision{Digest: from.Digest, Version: r.Env["SLUICE_VERSION"]}.name())
}

// close writes the final report, without secrets.
func (e *Executor) close(w workspace, n int, r executor.Request, p progress) (executor.Report, error) {
	report := executor.Report{Status: pipeline.Succeeded, Summary: p.Summary, Hosts: hostsOf(r, p), Annotations: p.Remarks}
	switch {
	case p.Stopped:
		report.Status = pipeline.Stopped
	case p.Problem != "":
		report.Status = pipeline.Failed
	}
	var logs []string
	for i := 1; i <= n; i++ {
		log, err := supervise.Log(w.Try(i), logSize/n)
		if err != nil {
			return executor.Report{}, err
		}
		logs = append(logs, log)
	}
	report.Log = strings.Join(logs, "\n")
	report.Summary = executor.OneLine(supervise.Mask(report.Summary, e.o.Secrets))
	for i, h := range report.Hosts {
		report.Hosts[i].Message = supervise.Mask(h.Message, e.o.Secrets)
	}
	if err := w.Finish(report); err != nil {
		return executor.Report{}, err
	}
	report, _, err := w.Report() // as everybody else will read it
	return report, err
}
