package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/tagging"
)

// versionCmd is "sluice version": the next version, as the bot would compute it, from a clone alone.
type versionCmd struct {
	Explain bool   `help:"Say why it is that version."`
	Branch  string `placeholder:"NAME" help:"Branch to compute for. Default: the one checked out, or development where that is production."`
	// Component is of a monorepo.
	Component string `placeholder:"NAME" help:"Component of a monorepo. Default: the one that the branch names."`
	JSON      bool   `name:"json" help:"Print one JSON object."`
	Dir       string `arg:"" optional:"" default:"." placeholder:"DIR" help:"Folder of the clone. Default: this one."`
}

// versionReport is what --json prints.
type versionReport struct {
	Version     tagging.Version     `json:"version"`
	Tag         string              `json:"tag"` // the git tag it will get
	Branch      string              `json:"branch"`
	Kind        gitflow.Kind        `json:"kind"`
	SHA         string              `json:"sha"` // empty where there is no commit yet
	From        tagging.Version     `json:"from"`
	Bump        tagging.Bump        `json:"bump"`
	Source      tagging.Source      `json:"source"`
	Shallow     bool                `json:"shallow"`
	Explanation tagging.Explanation `json:"explanation"`
}

// Run prints the version.
func (c *versionCmd) Run(e *env) error {
	repo, err := openClone(e.ctx, c.Dir, e.getenv)
	if errors.Is(err, errNoClone) {
		return &usageError{fmt.Errorf("%w; go to a clone, or name its folder", err)}
	}
	if err != nil {
		return err
	}
	branch, err := branchName(c.Branch)
	if err != nil {
		return err
	}
	at, err := repo.place(branch)
	if err != nil {
		return err
	}
	if err := repo.as(c.Component, at.branch); err != nil {
		return err
	}
	res, err := repo.next(at)
	var refused *tagging.RefusedError
	if c.Explain && errors.As(err, &refused) {
		fmt.Fprint(e.stderr, refused.Explanation.Text())
	}
	if err != nil {
		return err
	}
	switch {
	case c.JSON:
		report := versionReport{
			Version: res.Version, Tag: repo.config.Versioning.Tag.Print(res.Version), Branch: at.branch.Name, Kind: at.branch.Kind, SHA: at.tip,
			From: res.From, Bump: res.Bump, Source: res.Source, Shallow: repo.shallow, Explanation: res.Explanation,
		}
		warnOf(e.stderr, res.Explanation)
		return printJSON(e.stdout, report)
	case c.Explain:
		fmt.Fprintf(e.stdout, "%s\n%s", res.Version, res.Explanation.Text())
	default:
		warnOf(e.stderr, res.Explanation)
		fmt.Fprintln(e.stdout, res.Version)
	}
	return nil
}

// warnOf prints the warnings of an explanation, for whoever reads the result alone.
func warnOf(w io.Writer, why tagging.Explanation) {
	for _, r := range why.Warnings() {
		fmt.Fprintf(w, "sluice: %s", strings.TrimPrefix(tagging.Explanation{r}.Text(), "- "))
	}
}

func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

// place is what a version is computed for: a branch and the commit that counts as its tip.
type place struct {
	branch gitflow.Branch
	tip    string // empty where there is no commit
	note   string // why it is this one, as a sentence
}

// place finds the branch to compute for. Without a name it is the one that is checked out; production has no version of
// its own to come, so there it is development.
func (c *clone) place(name string) (place, error) {
	if name != "" {
		return c.named(name)
	}
	names := c.config.Names
	dev, hasDev := c.branches[names.Development]
	switch {
	case c.headBranch == "":
		return place{branch: names.Classify(names.Development), tip: c.head,
			note: "HEAD is detached, so the commit counts as one of development; name another branch with --branch."}, nil
	case c.headBranch == names.Production && hasDev:
		return place{branch: names.Classify(names.Development), tip: dev,
			note: "The production branch is checked out; the next release comes from development."}, nil
	case c.head == "":
		return place{branch: names.Classify(c.headBranch), note: "The repository has no commit yet."}, nil
	}
	note := "The branch is the one checked out."
	if c.headSaid != "" {
		note = fmt.Sprintf("HEAD is detached; its commit is of the branch that %s says.", c.headSaid)
	}
	return place{branch: names.Classify(c.headBranch), tip: c.head, note: note}, nil
}

func (c *clone) named(name string) (place, error) {
	p := place{branch: c.config.Names.Classify(name), note: "The branch was named with --branch."}
	tip, found := c.branches[name]
	switch {
	case found:
		p.tip = tip
	case c.headBranch == "":
		p.tip, p.note = c.head, "The branch was named with --branch; the clone does not have it, so the commit of the detached HEAD counts as its tip."
	case p.branch.Kind.Ships() || c.head == "":
		p.note = "The branch was named with --branch; the clone does not have it, so its name alone counts."
	default:
		return place{}, fmt.Errorf("there is no branch %q in this clone, here or of its remote; fetch it, or name one of: %s",
			name, strings.Join(c.branchNames(), ", "))
	}
	return p, nil
}

