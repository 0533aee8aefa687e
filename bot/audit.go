package bot

import (
	"context"
	"encoding/json"
	"errors"
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
	_, err := tx.Audit(ctx, store.AuditEntry{
		RepoID: s.repo.ID, At: s.b.Now(), Actor: who, Action: action, Subject: subject, Reason: reason, Evidence: raw,
	})
	return err
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
