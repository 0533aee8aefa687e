package bot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// committers excludes the authors and co-authors of the commits that only this branch has. unknown is why there may be
// others: GitHub lists only so many commits, and what is not listed may be anybody's.
func (s *session) committers(ctx context.Context, r change, add func(forge.User, string)) (unknown string, err error) {
	if r.CutSHA == "" || r.HeadSHA == "" || r.CutSHA == r.HeadSHA {
		return "", nil
	}
	own, err := s.compare(ctx, r.CutSHA, r.HeadSHA)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return fmt.Sprintf("GitHub cannot compare %s with %s", short(r.CutSHA), short(r.HeadSHA)), nil
	case err != nil:
		return "", err
	case own.Truncated:
		unknown = fmt.Sprintf("GitHub lists %d of the %d commits since %s", len(own.Commits), own.AheadBy, short(r.CutSHA))
	}
	for _, c := range own.Commits {
		if len(c.Parents) > 1 {
			continue // merging is not writing
		}
		add(c.Author, "wrote commit "+short(c.SHA))
		for _, u := range coAuthors(c.Message) {
			add(u, "wrote part of commit "+short(c.SHA))
		}
		add(c.Committer, "committed "+short(c.SHA))
	}
	return unknown, nil
}

// coAuthors are the accounts that a commit's trailers name by GitHub's own addresses. Anybody may write such a trailer, so
// it only excludes.
func coAuthors(message string) []forge.User {
	var out []forge.User
	for _, line := range strings.Split(message, "\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok || !strings.EqualFold(strings.TrimSpace(name), "co-authored-by") {
			continue
		}
		_, address, _ := strings.Cut(value, "<")
		address, _, _ = strings.Cut(address, "@users.noreply.")
		id, login, ok := strings.Cut(address, "+")
		if n, err := strconv.ParseInt(id, 10, 64); ok && err == nil && n > 0 {
			out = append(out, forge.User{ID: n, Login: login})
		}
	}
	return out
}

// approvals counts the approvals of a release's candidate for production: by different people who may still approve, who
// took no part in the change, for exactly the revision, digest and configuration that wait.
func (s *session) approvals(ctx context.Context, r *store.Release, x *store.Execution) (gitflow.Approvals, []forge.User, error) {
	promote := s.cfg.Environment(pipeline.EnvironmentProduction).Promote
	wanted := promote.Auto
	if !promote.Auto && r.PromoteBy.ID != 0 { // the right is asked for again while it is to be used
		no, err := s.authorize(ctx, ask{door: DoorPromote, who: r.PromoteBy, environment: pipeline.EnvironmentProduction, release: true, recorded: true})
		if err != nil {
			return gitflow.Approvals{}, nil, err
		}
		wanted = no == nil || r.Status != store.ReleaseOpen
	}
	out, by, err := s.tally(ctx, r, x, pipeline.EnvironmentProduction)
	out.Wanted = wanted
	return out, by, err
}

// tally counts the approvals to enter an environment. r is nil for an execution that belongs to no release.
func (s *session) tally(ctx context.Context, r *store.Release, x *store.Execution, environment string) (gitflow.Approvals, []forge.User, error) {
	out := gitflow.Approvals{Needed: 1, Setting: "environments." + environment + ".approve"}
	allowAuthor := false
	if approve := s.cfg.Environment(environment).Approve; approve != nil {
		out.Needed, allowAuthor = approve.Count, approve.AllowAuthor
	}
	if x == nil {
		return out, nil, nil
	}
	said, err := s.said(ctx, r, x)
	if err != nil {
		return out, nil, err
	}
	var excluded parts
	if !allowAuthor {
		if excluded, err = s.takenPart(ctx, r, x); err != nil {
			return out, nil, err
		}
	}
	out.Unknown = excluded.unknown
	asked := approvalOf(x.State, environment)
	out.Expired = asked.Status == pipeline.Failed
	var by []forge.User
	for _, a := range said {
		if !a.VoidedAt.IsZero() {
			out.Void = a.VoidReason
			continue
		}
		if !binds(a, asked, x, environment) {
			continue
		}
		switch a.Verdict {
		case store.VerdictRejected:
			out.RejectedBy, out.Reason, out.Expired = a.By.Login, a.Reason, false
			continue
		case store.VerdictApproved:
		default:
			continue // of the emergency path, which is counted by itself
		}
		why, err := s.notCounted(ctx, r, a.By, environment, excluded)
		if err != nil {
			return out, nil, err
		}
		if why != "" || has(by, a.By) {
			continue
		}
		by = append(by, a.By)
	}
	out.Given = len(by)
	if out.Given > 0 {
		out.Void = ""
	}
	if out.Given >= out.Needed {
		out.Eligible = out.Given
		return out, by, nil
	}
	people, err := s.candidates(ctx, environment)
	if err != nil {
		return out, nil, err
	}
	for _, u := range people {
		if !u.Bot && excluded.why(u.ID) == "" {
			out.Eligible++
		}
	}
	return out, by, nil
}

