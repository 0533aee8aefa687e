package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/tagging"
)

// tagCmd is "sluice tag": the reference of the image that a branch builds at a revision, without registry. In a clone it
// goes by the clone's configuration, and the clone says what no flag does. A flag that is given is never empty: a script's
// variable that is not set must not come to mean the clone's branch.
type tagCmd struct {
	Branch    *string `placeholder:"NAME" help:"Branch that was built. Default: the one checked out in the clone in this folder."`
	Revision  *string `placeholder:"SHA" help:"Commit that was built, at least 7 digits of it. Default: the branch's last in the clone."`
	Image     *string `placeholder:"NAME" help:"Name of the image: the repository or app, without registry. Default: app of the clone's configuration, else the name in the address of its remote; where the configuration's registry has another name, its path there."`
	Version   string  `placeholder:"X.Y.Z" help:"Release version. Default: the branch's name says it, else the clone in this folder."`
	Component string  `placeholder:"NAME" help:"Component of a monorepo, where the version is computed. Default: the one that the branch names."`
	Promoted  bool    `help:"The tag in the production registry."`
	JSON      bool    `name:"json" help:"Print one JSON object."`
}

// tagReport is what --json prints.
type tagReport struct {
	Image       string              `json:"image"`            // name:tag
	Pushed      string              `json:"pushed,omitempty"` // with the registry that the configuration names
	Name        string              `json:"name"`
	Tag         string              `json:"tag"`
	Kind        tagging.Kind        `json:"kind"`
	BranchKind  gitflow.Kind        `json:"branch_kind"`
	Version     tagging.Version     `json:"version"`  // empty for a feature
	Revision    string              `json:"revision"` // empty once promoted
	Explanation tagging.Explanation `json:"explanation"`
}

// Run prints the reference.
func (c *tagCmd) Run(e *env) error { return c.in(e, ".") }

// in prints the reference as it is in a folder.
func (c *tagCmd) in(e *env, dir string) error {
	t, err := c.tagger(e, dir)
	if err != nil {
		return err
	}
	tag, err := t.tag()
	if err != nil {
		return err
	}
	if c.Promoted {
		if tag, err = tag.Promoted(); err != nil {
			return &usageError{fmt.Errorf("--promoted: %w", err)}
		}
	}
	warnOf(e.stderr, t.why)
	if !c.JSON {
		fmt.Fprintln(e.stdout, tagging.Reference(t.image, tag))
		return nil
	}
	report := tagReport{Image: tagging.Reference(t.image, tag), Name: t.image, Tag: tag.String(), Kind: tag.Kind, BranchKind: t.branch.Kind,
		Revision: tag.Revision, Explanation: append(t.why, tag.Explain(t.branch.Name)...)}
	if c.Image == nil {
		if to := t.clone.registry(c.Promoted || t.branch.Kind == gitflow.KindProduction); to != "" {
			report.Pushed = tagging.Reference(to, tag)
		}
	}
	if tag.Kind != tagging.Feature {
		report.Version = cmpVersion(t.version, tag.ReleaseVersion())
	}
	return printJSON(e.stdout, report)
}

// cmpVersion is v, or other where v is none.
func cmpVersion(v, other tagging.Version) tagging.Version {
	if v.IsZero() {
		return other
	}
	return v
}

// tagger is one run of "sluice tag".
type tagger struct {
	branch    gitflow.Branch
	revision  string // shortened
	sha       string // as given
	component string // as given
	image     string // fitted
	clone     *clone // nil outside of a repository
	version   tagging.Version
	hotfix    string // whose ID the version does not hold
	given     bool   // version was given by --version
	why       tagging.Explanation
}

// tagger checks what was given and looks for a clone, which says the rest.
func (c *tagCmd) tagger(e *env, dir string) (*tagger, error) {
	t := &tagger{component: c.Component}
	repo, err := openClone(e.ctx, dir, e.getenv)
	switch {
	case errors.Is(err, errNoClone):
	case err != nil:
		return nil, err
	default:
		t.clone = repo
	}
	branch, err := t.said(c.Branch, "--branch", "the branch that was built", (*clone).checkedOut)
	if err != nil {
		return nil, err
	}
	if branch, err = branchName(branch); err != nil {
		return nil, err
	}
	length := tagging.MinRevision
	names := gitflow.DefaultNames([]string{branch})
	if t.clone != nil {
		length = t.clone.config.Versioning.RevisionLength
		// A branch that the clone has never seen may be of another repository; then its name alone counts.
		if _, known := t.clone.branches[branch]; known || t.clone.config.Configured {
			names = t.clone.config.Names
		}
	}
	t.branch = names.Classify(branch)
	t.sha, err = t.said(c.Revision, "--revision", "the commit that was built", func(c *clone) (string, error) { return c.lastOf(branch) })
	if err != nil {
		return nil, err
	}
	if t.revision, err = tagging.Revision(t.sha, length); err != nil {
		return nil, &usageError{fmt.Errorf("--revision: %w", err)}
	}
	t.image, err = t.said(c.Image, "--image", "the repository or app", func(cl *clone) (string, error) {
		if err := cl.as(c.Component, t.branch); err != nil {
			return "", err
		}
		return cl.imageName(c.Promoted || t.branch.Kind == gitflow.KindProduction)
	})
	if err != nil {
		return nil, err
	}
	if c.Image != nil { // the clone's fits
		if t.image, err = tagging.ImageName(t.image); err != nil {
			return nil, &usageError{err}
		}
	}
	if c.Version != "" {
		if t.version, err = tagging.ParseVersion(c.Version); err != nil {
			return nil, &usageError{fmt.Errorf("--version: %w", err)}
		}
		t.given = true
	}
	return t, nil
}

