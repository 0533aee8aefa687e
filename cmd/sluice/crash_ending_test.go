package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// ending is how everything stands at the end of a story, in words that do not depend on when it was played: commits are
// named by their subjects.
type ending struct {
	Branches map[string]string // name to tree and number of commits
	Tags     map[string]string // name to tree and subject
	Releases []string
	Pulls    []string
	Checks   []string
	Said     []string // our comments, by their marks
	Deployed []string // successful deployments
	Images   []string // production's registry
}

func (f *flow) ending() (ending, error) {
	e := ending{Branches: map[string]string{}, Tags: map[string]string{}}
	for name, sha := range f.repo.Branches() {
		at, err := f.gitIn(f.repo.Dir(), "dev", "rev-list", "--count", sha)
		if err != nil {
			return e, err
		}
		e.Branches[name] = f.tree(sha) + ", commits: " + at
	}
	for name, sha := range f.repo.Tags() {
		e.Tags[name] = f.tree(sha) + ", " + f.subject(sha)
	}
	for _, r := range f.repo.Releases() {
		e.Releases = append(e.Releases, fmt.Sprintf("%s %q, draft: %v", r.Tag, r.Name, r.Draft))
	}
	passing := map[string]bool{} // heads of which it depends on time whether anybody looks before they are merged
	for _, i := range f.repo.Issues() {
		if p := i.Pull; p != nil {
			passing[p.HeadSHA] = passing[p.HeadSHA] || strings.HasPrefix(p.HeadRef, "backmerge/") && p.Merged
			head := regexp.MustCompile(`^backmerge/[0-9a-f]{7}`).ReplaceAllString(p.HeadRef, "backmerge/SHA")
			e.Pulls = append(e.Pulls, fmt.Sprintf("%s into %s, open: %v, merged: %v", head, p.BaseRef, i.Open, p.Merged))
		}
		for _, c := range f.repo.Comments(i.Number) {
			if c.Author == flowBot {
				e.Said = append(e.Said, fmt.Sprintf("#%d %s", i.Number, mark(c.Body)))
			}
		}
	}
	newest := map[string]string{}
	for _, c := range f.repo.CheckRuns("") {
		if c.AppID == f.app.ID && !passing[c.SHA] {
			newest[f.subject(c.SHA)+" "+f.tree(c.SHA)+": "+c.Name] = c.Status + " " + c.Conclusion
		}
	}
	for _, name := range slices.Sorted(maps.Keys(newest)) {
		e.Checks = append(e.Checks, name+": "+newest[name])
	}
	for _, d := range f.repo.Deployments() {
		if version, _, _ := strings.Cut(d.Description, " "); d.State() == "success" || d.State() == "inactive" {
			e.Deployed = append(e.Deployed, d.Environment+" "+f.subject(d.SHA)+" "+digits(version))
		}
	}
	images, err := f.images(f.prod)
	e.Images = images
	for _, list := range [][]string{e.Releases, e.Pulls, e.Said, e.Deployed, e.Images} {
		slices.Sort(list)
	}
	return e, err
}
