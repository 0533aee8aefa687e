package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
)

// wordScanner finds the word "secret" and cannot read what says "unreadable".
type wordScanner struct{}

func (wordScanner) Turn(ctx context.Context) (func(), error) { return func() {}, ctx.Err() }

func (wordScanner) Patch(_ context.Context, path, patch string) ([]Leak, error) {
	var out []Leak
	for n, line := range strings.Split(patch, "\n") {
		if strings.Contains(line, "unreadable") {
			return nil, errors.New(path + ": the scanner broke down")
		}
		if _, name, ok := strings.Cut(line, "secret "); ok {
			out = append(out, Leak{Rule: "word", Path: path, Line: n + 1, Fingerprint: name})
		}
	}
	return out, nil
}

func (w wordScanner) File(ctx context.Context, path, text string) ([]Leak, error) {
	return w.Patch(ctx, path, text)
}

func (wordScanner) Skips(path string) bool { return strings.HasSuffix(path, ".png") }

// patches is a GitHub that has changes and files.
type patches struct {
	GitHub
	net      []forge.FileChange
	more     bool // than GitHub lists
	commits  []forge.Commit
	of       map[string][]forge.FileChange // by commit
	texts    map[string]string
	tooLarge string
}

func (p patches) Changes(context.Context, string, string) ([]forge.FileChange, bool, error) {
	return p.net, !p.more, nil
}

func (p patches) CommitChanges(_ context.Context, sha string) ([]forge.FileChange, bool, error) {
	return p.of[sha], true, nil
}

func (p patches) Compare(context.Context, string, string) (forge.Comparison, error) {
	return forge.Comparison{Commits: p.commits, AheadBy: len(p.commits)}, nil
}

func (p patches) File(_ context.Context, path, _ string) ([]byte, error) {
	if path == p.tooLarge {
		return nil, &forge.NotAFileError{Path: path, Type: "file of 2000000 bytes"}
	}
	text, ok := p.texts[path]
	if !ok {
		return nil, &forge.NotAFileError{Path: path, Type: "symlink"}
	}
	return []byte(text), nil
}

func TestSecretSearch(t *testing.T) {
	one := []forge.Commit{{SHA: "c1", Parents: []string{"p"}}}
	two := []forge.Commit{{SHA: "c1", Parents: []string{"p"}}, {SHA: "c2", Parents: []string{"c1"}}, {SHA: "m", Parents: []string{"c2", "x"}}}
	var many []forge.Commit
	for n := range 300 {
		many = append(many, forge.Commit{SHA: fmt.Sprintf("c%039d", n), Parents: []string{"p"}})
	}
	add := func(path, patch string) forge.FileChange {
		return forge.FileChange{Path: path, Status: "added", Patch: patch}
	}
	tests := []struct {
		name   string
		gh     patches
		leaks  []string
		unread []string
	}{
		{"one commit is its comparison", patches{net: []forge.FileChange{add("a", "x\nsecret k1")}, commits: one}, []string{"a:2 k1 "}, nil},
		{
			"what a later commit takes out is found in the commit", patches{
				net: []forge.FileChange{add("a", "x")}, commits: two,
				of: map[string][]forge.FileChange{"c1": {add("a", "secret k1")}, "c2": {add("a", "x")}},
			}, []string{"a:1 k1 c1"}, nil,
		},
		{
			"what is still there is found once", patches{
				net: []forge.FileChange{add("a", "x\nsecret k1")}, commits: two,
				of: map[string][]forge.FileChange{"c1": {add("a", "secret k1")}},
			}, []string{"a:2 k1 "}, nil,
		},
		{
			"a change without a patch is read whole", patches{
				net: []forge.FileChange{{Path: "big", Status: "modified", Additions: 9000}}, commits: one, texts: map[string]string{"big": "1\n2\nsecret k2"},
			}, []string{"big:3 k2 "}, nil,
		},
		{
			"what cannot be read is named", patches{
				net:     []forge.FileChange{{Path: "dump", Status: "added"}, {Path: "link", Status: "added"}, {Path: "p.png", Status: "added"}, add("odd", "unreadable")},
				commits: one, tooLarge: "dump",
			}, nil, []string{"dump: it is a file of 2000000 bytes, more than can be read", "odd: odd: the scanner broke down"},
		},
		{
			"removed and renamed files add nothing", patches{
				net: []forge.FileChange{{Path: "a", Status: "removed", Patch: "secret k"}, {Path: "b", Status: "renamed"}}, commits: one,
			}, nil, nil,
		},
		{"too much for a comparison and too many commits", patches{more: true, commits: many}, nil, []string{": it changes 300 files or more in 300 commits, which is more than GitHub shows"}},
		{
			"too much for a comparison is read by commits", patches{
				more: true, commits: two, of: map[string][]forge.FileChange{"c2": {add("z", "secret k3")}},
			}, []string{"z:1 k3 c2"}, nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := secretSearch{scanner: wordScanner{}, gh: tt.gh, left: secretsBytes}
			if late, err := q.run(context.Background(), "base", "head"); err != nil || late {
				t.Fatal(late, err)
			}
			var leaks, skipped []string
			for _, l := range q.report.Leaks {
				leaks = append(leaks, fmt.Sprintf("%s:%d %s %s", l.Path, l.Line, l.Fingerprint, l.Commit))
			}
			for _, u := range q.report.Unread {
				skipped = append(skipped, u.Path+": "+u.Why)
			}
			if diff := cmp.Diff(tt.leaks, leaks); diff != "" {
				t.Errorf("leaks (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.unread, skipped); diff != "" {
				t.Errorf("unread (-want +got):\n%s", diff)
			}
		})
	}
}

