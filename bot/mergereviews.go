package bot

import (
	"context"
	"fmt"

	"github.com/sluicehq/sluice/gitflow"
)

// reviewsNeeded is how many approving reviews the rules demand of a pull request that the App merges.
func reviewsNeeded(rules []gitflow.RuleFact) int {
	most := 0
	for _, r := range rules {
		if r.Type == "pull_request" && !r.Bypass && !r.BypassByPull {
			most = max(most, r.Reviews)
		}
	}
	return most
}

// mergeReviews counts the reviews of a pull request as GitHub does for its rules: approvals of people who may write, and
// whoever of them requests changes, which blocks the merge.
func (s *session) mergeReviews(ctx context.Context, number int) (approvals int, against string, err error) {
	all, err := s.gh.Reviews(ctx, number)
	if err != nil {
		return 0, "", fmt.Errorf("reviews of #%d: %w", number, err)
	}
	for _, v := range opinions(all) {
		if v.State == "DISMISSED" {
			continue
		}
		counts, err := s.writes(ctx, v.Author)
		if err != nil {
			return 0, "", err
		}
		switch {
		case !counts:
		case v.State == "APPROVED":
			approvals++
		default:
			against = v.Author.Login
		}
	}
	return approvals, against, nil
}

// missingReviews says what a pull request lacks of the reviews that the rules of its base demand; empty: nothing.
func (s *session) missingReviews(ctx context.Context, number int, base string) (gitflow.Text, error) {
	rules, err := s.rules(ctx, heads+base)
	need := reviewsNeeded(rules)
	if err != nil || need == 0 {
		return "", err
	}
	have, against, err := s.mergeReviews(ctx, number)
	switch {
	case err != nil:
		return "", err
	case against != "":
		return gitflow.Text("the approval of " + against + ", who requests changes"), nil
	case have == need-1:
		return "an approving review", nil
	case have < need:
		return gitflow.Text(fmt.Sprintf("%d approving reviews", need-have)), nil
	}
	return "", nil
}

// lookReviews adds what the reviews of the release pull request are to the facts of the preflight, where rules ask.
func (s *session) lookReviews(ctx context.Context, f *gitflow.PreflightFacts) (err error) {
	f.Reviews = -1
	if f.Pull.Number != 0 && f.Pull.Open && reviewsNeeded(f.Production) > 0 {
		f.Reviews, f.ChangesBy, err = s.mergeReviews(ctx, f.Pull.Number)
	}
	return err
}
