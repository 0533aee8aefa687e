package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// SecretScanner finds credentials in text. What it says never holds one, errors included; any error means that the text
// could not be judged.
type SecretScanner interface {
	// Turn waits until a text may be looked through on this host; leave ends the turn. Patch and File are called within one. The error
	// is the context's.
	Turn(ctx context.Context) (leave func(), err error)
	// Patch looks through the lines that a patch (forge.FileChange.Patch) adds to a file.
	Patch(ctx context.Context, path, patch string) ([]Leak, error)
	// File looks through a whole file.
	File(ctx context.Context, path, text string) ([]Leak, error)
	// Skips tells whether files of that path are never looked at.
	Skips(path string) bool
}

// Leak is a place where a credential was committed.
type Leak struct {
	Rule        string `json:"rule"`
	Description string `json:"description"` // what the rule looks for
	Path        string `json:"path"`
	Line        int    `json:"line"` // from 1
	EndLine     int    `json:"end_line"`
	// Fingerprint is 20 hex digits that stand for rule and credential, wherever it is.
	Fingerprint string `json:"fingerprint"`
	// Commit is where it was, for one that a later commit took out again: it is in the history all the same.
	Commit string `json:"commit,omitempty"`
}

// unread is something that could not be looked through.
type unread struct {
	Path        string `json:"path,omitempty"` // empty: everything
	Why         string `json:"why"`
	Fingerprint string `json:"fingerprint"` // by which a person who has read it lets it pass
}

// secretReport is what a search came to; stored as JSON.
type secretReport struct {
	Leaks  []Leak   `json:"leaks,omitempty"`
	Unread []unread `json:"unread,omitempty"`
	// Commits is how many commits were looked through one by one, beside what all of them come to.
	Commits int `json:"commits"`
}

// Bounds of one search.
const (
	secretsTime    = 2 * time.Minute // without waiting for turns
	secretsBytes   = 24 << 20        // of patches and files
	secretsCommits = 50              // looked through one by one; more only where the comparison is cut short
	secretsAll     = 250
	secretsFiles   = 200 // fetched whole, because GitHub gave no patch
	secretsKept    = 200 // findings kept
)

// jobSecrets looks for credentials in what a commit brings; itemSecrets tells the lane.
const (
	jobSecrets  = "secrets"
	itemSecrets = "secrets"
)

// secretsPayload is the payload of both.
type secretsPayload struct {
	RepoID int64  `json:"repo"`
	SHA    string `json:"sha"`
	Base   string `json:"base"` // branch
}

func secretsJob(c store.SecretScan) queue.Job {
	return queue.Job{
		Kind: jobSecrets, Key: fmt.Sprintf("%d/%s/%s", c.RepoID, c.SHA, c.Base),
		Payload: secretsPayload{RepoID: c.RepoID, SHA: c.SHA, Base: c.Base},
	}
}

