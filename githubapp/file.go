package githubapp

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/forge"
)

// maxFile is the size of the largest file that is read.
const maxFile = 1 << 20

// entry is a line of GET /repos/{owner}/{repo}/git/trees/{tree_sha}.
type entry struct {
	Path string `json:"path"`
	Mode string `json:"mode"`
	SHA  string `json:"sha"`
	Size int    `json:"size"`
}

// kind is the word for a git mode.
func (e entry) kind() string {
	switch e.Mode {
	case "040000":
		return "dir"
	case "120000":
		return "symlink"
	case "160000":
		return "submodule"
	}
	return "file"
}

// File reads a regular file at a ref; forge.ErrNotFound, *forge.NotAFileError. It walks the trees, since GitHub's contents
// API follows symbolic links without saying so. Only the first tree is asked for each time, conditionally: the others are
// named by their content.
func (r *Repo) File(ctx context.Context, path, ref string) ([]byte, error) {
	tree, names := ref, strings.Split(path, "/")
	for i, name := range names {
		e, err := r.entry(ctx, tree, name)
		if err != nil {
			return nil, fmt.Errorf("%s at %s: %w", path, ref, err)
		}
		last := i == len(names)-1
		switch kind := e.kind(); {
		case kind == "dir" && !last:
			tree = e.SHA
		case kind == "file" && !last:
			return nil, fmt.Errorf("%s at %s: %w", path, ref, forge.ErrNotFound)
		case kind != "file":
			return nil, &forge.NotAFileError{Path: strings.Join(names[:i+1], "/"), Type: kind}
		case e.Size > maxFile:
			return nil, &forge.NotAFileError{Path: path, Type: fmt.Sprintf("file of %d bytes", e.Size)}
		default:
			return r.blob(ctx, e.SHA)
		}
	}
	return nil, forge.ErrNotFound // not reached: there is always a name
}

func (r *Repo) entry(ctx context.Context, tree, name string) (entry, error) {
	var t struct {
		Tree      []entry `json:"tree"`
		Truncated bool    `json:"truncated"`
	}
	if _, err := r.call(ctx, "GET", r.path("git", "trees", tree), nil, &t); err != nil {
		return entry{}, err
	}
	for _, e := range t.Tree {
		if e.Path == name {
			return e, nil
		}
	}
	if t.Truncated {
		return entry{}, &forge.RefusedError{Status: 422, Message: "the folder has too many entries to find " + name}
	}
	return entry{}, forge.ErrNotFound
}

func (r *Repo) blob(ctx context.Context, sha string) ([]byte, error) {
	var b struct {
		Content  string `json:"content"`
		Encoding string `json:"encoding"`
	}
	if _, err := r.call(ctx, "GET", r.path("git", "blobs", sha), nil, &b); err != nil {
		return nil, err
	}
	if b.Encoding != "base64" {
		return []byte(b.Content), nil
	}
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(b.Content, "\n", ""))
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", sha, err)
	}
	return data, nil
}
