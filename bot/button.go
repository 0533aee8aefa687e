package bot

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// buttonPressed handles a button on one of our check runs as the command it stands for, with the rights of who pressed.
func (s *session) buttonPressed(ctx context.Context, e event.CheckAction) error {
	if e.AppID != s.us.AppID || !strings.HasPrefix(e.ExternalID, e.SHA+" ") {
		return nil // another App's check run, or not one of ours
	}
	command, since := pressed(e.Identifier)
	if command.Name == "" {
		return nil
	}
	q := &request{
		Command: command, by: e.Sender, known: since, via: fmt.Sprintf("button %d %s", e.CheckRunID, e.Press),
		done: nothingElse,
	}
	if err := s.findByCheck(ctx, q, e.SHA); err != nil {
		return err
	}
	at, err := s.gather(ctx, e.SHA)
	if err != nil {
		return err
	}
	if len(at.releases) > 1 { // the check had the button while there was one
		return s.sayOnce(ctx, q, fmt.Sprintf("button-%d-%s", e.CheckRunID, e.Identifier),
			fmt.Sprintf("%d releases are at %s. Please say %s on the pull request of the one that you mean.", len(at.releases), short(e.SHA), code("/"+command.Name)))
	}
	reply, ok, err := s.carry(ctx, q)
	if err != nil {
		return err
	}
	s.mark(e.SHA)
	if command.Name == "reject" && ok {
		reply = strings.TrimSpace(cmp.Or(reply, "The candidate is rejected.") + "\n\nPlease say why in a comment, for those who mend it.")
	}
	if reply == "" || q.issue == 0 {
		return nil
	}
	return s.sayOnce(ctx, q, fmt.Sprintf("button-%d-%s", e.CheckRunID, e.Identifier), reply)
}

// sayOnce answers who pressed a button: the same answer is given once, another one again.
func (s *session) sayOnce(ctx context.Context, q *request, button, reply string) error {
	sum := sha256.Sum256([]byte(reply))
	return s.say(ctx, q.issue, fmt.Sprintf("%s-%d-%x", button, q.by.ID, sum[:4]), mention(q.by.Login)+" "+reply)
}

// findByCheck finds what a check run at a SHA is about: the release's pull request, else the newest open one.
func (s *session) findByCheck(ctx context.Context, q *request, sha string) error {
	return s.b.Store.Read(ctx, func(tx *store.Tx) error {
		pulls, err := tx.PullsAt(ctx, s.repo.ID, sha)
		if err != nil {
			return err
		}
		for i, p := range pulls {
			r, err := tx.ReleaseByPull(ctx, s.repo.ID, p.Number)
			if ignoreMissing(err) != nil {
				return err
			}
			if q.release == nil && p.Open {
				q.pr, q.issue, q.pull = &pulls[i], p.Number, true
			}
			if err == nil {
				q.pr, q.issue, q.pull, q.release = &pulls[i], p.Number, true, &r
			}
		}
		if q.pr == nil {
			at, err := tx.ExecutionsAt(ctx, s.repo.ID, sha)
			if err != nil {
				return err
			}
			for _, x := range at { // a branch without pull request; production is no branch's
				if x.Kind != pipeline.KindProduction && !isReturn(&x) {
					q.pr = &store.Pull{RepoID: s.repo.ID, HeadBranch: x.Branch, HeadSHA: sha}
				}
			}
		}
		if q.release != nil {
			q.execution, err = oneExecution(ctx, tx, q.release.ExecutionID)
		}
		return err
	})
}

// rerun handles GitHub's re-run button, of one check, or of all where the event names none. It acts with the rights of who pressed it:
// what failed is tried again, and everything at the SHA is judged and reported anew.
func (s *session) rerun(ctx context.Context, e event.CheckRerequested) error {
	if e.AppID != s.us.AppID {
		return nil
	}
	by, sha, name := e.Sender, e.SHA, e.Name
	no, err := s.authorize(ctx, ask{door: DoorRecheck, who: by})
	if err != nil {
		return err
	}
	if no != nil {
		return s.b.Store.Write(ctx, func(tx *store.Tx) error {
			if known, err := s.pressKnown(ctx, tx, e.Press, "refused"); err != nil || known {
				return err
			}
			return s.auditIn(ctx, tx, by, "refused", "re-run", no.Why, map[string]any{"sha": sha, "check": name})
		})
	}
	var pulls []store.Pull
	err = s.b.Store.Write(ctx, func(tx *store.Tx) (err error) {
		if pulls, err = tx.PullsAt(ctx, s.repo.ID, sha); err != nil {
			return err
		}
		if known, err := s.pressKnown(ctx, tx, e.Press, "rerun"); err != nil || known {
			return err
		}
		checks, err := tx.Checks(ctx, s.repo.ID, sha)
		if err != nil {
			return err
		}
		for _, c := range checks {
			if name != "" && c.Name != name {
				continue
			}
			c.Hash, c.RunID = "rerequested", 0 // GitHub wants a new run
			if err := tx.SaveCheck(ctx, c); err != nil {
				return err
			}
		}
		return s.auditIn(ctx, tx, by, "rerun", sha, "", map[string]any{"check": name})
	})
	if err != nil {
		return err
	}
	for _, p := range pulls {
		pr, err := s.gh.Pull(ctx, p.Number)
		if errors.Is(err, forge.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.judge(ctx, pr); err != nil {
			return err
		}
		s.touchPull(ctx, pr)
	}
	s.mark(sha)
	if err := s.rescan(ctx, sha); err != nil {
		return err
	}
	if name != "" && name != CheckPipeline {
		return nil
	}
	q := &request{Command: Command{Name: "retry"}, by: by, via: "rerun " + sha + " " + e.Press, done: nothingElse}
	if err := s.findByCheck(ctx, q, sha); err != nil {
		return err
	}
	x, err := s.failedExecution(ctx, q)
	if err != nil || x != nil && x.Kind == pipeline.KindProduction {
		return err
	}
	if x == nil {
		_, _, err := s.startMissing(ctx, q)
		return err
	}
	if slices.Contains(x.State.RetryKeys, retryKey(q)) {
		return nil // it was tried again by this press, and has failed again
	}
	reply, _, err := s.carry(ctx, q)
	if err != nil || reply == "" || q.issue == 0 {
		return err
	}
	return s.sayOnce(ctx, q, "rerun-"+short(sha), reply)
}

// pressKnown notes what came of a press on the re-run button, and tells whether it was noted before: then its handling was cut off, and goes
// on without another entry in the audit log and without another new run.
func (s *session) pressKnown(ctx context.Context, tx *store.Tx, press, outcome string) (bool, error) {
	key := fmt.Sprintf("%d/press/%s:%s", s.repo.ID, press, outcome)
	now := s.b.Now()
	known, err := tx.Intend(ctx, store.Effect{Key: key, RepoID: s.repo.ID, Kind: commandRecord, Intent: []byte(fmt.Sprintf("%q", outcome)), CreatedAt: now, UpdatedAt: now})
	if err != nil || known.Done {
		return known.Done, err
	}
	return false, tx.EffectDone(ctx, key, nil)
}
