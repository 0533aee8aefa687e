package bare

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// FileChange is what happened to a file between two trees.
type FileChange struct {
	Path, Previous       string // Previous only for renamed
	Status               string // added removed modified renamed changed
	SHA                  string // of the new content; of the old one when removed
	Additions, Deletions int
	Patch                string // from the first @@ on; empty for binary files
}

// Diff lists the changes from one tree to another, renames found.
func (r *Repo) Diff(ctx context.Context, from, to string) ([]FileChange, error) {
	if from == to {
		return nil, nil
	}
	key := [2]string{from, to}
	if r.memo != nil {
		if d, ok := recall(r.memo, r.memo.diffs, key); ok {
			return d, nil
		}
	}
	out, ok, err := r.git(ctx, "", "diff-tree", "-r", "-M", "-z", "--raw", "--no-abbrev", "--numstat", "-p", from, to)
	if err != nil || !ok {
		return nil, fmt.Errorf("diff of %s and %s: %w", from, to, err)
	}
	d, err := parseDiff(out)
	if err != nil {
		return nil, fmt.Errorf("diff of %s and %s: %w", from, to, err)
	}
	if r.memo != nil {
		remember(r.memo, r.memo.diffs, key, d)
	}
	return d, nil
}

var diffStatus = map[byte]string{'A': "added", 'D': "removed", 'M': "modified", 'R': "renamed", 'C': "copied", 'T': "changed"}

func parseDiff(out []byte) ([]FileChange, error) {
	next := func() string {
		field, rest, _ := bytes.Cut(out, []byte{0})
		out = rest
		return string(field)
	}
	var files []FileChange
	for len(out) > 0 && out[0] == ':' {
		f := strings.Fields(next())
		if len(f) != 5 {
			return nil, fmt.Errorf("git diff-tree gave an odd line %q", f)
		}
		c := FileChange{Status: diffStatus[f[4][0]], SHA: f[3], Path: next()}
		if c.Status == "renamed" || c.Status == "copied" {
			c.Previous, c.Path = c.Path, next()
		}
		if c.Status == "removed" {
			c.SHA = f[2]
		}
		files = append(files, c)
	}
	for i := range files {
		f := strings.SplitN(next(), "\t", 3)
		if len(f) != 3 {
			return nil, fmt.Errorf("git diff-tree gave an odd count %q", f)
		}
		if f[2] == "" { // a rename: old and new path follow
			next()
			next()
		}
		files[i].Additions, _ = strconv.Atoi(f[0]) // "-" for binary files counts as none
		files[i].Deletions, _ = strconv.Atoi(f[1])
	}
	out = bytes.TrimPrefix(out, []byte{0})
	patches := bytes.Split(append([]byte("\n"), out...), []byte("\ndiff --git "))
	for i, p := range patches[min(1, len(patches)):] {
		if i >= len(files) {
			break
		}
		if at := bytes.Index(p, []byte("\n@@ ")); at >= 0 {
			files[i].Patch = strings.TrimSuffix(string(p[at+1:]), "\n")
		}
	}
	return files, nil
}
