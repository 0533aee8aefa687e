package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// lookFinish reads what the steps after the deployment have done so far.
func (s *session) lookFinish(ctx context.Context, r *store.Release, w *world) error {
	_, err := s.gh.ReleaseByTag(ctx, r.Tag)
	if err := ignoreNotFound(err); err != nil {
		return err
	}
	w.ReleasePage = err == nil
	if err := s.lookLine(ctx, &w.Production, w.Candidate.SHA, ""); err != nil {
		return err
	}
	if r.Line != "" {
		return s.lookFinishPull(ctx, r, w) // merged into its line, and nowhere else
	}
	if err := s.lookLine(ctx, &w.Development, w.Candidate.SHA, w.Production.SHA); err != nil {
		return err
	}
	var heads []store.Branch
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		heads, err = tx.Branches(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	w.Releases = nil // as they are on GitHub now
	for _, h := range heads {
		if b := s.classify(h.Name); b.Kind != gitflow.KindRelease || b.Component != s.component() || h.Name == r.Branch {
			continue
		}
		if out, err := s.leftOut(ctx, h.Name); err != nil || out {
			if err != nil {
				return err
			}
			continue
		}
		line := gitflow.Line{Branch: h.Name}
		if line.SHA, err = s.head(ctx, h.Name); err != nil {
			return err
		}
		if line.SHA == "" {
			continue
		}
		if own, err := s.hasOwnMerge(ctx, line, w.Production.SHA); err != nil || own {
			if err != nil {
				return err
			}
			continue
		}
		if err := s.lookLine(ctx, &line, w.Candidate.SHA, w.Production.SHA); err != nil {
			return err
		}
		w.Releases = append(w.Releases, line)
	}
	if err := s.lookFinishPull(ctx, r, w); err != nil {
		return err
	}
	return s.lookBackmerges(ctx, w)
}

// hasOwnMerge tells whether a candidate is tagged and in production, which has nothing else that it lacks: its promotion was begun
// before a backup was restored, by finish.order merge-then-deploy. Its own merge is not brought to it, since it would be another commit
// than the tag's.
func (s *session) hasOwnMerge(ctx context.Context, line gitflow.Line, production string) (bool, error) {
	var t store.Tag
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		r, err := tx.ReleaseByBranch(ctx, s.repo.ID, line.Branch)
		if err == nil {
			t, err = tx.Tag(ctx, s.repo.ID, r.Tag)
		}
		return ignoreMissing(err)
	})
	if err != nil || t.SHA != line.SHA {
		return false, err
	}
	c, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: line.SHA, Head: production})
	return c.AheadBy > 0 && gitflow.LacksProduction(c, gitflow.Comparison{}, nil).OK(), err
}

// lookLine tells whether a branch contains the candidate and the production tip, and what it said to merges so far.
func (s *session) lookLine(ctx context.Context, l *gitflow.Line, candidate, production string) error {
	if l.SHA == "" {
		return nil
	}
	var brought []gitflow.Commit
	for _, q := range []struct {
		sha  string
		into *bool
	}{{candidate, &l.HasCandidate}, {production, &l.HasProduction}} {
		if q.sha == "" {
			continue
		}
		c, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: l.SHA, Head: q.sha})
		if err != nil {
			return err
		}
		*q.into, brought = c.Contains(), c.Commits
	}
	if t, ok := s.tried[l.Branch]; ok {
		l.Answer, l.TriedSHA, l.Reason, l.Files, l.Queue = t.Answer, t.TriedSHA, t.Reason, t.Files, t.Queue
	}
	if production == "" || l.HasProduction {
		return nil
	}
	var err error
	if !l.Queue {
		if l.Queue, err = s.queues(ctx, l.Branch); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(brought, func(c gitflow.Commit) bool { return len(c.Reverts)+len(c.Picks) > 0 }) {
		return nil
	}
	here, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: production, Head: l.SHA})
	l.Reverts = gitflow.Reverts(brought, here.Commits)
	return err
}

