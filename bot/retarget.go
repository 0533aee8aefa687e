package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// otherBase is the base that would mend a verdict; empty where no other base does.
func otherBase(v gitflow.Verdict) string {
	for _, x := range v.Violations {
		if x.Retarget != "" && x.Retarget != v.Base.Name {
			return x.Retarget
		}
	}
	return ""
}

// cmdRetarget changes the base of a pull request to a branch that its head may go into: the named one, else the one that
// the check offers.
func (s *session) cmdRetarget(ctx context.Context, q *request) (string, error) {
	if q.pr == nil || q.pr.Number == 0 || !q.pr.Open {
		return "", &userError{"`/retarget` belongs on an open pull request, whose base it changes."}
	}
	pr, err := s.gh.Pull(ctx, q.pr.Number)
	if err != nil {
		return "", err
	}
	if q.release != nil {
		return "", &userError{fmt.Sprintf("The pull request of %s stays as it is: its base is what %s is taken to.", code(q.release.Version), code(q.release.Branch))}
	}
	v, _, _, err := s.verdict(ctx, pr)
	if err != nil {
		return "", err
	}
	begun, err := s.begun(ctx, q, "retarget", fmt.Sprint(pr.Number))
	if err != nil {
		return "", err
	}
	base, err := baseFor(v, q.Arg(0))
	if err != nil && begun && otherBase(v) == "" { // it has the other base since before a crash
		base, err = pr.Base.Branch, nil
	}
	if err != nil {
		return "", err
	}
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("The base of #%d would be %s.", pr.Number, code(base)))
	}
	if err := s.auditOnce(ctx, q, "retarget", fmt.Sprint(pr.Number), map[string]any{"from": pr.Base.Branch, "to": base}); err != nil {
		return "", err
	}
	if pr.Base.Branch != base {
		if err := s.setBase(ctx, pr.Number, base); err != nil {
			return "", err
		}
	}
	return s.finishWith(ctx, q, fmt.Sprintf("The base of #%d is %s now.", pr.Number, code(base)))
}

// baseFor is the base that was asked for, if the head may go there, else the one that a verdict offers.
func baseFor(v gitflow.Verdict, asked string) (string, error) {
	switch offered := otherBase(v); {
	case asked != "" && slices.Contains(v.LegalBases, asked):
		return asked, nil
	case asked != "" && len(v.LegalBases) > 0:
		return "", &userError{fmt.Sprintf("%s does not go into %s; it may go into %s.", code(v.Head.Name), code(asked), codes(v.LegalBases))}
	case asked != "":
		return "", &userError{fmt.Sprintf("%s does not go into any branch by pull request.", code(v.Head.Name))}
	case offered == "":
		return "", &userError{"Another base would mend nothing here."}
	default:
		return offered, nil
	}
}

// setBase changes a base. People may move it to and fro, so each time is an effect of its own.
func (s *session) setBase(ctx context.Context, number int, base string) error {
	prefix := fmt.Sprintf("%d:%s#", number, base)
	times := 0
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		made, err := tx.Effects(ctx, s.repo.ID, string(effectRetarget))
		for _, e := range made {
			if e.Done && strings.Contains(e.Key, "/"+prefix) {
				times++
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	_, err = do(ctx, s, effect[nothing]{
		kind: effectRetarget, key: fmt.Sprintf("%s%d", prefix, times), intent: base,
		probe: func(ctx context.Context) (nothing, bool, error) {
			p, err := s.gh.Pull(ctx, number)
			return nothing{}, p.Base.Branch == base, err
		},
		act: func(ctx context.Context) (nothing, error) { return nothing{}, s.gh.RetargetPull(ctx, number, base) },
	})
	return err
}
