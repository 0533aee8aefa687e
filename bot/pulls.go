package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// finding is what Sluice found about a pull request; stored with it as JSON.
type finding struct {
	Verdict gitflow.Verdict `json:"verdict"`
	// Config tells about .github/sluice.yml when the pull request changes it.
	Config configFinding `json:"config"`
	// Unknown is why the rules could not be judged: the check fails with it.
	Unknown string `json:"unknown,omitempty"`
}

// broken is the rule that a pull request breaks first, and what mends it; empty: it breaks none. What could not be judged breaks them.
func (f *finding) broken() (problem, remedy gitflow.Text) {
	switch v := f.Verdict.Violations; {
	case f.Unknown != "":
		return gitflow.Text(f.Unknown), ""
	case len(v) > 0:
		return v[0].Problem, v[0].Remedy
	}
	return "", ""
}

// pullChanged handles a change of a pull request.
func (s *session) pullChanged(ctx context.Context, e event.PullRequest) error {
	pr, err := s.gh.Pull(ctx, e.Number)
	if err != nil {
		return ignoreNotFound(err)
	}
	if pr.Head.SHA == e.HeadSHA && !e.UpdatedAt.IsZero() {
		pr.UpdatedAt = e.UpdatedAt // when it got this head; comments have changed it since
	}
	return s.takePull(ctx, pr, e.Sender)
}

// takePull judges a pull request as it is now, and starts the pipeline of its head where none ran yet.
func (s *session) takePull(ctx context.Context, pr forge.PullRequest, by forge.User) error {
	if err := s.judge(ctx, pr); err != nil {
		return err
	}
	if s.classify(pr.Base.Branch).Kind.LongLived() || s.classify(pr.Head.Branch).Kind.Ships() {
		s.touchPull(ctx, pr)
	}
	if !pr.Open || pr.Fork() {
		return nil
	}
	_, err := s.ensureExecution(ctx, pr, by)
	return err
}

// touchPull marks the releases that a pull request may concern.
func (s *session) touchPull(ctx context.Context, pr forge.PullRequest) {
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		r, err := tx.ReleaseByBranch(ctx, s.repo.ID, pr.Head.Branch)
		if err == nil {
			s.touch(r.ID)
		}
		return ignoreMissing(err)
	})
	if err != nil || ours(s.classify(pr.Head.Branch).Kind) {
		s.touchAll = true
	}
}

// ensureExecution starts the pipeline of a pull request's head where none ran yet: the branch was there before Sluice
// was, or its push was lost. Without it a required sluice/pipeline would never be reported.
func (s *session) ensureExecution(ctx context.Context, pr forge.PullRequest, by forge.User) (started bool, err error) {
	missing, err := s.lacksExecution(ctx, pr)
	if err != nil || !missing {
		return false, err
	}
	branch := s.classify(pr.Head.Branch)
	var known store.Branch
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		known, err = tx.Branch(ctx, s.repo.ID, pr.Head.Branch)
		return ignoreMissing(err)
	})
	if err != nil {
		return false, err
	}
	e := &event.Push{Origin: event.Origin{Sender: by}, Branch: pr.Head.Branch, After: pr.Head.SHA}
	if known.SHA != pr.Head.SHA {
		return true, s.branchMoved(ctx, pr.Head.Branch, e)
	}
	return true, s.build(ctx, branch, "", known.SHA, e) // recorded at first sight, when nothing was started
}

// lacksExecution tells whether the head of a pull request is of a kind that has a pipeline, and none ran for it.
func (s *session) lacksExecution(ctx context.Context, pr forge.PullRequest) (bool, error) {
	kind := s.classify(pr.Head.Branch).Kind
	if kind == gitflow.KindBackmerge || kind == gitflow.KindFinish || kind == gitflow.KindIgnored || kind.LongLived() {
		return false, nil
	}
	var at []store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		at, err = tx.ExecutionsAt(ctx, s.repo.ID, pr.Head.SHA)
		return err
	})
	return !slices.ContainsFunc(at, func(x store.Execution) bool { return x.Branch == pr.Head.Branch }), err
}

