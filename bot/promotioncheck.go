package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// promotionCheck reports on pull requests into production: what blocks, and the one next step.
func (s *session) promotionCheck(ctx context.Context, at *atSHA) (forge.CheckRun, bool, error) {
	run := forge.CheckRun{Name: CheckPromotion, SHA: at.sha}
	into := false
	for _, p := range at.pulls {
		into = into || p.BaseBranch == s.names().Production
	}
	none := len(at.releases) == 0
	if none && at.ahead != nil {
		run, err := s.aheadCheck(ctx, run, at)
		return run, into, err
	}
	if none && at.former != nil {
		run.Title = fmt.Sprintf("The branch has moved on to %s", short(at.former.HeadSHA))
		return completed(run, forge.Cancelled), true, nil
	}
	if none {
		if own, is, err := s.finishCheck(ctx, run, at); is || err != nil {
			return own, true, err
		}
		if !into {
			// What was said of a pull request into production that is closed, or goes elsewhere now, is not said of those that
			// are open here. It does not succeed either: another one may be opened.
			run.Title = "No pull request into production is open here any more"
			return completed(run, forge.Cancelled), at.told(CheckPromotion) && len(at.pulls) > 0, nil
		}
		if stray, is, err := s.strayCheck(ctx, run, at); is || err != nil {
			return stray, true, err
		}
		run.Title = "Only a release or a hotfix goes to production"
		run.Summary = "This pull request is not the pull request of a release or hotfix. `/release start` begins one from development."
		return completed(run, forge.Failure), true, nil
	}
	// A hotfix begins at a commit of production, which is not its candidate.
	if r := at.releases[0]; len(at.releases) == 1 && !into && (r.Pull == 0 || at.sha == r.CutSHA && r.SHA != at.sha) {
		return run, false, nil
	}
	var all []forge.CheckRun
	for i := range at.releases {
		one, err := s.releaseCheck(ctx, run, &at.releases[i])
		if err != nil {
			return run, true, err
		}
		all = append(all, one)
	}
	return together(at.releases, all), true, nil
}

// together makes one check run of those of several releases at one commit, the worst first: a commit is as good as the worst that
// stands there. A button could only be for one of them, so there is none, and each section names where to speak.
func together(releases []store.Release, all []forge.CheckRun) forge.CheckRun {
	if len(all) == 1 {
		return all[0]
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return severity(all[j].Status, all[j].Conclusion) - severity(all[i].Status, all[i].Conclusion)
	})
	out := all[order[0]]
	out.Title = releases[order[0]].Key() + ": " + out.Title
	var b strings.Builder
	fmt.Fprintf(&b, "%d releases are at this commit. What concerns one of them is said on its pull request.\n", len(all))
	for _, i := range order {
		r := releases[i]
		fmt.Fprintf(&b, "\n### %s, %s", code(r.Key()), code(r.Branch))
		if r.Pull != 0 {
			fmt.Fprintf(&b, ", #%d", r.Pull)
		}
		fmt.Fprintf(&b, "\n\n%s\n\n%s", prose(all[i].Title), all[i].Summary)
	}
	out.Summary, out.Buttons = b.String(), nil
	return out
}

// releaseCheck reports on the promotion of a release.
func (s *session) releaseCheck(ctx context.Context, run forge.CheckRun, r *store.Release) (forge.CheckRun, error) {
	s = s.in(r.Component)
	run.DetailsURL = s.releaseURL(r)
	if r.CandidateImage != "" {
		run.Summary = fmt.Sprintf("Candidate: %s", code(r.CandidateImage))
		if r.CandidateDigest != "" {
			run.Summary += ", digest " + code(r.CandidateDigest)
		}
		run.Summary += "\n\n"
	}
	returns, err := s.strandedText(ctx, r.ID)
	if err != nil {
		return run, err
	}
	run.Summary += returns
	switch r.Status {
	case store.ReleaseReleased, store.ReleaseRolledBack:
		run.Title = fmt.Sprintf("%s %s", r.Version, inProduction(r))
		switch {
		case r.Status == store.ReleaseRolledBack && r.ReleasedAt.IsZero():
			run.Title = fmt.Sprintf("The deployment of %s failed and was rolled back", r.Version)
			run.Summary += "`/version bump patch` cuts the next version from this head; a hotfix takes a new id."
			return completed(run, forge.Failure), nil
		case r.Status == store.ReleaseRolledBack:
			run.Title = fmt.Sprintf("%s was in production and was rolled back", r.Version)
		}
		return completed(run, forge.Success), nil
	case store.ReleaseAbandoned:
		run.Title = fmt.Sprintf("%s was abandoned", r.Version)
		return completed(run, forge.Cancelled), nil
	case store.ReleaseFailed:
		run.Title = r.Problem
		run.Summary += remedyOfFailure
		return completed(run, forge.Failure), nil
	}
	w, err := s.look(ctx, r, phasePromote)
	if err != nil {
		if errors.Is(err, forge.ErrNotFound) {
			run.Title, run.Status = "Waiting for the release branch", "in_progress"
			return run, nil
		}
		return run, err
	}
	run.Title = gitflow.NextStep(w.State)
	if r.Status == store.ReleasePromoting && s.cfg.Finish.Order == "merge-then-deploy" {
		return completed(run, forge.Success), nil
	}
	run.Summary += s.planText(w)
	if w.execution == nil || r.Status == store.ReleasePromoting {
		run.Status = "in_progress"
		return run, nil
	}
	if _, state, waits := w.execution.State.OpenApproval(); waits {
		run.Buttons = judging(state.Approval.OpenedAt)
	}
	if r.Status == store.ReleaseOpen && !w.Lacks.OK() && !w.Lacks.Unknown {
		run.Buttons = append(run.Buttons, offered(buttonMerge)...)
	}
	if len(run.Buttons) > 0 {
		return completed(run, forge.ActionRequired), nil
	}
	if w.Candidate.Failed || w.execution.Status.Final() {
		return completed(run, forge.ActionRequired), nil
	}
	run.Status = "in_progress"
	return run, nil
}

// planText shows what a promotion needs, and what is there.
func (s *session) planText(w *world) string {
	plan := gitflow.PlanPromote(w.State)
	var b strings.Builder
	if plan.Refused != "" {
		fmt.Fprintf(&b, "**%s**\n\n", plan.Refused.Markdown(code))
	}
	var commands []string
	for _, step := range plan.Steps {
		commands = append(commands, step.Commands...)
		box := " "
		if step.Done {
			box = "x"
		}
		fmt.Fprintf(&b, "- [%s] %s", box, step.Title.Markdown(code))
		switch {
		case step.Done:
		case step.Blocked != "":
			fmt.Fprintf(&b, ": %s", step.Blocked.Markdown(code))
		case step.Waiting != "":
			fmt.Fprintf(&b, ": %s", step.Waiting.Markdown(code))
		}
		b.WriteString("\n")
	}
	if len(commands) > 0 {
		b.WriteString("\n" + codeBlock("sh", strings.Join(commands, "\n")) + "\n")
	}
	for _, o := range w.Obstacles {
		fmt.Fprintf(&b, "\n- %s %s", o.Problem.Markdown(code), o.Remedy.Markdown(code))
	}
	for _, u := range w.approvers {
		fmt.Fprintf(&b, "\n- approved by %s", code(u.Login))
	}
	return b.String()
}
