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
	local   *gitrepo.Local // nil: a folder that is in no git repository
	branch  string
	sha     string
	time    time.Time
	changed []string // files that are taken from the folder and not from the commit
	// buildspec is the path of the file given by --buildspec, below root. Git may ignore it: it is taken from the folder too
	// unless fromCommit.
	buildspec   string
	fromCommit  bool
	owner, name string // by the remote; the owner is "local" where there is none
	url         string
}

// openSource looks where the program stands.
func openSource(ctx context.Context, c *runCmd) (source, error) {
	s := source{fromCommit: c.Committed}
	local, err := gitrepo.OpenLocal(".")
	switch {
	case err == nil:
		s.local, s.root = local, local.Root()
		err = s.readClone(ctx, c)
	case c.Buildspec == "":
		return s, fmt.Errorf("%w, or run a buildspec with --buildspec FILE", err)
	case c.Committed:
		return s, err
	default:
		if s.root, err = filepath.Abs("."); err == nil {
			s.changed, err = filesOf(s.root)
		}
		s.name, s.branch = filepath.Base(s.root), c.Branch
	}
	s.owner = cmp.Or(s.owner, "local")
	if err == nil && c.Buildspec != "" {
		err = s.find(c.Buildspec)
	}
	return s, err
}

// readClone finds branch, commit and changes.
func (s *source) readClone(ctx context.Context, c *runCmd) error {
	here, err := openRepository(ctx, s.root)
	if err != nil {
		return err
	}
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
		s.changed, err = s.local.Changed()
	}
	return err
}

// find takes the buildspec that was named.
func (s *source) find(file string) error {
	at, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if _, err := os.Stat(at); err != nil {
		return fmt.Errorf("--buildspec: %w", err)
	}
	root, err := filepath.EvalSymlinks(s.root)
	if err != nil {
		return err
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(at)); err == nil {
		at = filepath.Join(folder, filepath.Base(at))
	}
	name, err := filepath.Rel(root, at)
	if err != nil || !filepath.IsLocal(name) {
		return fmt.Errorf("--buildspec: %s is not below %s; copy it there", file, s.root)
	}
	s.buildspec = filepath.ToSlash(name)
	return nil
}

// outputs are the names of the artifacts that the buildspec makes, as far as somebody wants them.
func (s *source) outputs(c *runCmd) ([]string, error) {
	if c.Output == "" {
		return nil, nil
	}
	data, err := os.ReadFile(filepath.Join(s.root, filepath.FromSlash(s.buildspec)))
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
		if s.local != nil {
			if _, err := s.local.CheckOut(ctx, q.SHA, q.Dir); err != nil {
				return err
			}
		}
		files := s.changed
		if s.buildspec != "" && !s.fromCommit {
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