// branchName is the name of a branch that was given as --branch: as people say it, or whole (refs/heads/NAME), as builds are told it.
// Other refs are no branches: a build of a pull request is told refs/pull/7/merge, which is not the name of its branch.
func branchName(given string) (string, error) {
	name, whole := strings.CutPrefix(given, "refs/heads/")
	if whole && name == "" || !whole && strings.HasPrefix(given, "refs/") {
		return "", &usageError{fmt.Errorf("--branch %s is no branch; name the branch that was built, as it is called without refs/heads/", given)}
	}
	return name, nil
}

// said is the value of a flag, else what the clone says.
func (t *tagger) said(given *string, flag, what string, clones func(*clone) (string, error)) (string, error) {
	switch {
	case given != nil && *given == "":
		return "", &usageError{fmt.Errorf("%s is empty; name %s", flag, what)}
	case given != nil:
		return *given, nil
	case t.clone == nil:
		return "", &usageError{fmt.Errorf("missing flags: %s; name %s, or go to a clone, which says it", flag, what)}
	}
	return clones(t.clone)
}

// tag is the image tag of the kind of branch.
func (t *tagger) tag() (tagging.ImageTag, error) {
	switch t.branch.Kind {
	case gitflow.KindFeature, gitflow.KindBugfix:
		return wrapUsage(tagging.FeatureTag(t.branch.Name, t.revision))
	case gitflow.KindDevelopment, gitflow.KindRelease, gitflow.KindSupport, gitflow.KindHotfix, gitflow.KindProduction:
	default:
		return tagging.ImageTag{}, fmt.Errorf("branch %q is of kind %s: nothing is built from it, so it has no image", t.branch.Name, t.branch.Kind)
	}
	if err := t.findVersion(); err != nil {
		return tagging.ImageTag{}, err
	}
	switch t.branch.Kind {
	case gitflow.KindDevelopment:
		return wrapUsage(tagging.SnapshotTag(t.version, t.revision))
	case gitflow.KindHotfix:
		return wrapUsage(tagging.HotfixTag(t.version, t.branch.ID, t.revision))
	case gitflow.KindProduction:
		if t.hotfix != "" {
			promoted := tagging.ImageTag{Kind: tagging.HotfixPromoted, Version: t.version, ID: t.hotfix}
			return wrapUsage(promoted, promoted.Validate())
		}
		return wrapUsage(tagging.ReleaseTag(t.version))
	}
	return wrapUsage(tagging.CandidateTag(t.version, t.revision))
}

func wrapUsage(tag tagging.ImageTag, err error) (tagging.ImageTag, error) {
	if err != nil {
		return tagging.ImageTag{}, &usageError{err}
	}
	return tag, nil
}

// findVersion settles the version: given, said by the branch's name, or computed from the clone.
func (t *tagger) findVersion() error {
	switch t.branch.Kind {
	case gitflow.KindRelease:
		named, err := tagging.ParseReleaseVersion(t.branch.Version)
		if err != nil {
			return flawed(t.branch)
		}
		if t.given && t.version != named {
			return &usageError{fmt.Errorf("--version %s: branch %q is the release branch of %s; leave the flag out, or name another branch",
				t.version, t.branch.Name, named)}
		}
		t.version = named
		return nil
	case gitflow.KindSupport:
		line, err := tagging.ParseLine(t.branch.Line)
		if err != nil {
			return flawed(t.branch)
		}
		if t.given && !line.Holds(t.version) {
			return &usageError{fmt.Errorf("--version %s is not on the %s of branch %q", t.version, line, t.branch.Name)}
		}
	}
	if t.given {
		return nil
	}
	if t.clone == nil {
		return &usageError{fmt.Errorf("branch %q (%s) needs --version: its name does not say one, and there is no git repository here to compute it from",
			t.branch.Name, t.branch.Kind)}
	}
	return t.compute()
}

// compute finds the version in the clone.
func (t *tagger) compute() error {
	if err := t.clone.as(t.component, t.branch); err != nil {
		return err
	}
	tip := t.clone.branches[t.branch.Name]
	at, err := t.clone.git.commit(t.sha)
	if err != nil {
		return err
	}
	if tip = cmp.Or(at, tip); tip == "" {
		return fmt.Errorf("this clone has neither branch %q nor commit %s; fetch them, or give --version", t.branch.Name, t.sha)
	}
	if t.branch.Kind == gitflow.KindProduction {
		latest, found, err := t.clone.latestIn(tip)
		if err == nil && !found {
			err = fmt.Errorf("no release tag is on %s or before it; fetch the tags with \"git fetch --tags\", or give --version", t.sha)
		}
		t.version = latest.Version
		if latest.Version.Hotfix == "" {
			t.hotfix = latest.HotfixID
		}
		return err
	}
	res, err := t.clone.next(place{branch: t.branch, tip: tip, note: "The version is computed from the clone in this folder."})
	if err != nil {
		return err
	}
	t.version, t.why = res.Version, slices.Clip(res.Explanation)
	return nil
}