// The text of one search is bounded: what is past the bound is named, not left out in silence.
func TestSecretSearchIsBounded(t *testing.T) {
	q := secretSearch{scanner: wordScanner{}, left: 10, gh: patches{
		net:     []forge.FileChange{{Path: "a", Patch: "12345678"}, {Path: "b", Patch: "secret k"}},
		commits: []forge.Commit{{SHA: "c1", Parents: []string{"p"}}},
	}}
	if late, err := q.run(context.Background(), "base", "head"); err != nil || late {
		t.Fatal(late, err)
	}
	if len(q.report.Leaks) != 0 || len(q.report.Unread) != 1 || q.report.Unread[0].Path != "b" {
		t.Errorf("got %+v", q.report)
	}
}

// busyScanner waits for each turn and takes its time in it. More than one turn at a time is an error.
type busyScanner struct {
	wordScanner
	waits, takes time.Duration
	turns        *int // under way
}

func (b busyScanner) Turn(context.Context) (func(), error) {
	time.Sleep(b.waits)
	*b.turns++
	return func() { *b.turns-- }, nil
}

func (b busyScanner) Patch(ctx context.Context, path, patch string) ([]Leak, error) {
	if *b.turns != 1 {
		return nil, fmt.Errorf("%d turns under way", *b.turns)
	}
	select {
	case <-time.After(b.takes):
		return b.wordScanner.Patch(ctx, path, patch)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (b busyScanner) File(ctx context.Context, path, text string) ([]Leak, error) {
	return b.Patch(ctx, path, text)
}

// A search has two minutes for what it does; the turns of others do not count.
func TestSecretSearchTakesTurns(t *testing.T) {
	gh := patches{
		net:     []forge.FileChange{{Path: "a", Patch: "x"}, {Path: "b", Patch: "secret k1"}, {Path: "c", Status: "modified"}},
		commits: []forge.Commit{{SHA: "c1", Parents: []string{"p"}}}, texts: map[string]string{"c": "secret k2"},
	}
	for name, c := range map[string]struct {
		waits, takes time.Duration
		late         bool
		found        int
		lasts        time.Duration
	}{
		"others have the turns for long": {waits: 5 * time.Minute, takes: 30 * time.Second, found: 2, lasts: 3 * (5*time.Minute + 30*time.Second)},
		"it takes too long itself":       {waits: time.Minute, takes: 50 * time.Second, late: true, found: 1, lasts: 3*time.Minute + secretsTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := secretSearch{scanner: busyScanner{waits: c.waits, takes: c.takes, turns: new(int)}, gh: gh, left: secretsBytes}
				began := time.Now()
				late, err := q.run(t.Context(), "base", "head")
				if late != c.late || errors.Is(err, context.Canceled) != c.late || len(q.report.Leaks) != c.found || len(q.report.Unread) != 0 || time.Since(began) != c.lasts {
					t.Errorf("after %s: late %t, %v, %+v", time.Since(began), late, err, q.report)
				}
			})
		})
	}
}
