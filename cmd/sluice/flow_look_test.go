package main

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// What can be seen on GitHub and in the registries.

// check waits until the newest check run of a name at a commit has a conclusion (or a status, while it is not completed)
// and a title that matches.
func (f *flow) check(sha, name, want, title string) error {
	re, err := regexp.Compile(title)
	if err != nil {
		return err
	}
	return f.until(fmt.Sprintf("%s at %.7s to be %s %s", name, sha, want, title), func() (string, bool) {
		c, ok := f.repo.Check(sha, name)
		if !ok {
			return "no such check", false
		}
		is := c.Conclusion
		if c.Status != "completed" {
			is = c.Status
		}
		return fmt.Sprintf("%s: %s\n%s", is, c.Title, c.Summary), is == want && re.MatchString(c.Title)
	})
}

// opened waits for an open pull request from a branch into another.
func (f *flow) opened(head, base string) (int, error) {
	n := 0
	err := f.until(fmt.Sprintf("a pull request from %s into %s", head, base), func() (string, bool) {
		re := globRE(head)
		for _, i := range f.repo.Issues() {
			if p := i.Pull; p != nil && i.Open && re.MatchString(p.HeadRef) && p.BaseRef == base {
				n = i.Number
			}
		}
		return fmt.Sprintf("branches %v", f.repo.Branches()), n != 0
	})
	return n, err
}

// globRE is a regular expression for a name in which * stands for anything.
func globRE(glob string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(glob), `\*`, ".*") + "$")
}

// branch waits until a branch is there, or gone.
func (f *flow) branch(name string, there bool) error {
	return f.until(fmt.Sprintf("branch %s (there: %v)", name, there), func() (string, bool) {
		return fmt.Sprintf("branches %v", f.repo.Branches()), (f.repo.SHA("refs/heads/"+name) != "") == there
	})
}

// tagged waits until a tag is at a commit.
func (f *flow) tagged(tag, sha string) error {
	return f.until(fmt.Sprintf("tag %s at %.7s", tag, sha), func() (string, bool) {
		return fmt.Sprintf("tags %v", f.repo.Tags()), f.repo.Tags()[tag] == sha
	})
}

// contains waits until a branch contains a commit.
func (f *flow) contains(branch, sha string) error {
	return f.until(fmt.Sprintf("%s to contain %.7s", branch, sha), func() (string, bool) {
		return f.repo.SHA(branch), f.repo.Contains(f.repo.SHA(branch), sha)
	})
}

// runs waits until the newest successful deployment to an environment is of a version, or of a commit.
func (f *flow) runs(environment, version string) error {
	if len(version) == 40 {
		version = version[:7]
	}
	return f.until(fmt.Sprintf("%s to run %s", environment, version), func() (string, bool) {
		var saw []string
		now := ""
		for _, d := range f.repo.Deployments() {
			if d.Environment != environment {
				continue
			}
			saw = append(saw, d.Description+" "+d.State())
			for _, st := range d.Statuses {
				if st.State == "success" {
					now, _, _ = strings.Cut(d.Description, " ")
				}
			}
		}
		return strings.Join(saw, ", "), now == version
	})
}

// said waits for a comment of ours on an issue or pull request that matches.
func (f *flow) said(number int, pattern string) error {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	return f.until(fmt.Sprintf("a comment on #%d that matches %s", number, pattern), func() (string, bool) {
		var all []string
		for _, c := range f.repo.Comments(number) {
			if c.Author != flowBot {
				continue
			}
			if re.MatchString(c.Body) {
				return "", true
			}
			all = append(all, c.Body)
		}
		return strings.Join(all, "\n---\n"), false
	})
}

// reacted waits for our reaction to a comment.
func (f *flow) reacted(remark int64, content string) error {
	return f.until(fmt.Sprintf("the reaction %s to %d", content, remark), func() (string, bool) {
		var all []string
		for _, r := range f.repo.Reactions() {
			if (r.Comment == remark || r.Review == remark) && r.Author == flowBot {
				all = append(all, r.Content)
			}
		}
		return strings.Join(all, " "), strings.Contains(strings.Join(all, " "), content)
	})
}

// state waits until a pull request is open, closed or merged.
func (f *flow) state(number int, want string) error {
	return f.until(fmt.Sprintf("#%d to be %s", number, want), func() (string, bool) {
		i, ok := f.repo.Issue(number)
		if !ok {
			return "no such number", false
		}
		is := "closed"
		switch {
		case i.Open:
			is = "open"
		case i.Pull != nil && i.Pull.Merged:
			is = "merged"
		}
		return is, is == want
	})
}

// wrote counts the calls of ours to a route that had an effect. The merge of what is merged already, which GitHub answers without
// content, had none.
func (f *flow) wrote(method, route string) int {
	n := 0
	for _, c := range f.hub.Calls(fakegithub.CallFilter{Method: method, Route: route, Actor: flowBot}) {
		nothing := c.Route == "/repos/{owner}/{repo}/merges" && c.Status == http.StatusNoContent
		if c.Succeeded() && c.Write() && !nothing {
			n++
		}
	}
	return n
}

// digestNow is the digest of an image in a registry; empty: it is not there.
func (f *flow) digestNow(registry, tag string) (string, error) {
	name := flowApp
	if component, rest, found := strings.Cut(tag, ":"); found {
		name, tag = name+"/"+component, rest
	}
	digest, err := crane.Digest(registry+"/"+name+":"+tag, crane.WithContext(f.tb.Context()), crane.Insecure)
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return "", nil
	}
	return digest, err
}

// digest waits for an image in a registry and returns its digest.
func (f *flow) digest(registry, tag string) (digest string, err error) {
	err = f.until("image "+tag, func() (string, bool) {
		now, err := f.digestNow(registry, tag)
		digest = now
		return fmt.Sprintf("%q, %v", now, err), digest != ""
	})
	return digest, err
}
