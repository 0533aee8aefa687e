package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/tagging"
)

// errNoClone says that a folder belongs to no git repository.
var errNoClone = errors.New("there is no git repository here")

// clone is a git repository on this machine, as far as versions need it. Nothing in it is changed.
type clone struct {
	repo *git.Repository
	// branches are the tips by short name: the clone's own, and those of its remote that it has not checked out.
	branches map[string]plumbing.Hash
	head     plumbing.Hash // zero in a repository without commits
	// headBranch is the branch that is checked out; empty when HEAD is detached.
	headBranch string
	shallow    map[plumbing.Hash]bool // commits whose parents were not fetched
	log        tagging.Log
	ignored    []tagging.IgnoredTag
	config     *config.Repo
}

// openClone reads the repository that holds a folder; errNoClone when none does.
func openClone(dir string) (*clone, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, &usageError{err}
	} else if !info.IsDir() {
		return nil, &usageError{fmt.Errorf("%s is a file; name the folder of a clone", dir)}
	}
	repo, err := openRepository(dir)
	if err != nil {
		return nil, err
	}
	c := &clone{repo: repo}
	for _, read := range []func() error{c.readHead, c.readBranches, c.readShallow, c.readConfig, c.readTags} {
		if err := read(); err != nil {
			return nil, fmt.Errorf("read the git repository in %s: %w", dir, err)
		}
	}
	return c, nil
}

// openRepository opens the repository that holds a folder; errNoClone when none does.
func openRepository(dir string) (*git.Repository, error) {
	repo, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{DetectDotGit: !isBare(dir), EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return nil, fmt.Errorf("%s: %w", dir, errNoClone)
	}
	if err != nil {
		return nil, fmt.Errorf("open the git repository in %s: %w", dir, err)
	}
	if repo, err = withAlternates(repo); err != nil {
		return nil, fmt.Errorf("open the git repository in %s: %w", dir, err)
	}
	return repo, nil
}

// withAlternates opens a repository again so that it also finds objects it borrows from another one on this machine, as
// "git clone --shared" and "--reference" make them.
func withAlternates(repo *git.Repository) (*git.Repository, error) {
	storage, ok := repo.Storer.(*filesystem.Storage)
	if !ok {
		return repo, nil
	}
	borrowing := filesystem.Options{AlternatesFS: osfs.New("/")}
	return git.Open(filesystem.NewStorageWithOptions(storage.Filesystem(), cache.NewObjectLRUDefault(), borrowing), nil)
}

// isBare tells whether a folder is itself what usually is in .git.
func isBare(dir string) bool {
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

func (c *clone) readHead() error {
	ref, err := c.repo.Reference(plumbing.HEAD, false)
	if err != nil {
		return fmt.Errorf("HEAD: %w", err)
	}
	if ref.Type() == plumbing.HashReference {
		c.head = ref.Hash()
		return nil
	}
	c.headBranch = ref.Target().Short()
	tip, err := c.repo.Reference(ref.Target(), true)
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return nil // no commit yet
	}
	if err != nil {
		return fmt.Errorf("HEAD: %w", err)
	}
	c.head = tip.Hash()
	return nil
}

func (c *clone) readBranches() error {
	remote, err := c.remote()
	if err != nil {
		return err
	}
	refs, err := c.repo.References()
	if err != nil {
		return err
	}
	c.branches = make(map[string]plumbing.Hash)
	remotes := make(map[string]plumbing.Hash)
	err = refs.ForEach(func(ref *plumbing.Reference) error {
		if ref.Type() != plumbing.HashReference { // origin/HEAD
			return nil
		}
		if name := ref.Name(); name.IsBranch() {
			c.branches[name.Short()] = ref.Hash()
		} else if short, ok := strings.CutPrefix(name.String(), "refs/remotes/"+remote+"/"); ok && remote != "" {
			remotes[short] = ref.Hash()
		}
		return nil
	})
	for name, tip := range remotes {
		if _, own := c.branches[name]; !own {
			c.branches[name] = tip
		}
	}
	return err
}

// remote is the remote the clone was made of: origin, else the only one.
func (c *clone) remote() (string, error) {
	cfg, err := c.repo.Config()
	if err != nil {
		return "", err
	}
	if _, found := cfg.Remotes["origin"]; !found && len(cfg.Remotes) == 1 {
		for name := range cfg.Remotes {
			return name, nil
		}
	}
	return "origin", nil
}

func (c *clone) readShallow() error {
	boundary, err := c.repo.Storer.Shallow()
	c.shallow = make(map[plumbing.Hash]bool, len(boundary))
	for _, h := range boundary {
		c.shallow[h] = true
	}
	return err
}