// next is the version of a place, with the reasons.
func (c *clone) next(at place) (tagging.Result, error) {
	res, err := c.nextOf(at)
	if err != nil {
		return tagging.Result{}, err
	}
	why := tagging.Explanation{{Text: at.note, Facts: []tagging.Fact{{Name: "branch", Value: at.branch.Name}, {Name: "kind", Value: string(at.branch.Kind)}}}}
	if at.tip != "" {
		why[0].Facts = append(why[0].Facts, tagging.Fact{Name: "commit", Value: at.tip})
	}
	if c.shallow {
		why = append(why, tagging.Reason{Warning: true, Text: "This clone is shallow: older commits and the tags on them are not here, " +
			"so the version may be wrong; \"git fetch --unshallow --tags\" mends that."})
	}
	res.Explanation = append(why, res.Explanation...)
	if n := len(c.ignored); n > 0 {
		r := tagging.Reason{Text: fmt.Sprintf("Tags that are not written like %s are no releases (%d here).", c.config.Versioning.Tag, n)}
		for _, t := range c.ignored[:min(n, 3)] {
			r.Facts = append(r.Facts, tagging.Fact{Name: "ignored", Value: t.Name})
		}
		res.Explanation = append(res.Explanation, r)
	}
	return res, nil
}

func (c *clone) nextOf(at place) (tagging.Result, error) {
	r := tagging.Request{Log: c.log, Floor: tagging.Bump(c.config.Versioning.Next)}
	var err error
	switch at.branch.Kind {
	case gitflow.KindHotfix:
		res, err := c.nextHotfix(at)
		if err != nil {
			return res, err
		}
		mended, _ := c.log.Find(res.From)
		commits, err := c.commitsSince(at.tip, append(strings.Fields(c.shipped()), mended.SHA)...)
		res.Explanation = append(res.Explanation, tagging.HotfixTrailers(res.Version, commits)...)
		return res, err
	case gitflow.KindRelease:
		v, err := tagging.ParseReleaseVersion(at.branch.Version)
		if err != nil {
			return tagging.Result{}, flawed(at.branch)
		}
		if r.Commits, r.Elsewhere, err = c.since(at.tip, r.Line); err != nil {
			return tagging.Result{}, err
		}
		return tagging.CandidateOf(v, r), nil
	case gitflow.KindSupport:
		if r.Line, err = tagging.ParseLine(at.branch.Line); err != nil {
			return tagging.Result{}, flawed(at.branch)
		}
	}
	var tips []string
	if r.Open, tips, err = c.heldVersions(at); err != nil {
		return tagging.Result{}, err
	}
	if r.Commits, r.Elsewhere, err = c.since(at.tip, r.Line, tips...); err != nil {
		return tagging.Result{}, err
	}
	return tagging.Next(r)
}

// flawed says that a branch claims a kind that its name does not keep to.
func flawed(b gitflow.Branch) error {
	for _, f := range b.Flaws {
		if f.Rule == gitflow.FlawVersion || f.Rule == gitflow.FlawComponent {
			return &usageError{fmt.Errorf("%s", strings.TrimSuffix(f.Text.String(), "."))}
		}
	}
	return &usageError{fmt.Errorf("branch %q: its name holds no version", b.Name)}
}

// since are the commits of tip since the highest release of a line, without those of other branches: the component's own, and
// elsewhere those that change nothing of it.
func (c *clone) since(tip string, line tagging.Line, others ...string) (mine, elsewhere []tagging.Commit, err error) {
	if highest, found := c.log.Highest(line); found {
		others = append(others, highest.SHA)
	}
	commits, err := c.commitsSince(tip, others...)
	if err != nil {
		return nil, nil, err
	}
	return c.own(commits)
}

// nextHotfix is the version of a hotfix branch: of the release it was cut from, or for a branch that is still to be cut
// what production contains.
func (c *clone) nextHotfix(at place) (tagging.Result, error) {
	if r, released := c.releasedBy(at.branch, at.tip); released {
		return tagging.Result{Version: r.Version, Source: tagging.Named, Explanation: tagging.Explanation{{
			Text:  fmt.Sprintf("The hotfix is released already, as %s.", r.Version),
			Facts: []tagging.Fact{{Name: "tag", Value: r.Tag}},
		}}}, nil
	}
	if !c.patches() {
		return c.nextSuffixed(at)
	}
	open, err := c.openHotfixes(at)
	if err != nil {
		return tagging.Result{}, err
	}
	i := slices.IndexFunc(open, func(h openHotfix) bool { return h.branch.Name == at.branch.Name })
	if i < 0 {
		return tagging.Result{}, c.nothingToMend(at)
	}
	h := open[i]
	if h.err != nil {
		return tagging.Result{}, h.err
	}
	why := slices.Clip(h.result.Explanation)
	if len(open) > 1 {
		why = append(why, tagging.Reason{Warning: true, Text: "Other hotfixes are open. The server gives versions in the order in which they are started, which a clone knows only by their first commits."})
	}
	return tagging.Result{Version: h.result.Version, From: h.mended.Version, Source: tagging.Computed, Explanation: why}, nil
}

// nextSuffixed is the version of a hotfix that has its ID in it.
func (c *clone) nextSuffixed(at place) (tagging.Result, error) {
	mended, found, err := c.latestIn(cmp.Or(at.tip, c.branches[c.config.Names.Production]))
	if err != nil {
		return tagging.Result{}, err
	}
	if !found {
		return tagging.Result{}, c.nothingToMend(at)
	}
	open, _ := c.openReleases()
	res, err := tagging.NextHotfix(tagging.HotfixRequest{
		Log: c.log, ID: at.branch.ID, From: mended.Version, Mode: tagging.HotfixSuffix, Open: open,
	})
	if err != nil {
		return tagging.Result{}, err
	}
	return tagging.Result{Version: res.Version, From: mended.Version, Source: tagging.Computed, Explanation: res.Explanation}, nil
}

// nothingToMend says that a hotfix's branch contains no release.
func (c *clone) nothingToMend(at place) error {
	return fmt.Errorf("branch %q contains no release to mend: no tag like %s is on a commit before it; "+
		"fetch the tags with \"git fetch --tags\", or release first", at.branch.Name, c.config.Versioning.Tag)
}