// judge holds a pull request against the rules and stores what was found.
func (s *session) judge(ctx context.Context, pr forge.PullRequest) error {
	record := store.Pull{
		RepoID: s.repo.ID, Number: pr.Number, Title: pr.Title, Author: pr.Author, HeadBranch: pr.Head.Branch, HeadSHA: pr.Head.SHA,
		HeadRepoID: pr.Head.RepoID, BaseBranch: pr.Base.Branch, BaseSHA: pr.Base.SHA, Open: pr.Open, Merged: pr.Merged, UpdatedAt: s.b.Now(),
	}
	var before store.Pull
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		before, err = tx.Pull(ctx, s.repo.ID, pr.Number)
		return ignoreMissing(err)
	})
	if err != nil {
		return err
	}
	record.Cockpit, record.HeadAt = before.Cockpit, before.HeadAt
	if before.HeadSHA != "" && before.HeadSHA != pr.Head.SHA {
		record.HeadAt = pr.UpdatedAt
	}
	if before.BaseBranch != "" && before.BaseBranch != pr.Base.Branch {
		if err := s.retargeted(ctx, before, pr); err != nil {
			return err
		}
	}
	if pr.Open {
		f, err := s.find(ctx, pr)
		var refused *forge.RefusedError
		if errors.As(err, &refused) { // a required check that stays away would block the merge without a word
			f, err = finding{Unknown: "The rules could not be judged: " + refused.Error()}, nil
		}
		if err != nil {
			return fmt.Errorf("pull request #%d: %w", pr.Number, err)
		}
		if err := s.scanPull(ctx, pr); err != nil {
			return err
		}
		if record.Verdict, err = json.Marshal(f); err != nil {
			return err
		}
		record.Problems = len(f.Verdict.Violations)
		record.Cockpit = record.Cockpit || record.Problems > 0 || f.Verdict.Head.Kind == gitflow.KindBackmerge
	}
	if record.Cockpit {
		s.pullCockpits[pr.Number] = true
	}
	if before.HeadSHA != "" && before.HeadSHA != pr.Head.SHA {
		s.mark(before.HeadSHA)
	}
	s.mark(pr.Head.SHA)
	if err := s.b.Store.Write(ctx, func(tx *store.Tx) error { return tx.SavePull(ctx, record) }); err != nil {
		return err
	}
	return s.endPermits(ctx, record)
}

// findingOf is what was found about a pull request when it was judged last; the zero finding while it was not.
func findingOf(p store.Pull) (finding, error) {
	var f finding
	if len(p.Verdict) == 0 {
		return f, nil
	}
	err := json.Unmarshal(p.Verdict, &f)
	return f, err
}

// find judges the pull request as it is now.
func (s *session) find(ctx context.Context, pr forge.PullRequest) (finding, error) {
	verdict, files, known, err := s.verdict(ctx, pr)
	f := finding{Verdict: verdict}
	if err != nil {
		return f, err
	}
	if !known {
		if files, known, err = s.gh.PullFiles(ctx, pr.Number); err != nil {
			return f, err
		}
	}
	if s.touchesConfig(files) || !known {
		f.Config, err = s.findConfig(ctx, pr)
	}
	return f, err
}

// verdict holds the pull request against the rules. files are those that it changes, where the comparisons tell.
func (s *session) verdict(ctx context.Context, pr forge.PullRequest) (v gitflow.Verdict, files []string, known bool, err error) {
	facts, err := s.pullFacts(ctx, pr)
	if err != nil {
		return v, nil, false, err
	}
	for _, need := range gitflow.PullNeeds(s.names(), facts) {
		answer, raw, err := s.flowCompare(ctx, need)
		if err != nil {
			return v, nil, false, err
		}
		answer.CompareRequest = need
		facts.Comparisons = append(facts.Comparisons, answer)
		ofHead := need.Head == pr.Head.SHA || need.Head == pr.Head.Branch
		if ofHead && need.Base == pr.Base.Branch && !answer.Missing && !raw.FilesTruncated {
			files, known = raw.Files, true
		}
	}
	v = gitflow.CheckPull(s.names(), facts)
	if len(v.Unnamed) == 0 {
		return v, files, known, nil
	}
	facts.Merged, err = s.mergedBranches(ctx, v.Unnamed)
	return gitflow.CheckPull(s.names(), facts), files, known, err
}

