package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// impactOnPulls judges open pull requests by the proposed configuration.
func (s *session) impactOnPulls(ctx context.Context, out *impact, then *session, pulls []store.Pull, left *impactLeft) error {
	sameNames := reflect.DeepEqual(s.names(), then.names()) // the rules of the flow rest on them and on what GitHub has
	if sameNames && s.cfg.Mode == then.cfg.Mode && reflect.DeepEqual(s.cfg.Secrets, then.cfg.Secrets) {
		return nil
	}
	if s.cfg.Secrets.Mode == config.SecretsOff && then.cfg.Secrets.Mode == config.SecretsBlock && len(pulls) > 0 {
		out.cut("What open pull requests bring was not looked through for secrets.")
	}
	slices.SortFunc(pulls, func(a, b store.Pull) int { return b.Number - a.Number })
	for i, p := range pulls {
		if left.pulls == 0 {
			out.cut(fmt.Sprintf("%d older open pull requests were not judged.", len(pulls)-i))
			return nil
		}
		left.pulls--
		var was finding
		if err := json.Unmarshal(p.Verdict, &was); err != nil {
			continue // not judged yet
		}
		verdict := was.Verdict
		if !sameNames {
			pr := forge.PullRequest{
				Number: p.Number, Author: p.Author, Open: p.Open,
				Head: forge.Side{Branch: p.HeadBranch, SHA: p.HeadSHA, RepoID: p.HeadRepoID},
				Base: forge.Side{Branch: p.BaseBranch, SHA: p.BaseSHA, RepoID: s.repo.ID},
			}
			var err error
			verdict, _, _, err = then.verdict(ctx, pr)
			var refused *forge.RefusedError
			if errors.As(err, &refused) || errors.Is(err, forge.ErrNotFound) {
				out.cut(fmt.Sprintf("#%d could not be judged.", p.Number))
				continue
			}
			if err != nil {
				return err
			}
		}
		before, _, err := s.judgement(ctx, p, was.Verdict)
		if err != nil {
			return err
		}
		after, pass, err := then.judgement(ctx, p, verdict)
		if err != nil {
			return err
		}
		if before != after {
			would := "pass"
			if !pass {
				would = "fail"
			}
			out.tell(impactGroup{What: "open pull request", Would: would}, fmt.Sprintf("#%d", p.Number))
			out.add(fmt.Sprintf("#%d, %s into %s", p.Number, code(p.HeadBranch), code(p.BaseBranch)), before, after)
		}
	}
	return nil
}

// judgement is what sluice/branch says of a pull request, in a few words: the rules that it breaks, and whether a secret was committed.
// What somebody overrides is left out.
func (s *session) judgement(ctx context.Context, p store.Pull, v gitflow.Verdict) (words string, pass bool, err error) {
	var broken []string
	for _, x := range v.Violations {
		if name := string(x.Rule); !v.Pass && !slices.Contains(broken, name) {
			broken = append(broken, name)
		}
	}
	var scans []store.SecretScan
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		scans, err = tx.SecretScans(ctx, s.repo.ID, p.HeadSHA)
		return err
	})
	if err != nil {
		return "", false, err
	}
	for _, c := range scans {
		found, err := s.secretsOf(&c)
		if err != nil {
			return "", false, err
		}
		if c.Base == p.BaseBranch && found.blocks() {
			broken = append(broken, "secrets")
			break
		}
	}
	switch {
	case len(broken) == 0:
		return "passes", true, nil
	case s.cfg.Mode == config.Observe:
		return "passes, and it is told that it would fail: " + codes(broken), true, nil
	}
	return "fails: " + codes(broken), false, nil
}

// impactOnWaiting adds what would become of pipelines that wait for an approval and belong to no release: those of features and of
// development on their way into an environment.
func (s *session) impactOnWaiting(ctx context.Context, out *impact, then *session) error {
	if then.cfg.Mode == config.Observe {
		return nil // nothing begins
	}
	var waiting []store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		waiting, err = tx.ApprovalsOpen(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	for _, x := range waiting {
		action, _, open := x.State.OpenApproval()
		if !open || x.ReleaseID != "" {
			continue
		}
		here, there := s.in(x.Component), then.in(x.Component)
		if here.cfg.ApprovalHash(hashKind(x.Kind)) == there.cfg.ApprovalHash(hashKind(x.Kind)) {
			continue
		}
		of := func(view *session) string { return approversOf(view.cfg.Environment(action.Environment).Approve) }
		what := fmt.Sprintf("%s at %s", x.Branch, short(x.SHA))
		if x.Component != "" {
			what += " of " + x.Component
		}
		out.tell(impactGroup{
			What:  "waiting pipeline",
			Would: fmt.Sprintf("begin again; into %s: %s", code(there.env(action.Environment)), of(there)),
		}, what)
		out.add(code(what)+", into "+code(here.env(action.Environment)), "waits for approval: "+of(here), "its pipeline begins again: "+of(there))
	}
	return nil
}
