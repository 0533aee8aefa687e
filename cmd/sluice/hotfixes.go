package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/tagging"
)

// patches tells whether hotfixes have versions of three numbers, which do not say whose they are.
func (c *clone) patches() bool { return c.config.Versioning.Hotfix == config.HotfixPatch }

// nameHotfixes finds the IDs of released hotfixes whose versions do not hold them: the merge that brought one to its line names its
// branch, and one that is not merged yet is what its branch is at.
func (c *clone) nameHotfixes() error {
	ids := map[string]string{} // by the commit that was released
	for _, r := range c.log.Releases() {
		if r.HotfixID == "" && r.Version.Patch > 0 {
			ids[r.SHA] = ""
		}
	}
	lines := c.shipped()
	if len(ids) == 0 || lines == "" {
		return nil
	}
	text, err := c.git.fed(lines, "rev-list", "--stdin", "--merges", "--format=%x00%P%x00%s%x00")
	if err != nil {
		return fmt.Errorf("merges of releases: %w", err)
	}
	const fields = 3 // the first is git's own line
	for parts := strings.Split(text, "\x00"); len(parts) > fields; parts = parts[fields:] {
		for _, sha := range strings.Fields(parts[1])[1:] {
			if id, released := ids[sha]; released && id == "" {
				ids[sha] = c.hotfixIn(parts[2])
			}
		}
	}
	if err := c.nameUnmerged(ids); err != nil {
		return err
	}
	records := c.log.Releases()
	for i, r := range records {
		records[i].HotfixID = cmp.Or(r.HotfixID, ids[r.SHA])
	}
	c.log, err = tagging.NewLog(records...)
	return err
}

// nameUnmerged names those that are released and not merged yet. A branch that was only just cut where production is has released
// nothing.
func (c *clone) nameUnmerged(ids map[string]string) error {
	open := map[string]string{}
	for _, name := range c.branchNames() {
		b := c.config.Names.Classify(name)
		if id, released := ids[c.branches[name]]; released && id == "" && c.isHotfix(b) {
			open[c.branches[name]] = tagging.HotfixID(b.ID)
		}
	}
	if len(open) == 0 {
		return nil
	}
	text, err := c.git.fed(c.shipped(), "rev-list", "--stdin", "--first-parent")
	if err != nil {
		return fmt.Errorf("commits of production: %w", err)
	}
	for sha := range strings.Lines(text) {
		delete(open, strings.TrimSpace(sha))
	}
	for sha, id := range open {
		ids[sha] = id
	}
	return nil
}

// shipped are the tips of production and the support lines, a line each.
func (c *clone) shipped() string {
	var tips strings.Builder
	for _, name := range c.branchNames() {
		if kind := c.config.Names.Classify(name).Kind; kind == gitflow.KindProduction || kind == gitflow.KindSupport {
			tips.WriteString(c.branches[name] + "\n")
		}
	}
	return tips.String()
}

// isHotfix tells whether a branch is of a hotfix, in a monorepo of this component's.
func (c *clone) isHotfix(b gitflow.Branch) bool {
	return b.Kind == gitflow.KindHotfix && b.ID != "" && b.Component == c.config.Names.Component
}

// hotfixIn is the ID of the hotfix whose branch the subject of a merge names: "Merge hotfix/17 (v1.4.1) into master", "Merge pull
// request #8 from acme/hotfix/17". Empty when it names none.
func (c *clone) hotfixIn(subject string) string {
	for word := range strings.FieldsSeq(subject) {
		word = strings.Trim(word, `'"`)
		_, below, _ := strings.Cut(word, "/") // of a remote, or of who made the pull request
		for _, name := range []string{word, below} {
			if b := c.config.Names.Classify(name); c.isHotfix(b) {
				return tagging.HotfixID(b.ID)
			}
		}
	}
	return ""
}

// openHotfix is a hotfix that is not released, as the server sees it.
type openHotfix struct {
	branch gitflow.Branch
	tip    string // empty: the branch is still to be cut
	mended tagging.ReleaseRecord
	log    tagging.Log // what was released before it began, or since it took production over
	begun  int64       // when that was, by its first commit since, in seconds; the largest where there is none
	result tagging.HotfixResult
	err    error
}

