package dashboard

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

func (s *Server) execution(ctx context.Context, v *visit) (any, error) {
	r, err := s.repoOf(ctx, v.person, v.param("owner"), v.param("repo"))
	if err != nil {
		return nil, err
	}
	w := s.scribe(r, v)
	var p Execution
	err = s.opts.Store.Read(ctx, func(tx *store.Tx) error {
		x, err := executionIn(ctx, tx, r, v.param("id"))
		if err != nil {
			return err
		}
		p = Execution{ExecutionRow: w.row(x), Image: x.Image, Digest: x.State.Digest(), ConfigSHA: x.ConfigSHA, OrganizationSHA: x.OrganizationSHA, Stages: []Stage{}, Approvals: []Approval{}}
		for _, v := range x.State.Definition.Variables {
			value, given := x.State.Given[v.Name]
			if !given {
				value = v.Default
			}
			p.Variables = append(p.Variables, Variable{Name: v.Name, Value: value, Given: given, Description: v.Description})
		}
		if x.ReleaseID != "" {
			release, err := tx.Release(ctx, x.ReleaseID)
			if ignoreMissing(err) != nil {
				return err
			}
			if err == nil && release.RepoID == r.ID {
				p.Release, p.ReleaseURL = release.Version, w.path("releases", release.Key())
			}
		}
		runs, err := tx.ActionRuns(ctx, x.ID)
		if err != nil {
			return err
		}
		if sound(x.State) {
			p.Stages = w.stages(x.State, runs)
		} else {
			p.Problem = "The record of this execution is damaged; its stages cannot be shown."
		}
		said, err := tx.Approvals(ctx, x.ID)
		for _, a := range said {
			p.Approvals = append(p.Approvals, w.approval(a))
		}
		if err != nil {
			return err
		}
		if p.Buttons, err = s.buttons(ctx, tx, v.person, w, x); p.Buttons != nil {
			p.Buttons.Return = p.Path
		}
		return err
	})
	return p, err
}

// executionIn returns an execution of this repository; the ID alone must not lead into another one.
func executionIn(ctx context.Context, tx *store.Tx, r store.Repo, id string) (store.Execution, error) {
	x, err := tx.Execution(ctx, id)
	if err == nil && x.RepoID != r.ID {
		return store.Execution{}, store.ErrNotFound
	}
	return x, err
}

// report is what pages show of what an executor reported.
type report struct {
	Log         string   `json:"log"`
	Annotations []Remark `json:"annotations"`
	Hosts       []Host   `json:"hosts"`
}

func (w scribe) stages(s pipeline.State, runs []store.ActionRun) []Stage {
	reports := map[string]report{}
	ran := map[string]bool{}
	for _, run := range runs {
		ran[run.ID] = true
		var r report
		if json.Unmarshal(run.Report, &r) == nil { // one that is not there yet, or not readable, has no log
			reports[run.ID] = r
		}
	}
	var out []Stage
	lines := pipeline.Lines(s, w.now)
	n := 0
	for i := range s.Stages {
		head := lines[n]
		n++
		stage := Stage{Name: head.Stage, Status: head.Status, Summary: head.Summary, Seconds: int64(head.Duration.Seconds()), Started: !head.StartedAt.IsZero()}
		for j := range s.Stages[i].Actions {
			l, state := lines[n], s.Stages[i].Actions[j]
			n++
			a := Action{
				ID: state.ID, Name: l.Action, Uses: l.Uses, Environment: l.Environment, Status: l.Status, Attempt: l.Attempt, Summary: l.Summary,
				Started: !l.StartedAt.IsZero(), Seconds: int64(l.Duration.Seconds()),
			}
			if webURL(l.URL) {
				a.URL = l.URL
			}
			r := reports[state.ID]
			a.Log, a.Remarks = plainLog(r.Log), r.Annotations[:min(len(r.Annotations), maxRemarks)]
			a.Hosts = r.Hosts
			if ran[state.ID] {
				a.LogPath = w.logPath(s.ID, stage.Name, a.Name)
			}
			stage.Actions = append(stage.Actions, a)
		}
		out = append(out, stage)
	}
	return out
}

// maxRemarks is how many remarks of one action are shown.
const maxRemarks = 50

func (s *Server) approvals(ctx context.Context, v *visit) (any, error) {
	repos, err := s.visible(ctx, v.person, "")
	if err != nil {
		return nil, err
	}
	p := Approvals{}
	err = s.opts.Store.Read(ctx, func(tx *store.Tx) error {
		p.Waiting = []Waiting{}
		for _, r := range repos {
			active, err := tx.ActiveExecutions(ctx, r.ID)
			if err != nil {
				return err
			}
			for _, x := range active {
				line, ok := s.scribe(r, v).waiting(x)
				if !ok {
					continue
				}
				if x.ReleaseID != "" && x.Version != "" {
					line.ReleasePath = s.scribe(r, v).path("releases", store.ReleaseKey(x.Component, x.Version))
				}
				p.Waiting = append(p.Waiting, line)
			}
		}
		return nil
	})
	slices.SortStableFunc(p.Waiting, func(a, b Waiting) int { return a.Until.Compare(b.Until) })
	return p, err
}

// waiting tells what people are asked for by an execution.
func (w scribe) waiting(x store.Execution) (Waiting, bool) {
	if !sound(x.State) || x.State.Status != pipeline.InProgress {
		return Waiting{}, false
	}
	line := Waiting{ExecutionRow: w.row(x), Image: x.Image, Digest: x.State.Digest()}
	if d, a, ok := x.State.OpenApproval(); ok {
		line.For, line.Environment, line.Until = "approval", d.Environment, a.Approval.ExpiresAt
		return line, true
	}
	for i, stage := range x.State.Stages {
		for j, a := range stage.Actions {
			if a.AwaitsRequest {
				line.For, line.Environment, line.Until = "promotion", x.State.Definition.Stages[i].Actions[j].Environment, a.Deadline
				return line, true
			}
		}
	}
	return Waiting{}, false
}
