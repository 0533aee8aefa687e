package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// audit appends one decision to the audit log.
func (s *session) audit(ctx context.Context, who forge.User, action, subject, reason string, evidence any) error {
	return s.b.Store.Write(ctx, func(tx *store.Tx) error { return s.auditIn(ctx, tx, who, action, subject, reason, evidence) })
}

// auditIn is audit within the transaction that makes the decision.
func (s *session) auditIn(ctx context.Context, tx *store.Tx, who forge.User, action, subject, reason string, evidence any) error {
	var raw []byte
	if known, isMap := evidence.(map[string]any); s.via != "" && (isMap || evidence == nil) {
		with := map[string]any{"via": s.via}
		maps.Copy(with, known)
		evidence = with
	}
	if evidence != nil {
		var err error
		if raw, err = json.Marshal(evidence); err != nil {
			return err
		}
	}
	s.entries++
	_, err := tx.Audit(ctx, store.AuditEntry{
		RepoID: s.repo.ID, At: s.b.Now(), Actor: who, Action: action, Subject: subject, Reason: reason, Evidence: raw,
	})
	return err
}

// answerable has a command end only with an entry in the audit log, in the transaction of its end or before it: one that changed
// something and left none fails, and so does a new command that forgets it. What found nothing to change (unchanged) needs none.
func (s *session) answerable(q *request) {
	before, done := s.entries, q.done
	q.done = func(tx *store.Tx) error {
		if s.entries == before && !q.no && !q.idle {
			return fmt.Errorf("/%s changed something and left no entry in the audit log", q.Name)
		}
		return done(tx)
	}
}

// accounted notes that the entry about what a command decides is there already, from before a crash or from the first time.
func (s *session) accounted() { s.entries++ }

// auditOnce is audit for what a command decides before it begins: however often it is carried out until it ends, there is one
// entry. Given again once it ended, as a button can be, it leaves another.
func (s *session) auditOnce(ctx context.Context, q *request, action, subject string, evidence map[string]any) error {
	var key string
	err := s.b.Store.Write(ctx, func(tx *store.Tx) error {
		var begun bool
		var err error
		if key, begun, err = s.decision(ctx, tx, q, action, subject); err != nil || begun {
			return err
		}
		now := s.b.Now()
		if _, err := tx.Intend(ctx, store.Effect{
			Key: key, RepoID: s.repo.ID, Kind: commandRecord, Intent: []byte(fmt.Sprintf("%q", action)), CreatedAt: now, UpdatedAt: now,
		}); err != nil {
			return err
		}
		return s.auditIn(ctx, tx, q.by, action, subject, "", evidence)
	})
	if err != nil {
		return err
	}
	s.accounted()
	end := q.done
	q.done = func(tx *store.Tx) error {
		if err := tx.EffectDone(ctx, key, nil); err != nil {
			return err
		}
		return end(tx)
	}
	return nil
}

// begun tells whether a command was cut off after auditOnce: then it goes on, though the world has changed by it already.
func (s *session) begun(ctx context.Context, q *request, action, subject string) (begun bool, err error) {
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		_, begun, err = s.decision(ctx, tx, q, action, subject)
		return err
	})
	return begun, err
}

// decision is the key of the record that a command began, and whether it did so without having come to its end.
func (s *session) decision(ctx context.Context, tx *store.Tx, q *request, action, subject string) (key string, begun bool, err error) {
	for n := 0; ; n++ {
		key = fmt.Sprintf("%d/command/%s:%d:%d:%d:%s:%s#%d", s.repo.ID, q.via, q.comment, q.Line, q.by.ID, action, subject, n)
		e, err := tx.Effect(ctx, key)
		if err != nil || !e.Done {
			return key, err == nil, ignoreMissing(err)
		}
	}
}

// userError is a no to what somebody asked for: one or two sentences for them, Markdown of ours.
type userError struct{ text string }

func (e *userError) Error() string { return e.text }

// ignoreMissing drops ErrNotFound of the store.
func ignoreMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// ignoreNotFound drops ErrNotFound of GitHub.
func ignoreNotFound(err error) error {
	if errors.Is(err, forge.ErrNotFound) {
		return nil
	}
	return err
}

// lowerFirst makes a sentence fit behind a colon.
func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	next, _ := utf8.DecodeRuneInString(s[n:])
	if unicode.IsUpper(next) {
		return s // an abbreviation
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// tagOf is the tag of an image reference, repositoryOf what stands before it.
func tagOf(reference string) string {
	if i := strings.LastIndexByte(reference, ':'); i > strings.LastIndexByte(reference, '/') {
		return reference[i+1:]
	}
	return ""
}

func repositoryOf(reference string) string {
	if tag := tagOf(reference); tag != "" {
		return reference[:len(reference)-len(tag)-1]
	}
	return reference
}
