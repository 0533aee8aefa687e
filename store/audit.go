package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

func audit() table[AuditEntry] {
	return table[AuditEntry]{"audit", []string{"repo_id", "seq"}, func(e *AuditEntry) []column {
		return columns([]column{
			{"repo_id", &e.RepoID}, {"seq", &e.Seq}, {"at", micros{&e.At}}, {"action", &e.Action}, {"subject", &e.Subject},
			{"reason", &e.Reason}, {"evidence", blob{&e.Evidence}}, {"prev_hash", &e.PrevHash}, {"hash", &e.Hash},
		}, user("actor", &e.Actor))
	}}
}

// Audit appends a decision to the audit log of its repository (RepoID 0: what concerns none) and returns it as stored:
// Seq, PrevHash and Hash are set here; a zero At is now. Each repository has a chain of its own, from Seq 1 without
// gaps. Nothing in this package changes or removes an entry.
func (tx *Tx) Audit(ctx context.Context, e AuditEntry) (AuditEntry, error) {
	if e.At.IsZero() {
		e.At = tx.store.now()
	}
	e.At = fromMicros(toMicros(e.At)) // as it will be read
	if err := tx.next(ctx, &e.Seq, fmt.Sprintf("audit:%d", e.RepoID)); err != nil {
		return AuditEntry{}, err
	}
	e.PrevHash = ""
	if e.Seq > 1 {
		if _, err := tx.scalar(ctx, []any{&e.PrevHash}, "SELECT hash FROM audit WHERE repo_id = ? AND seq = ?", e.RepoID, e.Seq-1); err != nil {
			return AuditEntry{}, fmt.Errorf("read the audit log: %w", err)
		}
	}
	var err error
	if e.Hash, err = hashEntry(e); err != nil {
		return AuditEntry{}, err
	}
	added, err := audit().insert(ctx, tx, &e)
	if err == nil && !added {
		err = fmt.Errorf("audit entry %d of repository %d is there already: %w", e.Seq, e.RepoID, ErrConflict)
	}
	return e, err
}

// AuditLog returns the entries of a repository with a Seq above after, in order, at most limit.
func (tx *Tx) AuditLog(ctx context.Context, repo, after int64, limit int) ([]AuditEntry, error) {
	return audit().list(ctx, tx, "repo_id = ? AND seq > ? ORDER BY seq LIMIT ?", repo, after, limit)
}

// AuditRepos returns the repositories that have an audit log, 0 included, by ID.
func (tx *Tx) AuditRepos(ctx context.Context) ([]int64, error) {
	r, err := tx.query(ctx, "SELECT DISTINCT repo_id FROM audit ORDER BY repo_id")
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	defer r.Close()
	var repos []int64
	for r.Next() {
		var id int64
		if err := r.Scan(&id); err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		repos = append(repos, id)
	}
	return repos, r.Err()
}

// VerifyAudit checks that entries of one repository follow one another without a gap and that nothing in them was
// changed. prev is the entry before the first, or the zero entry if the first is the beginning of the log. It cannot
// know of entries cut off at the end: keep the last hash elsewhere and compare.
func VerifyAudit(prev AuditEntry, entries []AuditEntry) error {
	for _, e := range entries {
		switch hash, err := hashEntry(e); {
		case err != nil:
			return err
		case e.Seq != prev.Seq+1:
			return fmt.Errorf("audit entry %d follows %d: an entry is missing or out of order", e.Seq, prev.Seq)
		case prev.Seq > 0 && e.RepoID != prev.RepoID:
			return fmt.Errorf("audit entry %d is of repository %d, the one before of %d", e.Seq, e.RepoID, prev.RepoID)
		case e.PrevHash != prev.Hash:
			return fmt.Errorf("audit entry %d does not continue entry %d: one of them was replaced", e.Seq, prev.Seq)
		case e.Hash != hash:
			return fmt.Errorf("audit entry %d was changed: its hash is %s, its content gives %s", e.Seq, e.Hash, hash)
		}
		prev = e
	}
	return nil
}

// hashEntry is SHA-256, in hex, over the hash before and the entry as a JSON array in a fixed order.
func hashEntry(e AuditEntry) (string, error) {
	canonical, err := json.Marshal([]any{1, e.PrevHash, e.RepoID, e.Seq, toMicros(e.At), e.Actor.ID, e.Actor.Login, e.Actor.Bot,
		e.Action, e.Subject, e.Reason, append([]byte{}, e.Evidence...)})
	if err != nil {
		return "", errors.Join(fmt.Errorf("hash audit entry %d", e.Seq), err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}
