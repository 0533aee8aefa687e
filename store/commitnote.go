package store

import (
	"context"
	"fmt"
	"time"
)

// CommitNote is a kind of setting that is about one commit.
type CommitNote string

// What is noted of commits.
const (
	NotePush      CommitNote = "push"      // what the push that brought it broke
	NoteUnchanged CommitNote = "unchanged" // it changes no component
)

// Key is the name of the setting of a commit.
func (n CommitNote) Key(repo int64, sha string) string { return fmt.Sprintf("%s/%d/%s", n, repo, sha) }

// pruneNotes removes what is noted of commits and was first seen here before a time, unless a branch or an open pull request still
// has the commit as its head: then its checks may be made anew.
func (s *Store) pruneNotes(ctx context.Context, before time.Time) error {
	var err error
	for _, note := range []CommitNote{NotePush, NoteUnchanged} {
		notes := fmt.Sprintf("name LIKE '%s/%%'", note)
		heads := fmt.Sprintf(`SELECT '%[1]s/' || repo_id || '/' || sha FROM branches
			UNION SELECT '%[1]s/' || repo_id || '/' || head_sha FROM pulls WHERE is_open`, note)
		if err == nil {
			err = s.Write(ctx, func(tx *Tx) error {
				_, err := tx.exec(ctx, "UPDATE settings SET seen_at = ? WHERE seen_at = 0 AND "+notes, toMicros(s.now()))
				return err
			})
		}
		for n := int64(pruneStep); err == nil && n == pruneStep; { // what was written since has no time yet: it stays
			err = s.Write(ctx, func(tx *Tx) (err error) {
				n, err = tx.exec(ctx, `DELETE FROM settings WHERE name IN (SELECT name FROM settings WHERE `+notes+` AND seen_at > 0 AND seen_at < ? AND name NOT IN (`+heads+`)
					ORDER BY seen_at LIMIT ?)`, toMicros(before), pruneStep)
				return err
			})
		}
	}
	if err != nil {
		return fmt.Errorf("prune what was noted of commits: %w", err)
	}
	return nil
}
