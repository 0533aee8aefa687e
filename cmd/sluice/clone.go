package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/tagging"
)

// errNoClone says that a folder belongs to no git repository.
var errNoClone = errors.New("there is no git repository here")

// clone is a git repository on this machine, as far as versions need it. Nothing in it is changed.
type clone struct {
	git gitReader
	// remote is the remote the clone was made of: origin, else the only one. url is where that is; empty where the clone does
	// not say.
	remote, url string
	// branches are the tips by short name: the clone's own, and those of its remote that it has not checked out.
	branches map[string]string
	head     string // empty in a repository without commits
	// headBranch is the branch that is checked out; empty when HEAD is detached and nobody says whose commit it is.
	headBranch string
	// headSaid names the variable that says headBranch where HEAD is detached.
	headSaid string
	shallow  bool // older commits were not fetched
	log      tagging.Log
	ignored  []tagging.IgnoredTag
	config   *config.Repo
}

// openClone reads the repository that holds a folder; errNoClone when none does. The environment says what a build has
// checked out.
func openClone(ctx context.Context, dir string, getenv func(string) string) (*clone, error) {
	c, err := openRepository(ctx, dir)
	if err != nil {
		return nil, err
	}
	for _, read := range []func() error{c.readHead, c.readBranches, func() error { c.ofBuild(getenv); return nil }, c.readShallow, c.readConfig, c.readTags} {
		if err := read(); err != nil {
			return nil, fmt.Errorf("read the git repository in %s: %w", dir, err)
		}
	}
	return c, nil
}

// openRepository finds the repository that holds a folder, and its remote; errNoClone when none does.
func openRepository(ctx context.Context, dir string) (*clone, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, &usageError{err}
	} else if !info.IsDir() {
		return nil, &usageError{fmt.Errorf("%s is a file; name the folder of a clone", dir)}
	}
	c := &clone{git: gitReader{ctx: ctx, dir: dir}}
	_, err := c.git.out("rev-parse", "--git-dir")
	switch {
	case noRepository(err, dir):
		return nil, fmt.Errorf("%s: %w", dir, errNoClone)
	case err == nil:
		err = c.readRemote()
	}
	if err != nil {
		return nil, fmt.Errorf("open the git repository in %s: %w", dir, err)
	}
	return c, nil
}

func (c *clone) readRemote() error {
	text, _, err := c.git.found("config", "--null", "--get-regexp", `^remote\..*\.url$`)
	urls := map[string]string{}
	for entry := range strings.SplitSeq(text, "\x00") {
		key, url, ok := strings.Cut(entry, "\n")
		name := strings.TrimSuffix(strings.TrimPrefix(key, "remote."), ".url")
		if _, known := urls[name]; ok && !known {
			urls[name] = url
		}
	}
	c.remote = "origin"
	if _, known := urls[c.remote]; !known && len(urls) == 1 {
		for name := range urls {
			c.remote = name
		}
	}
	c.url = urls[c.remote]
	return err
}

func (c *clone) readHead() error {
	ref, _, err := c.git.found("symbolic-ref", "--quiet", "HEAD")
	if err != nil {
		return fmt.Errorf("HEAD: %w", err)
	}
	c.headBranch = strings.TrimPrefix(ref, "refs/heads/")
	if c.head, err = c.git.commit("HEAD"); err != nil {
		return fmt.Errorf("HEAD: %w", err)
	}
	return nil
}

func (c *clone) readBranches() error {
	const here = "refs/heads/"
	there := "refs/remotes/" + c.remote + "/"
	refs, err := c.refs("%(refname)%00%(objectname)%00%(symref)", here, there)
	c.branches = make(map[string]string, len(refs))
	for _, ref := range refs { // the clone's own come first
		if ref[2] != "" { // origin/HEAD
			continue
		}
		name, own := strings.CutPrefix(ref[0], here)
		if !own {
			name = strings.TrimPrefix(ref[0], there)
		}
		if _, known := c.branches[name]; !known {
			c.branches[name] = ref[1]
		}
	}
	return err
}

