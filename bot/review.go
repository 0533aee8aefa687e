package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// takeReviews brings what was said in reviews of a pull request into the record, where the environment that is asked for
// counts them (approve.reviews). An approving review binds the commit that was reviewed, so it counts for this commit
// alone, and only if it was given since the pipeline began, or since the approval was asked for anew. Requested changes
// are a veto of who may approve until they approve or dismiss the review, as on GitHub.
func (s *session) takeReviews(ctx context.Context, r *store.Release, x *store.Execution, number int) error {
	action, state, open := x.State.OpenApproval()
	if !open || number == 0 {
		return nil
	}
	approve := s.cfg.Environment(action.Environment).Approve
	if approve == nil || !approve.Reviews {
		return nil
	}
	all, err := s.gh.Reviews(ctx, number)
	if err != nil {
		return fmt.Errorf("reviews of #%d: %w", number, err)
	}
	said, err := s.said(ctx, r, x)
	if err != nil {
		return err
	}
	known := map[string]store.Approval{}
	for _, a := range said {
		known[a.ID] = a
	}
	stands := map[string]bool{}
	for _, v := range opinions(all) {
		word, ok, err := s.word(ctx, v, x, state, action.Environment)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		id := word.id(state.ID)
		stands[id] = true
		if _, taken := known[id]; taken {
			continue // recorded, or taken back by something else than the review: a base that changed
		}
		if err := s.sayVerdict(ctx, r, x, word, nothingElse); err != nil {
			return err
		}
	}
	for _, a := range said {
		if !byReview(a) || stands[a.ID] || !a.VoidedAt.IsZero() || !binds(a, state, x, action.Environment) {
			continue
		}
		err := s.b.Store.Write(ctx, func(tx *store.Tx) error {
			return s.void(ctx, tx, a, a.By, "the review was dismissed or changed")
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// takeReviewsOf is takeReviews for a release's candidate.
func (s *session) takeReviewsOf(ctx context.Context, r *store.Release) error {
	var x *store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		x, err = oneExecution(ctx, tx, r.ExecutionID)
		return err
	})
	if err != nil || x == nil {
		return err
	}
	return s.takeReviews(ctx, r, x, r.Pull)
}

// opinions are the reviews that stand: of each person the last that approves, requests changes or was dismissed.
func opinions(all []forge.Review) []forge.Review {
	last := map[int64]int{}
	var out []forge.Review
	for _, v := range all {
		switch v.State {
		case "APPROVED", "CHANGES_REQUESTED", reviewDismissed:
		default:
			continue // a comment changes nobody's mind
		}
		if v.Author.ID == 0 || v.Author.Bot {
			continue
		}
		if i, ok := last[v.Author.ID]; ok {
			out[i] = v
			continue
		}
		last[v.Author.ID] = len(out)
		out = append(out, v)
	}
	return out
}

// word is what a review says about a candidate; false: nothing.
func (s *session) word(ctx context.Context, v forge.Review, x *store.Execution, asked pipeline.ActionState, environment string) (verdict, bool, error) {
	out := verdict{by: v.Author, review: v.ID, via: fmt.Sprintf("review %d", v.ID)}
	switch v.State {
	case "APPROVED":
		out.Verdict = store.VerdictApproved
		return out, v.SHA == x.SHA && !v.SubmittedAt.Before(askedSince(x, asked).Truncate(time.Second)), nil
	case "CHANGES_REQUESTED":
		no, err := s.authorize(ctx, ask{door: DoorApprove, who: v.Author, environment: environment, release: x.ReleaseID != "", recorded: true})
		out.Verdict, out.reason = store.VerdictRejected, "changes are requested in a review"
		return out, no == nil, err
	}
	return out, false, nil
}

// askedSince is from when on a review can be meant for an approval: the pipeline's begin, or, where it is asked for anew,
// the end of the attempt before.
func askedSince(x *store.Execution, asked pipeline.ActionState) time.Time {
	if n := len(asked.Earlier); n > 0 {
		return asked.Earlier[n-1].EndedAt
	}
	return x.CreatedAt
}
