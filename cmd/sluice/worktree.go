package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/gitrepo"
)

// workTree is a clone on this machine with files, of which working trees are made. Nothing in it is changed.
type workTree struct {
	git  gitReader
	root string // the folder of its files, without links
}

// openWorkTree finds the files of a repository.
func openWorkTree(c *clone) (*workTree, error) {
	inside, err := c.git.out("rev-parse", "--is-inside-work-tree")
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(inside) != "true" {
		return nil, errors.New("this repository has no files here, as bare ones; clone it, or add a work tree to it, and go there")
	}
	root, _, err := c.git.found("rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	return &workTree{git: gitReader{ctx: c.git.ctx, dir: root}, root: root}, nil
}

// changed lists the files that are not as in the commit that is checked out, those that are not in git among them and
// those that git ignores not. What a sparse checkout leaves out is as it is in the commit; submodules and other clones within
// are not looked into. Sorted.
func (w *workTree) changed() ([]string, error) {
	text, err := w.git.out("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all")
	if err != nil {
		return nil, fmt.Errorf("what was changed in %s: %w", w.root, err)
	}
	var out []string
	for entry := range strings.SplitSeq(text, "\x00") {
		if len(entry) > 3 && !strings.HasSuffix(entry, "/") { // two letters and a space; a folder is another clone
			out = append(out, entry[3:])
		}
	}
	slices.Sort(out)
	return out, nil
}

// checkOut makes a working tree of one commit in dir, which does not exist or is empty, as the server makes them: one commit
// without history, the files as git keeps them, no submodules, no links that lead out. The host's configuration of git counts
// for nothing in it.
func (w *workTree) checkOut(ctx context.Context, sha, dir string) error {
	from := gitReader{ctx: ctx, dir: w.root}
	format, _, err := from.found("rev-parse", "--show-object-format")
	if err != nil {
		return err
	}
	if _, err := from.out("init", "--quiet", "--template=", "--initial-branch=main", "--object-format="+format, dir); err != nil {
		return err
	}
	if err := from.send(sha, dir); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"shallow":         sha + "\n",
		"info/attributes": "* !text !eol !crlf !filter !ident !working-tree-encoding\n",
	} {
		path := filepath.Join(dir, ".git", filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			return err
		}
	}
	if _, err := (gitReader{ctx: ctx, dir: dir, alone: true}).out("checkout", "--quiet", "--detach", sha); err != nil {
		return err
	}
	links, err := from.links(sha)
	if err != nil {
		return err
	}
	_, err = gitrepo.LeaveOut(dir, links)
	return err
}

// send gives the repository in dir a commit with its folders and files, without its history.
func (g gitReader) send(sha, dir string) error {
	pack := g.command("pack-objects", "--revs", "--stdout", "--quiet")
	pack.Stdin = strings.NewReader("--shallow " + sha + "\n" + sha + "\n")
	index := gitReader{ctx: g.ctx, dir: dir}.command("index-pack", "--stdin")
	var unread, unwritten strings.Builder
	pack.Stderr, index.Stderr = &unread, &unwritten
	index.Stdout = io.Discard
	objects, err := pack.StdoutPipe()
	if err != nil {
		return err
	}
	index.Stdin = objects
	if err := pack.Start(); err != nil {
		return &gitError{command: "git pack-objects", err: err}
	}
	indexed := index.Run()
	_ = objects.Close() // else what index-pack did not read, as on a full disk, would be waited for without end
	packed := pack.Wait()
	switch {
	case packed != nil && (indexed == nil || unread.Len() > 0): // what could not be read is why it could not be written
		return &gitError{command: "git pack-objects", said: strings.TrimSpace(unread.String()), err: packed}
	case indexed != nil:
		return &gitError{command: "git index-pack", said: strings.TrimSpace(unwritten.String()), err: indexed}
	}
	return nil
}

// links are the paths of the symbolic links of a commit.
func (g gitReader) links(sha string) (paths []string, err error) {
	text, err := g.out("ls-tree", "-r", "-z", "--full-tree", sha)
	for entry := range strings.SplitSeq(text, "\x00") {
		if about, path, ok := strings.Cut(entry, "\t"); ok && strings.HasPrefix(about, "120000 ") {
			paths = append(paths, path)
		}
	}
	return paths, err
}
