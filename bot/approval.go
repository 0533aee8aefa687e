package bot

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// takenPart is why somebody does not count as an approver of a release, by account ID. Only accounts GitHub vouches for
// admit anybody; what a commit claims can only exclude.
func (s *session) takenPart(ctx context.Context, r *store.Release) (map[int64]string, error) {
	out := map[int64]string{}
	add := func(u forge.User, why string) {
		if u.ID != 0 && !u.Bot && out[u.ID] == "" {
			out[u.ID] = why
		}
	}
	if err := s.tookPart(ctx, r, add); err != nil {
		return nil, err
	}
	var all []store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Releases(ctx, s.repo.ID)
		return err
	})
	for i := len(all) - 1; err == nil && i >= 0; i-- { // newest first: what this one goes on from, and that one before it
		if before := &all[i]; before.Status == store.ReleaseAbandoned && before.Reason == goesOnAs(r.Version) && before.ID != r.ID {
			r, err = before, s.tookPart(ctx, before, add)
		}
	}
	return out, err
}

// goesOnAs is the reason of a release that another version took the place of.
func goesOnAs(version string) string { return "goes on as " + version }

// tookPart adds who took part in a release since its branch was cut.
func (s *session) tookPart(ctx context.Context, r *store.Release, add func(forge.User, string)) error {
	add(r.StartedBy, "started it")
	var pushes []store.Push
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		pushes, err = tx.Pushes(ctx, s.repo.ID, r.Branch)
		return err
	})
	if err != nil {
		return err
	}
	for _, p := range pushes {
		add(p.Pusher, "pushed to the branch")
	}
	merged, err := s.gh.MergedInto(ctx, r.Branch)
	if err != nil {
		return fmt.Errorf("pull requests merged into %s: %w", r.Branch, err)
	}
	for _, p := range merged {
		if !p.CreatedAt.IsZero() && p.UpdatedAt.Before(r.StartedAt) {
			continue
		}
		add(p.Author, fmt.Sprintf("wrote pull request #%d", p.Number))
	}
	return s.committers(ctx, r, add)
}

// committers excludes the authors and co-authors of the commits that only this branch has.
func (s *session) committers(ctx context.Context, r *store.Release, add func(forge.User, string)) error {
	if r.CutSHA == "" || r.HeadSHA == "" || r.CutSHA == r.HeadSHA {
		return nil
	}
	own, err := s.compare(ctx, r.CutSHA, r.HeadSHA)
	if err != nil {
		return ignoreNotFound(err)
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
	return nil
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
		no, err := s.authorize(ctx, ask{door: DoorPromote, who: r.PromoteBy, environment: pipeline.EnvironmentProduction, release: true})
		if err != nil {
			return gitflow.Approvals{}, nil, err
		}
		wanted = no == nil || r.Status != store.ReleaseOpen
	}
	out, by, err := s.tally(ctx, r, x, pipeline.EnvironmentProduction)
	out.Wanted = wanted
	return out, by, err
}

// tally counts the approvals to enter an environment.
func (s *session) tally(ctx context.Context, r *store.Release, x *store.Execution, environment string) (gitflow.Approvals, []forge.User, error) {
	out := gitflow.Approvals{Needed: 1, Setting: "environments." + environment + ".approve"}
	allowAuthor := false
	if approve := s.cfg.Environment(environment).Approve; approve != nil {
		out.Needed, allowAuthor = approve.Count, approve.AllowAuthor
	}
	if x == nil {
		return out, nil, nil
	}
	var said []store.Approval
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		said, err = tx.ApprovalsByRelease(ctx, r.ID)
		return err
	})
	if err != nil {
		return out, nil, err
	}
	excluded := map[int64]string{}
	if !allowAuthor {
		if excluded, err = s.takenPart(ctx, r); err != nil {
			return out, nil, err
		}
	}
	asked := approvalOf(x.State, environment)
	out.Expired = asked.Status == pipeline.Failed
	var by []forge.User
	for _, a := range said {
		if !a.VoidedAt.IsZero() {
			out.Void = a.VoidReason
			continue
		}
		if !strings.HasPrefix(a.ID, asked.ID+"/") || a.Environment != environment {
			continue // of an earlier attempt (/retry asks anew), or for another place
		}
		if a.ExecutionID != x.ID || a.SHA != x.SHA || a.Digest != x.State.Digest() || a.ConfigHash != x.ConfigHash {
			continue
		}
		if a.Verdict == store.VerdictRejected {
			out.RejectedBy, out.Reason, out.Expired = a.By.Login, a.Reason, false
			continue
		}
		no, err := s.authorize(ctx, ask{door: DoorApprove, who: a.By, environment: environment, release: true})
		if err != nil {
			return out, nil, err
		}
		if no != nil || excluded[a.By.ID] != "" || has(by, a.By) {
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
		if !u.Bot && excluded[u.ID] == "" {
			out.Eligible++
		}
	}
	return out, by, nil
}

