package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/crane"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// Reader is what the demo reads of Sluice's own records, for the object printed at the end.
type Reader interface {
	// Releases lists the releases and hotfixes of a repository, oldest first.
	Releases(ctx context.Context, owner, name string) ([]Release, error)
	// Environments tells what Sluice knows to run.
	Environments(ctx context.Context, owner, name string) (map[string]Environment, error)
}

// Release is a release or hotfix, as the object at the end has it.
type Release struct {
	Version          string `json:"version"`
	Kind             string `json:"kind"`
	Branch           string `json:"branch"`
	Tag              string `json:"tag"`
	SHA              string `json:"sha"`
	CandidateImage   string `json:"candidate_image"`
	CandidateDigest  string `json:"candidate_digest"`
	ProductionImage  string `json:"production_image"`
	ProductionDigest string `json:"production_digest"`
	Status           string `json:"status"`

	ID       string `json:"-"`
	Pull     int    `json:"-"`
	Finished bool   `json:"-"`
}

// Environment is what runs in a place.
type Environment struct {
	Version string `json:"version"`
	Image   string `json:"image"`
	Digest  string `json:"digest"`

	SHA string `json:"-"`
	// Hold is why nothing may be promoted here until /unpin.
	Hold string `json:"-"`
	// LentBy are the IDs of the releases that made room for what runs here.
	LentBy []string `json:"-"`
}

// pollEvery is the pause between two looks while the story waits for something.
const pollEvery = 50 * time.Millisecond

// patience is how long the story waits for one thing.
const patience = 90 * time.Second

// errFinal ends a wait at once: what was waited for will not come.
var errFinal = errors.New("this is final")

// until waits for something to become so. look says what it saw, for the message when patience ends; an error that is
// errFinal ends it at once.
func until(ctx context.Context, what string, look func(context.Context) (saw string, done bool, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		saw, done, err := look(ctx)
		if err == nil && done {
			return nil
		}
		if errors.Is(err, errFinal) {
			return fmt.Errorf("waited for %s; it is %s", what, saw)
		}
		if err != nil {
			saw = err.Error()
		}
		timer := time.NewTimer(pollEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("waited for %s; last seen: %s", what, saw)
		case <-timer.C:
		}
	}
}

// check waits until a check at a SHA has a conclusion. A pipeline that succeeded or failed stays so: nobody retries one in
// the story.
func (w *world) check(ctx context.Context, sha, name, conclusion string) (fakegithub.CheckRun, error) {
	var found fakegithub.CheckRun
	err := until(ctx, fmt.Sprintf("%s at %s to be %s", name, sha[:7], conclusion), func(context.Context) (string, bool, error) {
		c, ok := w.repo.Check(sha, name)
		if !ok {
			return "no such check yet", false, nil
		}
		found = c
		saw := c.Status + " " + c.Conclusion + ": " + c.Title
		if c.Status == "completed" && c.Conclusion == conclusion {
			return saw, true, nil
		}
		if name == "sluice/pipeline" && (c.Conclusion == "success" || c.Conclusion == "failure") {
			return saw + "\n" + c.Summary + "\n" + c.Text, false, errFinal
		}
		return saw, false, nil
	})
	return found, err
}

// host is one of several that an environment is deployed to.
type host struct {
	Name, Address string
}

// ask asks a program for its version.
func (w *world) ask(ctx context.Context, address string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	return strings.TrimSpace(string(body)), err
}

// answers waits until an environment's program answers with a version that was built at a commit, on each of its hosts. It
// returns the answer.
func (w *world) answers(ctx context.Context, environment, version, sha string) (string, error) {
	want := fmt.Sprintf("%s %s (%s)", app, version, sha[:7])
	places := []host{{environment, w.ports[environment]}}
	if environment == "development" {
		places = w.hosts
	}
	for _, p := range places {
		err := until(ctx, p.Name+" to answer "+want, func(ctx context.Context) (string, bool, error) {
			got, err := w.ask(ctx, p.Address)
			return got, got == want, err
		})
		if err != nil {
			return "", err
		}
	}
	return want, nil
}

// digest is what a tag points at in a registry.
func (w *world) digest(ctx context.Context, registry, tag string) (string, error) {
	return crane.Digest(registry+"/"+app+":"+tag, crane.WithContext(ctx), crane.Insecure)
}

// release waits until a release satisfies a condition.
func (w *world) release(ctx context.Context, version, what string, ok func(Release) bool) (Release, error) {
	var found Release
	err := until(ctx, version+" to be "+what, func(ctx context.Context) (string, bool, error) {
		all, err := w.server.Releases(ctx, org, app)
		if err != nil {
			return "", false, err
		}
		for _, r := range all {
			if r.Version == version {
				found = r
				return fmt.Sprintf("status %s, pull request %d, finished %v", r.Status, r.Pull, r.Finished), ok(r), nil
			}
		}
		return "no such release yet", false, nil
	})
	return found, err
}