// workSecrets looks for credentials in what a commit brings to a branch. It runs outside the lane and changes nothing
// but its record, so it may be repeated.
func (b *Bot) workSecrets(ctx context.Context, job queue.Job) queue.Outcome {
	var p secretsPayload
	if err := job.Decode(&p); err != nil {
		return queue.Dead(err)
	}
	var scan store.SecretScan
	var repo store.Repo
	err := b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if scan, err = tx.SecretScan(ctx, p.RepoID, p.SHA, p.Base); err != nil {
			return err
		}
		repo, err = tx.Repo(ctx, p.RepoID)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && (scan.Done || repo.Gone != ""):
		return queue.Done()
	case err != nil:
		return queue.Retry(err)
	}
	search := secretSearch{scanner: b.Secrets, gh: b.App.Repo(repo.InstallationID, repo.ID, repo.Owner, repo.Name), left: secretsBytes}
	late, err := search.run(ctx, scan.BaseSHA, scan.SHA)
	away, err := b.whetherAway(ctx, p.RepoID, err)
	if away {
		return queue.Done() // the reconciliation that follows the App's return begins it anew
	}
	var refused *forge.RefusedError
	switch {
	case ctx.Err() != nil:
		return queue.Retry(ctx.Err()) // shutting down, or others had the turns
	case late:
		search.skip("", fmt.Sprintf("it took longer than %s", secretsTime), scan.SHA)
	case errors.As(err, &refused), errors.Is(err, forge.ErrNotFound), executor.IsPermanent(err):
		search.skip("", lastCause(err), scan.SHA)
	case err != nil:
		return outcome(err, b.Now())
	}
	if scan.Report, err = json.Marshal(search.report); err != nil {
		return queue.Dead(err)
	}
	scan.Done, scan.UpdatedAt = true, b.Now()
	err = b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.SaveSecretScan(ctx, scan); err != nil {
			return err
		}
		return b.Queue.Post(ctx, tx, laneOf(p.RepoID), itemSecrets, p, "")
	})
	if err != nil {
		return queue.Retry(err)
	}
	return queue.Done()
}

// secretSearch is one search on its way.
type secretSearch struct {
	scanner SecretScanner
	gh      GitHub
	report  secretReport
	left    int // bytes that may still be looked through
	fetched int // files fetched whole
	clock   stopClock
}

// run is compare within the time of a search. late: that was over.
func (q *secretSearch) run(ctx context.Context, base, head string) (late bool, err error) {
	limited, end := context.WithCancelCause(ctx)
	defer end(nil)
	over := errors.New("the search took too long")
	q.clock = stopClock{left: secretsTime, since: time.Now()}
	q.clock.timer = time.AfterFunc(secretsTime, func() { end(over) })
	defer q.clock.stop()
	err = q.compare(limited, base, head)
	return err != nil && errors.Is(context.Cause(limited), over), err
}

// stopClock is a timer that stands while nothing is done.
type stopClock struct {
	left  time.Duration // when it was started last
	since time.Time
	timer *time.Timer
}

func (c *stopClock) stop() {
	c.timer.Stop()
	c.left -= time.Since(c.since)
}

func (c *stopClock) start() {
	c.since = time.Now()
	c.timer.Reset(c.left)
}

// compare looks through what head has that base lacks: what all of it comes to, and the commits one by one, because what
// a later commit takes out is known to everybody who can read the repository.
func (q *secretSearch) compare(ctx context.Context, base, head string) error {
	files, complete, err := q.gh.Changes(ctx, base, head)
	if err != nil {
		return err
	}
	if err := q.files(ctx, files, head, ""); err != nil {
		return err
	}
	c, err := q.gh.Compare(ctx, base, head)
	if err != nil {
		return err
	}
	var own []forge.Commit
	for _, commit := range c.Commits {
		if len(commit.Parents) < 2 {
			own = append(own, commit)
		}
	}
	most := secretsCommits
	if !complete {
		most = secretsAll
	}
	if !complete && (len(own) > most || c.Truncated) {
		q.skip("", fmt.Sprintf("it changes 300 files or more in %d commits, which is more than GitHub shows", c.AheadBy), head)
	}
	if complete && len(own) == 1 && len(c.Commits) == 1 {
		return nil // the commit is the comparison
	}
	for _, commit := range own[max(0, len(own)-most):] { // the newest
		if err := q.commit(ctx, commit.SHA, complete); err != nil {
			return err
		}
	}
	return nil
}

// commit looks through one commit. Where the comparison had all files, what the commit alone would leave unread is left.
func (q *secretSearch) commit(ctx context.Context, sha string, compared bool) error {
	files, complete, err := q.gh.CommitChanges(ctx, sha)
	if err != nil {
		return err
	}
	if compared {
		files = slices.DeleteFunc(files, func(f forge.FileChange) bool { return f.Patch == "" })
	} else if !complete {
		q.skip("", "commit "+short(sha)+" changes more files than GitHub shows", sha)
	}
	q.report.Commits++
	return q.files(ctx, files, sha, sha)
}

