package demo

import (
	"context"
	"fmt"
)

func (s *story) hotfix(ctx context.Context) error {
	if err := s.say(ctx, developer, s.feature, "/hotfix start 17"); err != nil {
		return err
	}
	if err := until(ctx, "the branch hotfix/17", func(context.Context) (string, bool, error) {
		return "not there", s.w.repo.SHA("hotfix/17") != "", nil
	}); err != nil {
		return err
	}
	runs, err := s.w.environment(ctx, "production", "running 1.4.0", func(e Environment) bool { return e.Version == "1.4.0" })
	if err != nil {
		return err
	}
	cut := s.w.repo.SHA("hotfix/17")
	if master := s.w.repo.SHA("master"); cut != master || !s.w.repo.Contains(cut, runs.SHA) {
		return fmt.Errorf("hotfix/17 is at %s; master is at %s, and production runs %s", cut, master, runs.SHA)
	}
	s.n.saw("hotfix/17 is cut from master at %s, which has %s, what production runs", cut[:7], runs.SHA[:7])
	if _, err := s.push(ctx, "hotfix/17", "hotfix/17", "fix: keep the total positive", map[string]string{
		"total.go": "package main\n\n// total never falls below zero.\nfunc total(n int) int { return max(n, 0) }\n\nvar _ = total\n",
	}); err != nil {
		return err
	}
	s.n.who(developer, "pushes the fix")
	if _, err := s.candidateOf(ctx, "1.4.0-hotfix-17", "hotfix candidate"); err != nil {
		return err
	}
	if err := s.w.madeRoom(ctx, s.waiting); err != nil {
		return err
	}
	s.n.saw("1.5.0 made room: its approval waits, its digest %s is remembered", s.waiting.CandidateDigest[:19])
	return nil
}

func (s *story) promoteHotfix(ctx context.Context) error {
	if err := s.promoteVersion(ctx, "1.4.0-hotfix-17"); err != nil {
		return err
	}
	if err := s.finished(ctx, "1.4.0-hotfix-17", "1.6.0", "keep the total positive"); err != nil {
		return err
	}
	tip := s.w.repo.SHA("master")
	if !s.w.repo.Contains(s.w.repo.SHA("release/1.5.0"), tip) {
		return fmt.Errorf("release/1.5.0 lacks the hotfix")
	}
	s.n.saw("the hotfix went back into development and release/1.5.0")
	_, err := s.candidateOf(ctx, "1.5.0", "next candidate")
	return err
}

func (s *story) rollback(ctx context.Context) error {
	r, err := s.w.release(ctx, "1.4.0-hotfix-17", "there", func(Release) bool { return true })
	if err != nil {
		return err
	}
	if err := s.say(ctx, releaseManager, r.Pull, "/rollback production --reason totals are wrong for refunds"); err != nil {
		return err
	}
	good, err := s.w.release(ctx, "1.4.0", "there", func(Release) bool { return true })
	if err != nil {
		return err
	}
	answer, err := s.w.answers(ctx, "production", "1.4.0", good.SHA)
	if err != nil {
		return err
	}
	s.n.saw("production answers %q", answer)
	_, err = s.w.release(ctx, "1.4.0-hotfix-17", "rolled back", func(r Release) bool { return r.Status == "rolled-back" })
	if err != nil {
		return err
	}
	if err := s.w.held(ctx, good); err != nil {
		return err
	}
	s.n.saw("1.4.0-hotfix-17 is marked as rolled back; production is held until /unpin production")
	return nil
}