// readConfig reads the repository file of the default branch, where the clone knows which that is, else of what is
// checked out. Without one the defaults hold.
func (c *clone) readConfig() error {
	known := c.branchNames()
	data, err := c.configFile()
	if err != nil {
		return err
	}
	_, name := c.name()
	in := config.Context{RepoName: name, Branches: known}
	if data == nil {
		c.config = config.Default(in)
		return nil
	}
	repo, errs := config.ParseRepo(data, in)
	if len(errs) > 0 { // a clone need not have every branch that the file speaks of
		in.Branches = nil
		repo, errs = config.ParseRepo(data, in)
	}
	if len(errs) > 0 {
		return fmt.Errorf("%w\nrun \"sluice lint\" for all that is wrong with the file", errs[0])
	}
	c.config = repo
	return nil
}

func (c *clone) configFile() ([]byte, error) {
	at := c.head
	if remote, err := c.remote(); err == nil {
		if ref, err := c.repo.Reference(plumbing.NewRemoteHEADReferenceName(remote), true); err == nil {
			at = ref.Hash()
		}
	}
	if at.IsZero() {
		return nil, nil
	}
	commit, err := c.repo.CommitObject(at)
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", at, err)
	}
	file, err := commit.File(config.FileName)
	if errors.Is(err, object.ErrFileNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config.FileName, err)
	}
	text, err := file.Contents()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config.FileName, err)
	}
	return []byte(text), nil
}

// url is where the repository was cloned from; empty where the clone does not say.
func (c *clone) url() string {
	remote, err := c.remote()
	if err != nil {
		return ""
	}
	r, err := c.repo.Remote(remote)
	if err != nil || len(r.Config().URLs) == 0 {
		return ""
	}
	return r.Config().URLs[0]
}

// name is what the repository and its owner are called, by its remote's address; empty where that does not say.
func (c *clone) name() (owner, name string) {
	parts := strings.Split(strings.ReplaceAll(c.url(), ":", "/"), "/")
	if n := len(parts); n > 1 {
		owner = parts[n-2]
	}
	return owner, strings.TrimSuffix(parts[len(parts)-1], ".git")
}

// checkedOut is the branch that is checked out.
func (c *clone) checkedOut() (string, error) {
	if c.headBranch == "" {
		return "", &usageError{errors.New("no branch is checked out in this clone (HEAD is detached); name the one that was built with --branch")}
	}
	return c.headBranch, nil
}

// lastOf is the last commit of a branch: of a branch that the clone does not have, the commit that is checked out by itself.
func (c *clone) lastOf(branch string) (string, error) {
	tip, found := c.branches[branch]
	if !found && c.headBranch == "" {
		tip = c.head
	}
	if tip.IsZero() {
		return "", &usageError{fmt.Errorf("this clone has no commit of branch %q; fetch it, or give --revision", branch)}
	}
	return tip.String(), nil
}

// imageName is the name of the image in configuration, else of the repository by its remote's address; a component's is below it.
func (c *clone) imageName() (string, error) {
	if _, name := c.name(); name == "" && !c.config.Configured {
		return "", &usageError{errors.New("this clone has no remote whose address names the repository; name the image with --image")}
	}
	if component := c.config.Names.Component; component != "" {
		return c.config.ImageName + "/" + component, nil
	}
	return c.config.ImageName, nil
}

func (c *clone) branchNames() []string {
	names := make([]string, 0, len(c.branches))
	for name := range c.branches {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// readTags adopts the release tags.
func (c *clone) readTags() error {
	refs, err := c.repo.Tags()
	if err != nil {
		return err
	}
	var tags []tagging.GitTag
	err = refs.ForEach(func(ref *plumbing.Reference) error {
		tag, ok, err := c.peel(ref)
		if ok {
			tags = append(tags, tag)
		}
		return err
	})
	c.log, c.ignored = tagging.Adopt(tags, c.config.Versioning.Tag)
	return err
}

// peel finds the commit a tag points at; false when it points at something else.
func (c *clone) peel(ref *plumbing.Reference) (tagging.GitTag, bool, error) {
	tag := tagging.GitTag{Name: ref.Name().Short()}
	hash := ref.Hash()
	for {
		annotated, err := c.repo.TagObject(hash)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			break // not a tag object
		}
		if err != nil {
			return tag, false, fmt.Errorf("tag %s: %w", tag.Name, err)
		}
		if tag.Time.IsZero() {
			tag.Time = annotated.Tagger.When
		}
		hash = annotated.Target
	}
	commit, err := c.repo.CommitObject(hash)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return tag, false, nil
	}
	if err != nil {
		return tag, false, fmt.Errorf("tag %s: %w", tag.Name, err)
	}
	if tag.Time.IsZero() {
		tag.Time = commit.Committer.When
	}
	tag.SHA = hash.String()
	return tag, true, nil
}

// openReleases are the versions of the release branches that no tag has closed yet, and the tips of those branches.
func (c *clone) openReleases() (open []tagging.Held, tips []plumbing.Hash) {
	for _, b := range gitflow.OpenReleases(c.config.Names, c.branchNames()) {
		v, err := tagging.ParseReleaseVersion(b.Version)
		if err != nil {
			continue
		}
		if _, released := c.log.Find(v); !released {
			open = append(open, tagging.Held{Version: v, Where: "branch " + b.Name})
			tips = append(tips, c.branches[b.Name])
		}
	}
	return open, tips
}