// entry is the open approval to enter an environment before production, where the configuration asks for one.
func entry(s pipeline.State) (environment string, state pipeline.ActionState, ok bool) {
	action, state, ok := s.OpenApproval()
	return action.Environment, state, ok && action.Environment != pipeline.EnvironmentProduction
}

// decideEntry tells the pipeline what was decided about entering an environment before production.
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
		return true, s.advance(ctx, x.ID, pipeline.Rejected{
			At: s.b.Now(), ID: state.ID, By: pipeline.Actor{Login: said.RejectedBy}, Reason: said.Reason,
		})
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

// mayCount says why somebody's approval of a release would not count; empty: it would.
func (s *session) mayCount(ctx context.Context, r *store.Release, who forge.User, environment string) (string, error) {
	if env := s.cfg.Environment(environment); env.Approve != nil && env.Approve.AllowAuthor {
		return "", nil
	}
	excluded, err := s.takenPart(ctx, r)
	if err != nil || excluded[who.ID] == "" {
		return "", err
	}
	return fmt.Sprintf("You %s, and who takes part in a change does not approve it. "+
		"Ask somebody else, or set `environments.%s.approve.allow_author`.", excluded[who.ID], environment), nil
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
	return s.audit(ctx, forge.User{}, "approvals.void", r.Version, reason, nil)
}

// sayVerdict records somebody's approval or rejection of the candidate that waits. The second time changes nothing.
// done is the record of the command, in the same transaction.
func (s *session) sayVerdict(ctx context.Context, r *store.Release, x *store.Execution, v store.Verdict, by forge.User, reason, via string, comment int64, done func(*store.Tx) error) error {
	action, state, ok := x.State.OpenApproval()
	if !ok {
		return &userError{fmt.Sprintf("Nothing waits for an approval here: %s", prose(lowerFirst(pipeline.Why(x.State, s.b.Now()))))}
	}
	a := store.Approval{
		ID: fmt.Sprintf("%s/%d", state.ID, by.ID), RepoID: s.repo.ID, ReleaseID: r.ID, ExecutionID: x.ID,
		Environment: action.Environment, SHA: state.Approval.SHA, Digest: state.Approval.Digest, ConfigHash: state.Approval.ConfigHash,
		By: by, Verdict: v, Reason: reason, CommentID: comment, Via: via, At: s.b.Now(),
	}
	evidence := map[string]any{"execution": x.ID, "sha": a.SHA, "digest": a.Digest, "config": a.ConfigHash, "via": via, "comment": comment}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		before, err := tx.Approvals(ctx, x.ID)
		if err != nil {
			return err
		}
		for _, b := range before {
			if b.ID == a.ID && b.VoidedAt.IsZero() && b.Verdict == v {
				return done(tx)
			}
		}
		if err := tx.SaveApproval(ctx, a); err != nil {
			return err
		}
		if err := s.auditIn(ctx, tx, by, strings.TrimSuffix(string(v), "d"), r.Version, reason, evidence); err != nil {
			return err
		}
		return done(tx)
	})
}

// commentChanged withdraws the approval that was said in a comment which was edited or deleted since.
func (s *session) commentChanged(ctx context.Context, commentID int64, what string) error {
	var a store.Approval
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		a, err = tx.ApprovalByComment(ctx, s.repo.ID, commentID)
		return err
	})
	if err != nil || !a.VoidedAt.IsZero() {
		return ignoreMissing(err)
	}
	a.VoidedAt, a.VoidReason = s.b.Now(), "the comment it was given in was "+what
	err = s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.SaveApproval(ctx, a); err != nil {
			return err
		}
		return s.auditIn(ctx, tx, a.By, "approval.withdrawn", a.ReleaseID, a.VoidReason, nil)
	})
	s.touch(a.ReleaseID)
	return err
}