// notCounted says why somebody's approval to enter an environment does not count now; empty: it does.
func (s *session) notCounted(ctx context.Context, r *store.Release, who forge.User, environment string, excluded parts) (string, error) {
	if why := excluded.why(who.ID); why != "" {
		return why, nil
	}
	no, err := s.authorize(ctx, ask{door: DoorApprove, who: who, environment: environment, release: r != nil, recorded: true})
	if err != nil || no == nil {
		return "", err
	}
	return "the right to approve is gone", nil
}

// said is what people said about a release, or about an execution that belongs to none, oldest first.
func (s *session) said(ctx context.Context, r *store.Release, x *store.Execution) (said []store.Approval, err error) {
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if r == nil {
			said, err = tx.Approvals(ctx, x.ID)
			return err
		}
		said, err = tx.ApprovalsByRelease(ctx, r.ID)
		return err
	})
	return said, err
}

// binds tells whether something that was said is about exactly what waits now: this attempt (/retry asks anew), this
// environment, revision, digest and configuration.
func binds(a store.Approval, asked pipeline.ActionState, x *store.Execution, environment string) bool {
	return asked.ID != "" && strings.HasPrefix(a.ID, asked.ID+"/") && a.Environment == environment &&
		a.ExecutionID == x.ID && a.SHA == x.SHA && a.Digest == x.State.Digest() && a.ConfigHash == x.ConfigHash
}

// entry is the open approval to enter an environment before production, where the configuration asks for one.
func entry(s pipeline.State) (environment string, state pipeline.ActionState, ok bool) {
	action, state, ok := s.OpenApproval()
	return action.Environment, state, ok && action.Environment != pipeline.EnvironmentProduction
}

// decideEntry tells the pipeline what was decided about entering an environment before production. r is nil for an
// execution that belongs to no release.
func (s *session) decideEntry(ctx context.Context, r *store.Release, x *store.Execution) (moved bool, err error) {
	environment, state, ok := entry(x.State)
	if !ok {
		return false, nil
	}
	said, by, err := s.tally(ctx, r, x, environment)
	switch {
	case err != nil:
		return false, err
	case said.RejectedBy != "":
		return s.reject(ctx, r, x)
	case said.Given < said.Needed:
		return false, nil
	}
	actors := make([]pipeline.Actor, len(by))
	for i, u := range by {
		actors[i] = actor(u)
	}
	return true, s.advance(ctx, x.ID, pipeline.Approved{
		At: s.b.Now(), ID: state.ID, By: actors, SHA: state.Approval.SHA, Digest: state.Approval.Digest, ConfigHash: state.Approval.ConfigHash,
	})
}

// approvalOf is the approval to enter an environment, as it stands: open, decided, or not asked for yet.
func approvalOf(s pipeline.State, environment string) pipeline.ActionState {
	for i, stage := range s.Stages {
		for j, a := range stage.Actions {
			if d := s.Definition.Stages[i].Actions[j]; d.IsApproval() && d.Environment == environment {
				return a
			}
		}
	}
	return pipeline.ActionState{}
}

func has(list []forge.User, u forge.User) bool {
	for _, x := range list {
		if x.ID == u.ID {
			return true
		}
	}
	return false
}

// voidApprovals ends every approval of a release, with the reason.
func (s *session) voidApprovals(ctx context.Context, r *store.Release, reason string) error {
	n := 0
	err := s.b.Store.Write(ctx, func(tx *store.Tx) (err error) {
		n, err = tx.VoidApprovalsOfRelease(ctx, r.ID, reason, s.b.Now())
		return err
	})
	if err != nil || n == 0 {
		return err
	}
	return s.audit(ctx, forge.User{}, "approvals.void", r.Key(), reason, nil)
}
