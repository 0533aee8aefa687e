package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/buildspec"
	"github.com/sluicehq/sluice/gitrepo"
)

// source is where the files of a run come from: a clone, or any folder.
type source struct {
	root    string
	tree    *workTree // nil: a folder that is in no git repository
	branch  string
	sha     string
	time    time.Time
	changed []string // files that are taken from the folder and not from the commit
	// buildspec is the path of the file given by --buildspec, below root. Git may ignore it: it is taken from the folder too
	// where given.
	buildspec   string
	given       bool
	owner, name string // by the remote; the owner is "local" where there is none
	url         string
}

// openSource looks where the program stands.
func openSource(ctx context.Context, c *runCmd) (source, error) {
	var s source
	here, err := openRepository(ctx, ".")
	switch {
	case err == nil:
		err = s.readClone(here, c)
	case !errors.Is(err, errNoClone):
		return s, err
	case c.Buildspec == "":
		return s, fmt.Errorf("%w; change to one, or run a buildspec with --buildspec FILE", errNoClone)
	case c.Committed:
		return s, fmt.Errorf("%w, so nothing is committed; leave out --committed", errNoClone)
	default:
		if s.root, err = filepath.Abs("."); err == nil {
			s.changed, err = filesOf(s.root)
		}
		s.name, s.branch = filepath.Base(s.root), c.Branch
	}
	s.owner = cmp.Or(s.owner, "local")
	if err == nil && c.Buildspec != "" {
		err = s.find(c)
	}
	return s, err
}

// readClone finds branch, commit and changes.
func (s *source) readClone(here *clone, c *runCmd) (err error) {
	if s.tree, err = openWorkTree(here); err != nil {
		return err
	}
	s.root = s.tree.root
	if err := here.readHead(); err != nil {
		return err
	}
	if here.head == "" {
		return errors.New("the repository has no commit yet; make one")
	}
	made, err := here.git.out("rev-list", "--no-walk", "--timestamp", here.head)
	if err != nil {
		return fmt.Errorf("commit %s: %w", here.head, err)
	}
	stamp, _, _ := strings.Cut(made, " ")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("time of commit %s: %w", here.head, err)
	}
	s.sha, s.time, s.branch = here.head, time.Unix(seconds, 0).UTC(), here.headBranch
	if c.Branch != "" {
		s.branch = c.Branch
	}
	if s.owner, s.name = here.name(); s.name == "" {
		s.name = filepath.Base(s.root)
	}
	s.url = here.url
	if !c.Committed {
		s.changed, err = s.tree.changed()
	}
	return err
}

// find takes the buildspec that was named, which need not lie in the folder where the commit has it.
func (s *source) find(c *runCmd) error {
	at, err := filepath.Abs(c.Buildspec)
	if err != nil {
		return err
	}
	root, err := filepath.EvalSymlinks(s.root)
	if err != nil {
		return err
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(at)); err == nil {
		at = filepath.Join(folder, filepath.Base(at))
	}
	_, missing := os.Stat(at)
	name, err := filepath.Rel(root, at)
	if err != nil || !filepath.IsLocal(name) {
		if missing != nil {
			return fmt.Errorf("--buildspec: %w", missing)
		}
		return fmt.Errorf("--buildspec: %s is not below %s; copy it there", c.Buildspec, s.root)
	}
	s.buildspec, s.given = filepath.ToSlash(name), !c.Committed && missing == nil
	if s.given {
		return nil
	}
	_, found, err := s.committed(s.buildspec)
	switch {
	case err != nil:
		return fmt.Errorf("--buildspec: %w", err)
	case !found && c.Committed:
		return fmt.Errorf("--buildspec: commit %.7s has no file %s; leave out --committed to run the one in the folder", s.sha, s.buildspec)
	case !found:
		return fmt.Errorf("--buildspec: %w", missing)
	}
	return nil
}

// read reads a file as it is in the folder, or in the commit where the folder leaves it out, as a sparse checkout does. The error has
// fs.ErrNotExist in its chain where there is none.
func (s *source) read(name string) ([]byte, error) {
	path := filepath.Join(s.root, filepath.FromSlash(name))
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if data, found, wrong := s.committed(name); found || wrong != nil {
			return data, wrong
		}
	}
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	return os.ReadFile(path)
}

// committed reads a file of the commit, unless it was changed in the folder since and that counts.
func (s *source) committed(name string) (data []byte, found bool, err error) {
	if s.tree == nil || slices.Contains(s.changed, name) {
		return nil, false, nil
	}
	return s.tree.git.file(s.sha, name)
}

// outputs are the names of the artifacts that the buildspec makes, as far as somebody wants them.
func (s *source) outputs(c *runCmd) ([]string, error) {
	if c.Output == "" {
		return nil, nil
	}
	data, _, err := s.committed(s.buildspec)
	if s.given {
		data, err = s.read(s.buildspec)
	}
	if err != nil {
		return nil, err
	}
	spec, err := buildspec.Parse(s.buildspec, data)
	if err != nil {
		return nil, nil //nolint:nilerr // the run says it, with all lines
	}
	names := slices.Sorted(maps.Keys(spec.Secondary))
	if spec.Primary != nil {
		names = append([]string{"artifacts"}, names...)
	}
	return names, nil
}

// Clone implements buildspec.Cloner: it makes the working tree of a build.
func (s *source) Clone(ctx context.Context, q buildspec.Clone) error {
	err := func() error {
		if s.tree != nil {
			if err := s.tree.checkOut(ctx, q.SHA, q.Dir); err != nil {
				return fmt.Errorf("working tree of %s: %w", q.SHA, err)
			}
		}
		files := s.changed
		if s.given {
			files = append(slices.Clone(files), s.buildspec)
		}
		return gitrepo.CopyFiles(files, s.root, q.Dir)
	}()
	if err != nil {
		return executor.Permanent(err) // nothing that waiting would mend
	}
	return nil
}

// mostFiles is how many files a folder may have that is in no git repository: somebody may stand in the wrong one.
const mostFiles = 50_000

// filesOf lists the files below a folder.
func filesOf(root string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.IsDir():
			return nil
		case len(out) == mostFiles:
			return fmt.Errorf("%s has more than %d files; go to the folder that is to be built", root, mostFiles)
		}
		name, err := filepath.Rel(root, path)
		out = append(out, filepath.ToSlash(name))
		return err
	})
	return out, err
}
