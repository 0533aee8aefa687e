package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// groupFacts is what is known of the head of a merge queue's group; kept, since its checks may be asked for again.
type groupFacts struct {
	// Title says why the group is refused whatever its pull requests are, and Text what to do; empty: it is not.
	Title string `json:"title,omitempty"`
	Text  string `json:"text,omitempty"`
	// Pull and Head are the number of the pull request that the group is of, and the head that it was queued with.
	Pull int    `json:"number,omitempty"`
	Head string `json:"head,omitempty"`
	// Base is the commit that the group was made on: of the base branch, or of the group before it in the queue.
	Base string `json:"baseSHA,omitempty"`
}

// mergeGroup answers the checks of a merge queue: the head of a group says what the heads of its pull requests say. A queue
// on production cannot work, because it makes commits that nobody approved.
func (s *session) mergeGroup(ctx context.Context, e event.MergeGroup) error {
	if e.Activity != event.ChecksRequested {
		return nil
	}
	g, err := s.meetGroup(ctx, e)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(g)
	if err != nil {
		return err
	}
	s.mark(e.SHA)
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := s.follows(ctx, tx, e.SHA, g.Head, g.Base); err != nil {
			return err
		}
		return tx.SetSetting(ctx, s.groupKey(e.SHA), string(raw))
	})
}

// meetGroup finds the pull request that a group is of, and judges it as it is now.
func (s *session) meetGroup(ctx context.Context, e event.MergeGroup) (groupFacts, error) {
	if s.classify(strings.TrimPrefix(e.BaseRef, "refs/heads/")).Kind == gitflow.KindProduction {
		return groupFacts{
			Title: "Production takes no merge queue",
			Text:  "A merge queue makes commits that nobody tested or approved. Take the rule `merge_queue` off the production branch.",
		}, nil
	}
	unknown := groupFacts{
		Title: "It cannot be told which pull request this group is of",
		Text:  "The name of the group's branch has no number of a pull request: " + code(e.HeadRef),
	}
	number, ok := queuedPull(e.HeadRef)
	if !ok {
		return unknown, nil
	}
	pr, err := s.gh.Pull(ctx, number)
	if errors.Is(err, forge.ErrNotFound) {
		return unknown, nil
	}
	if err != nil {
		return groupFacts{}, err
	}
	return groupFacts{Pull: pr.Number, Head: pr.Head.SHA, Base: e.BaseSHA}, s.takePull(ctx, pr, e.Sender)
}

func (s *session) groupKey(sha string) string { return fmt.Sprintf("group/%d/%s", s.repo.ID, sha) }

// group is what is known of the head of a merge queue's group; nil: it is none.
func (s *session) group(ctx context.Context, tx *store.Tx, sha string) (*groupFacts, error) {
	raw, err := tx.Setting(ctx, s.groupKey(sha))
	if ignoreMissing(err) != nil || raw == "" {
		return nil, ignoreMissing(err)
	}
	g := new(groupFacts)
	return g, json.Unmarshal([]byte(raw), g)
}

// queuedPull reads the pull request's number out of gh-readonly-queue/{base}/pr-{number}-{sha}.
func queuedPull(ref string) (int, bool) {
	i := strings.LastIndex(ref, "/pr-")
	if i < 0 {
		return 0, false
	}
	number, _, _ := strings.Cut(ref[i+len("/pr-"):], "-")
	n, err := strconv.Atoi(number)
	return n, err == nil && n > 0
}

func (s *session) followersKey(sha string) string {
	return fmt.Sprintf("group-after/%d/%s", s.repo.ID, sha)
}

// followers are the groups whose checks say what those of a SHA say.
func (s *session) followers(ctx context.Context, tx *store.Tx, sha string) (groups []string, err error) {
	raw, err := tx.Setting(ctx, s.followersKey(sha))
	if ignoreMissing(err) != nil || raw == "" {
		return nil, ignoreMissing(err)
	}
	return groups, json.Unmarshal([]byte(raw), &groups)
}