// lookFinishPull finds the bot's own branch and pull request for a production branch that takes no direct merge.
func (s *session) lookFinishPull(ctx context.Context, r *store.Release, w *world) error {
	branch := s.names().FinishBranch(r.Version)
	var err error
	if w.FinishHead, err = s.head(ctx, branch); err != nil {
		return err
	}
	var pr forge.PullRequest
	if w.FinishPull, pr, err = s.pullFrom(ctx, branch, s.namesOf(r).Production); err != nil {
		return err
	}
	if head := w.FinishPull.HeadSHA; head != "" && head != w.Candidate.SHA && w.Candidate.SHA != "" {
		c, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: head, Head: w.Candidate.SHA})
		if err != nil {
			return err
		}
		w.FinishLacks = !c.Contains()
		if w.FinishPull.Open {
			if w.FinishPull.Fault, err = s.finishFault(ctx, r, pr); err != nil {
				return err
			}
			if w.FinishSound, err = s.soundFinish(ctx, w); err != nil {
				return err
			}
		}
	}
	repair := gitflow.RepairBranch(branch)
	if w.RepairHead, err = s.head(ctx, repair); err != nil {
		return err
	}
	if w.RepairPull, _, err = s.pullFrom(ctx, repair, s.namesOf(r).Production); err != nil {
		return err
	}
	if w.RepairSound, err = s.soundRepair(ctx, w); err != nil {
		return err
	}
	for _, p := range []*gitflow.Pull{&w.Pull, &w.FinishPull} {
		if err := s.mergeSeen(ctx, p, w.Production.SHA); err != nil {
			return err
		}
	}
	if p := &w.Pull; p.Open && p.HeadSHA == w.Candidate.SHA && !w.Production.HasCandidate {
		if p.Behind, err = s.outdated(ctx, p, w.Production); err != nil {
			return err
		}
	}
	for _, p := range []*gitflow.Pull{&w.FinishPull, &w.RepairPull} {
		if !p.Open {
			continue
		}
		if err := s.lookMerge(ctx, p, w.Production); err != nil {
			return err
		}
	}
	return nil
}

// soundFinish is the head of the pull request into production if nobody but Sluice moved its branch, to bring it up to date; else
// empty. What GitHub did though its answer was lost is not on record, and people merge it.
func (s *session) soundFinish(ctx context.Context, w *world) (string, error) {
	var merges []store.Effect
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		merges, err = tx.Effects(ctx, s.repo.ID, string(effectMerge))
		return err
	})
	if err != nil {
		return "", err
	}
	var made []string
	into := effectKey(s.repo.ID, effectMerge, w.FinishPull.Head+"@")
	for _, e := range merges {
		var sha string
		if !e.Done || !strings.HasPrefix(e.Key, into) {
			continue
		}
		if err := json.Unmarshal(e.Result, &sha); err != nil {
			return "", fmt.Errorf("effect %s: %w", e.Key, err)
		}
		made = append(made, sha)
	}
	in, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: w.Production.SHA, Head: w.FinishPull.HeadSHA})
	if err != nil || !gitflow.OnlyUpdated(in, w.FinishPull.HeadSHA, w.Candidate.SHA, made) {
		return "", err
	}
	return w.FinishPull.HeadSHA, nil
}

// maxUpdates bounds how often a repair that changes no file may have been brought up to date.
const maxUpdates = 20

// soundRepair is the head of the repair of production's ancestry, if it is what Sluice makes: the approved commit merged into a
// commit of production without changing a file, and later commits of production merged into that, each with the files of production
// then. Anybody who may push can move the branch, or make it first.
func (s *session) soundRepair(ctx context.Context, w *world) (string, error) {
	head := w.RepairHead
	if w.RepairPull.Open {
		head = w.RepairPull.HeadSHA
	}
	if head == "" || w.Production.SHA == "" {
		return "", nil
	}
	at := head
	for range maxUpdates {
		commit, err := s.gh.Commit(ctx, at)
		if err != nil || len(commit.Parents) != 2 {
			return "", ignoreNotFound(err)
		}
		production, rest := commit.Parents[0], commit.Parents[1]
		if rest != w.Candidate.SHA {
			production, rest = rest, production
		}
		of, err := s.gh.Commit(ctx, production)
		if err != nil || of.Tree == "" || of.Tree != commit.Tree {
			return "", ignoreNotFound(err)
		}
		c, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: w.Production.SHA, Head: production})
		if err != nil || !c.Contains() {
			return "", err
		}
		if rest == w.Candidate.SHA {
			return head, nil
		}
		at = rest
	}
	return "", nil
}

// changesNothing tells whether a commit has the files of its first parent.
func (s *session) changesNothing(ctx context.Context, commit forge.Commit) (bool, error) {
	parent, err := s.gh.Commit(ctx, commit.Parents[0])
	return err == nil && parent.Tree != "" && parent.Tree == commit.Tree, err
}