// openHotfixes are the hotfixes that are not released, in the order in which they began, with their versions. The server gives a version
// when a hotfix begins, or takes over what overtook it, and keeps it: what was released since then was held by others. at may
// say where one of them is.
func (c *clone) openHotfixes(at place) ([]openHotfix, error) {
	tips := map[string]string{}
	for name, tip := range c.branches {
		tips[name] = tip
	}
	if at.branch.Kind == gitflow.KindHotfix {
		tips[at.branch.Name] = at.tip
	}
	var open []openHotfix
	for name, tip := range tips {
		h := openHotfix{branch: c.config.Names.Classify(name), tip: tip}
		if !c.isHotfix(h.branch) {
			continue
		}
		if _, done := c.releasedBy(h.branch, tip); done {
			continue
		}
		found, err := c.began(&h)
		if err != nil {
			return nil, err
		}
		if found {
			open = append(open, h)
		}
	}
	slices.SortFunc(open, func(a, b openHotfix) int {
		return cmp.Or(cmp.Compare(a.begun, b.begun), cmp.Compare(len(a.branch.ID), len(b.branch.ID)), cmp.Compare(a.branch.ID, b.branch.ID))
	})
	held, _ := c.openReleases()
	for i := range open {
		h := &open[i]
		given := slices.Clone(held)
		for _, r := range c.log.Releases() {
			if _, before := h.log.Find(r.Version); !before {
				given = append(given, tagging.Held{Version: r.Version, Where: "release " + r.Tag})
			}
		}
		h.result, h.err = tagging.NextHotfix(tagging.HotfixRequest{
			Log: h.log, ID: h.branch.ID, From: h.mended.Version, Mode: tagging.HotfixMode(c.config.Versioning.Hotfix), Open: given,
		})
		if h.err == nil {
			held = append(held, tagging.Held{Version: h.result.Version, Where: "branch " + h.branch.Name})
		}
	}
	return open, nil
}

// began finds which release a hotfix mends, and since when; false when its branch contains none.
func (c *clone) began(h *openHotfix) (bool, error) {
	production := c.branches[c.config.Names.Production]
	from := cmp.Or(h.tip, production)
	within, err := c.releasesIn(from)
	if err != nil {
		return false, err
	}
	if h.log, err = tagging.NewLog(within...); err != nil {
		return false, err
	}
	var found bool
	if h.mended, found = h.log.Highest(tagging.Trunk()); !found {
		return false, nil
	}
	h.begun = math.MaxInt64
	if h.tip == "" {
		return true, nil
	}
	ask := h.tip + "\n^" + h.mended.SHA + "\n"
	for tip := range strings.Lines(c.shipped()) {
		ask += "^" + tip
	}
	text, err := c.git.fed(ask, "rev-list", "--stdin", "--first-parent", "--ancestry-path", "--reverse", "--timestamp")
	if err != nil {
		return false, fmt.Errorf("commits of %s: %w", h.branch.Name, err)
	}
	stamp, _, _ := strings.Cut(text, " ")
	if seconds, err := strconv.ParseInt(stamp, 10, 64); err == nil {
		h.begun = seconds
	}
	return true, nil
}

// releasedBy is the release that a hotfix's branch became.
func (c *clone) releasedBy(b gitflow.Branch, tip string) (tagging.ReleaseRecord, bool) {
	for _, r := range c.log.Releases() {
		if r.HotfixID == tagging.HotfixID(b.ID) && tip != "" && r.SHA == tip {
			return r, true
		}
	}
	return tagging.ReleaseRecord{}, false
}

// heldVersions are the versions of what is open, and the tips of its release branches. A hotfix whose version holds its ID takes no
// other's.
func (c *clone) heldVersions(at place) ([]tagging.Held, []string, error) {
	open, tips := c.openReleases()
	if !c.patches() {
		return open, tips, nil
	}
	hotfixes, err := c.openHotfixes(at)
	for _, h := range hotfixes {
		if h.err == nil {
			open = append(open, tagging.Held{Version: h.result.Version, Where: "branch " + h.branch.Name})
		}
	}
	return open, tips, err
}
