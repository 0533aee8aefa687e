package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// maxNamed is how many co-authors of one change are looked up.
const maxNamed = 300

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
	var together []forge.Commit // which several people may have written
	for _, c := range own.Commits {
		if len(c.Parents) > 1 {
			continue // merging is not writing
		}
		add(c.Author, "wrote commit "+short(c.SHA))
		add(c.Committer, "committed "+short(c.SHA))
		if len(coAuthors(c.Message)) > 0 {
			together = append(together, c)
		}
	}
	more, err := s.coWriters(ctx, together, add)
	return cmp.Or(more, unknown), err
}

// coWriters excludes those who wrote commits together, as GitHub knows their addresses and as the addresses say themselves.
// unknown is why there may be others.
func (s *session) coWriters(ctx context.Context, commits []forge.Commit, add func(forge.User, string)) (unknown string, err error) {
	wrote, err := s.authors(ctx, commits)
	if err != nil {
		return "", err
	}
	named := map[string]bool{}
	for _, c := range commits {
		known, why := wrote[c.SHA], "wrote part of commit "+short(c.SHA)
		if !known.Complete {
			unknown = fmt.Sprintf("GitHub does not list all authors of commit %s", short(c.SHA))
		}
		for _, u := range known.Users {
			add(u, why)
		}
		for _, address := range coAuthors(c.Message) {
			if named[address] = true; len(named) > maxNamed {
				return fmt.Sprintf("the commits name more than %d co-authors", maxNamed), nil
			}
			u, err := s.behind(ctx, address)
			if err != nil {
				return "", err
			}
			add(u, why)
		}
	}
	return unknown, nil
}

// authors are the accounts that wrote commits together, as GitHub knows their addresses. Answers are remembered for the length
// of the handling.
func (s *session) authors(ctx context.Context, commits []forge.Commit) (map[string]forge.Authors, error) {
	var ask []string
	for _, c := range commits {
		if _, known := s.wrote[c.SHA]; !known {
			ask = append(ask, c.SHA)
		}
	}
	if len(ask) > 0 {
		found, err := s.gh.Authors(ctx, ask)
		if err != nil {
			return nil, fmt.Errorf("authors of %d commits: %w", len(ask), err)
		}
		maps.Copy(s.wrote, found)
	}
	return s.wrote, nil
}

// coAuthors are the addresses of a commit's trailers. Anybody may write such a trailer, so it only excludes.
func coAuthors(message string) []string {
	var out []string
	for _, line := range strings.Split(message, "\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok || !strings.EqualFold(strings.TrimSpace(name), "co-authored-by") {
			continue
		}
		_, address, _ := strings.Cut(value, "<")
		address, _, _ = strings.Cut(address, ">")
		out = append(out, strings.TrimSpace(address))
	}
	return out
}

// behind is the account that an address of GitHub's own names, whatever the account is called now; no account where it names
// none. They have the form id+login@users.noreply.github.com, and those of old accounts login@users.noreply.github.com, for which
// GitHub is asked once in a handling.
//
// https://docs.github.com/account-and-profile/reference/email-addresses-reference
func (s *session) behind(ctx context.Context, address string) (forge.User, error) {
	local, _, ok := strings.Cut(strings.ToLower(address), "@users.noreply.")
	if !ok {
		return forge.User{}, nil
	}
	id, login, numbered := strings.Cut(local, "+")
	if n, err := strconv.ParseInt(id, 10, 64); numbered && err == nil && n > 0 {
		return forge.User{ID: n, Login: login}, nil
	}
	if u, known := s.addressed[address]; known {
		return u, nil
	}
	u, err := s.gh.UserByLogin(ctx, local)
	if ignoreNotFound(err) != nil {
		return u, fmt.Errorf("account of a co-author, %s: %w", local, err)
	}
	s.addressed[address] = u
	return u, nil
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
		switch {
		case why != "":
			out.Lost, out.LostWhy = a.By.Login, why
		case !has(by, a.By):
			by = append(by, a.By)
		}
	}
	out.Given = len(by)
	if out.Given > 0 {
		out.Void = ""
	}
	if out.Given >= out.Needed {
		out.Eligible, out.Lost, out.LostWhy = out.Given, "", ""
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
	if withdrawn, err := s.stillSaidOf(ctx, r, x); err != nil || withdrawn {
		return true, err
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
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.VoidApprovalsOfRelease(ctx, r.ID, reason, s.b.Now())
		if err != nil || n == 0 {
			return err
		}
		return s.auditIn(ctx, tx, forge.User{}, "approvals.void", r.Key(), reason, nil)
	})
}

// voidIn ends every approval of an execution, with the reason.
func (s *session) voidIn(ctx context.Context, tx *store.Tx, x *store.Execution, reason string) error {
	n, err := tx.VoidApprovals(ctx, x.ID, reason, s.b.Now())
	if err != nil || n == 0 {
		return err
	}
	return s.auditIn(ctx, tx, forge.User{}, "approvals.void", x.Branch, reason, map[string]any{"execution": x.ID})
}
