package bot

import (
	"context"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/store"
)

// A start is recorded, and then taken as far as it can go before it is answered: only GitHub knows whether it makes the branch.

// startedBefore is the release that a command of this origin recorded before a crash; nil: none.
func (s *session) startedBefore(ctx context.Context, origin string) (*store.Release, error) {
	var all []store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Releases(ctx, s.repo.ID)
		return err
	})
	for i, r := range all {
		if r.Origin == origin {
			s.accounted()
			return &all[i], err
		}
	}
	return nil, err
}

// recordStart writes a new release with its audit entry.
func (s *session) recordStart(ctx context.Context, q *request, r *store.Release) error {
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.SaveRelease(ctx, *r); err != nil {
			return err
		}
		evidence := map[string]any{"from": r.CutSHA, "branch": r.Branch, "via": q.via, "comment": q.comment}
		if title := q.Arg(1); title != "" {
			evidence["title"] = title
			if err := tx.SetSetting(ctx, s.titleKey(r), title); err != nil {
				return err
			}
		}
		return s.auditIn(ctx, tx, q.by, r.Kind+".start", r.Key(), "", evidence)
	})
}

// begin takes the first steps of a release whose record was written, and answers the command. Where GitHub does not make its
// branch the release is given up again, and the answer says what is in the way.
func (s *session) begin(ctx context.Context, q *request, r *store.Release) (string, error) {
	if q.said == "" { // what was to be said was lost in a crash
		q.said = fmt.Sprintf("%s is started; its branch is %s.", code(r.Version), code(r.Branch))
	}
	s.touch(r.ID)
	if err := s.walk(ctx, r.ID); err != nil {
		if err := s.blocked(ctx, r.ID, err); err != nil {
			return "", err
		}
	}
	now, err := s.release(ctx, r.ID)
	switch {
	case err != nil:
		return "", err
	case now == nil || now.Problem == "" || now.Pull != 0:
		return s.finishWith(ctx, q, q.said)
	}
	head, err := s.head(ctx, now.Branch)
	if err != nil {
		return "", err
	}
	if head != "" {
		return s.finishWith(ctx, q, q.said+"\n\n**"+prose(now.Problem)+"**")
	}
	why := fmt.Sprintf("%s could not be made, so nothing was started. %s Then give the command again.", code(now.Branch), prose(strings.TrimSuffix(now.Problem, goesOn)))
	delete(s.touched, now.ID)
	err = s.b.Store.Write(ctx, func(tx *store.Tx) error {
		now.Status, now.Finished, now.Reason, now.UpdatedAt = store.ReleaseAbandoned, true, now.Problem, s.b.Now()
		if err := tx.SaveRelease(ctx, *now); err != nil {
			return err
		}
		return s.auditIn(ctx, tx, q.by, now.Kind+".refused", now.Key(), now.Problem, nil)
	})
	if err != nil {
		return "", err
	}
	return "", &userError{why}
}