// files looks through changed files as they are at sha. commit is set for the files of one commit among several.
func (q *secretSearch) files(ctx context.Context, files []forge.FileChange, sha, commit string) error {
	for _, f := range files {
		if f.Status == "removed" || f.Status == "unchanged" || q.scanner.Skips(f.Path) || f.Patch == "" && f.Status == "renamed" && f.Additions == 0 {
			continue
		}
		found, why, err := q.file(ctx, f, sha)
		if err != nil {
			return err
		}
		if why != "" {
			q.skip(f.Path, why, sha)
		}
		for _, leak := range found {
			leak.Commit = commit
			q.add(leak)
		}
	}
	return nil
}

// file looks through one changed file: its patch, or all of it where GitHub gave none. why tells what kept it from being
// judged.
func (q *secretSearch) file(ctx context.Context, f forge.FileChange, sha string) (found []Leak, why string, err error) {
	if f.Patch != "" {
		if q.left -= len(f.Patch); q.left < 0 {
			return nil, "there is more text than is looked through at once", nil
		}
		return q.look(ctx, func() ([]Leak, error) { return q.scanner.Patch(ctx, f.Path, f.Patch) })
	}
	if q.fetched++; q.fetched > secretsFiles {
		return nil, fmt.Sprintf("GitHub shows no changes of it, nor of %d other files", secretsFiles), nil
	}
	text, err := q.gh.File(ctx, f.Path, sha)
	var odd *forge.NotAFileError
	switch {
	case errors.As(err, &odd) && (odd.Type == "symlink" || odd.Type == "submodule" || odd.Type == "dir"), errors.Is(err, forge.ErrNotFound):
		return nil, "", nil // a pointer holds no text
	case errors.As(err, &odd):
		return nil, "it is a " + odd.Type + ", more than can be read", nil
	case err != nil:
		return nil, "", err
	}
	if q.left -= len(text); q.left < 0 {
		return nil, "there is more text than is looked through at once", nil
	}
	return q.look(ctx, func() ([]Leak, error) { return q.scanner.File(ctx, f.Path, string(text)) })
}

// look waits for a turn, which is not the search's time, and looks through a text. why tells what kept it from being judged.
func (q *secretSearch) look(ctx context.Context, scan func() ([]Leak, error)) (found []Leak, why string, err error) {
	q.clock.stop()
	leave, err := q.scanner.Turn(ctx)
	q.clock.start()
	if err != nil {
		return nil, "", err
	}
	defer leave()
	found, err = scan()
	switch {
	case err == nil:
		return found, "", nil
	case ctx.Err() != nil:
		return nil, "", ctx.Err()
	}
	return nil, err.Error(), nil
}

// add keeps a finding, unless the same credential was found there already.
func (q *secretSearch) add(leak Leak) {
	same := func(l Leak) bool {
		return l.Fingerprint == leak.Fingerprint && (leak.Commit != "" || l.Path == leak.Path && l.Line == leak.Line)
	}
	if slices.ContainsFunc(q.report.Leaks, same) {
		return
	}
	if len(q.report.Leaks) >= secretsKept {
		q.skip("", fmt.Sprintf("there are more than %d findings; mend those first", secretsKept), leak.Fingerprint)
		return
	}
	q.report.Leaks = append(q.report.Leaks, leak)
}

// skip notes what was not looked through. at is what the answer holds for: a commit.
func (q *secretSearch) skip(path, why, at string) {
	print := hashText("unread", path, at)
	if slices.ContainsFunc(q.report.Unread, func(u unread) bool { return u.Path == path && u.Why == why }) || len(q.report.Unread) >= secretsKept {
		return
	}
	q.report.Unread = append(q.report.Unread, unread{Path: path, Why: why, Fingerprint: print})
}