// refs are the fields of each ref below one of the folders, in the order of their names.
func (c *clone) refs(format string, rest ...string) ([][]string, error) {
	text, err := c.git.out(append([]string{"for-each-ref", "--format=" + format}, rest...)...)
	var refs [][]string
	for line := range strings.Lines(text) {
		refs = append(refs, strings.Split(strings.TrimSuffix(line, "\n"), "\x00"))
	}
	return refs, err
}

func (c *clone) readShallow() error {
	text, err := c.git.out("rev-parse", "--is-shallow-repository")
	c.shallow = strings.TrimSpace(text) == "true"
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
	at, err := c.git.commit("refs/remotes/" + c.remote + "/HEAD")
	if err != nil {
		return nil, fmt.Errorf("the default branch: %w", err)
	}
	if at = cmp.Or(at, c.head); at == "" {
		return nil, nil
	}
	data, _, err := c.git.file(at, config.FileName)
	return data, err
}

// name is what the repository and its owner are called, by its remote's address; empty where that does not say.
func (c *clone) name() (owner, name string) {
	parts := strings.Split(strings.ReplaceAll(c.url, ":", "/"), "/")
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
	if tip == "" {
		return "", &usageError{fmt.Errorf("this clone has no commit of branch %q; fetch it, or give --revision", branch)}
	}
	return tip, nil
}

// imageName is the name of the image in configuration, else of the repository by its remote's address; a component's is below it.
// Where the registry to push to has another name for it, that is it: the whole path without the registry's host.
func (c *clone) imageName(promoted bool) (string, error) {
	if _, name := c.name(); name == "" && !c.config.Configured {
		return "", &usageError{errors.New("this clone has no remote whose address names the repository; name the image with --image")}
	}
	name := c.config.ImageName
	if component := c.config.Names.Component; component != "" {
		name += "/" + component
	}
	if _, path, configured := strings.Cut(c.registry(promoted), "/"); configured && !strings.HasSuffix("/"+path, "/"+name) {
		return path, nil
	}
	return name, nil
}

// registry is where the server pushes the image to, or promotes it to, as host/path; empty where the configuration names none.
func (c *clone) registry(promoted bool) string {
	if promoted {
		return c.config.Registries.Production
	}
	return c.config.Registries.Development
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
	refs, err := c.refs("%(refname)%00%(objectname)%00%(objecttype)%00%(creatordate:unix)", "refs/tags/")
	if err != nil {
		return err
	}
	peeled, err := c.peel(refs)
	if err != nil {
		return err
	}
	var tags []tagging.GitTag
	for _, ref := range refs {
		tag := tagging.GitTag{Name: strings.TrimPrefix(ref[0], "refs/tags/"), SHA: ref[1]}
		if ref[2] == "tag" {
			tag.SHA = peeled[ref[0]]
		}
		if at, err := strconv.ParseInt(ref[3], 10, 64); err == nil {
			tag.Time = time.Unix(at, 0)
		}
		if tag.SHA != "" && (ref[2] == "tag" || ref[2] == "commit") { // a tag may also be on a file
			tags = append(tags, tag)
		}
	}
	c.log, c.ignored = tagging.Adopt(tags, c.config.Versioning.Tag)
	if c.patches() {
		return c.nameHotfixes()
	}
	return nil
}

// peel finds the commits that annotated tags point at in the end, as far as they do.
func (c *clone) peel(refs [][]string) (map[string]string, error) {
	var names []string
	var ask strings.Builder
	for _, ref := range refs {
		if ref[2] == "tag" {
			names = append(names, ref[0])
			ask.WriteString(ref[0] + "^{commit}\n")
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	text, err := c.git.fed(ask.String(), "cat-file", "--batch-check=%(objectname)")
	lines := strings.Split(text, "\n")
	commits := make(map[string]string, len(names))
	for i, name := range names {
		if i < len(lines) && !strings.Contains(lines[i], " ") { // "... missing"
			commits[name] = lines[i]
		}
	}
	return commits, err
}

// openReleases are the versions of the release branches that no tag has closed yet, and the tips of those branches.
func (c *clone) openReleases() (open []tagging.Held, tips []string) {
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