// follows keeps that the checks of a group say what those of some SHAs say.
func (s *session) follows(ctx context.Context, tx *store.Tx, group string, shas ...string) error {
	for _, sha := range shas {
		if sha == "" {
			continue
		}
		groups, err := s.followers(ctx, tx, sha)
		if err != nil {
			return err
		}
		if slices.Contains(groups, group) {
			continue
		}
		if err := s.setFollowers(ctx, tx, sha, append(groups, group)); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) setFollowers(ctx context.Context, tx *store.Tx, sha string, groups []string) error {
	raw, err := json.Marshal(groups)
	if err != nil {
		return err
	}
	return tx.SetSetting(ctx, s.followersKey(sha), string(raw))
}

// gatherGroup reads what the group consists of whose head a SHA is, unless it is more by now: merged, it is a commit of its
// base branch, with checks of its own.
func (s *session) gatherGroup(ctx context.Context, tx *store.Tx, at *atSHA, g *groupFacts) (err error) {
	if g == nil || len(at.pulls) > 0 || len(at.executions) > 0 {
		return nil
	}
	for member := g; member != nil; {
		m := queuedHead{groupFacts: *member}
		if m.Pull != 0 {
			if m.pull, err = tx.Pull(ctx, s.repo.ID, m.Pull); ignoreMissing(err) != nil {
				return err
			}
		}
		if m.pull.Merged {
			return nil
		}
		at.group = append(at.group, m)
		if m.Base == "" {
			return nil
		}
		if member, err = s.group(ctx, tx, m.Base); err != nil {
			return err
		}
	}
	return nil
}

// queuedHead is a pull request in a merge queue's group, as it is known now.
type queuedHead struct {
	groupFacts
	pull store.Pull
}

// groupChecks are the checks on the head of a merge queue's group. A group is as good as the worst of the pull requests in it:
// those before it in the queue are judged on heads of their own, but a queue may be set not to wait for them.
func (s *session) groupChecks(ctx context.Context, at *atSHA) ([]forge.CheckRun, error) {
	var worst []forge.CheckRun
	for _, m := range at.group {
		runs, err := s.carried(ctx, m)
		if err != nil {
			return nil, err
		}
		for i := range runs {
			runs[i].SHA = at.sha
			switch {
			case len(worst) <= i:
				worst = append(worst, runs[i])
			case severity(runs[i].Status, runs[i].Conclusion) > severity(worst[i].Status, worst[i].Conclusion):
				worst[i] = runs[i]
			}
		}
	}
	return worst, nil
}

// carried is what a pull request's own head says, as the checks of a group that has it. GitHub knows no way to press a button
// there, and merges nothing that did not succeed.
func (s *session) carried(ctx context.Context, m queuedHead) ([]forge.CheckRun, error) {
	title, text := m.Title, m.Text
	switch {
	case title != "":
	case !m.pull.Open:
		title = fmt.Sprintf("#%d is closed", m.Pull)
	case m.pull.HeadSHA != m.Head:
		title = fmt.Sprintf("#%d is at %s now", m.Pull, short(m.pull.HeadSHA))
		text = fmt.Sprintf("This group was made of %s. Put the pull request into the queue again.", short(m.Head))
	}
	if title != "" {
		var runs []forge.CheckRun
		for _, name := range []string{CheckBranch, CheckConfig, CheckPipeline, CheckPromotion} {
			runs = append(runs, completed(forge.CheckRun{Name: name, Title: title, Summary: text}, forge.Failure))
		}
		return runs, nil
	}
	of, err := s.gather(ctx, m.Head)
	if err != nil {
		return nil, err
	}
	built, _ := s.pipelineCheck(of) // the open pull request is there, so that it says something
	runs := []forge.CheckRun{s.branchCheck(of), s.configCheck(of), built}
	promotion, promotes, err := s.promotionCheck(ctx, of)
	if err != nil {
		return nil, err
	}
	if promotes {
		runs = append(runs, promotion)
	}
	for i, run := range runs {
		run.Title = fmt.Sprintf("#%d: %s", m.Pull, run.Title)
		run.Summary = fmt.Sprintf("This is what %s says at %s, the head of #%d. What it needs is done there.\n\n%s", code(run.Name), short(m.Head), m.Pull, run.Summary)
		run.Buttons, run.Annotations = nil, nil
		if run.Status == "completed" && run.Conclusion != forge.Success {
			run.Conclusion = forge.Failure
		}
		runs[i] = run
	}
	if !promotes {
		runs = append(runs, completed(forge.CheckRun{Name: CheckPromotion, Title: "Nothing is promoted by this merge"}, forge.Success))
	}
	return runs, nil
}