// mergedBranches says which branches were at the commits when pull requests merged them, as far as that was recorded.
func (s *session) mergedBranches(ctx context.Context, tips []string) (out []gitflow.MergedBranch, err error) {
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		for _, tip := range tips {
			at, err := tx.PullsAt(ctx, s.repo.ID, tip)
			if err != nil {
				return err
			}
			for _, p := range at {
				if !p.Merged || p.BaseBranch != s.names().Development {
					continue // anybody can open one at any commit
				}
				out = append(out, gitflow.MergedBranch{SHA: tip, Branch: p.HeadBranch, Number: p.Number, Fork: p.HeadRepoID != s.repo.ID})
			}
		}
		return nil
	})
	return out, err
}

// pullFacts is a pull request in gitflow's words.
func (s *session) pullFacts(ctx context.Context, pr forge.PullRequest) (gitflow.PullFacts, error) {
	facts := gitflow.PullFacts{
		Number: pr.Number, Head: pr.Head.Branch, Base: pr.Base.Branch, HeadSHA: pr.Head.SHA, BaseSHA: pr.Base.SHA,
		Open: pr.Open, Draft: pr.Draft, Fork: pr.Fork(), HeadOwner: pr.Head.Owner, ByBot: pr.Author.ID == s.us.UserID,
	}
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		heads, err := tx.Branches(ctx, s.repo.ID)
		if err != nil {
			return err
		}
		for _, h := range heads {
			kind := s.classify(h.Name).Kind
			if kind.Ships() && h.Name != pr.Head.Branch {
				facts.Candidates = append(facts.Candidates, h.Name)
			}
			switch kind {
			case gitflow.KindRelease:
				if out, err := ofSupportLine(ctx, tx, s.repo.ID, h.Name); err != nil || out && h.Name != pr.Head.Branch && h.Name != pr.Base.Branch {
					if err != nil {
						return err
					}
					continue
				}
				facts.OpenReleases = append(facts.OpenReleases, h.Name)
			}
		}
		for _, name := range []string{pr.Head.Branch, pr.Base.Branch} {
			r, err := tx.ReleaseByBranch(ctx, s.repo.ID, name)
			if ignoreMissing(err) != nil {
				return err
			}
			if err == nil && r.Kind == string(gitflow.KindRelease) {
				facts.Cut = r.CutSHA
			}
		}
		r, err := s.finishOf(ctx, tx, pr.Head.Branch)
		if ignoreMissing(err) != nil {
			return err
		}
		facts.FinishSHA = r.SHA
		facts.Candidates = slices.DeleteFunc(facts.Candidates, func(name string) bool { return name == r.Branch })
		if s.classify(pr.Head.Branch).Kind != gitflow.KindBackmerge || pr.Fork() {
			return nil
		}
		facts.Tip, err = s.tipOf(ctx, tx, pr.Head.Branch)
		return err
	})
	if err != nil {
		return facts, err
	}
	open := facts.OpenReleases[:0]
	for _, name := range facts.OpenReleases { // the record is as old as the last event
		head, err := s.head(ctx, name)
		if err != nil {
			return facts, err
		}
		if head != "" {
			open = append(open, name)
		}
	}
	facts.OpenReleases = open
	return facts, nil
}

// awaited has what may have waited for a review of a pull request, or for a word on it, looked at again.
func (s *session) awaited(ctx context.Context, number int) error {
	return s.b.Store.Read(ctx, func(tx *store.Tx) error {
		r, err := tx.ReleaseByPull(ctx, s.repo.ID, number)
		if err == nil {
			s.touch(r.ID)
		}
		if ignoreMissing(err) != nil {
			return err
		}
		p, err := tx.Pull(ctx, s.repo.ID, number)
		s.touchAll = s.touchAll || p.Open && ours(s.classify(p.HeadBranch).Kind) // its merge may wait for that
		return ignoreMissing(err)
	})
}
