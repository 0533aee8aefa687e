package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/tagging"
)

// commitsSince are the commits of tip that none of the others holds, oldest first. Where a shallow clone ends, so do they.
func (c *clone) commitsSince(tip string, others ...string) ([]tagging.Commit, error) {
	if tip == "" {
		return nil, nil
	}
	ask := tip + "\n"
	for _, other := range others {
		if other != "" {
			ask += "^" + other + "\n"
		}
	}
	text, err := c.git.fed(ask, "rev-list", "--stdin", "--topo-order", "--reverse", "--format=%x00%H%x00%P%x00%an%x00%B%x00")
	if err != nil {
		return nil, fmt.Errorf("commits up to %s: %w", tip, err)
	}
	const fields = 5 // the first is git's own line
	parts := strings.Split(text, "\x00")
	var commits []tagging.Commit
	for ; len(parts) > fields; parts = parts[fields:] {
		commits = append(commits, tagging.Commit{
			SHA: parts[1], Merge: strings.Contains(parts[2], " "), AuthorName: parts[3], Message: parts[4],
		})
	}
	return commits, nil
}

// latestIn is the latest release that a commit contains.
func (c *clone) latestIn(tip string) (latest tagging.ReleaseRecord, found bool, err error) {
	within, err := c.releasesIn(tip)
	for _, r := range within {
		if !found || c.log.Compare(r.Version, latest.Version) > 0 {
			latest, found = r, true
		}
	}
	return latest, found, err
}

// releasesIn are the releases that a commit contains, in their order.
func (c *clone) releasesIn(tip string) ([]tagging.ReleaseRecord, error) {
	if tip == "" {
		return nil, nil
	}
	refs, err := c.refs("%(refname)", "--merged="+tip, "refs/tags/")
	if err != nil {
		return nil, fmt.Errorf("tags before %s: %w", tip, err)
	}
	within := make(map[string]bool, len(refs))
	for _, ref := range refs {
		within[strings.TrimPrefix(ref[0], "refs/tags/")] = true
	}
	return slices.DeleteFunc(c.log.Releases(), func(r tagging.ReleaseRecord) bool { return !within[r.Tag] }), nil
}
