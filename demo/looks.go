package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// What the story tells, it has looked at before; these are the looks.

// reachable asks everything that was started whether it answers.
func (w *world) reachable(ctx context.Context) error {
	for _, url := range []string{
		w.hub.URL() + "/meta", "http://" + w.development + "/v2/", "http://" + w.production + "/v2/",
		"http://" + w.settings.AdminListen + "/readyz",
	} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		if err := resp.Body.Close(); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, resp.Status)
		}
	}
	return nil
}

// shows looks for texts in what a check shows.
func shows(c fakegithub.CheckRun, texts ...string) error {
	for _, want := range texts {
		if !strings.Contains(c.Summary+"\n"+c.Text, want) {
			return fmt.Errorf("%s does not show %q:\n%s\n%s", c.Name, want, c.Summary, c.Text)
		}
	}
	return nil
}

// leftNothing looks for an image and a deployment of a commit, neither of which may be there.
func (w *world) leftNothing(ctx context.Context, sha string) error {
	tags, err := crane.ListTags(w.development+"/"+app, crane.WithContext(ctx), crane.Insecure)
	var refused *transport.Error
	if err != nil && (!errors.As(err, &refused) || refused.StatusCode != http.StatusNotFound) {
		return err // not found: nothing was pushed yet
	}
	for _, tag := range tags {
		if strings.Contains(tag, sha[:7]) {
			return fmt.Errorf("the registry has %s:%s", app, tag)
		}
	}
	for _, d := range w.repo.Deployments() {
		if d.SHA == sha {
			return fmt.Errorf("%s was deployed to %s", sha[:7], d.Environment)
		}
	}
	return nil
}

// environment waits until what Sluice knows of an environment satisfies a condition.
func (w *world) environment(ctx context.Context, name, what string, ok func(Environment) bool) (Environment, error) {
	var found Environment
	err := until(ctx, "Sluice's record of "+name+" to be "+what, func(ctx context.Context) (string, bool, error) {
		all, err := w.server.Environments(ctx, org, app)
		found = all[name]
		return fmt.Sprintf("%s, %s, hold %q, lent by %d", found.Version, found.Digest, found.Hold, len(found.LentBy)), ok(found), err
	})
	return found, err
}

// madeRoom looks whether a candidate that was in staging waits for its place: its approval is still asked for, and the
// digest that staging owes it is the one that was there.
func (w *world) madeRoom(ctx context.Context, r Release) error {
	if _, err := w.check(ctx, r.SHA, "sluice/promotion", "action_required"); err != nil {
		return err
	}
	if _, err := w.environment(ctx, "staging", "lent by "+r.Version, func(e Environment) bool { return slices.Contains(e.LentBy, r.ID) }); err != nil {
		return err
	}
	_, err := w.release(ctx, r.Version, "open with "+r.CandidateDigest, func(now Release) bool {
		return now.Status == "open" && now.CandidateDigest == r.CandidateDigest
	})
	return err
}

// published looks for the GitHub release of a tag, published and with notes that tell of a change.
func published(repo *fakegithub.Repo, tag, change string) error {
	for _, r := range repo.Releases() {
		switch {
		case r.Tag != tag:
		case r.Draft:
			return fmt.Errorf("the GitHub release %s is a draft", tag)
		case !strings.Contains(r.Body, change):
			return fmt.Errorf("the notes of the GitHub release %s do not tell of %q:\n%s", tag, change, r.Body)
		default:
			return nil
		}
	}
	return fmt.Errorf("there is no GitHub release %s", tag)
}

// held looks whether production went back to a release and is held there.
func (w *world) held(ctx context.Context, good Release) error {
	_, err := w.environment(ctx, "production", good.Version+" and held", func(e Environment) bool {
		return e.Version == good.Version && e.Digest == good.CandidateDigest && e.Hold != ""
	})
	return err
}