// pullFrom is the newest pull request from a branch of the bot's, also as it was read; the zero Pull: there is none. An open one is
// read by itself, since GitHub's lists do not tell whether it can be merged.
func (s *session) pullFrom(ctx context.Context, head, base string) (gitflow.Pull, forge.PullRequest, error) {
	all, err := s.gh.PullsFrom(ctx, head, base)
	if err != nil || len(all) == 0 {
		return gitflow.Pull{}, forge.PullRequest{}, err
	}
	p := all[0]
	if p.Open {
		if p, err = s.gh.Pull(ctx, p.Number); err != nil {
			return gitflow.Pull{}, p, err
		}
	}
	return flowPull(p), p, nil
}

// mergeSeen tells whether the base, as it was read, has the merge commit of a merged pull request already.
func (s *session) mergeSeen(ctx context.Context, p *gitflow.Pull, base string) error {
	if !p.Merged || p.MergeSHA == "" || base == "" {
		return nil
	}
	c, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: base, Head: p.MergeSHA})
	p.MergeSeen = gitflow.No
	if c.Contains() {
		p.MergeSeen = gitflow.Yes
	}
	return err
}

// lookMerge tells what keeps a pull request of ours from being merged into a branch.
func (s *session) lookMerge(ctx context.Context, p *gitflow.Pull, line gitflow.Line) error {
	if t, ok := s.tried[p.Head]; ok && t.Answer == gitflow.MergeConflict {
		p.Mergeable = gitflow.No // said when it was to be brought up to date
	}
	var err error
	if p.Behind, err = s.outdated(ctx, p, line); err != nil {
		return err
	}
	missing, err := s.missingChecks(ctx, p.HeadSHA, line.Branch)
	if err != nil {
		return err
	}
	if len(missing) > 0 && !p.Behind {
		p.WaitsFor = "the required check " + strings.Join(missing, ", ")
	} else if p.Needs, err = s.missingReviews(ctx, p.Number, line.Branch); err != nil {
		return err
	}
	if line.Queue {
		return s.lookQueue(ctx, p)
	}
	return nil
}

// outdated tells whether a pull request lacks commits of its base where the rules take only what is up to date. Where the rules do
// not tell, as classic protection does not without the permission administration:read, GitHub's own word on the pull request does. A
// merge queue sees to that by itself.
func (s *session) outdated(ctx context.Context, p *gitflow.Pull, line gitflow.Line) (bool, error) {
	rules, err := s.rules(ctx, heads+line.Branch)
	strict := slices.DeleteFunc(slices.Clone(rules), func(r gitflow.RuleFact) bool { return !r.Strict })
	binding := slices.ContainsFunc(strict, func(r gitflow.RuleFact) bool { return !r.Bypass && !r.BypassByPull })
	if err != nil || !binding && (len(strict) > 0 || !p.Behind) || line.Queue || line.SHA == "" {
		return false, err
	}
	c, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: p.HeadSHA, Head: line.SHA})
	return !c.Missing && !c.Contains(), err
}

// line is the branch of that name among those that back-merges go into.
func (w *world) line(name string) (gitflow.Line, bool) {
	for _, l := range append([]gitflow.Line{w.Development}, w.Releases...) {
		if l.Branch == name {
			return l, true
		}
	}
	return gitflow.Line{}, false
}

// lookBackmerges finds the back-merge branches the bot made, by the record of making them, and their pull requests.
func (s *session) lookBackmerges(ctx context.Context, w *world) error {
	var made []store.Effect
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		made, err = tx.Effects(ctx, s.repo.ID, string(effectCreateBranch))
		return err
	})
	if err != nil {
		return err
	}
	for _, e := range made {
		var b branchIntent
		if err := json.Unmarshal(e.Intent, &b); err != nil {
			return err
		}
		if !strings.HasPrefix(b.Branch, gitflow.BackmergePrefix) || !e.Done {
			continue
		}
		m := gitflow.Backmerge{Target: b.Target, Branch: b.Branch, Tip: b.Tip, Repair: b.Repair}
		if m.Head, err = s.head(ctx, b.Branch); err != nil {
			return err
		}
		var pr forge.PullRequest
		if m.Pull, pr, err = s.pullFrom(ctx, b.Branch, b.Target); err != nil {
			return err
		}
		line, ok := w.line(b.Target)
		if err := s.mergeSeen(ctx, &m.Pull, line.SHA); err != nil {
			return err
		}
		if ok && m.Pull.Open {
			if err := s.lookMerge(ctx, &m.Pull, line); err != nil {
				return err
			}
		}
		if ok {
			if err := s.lookResolution(ctx, w, &m, pr, line); err != nil {
				return err
			}
		}
		w.Backmerges = append(w.Backmerges, m)
	}
	return nil
}
