package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// Run plays the story. It returns nil when every step of it came out as told.
func Run(ctx context.Context, o Options) (err error) {
	out := o.Out
	if o.JSON {
		out = io.Discard
	}
	n := &narrator{out: out, colour: o.Colour && !o.JSON, start: time.Now(), steps: len(chapters())}
	fmt.Fprintf(out, "Sluice demo: a release of %s, from a feature branch to production, on this machine alone.\n", app)
	w, err := newWorld(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close(context.WithoutCancel(ctx))) }()
	s := &story{w: w, n: n}
	if err := w.reachable(ctx); err != nil {
		return err
	}
	n.saw("GitHub's stand-in at %s, registries at %s and %s, Sluice at %s", w.hub.URL(), w.development, w.production, w.settings.PublicURL)
	for _, c := range chapters() {
		n.chapter(c.title)
		if err := c.tell(s, ctx); err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
	}
	if err := w.objections(); err != nil {
		return err
	}
	took := time.Since(n.start)
	if o.JSON {
		return s.print(ctx, o, took)
	}
	fmt.Fprintf(out, "\n%s The story took %.1f s.\n", n.at(), took.Seconds())
	if o.Auto {
		return nil
	}
	fmt.Fprintf(out, "\nEverything stays up. Look round, and press Ctrl-C to end:\n  Sluice       %s\n  GitHub       %s/%s\n", w.settings.PublicURL, w.hub.URL(), repoName)
	for _, h := range w.hosts {
		fmt.Fprintf(out, "  %-12s http://%s (development)\n", h.Name, h.Address)
	}
	for _, env := range []string{"staging", "production"} {
		fmt.Fprintf(out, "  %-12s http://%s\n", env, w.ports[env])
	}
	<-ctx.Done()
	return nil
}

// story is what one chapter leaves for the next.
type story struct {
	w       *world
	n       *narrator
	feature int     // pull request of the feature
	waiting Release // whose candidate waits in staging
}

type chapter struct {
	title string
	tell  func(*story, context.Context) error
}

func chapters() []chapter {
	return []chapter{
		{"A feature branch is pushed", (*story).pushFeature},
		{"A pull request into master is refused", (*story).wrongTarget},
		{"The right pull request is merged", (*story).mergeFeature},
		{"A change that is not well on its hosts goes back", (*story).unwell},
		{"A release is started", (*story).startRelease},
		{"The candidate is approved and promoted", (*story).promote},
		{"The release is finished", (*story).finish},
		{"The next release waits in staging", (*story).nextRelease},
		{"A hotfix borrows staging", (*story).hotfix},
		{"The hotfix goes to production", (*story).promoteHotfix},
		{"Production is rolled back", (*story).rollback},
	}
}

const featureBranch = "feature/ABC-12-greeting"

// push commits files on a branch and pushes it, as the developer, with git.
func (s *story) push(ctx context.Context, branch, from, message string, files map[string]string) (string, error) {
	w := s.w
	if _, err := w.git(ctx, developer, "fetch", "--quiet", "--prune", "origin"); err != nil {
		return "", err
	}
	if _, err := w.git(ctx, developer, "switch", "--quiet", "--force-create", branch, "origin/"+from); err != nil {
		return "", err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(w.dir, "clone-"+developer, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	for _, args := range [][]string{{"add", "--all"}, {"commit", "--quiet", "-m", message}, {"push", "--quiet", "origin", branch}} {
		if _, err := w.git(ctx, developer, args...); err != nil {
			return "", err
		}
	}
	return w.git(ctx, developer, "rev-parse", "HEAD")
}

func (s *story) say(ctx context.Context, who string, number int, text string) error {
	s.n.who(who, "comments on #%d: %s", number, text)
	_, err := s.w.hub.As(who).Comment(ctx, repoName, number, text)
	return err
}

// pushFeature pushes a change that the tests find wanting, and then the right one.
func (s *story) pushFeature(ctx context.Context) error {
	sha, err := s.push(ctx, featureBranch, "development", "feat: greet by name\n\nABC-12", map[string]string{
		"greeting.go": "package main\n\nfunc greeting(string) string { return \"orders\" } // greets\n",
	})
	if err != nil {
		return err
	}
	s.n.who(developer, "pushes %s at %s", featureBranch, sha[:7])
	c, err := s.w.check(ctx, sha, "sluice/pipeline", "failure")
	if err != nil {
		return err
	}
	if err := shows(c, "FAIL: TestGreeting"); err != nil {
		return err
	}
	if err := s.w.leftNothing(ctx, sha); err != nil {
		return err
	}
	s.n.saw("sluice/pipeline failed: TestGreeting found no version in the greeting; nothing was pushed or deployed")
	return s.pushRight(ctx)
}

func (s *story) pushRight(ctx context.Context) error {
	sha, err := s.push(ctx, featureBranch, featureBranch, "fix: say the version again\n\nABC-12", map[string]string{
		"greeting.go": "package main\n\nfunc greeting(version string) string { return \"orders \" + version } // greets\n",
	})
	if err != nil {
		return err
	}
	s.n.who(developer, "pushes %s at %s", featureBranch, sha[:7])
	c, err := s.w.check(ctx, sha, "sluice/pipeline", "success")
	if err != nil {
		return err
	}
	if err := shows(c, "| **Build** | Succeeded |", "build | Succeeded |", "| **Deploy** | Succeeded |", "3 of 3 hosts, deployed in 2 batches"); err != nil {
		return err
	}
	s.n.saw("sluice/pipeline succeeded: built and deployed to development")
	tag := "feature-ABC-12-" + sha[:7]
	digest, err := s.w.digest(ctx, s.w.development, tag)
	if err != nil {
		return err
	}
	s.n.saw("image %s:%s, %s", app, tag, digest[:19])
	answer, err := s.w.answers(ctx, "development", tag, sha)
	if err != nil {
		return err
	}
	if err := shows(c, "| `web-1` | 1 | Succeeded |", "| `web-2` | 1 | Succeeded |", "| `web-3` | 2 | Succeeded |"); err != nil {
		return err
	}
	s.n.saw("development answers %q on three hosts, deployed to in two batches", answer)
	return nil
}

func (s *story) wrongTarget(ctx context.Context) error {
	number, err := s.w.hub.As(developer).OpenPull(ctx, repoName, featureBranch, "master", "Greet by name", "")
	if err != nil {
		return err
	}
	s.n.who(developer, "opens #%d: %s into master", number, featureBranch)
	c, err := s.w.check(ctx, s.w.repo.SHA(featureBranch), "sluice/branch", "failure")
	if err != nil {
		return err
	}
	s.n.saw("sluice/branch failed: %s", c.Title)
	return s.w.hub.As(developer).EditPull(ctx, repoName, number, map[string]any{"state": "closed"})
}

func (s *story) mergeFeature(ctx context.Context) error {
	number, err := s.w.hub.As(developer).OpenPull(ctx, repoName, featureBranch, "development", "feat: greet by name", "ABC-12")
	if err != nil {
		return err
	}
	s.feature = number
	s.n.who(developer, "opens #%d: %s into development", number, featureBranch)
	for _, name := range []string{"sluice/branch", "sluice/config", "sluice/pipeline"} {
		if _, err := s.w.check(ctx, s.w.repo.SHA(featureBranch), name, "success"); err != nil {
			return err
		}
	}
	s.n.saw("sluice/branch, sluice/config and sluice/pipeline succeeded")
	sha, err := s.w.hub.As(developer).MergePull(ctx, repoName, number, "merge")
	if err != nil {
		return err
	}
	s.n.who(developer, "merges #%d", number)
	return s.snapshot(ctx, sha, "1.4.0")
}

// snapshot waits until a commit of the development branch is built and deployed, and asks all hosts of development.
func (s *story) snapshot(ctx context.Context, sha, version string) error {
	if _, err := s.w.check(ctx, sha, "sluice/pipeline", "success"); err != nil {
		return err
	}
	answer, err := s.w.answers(ctx, "development", version, sha)
	if err != nil {
		return err
	}
	tag := version + "-snapshot-" + sha[:7]
	digest, err := s.w.digest(ctx, s.w.development, tag)
	if err != nil {
		return err
	}
	if _, err := s.w.environment(ctx, "development", "running "+digest, func(e Environment) bool { return e.Digest == digest }); err != nil {
		return err
	}
	s.n.saw("snapshot %s:%s is deployed; development answers %q", app, tag, answer)
	return nil
}

// unwell pushes a change whose tests pass and whose service does not: the deployment stops after the first batch and goes back.
func (s *story) unwell(ctx context.Context) error {
	const branch = "issue-30"
	sha, err := s.push(ctx, branch, "development", "feat: greet shortly (#30)", map[string]string{
		"greeting.go": "package main\n\nfunc greeting(version string) string { return version } // shortly\n",
	})
	if err != nil {
		return err
	}
	s.n.who(developer, "pushes %s at %s", branch, sha[:7])
	c, err := s.w.check(ctx, sha, "sluice/pipeline", "failure")
	if err != nil {
		return err
	}
	if err := shows(c, "| `web-1` | 1 | RolledBack | ValidateService |", "| `web-2` | 1 | RolledBack | ValidateService |", "| `web-3` |  | Pending |"); err != nil {
		return err
	}
	s.n.saw("sluice/pipeline failed: ValidateService failed on web-1 and web-2, the first batch; web-3 was not touched")
	answer, err := s.w.answers(ctx, "development", "1.4.0", s.w.repo.SHA("development"))
	if err != nil {
		return err
	}
	s.n.saw("both were rolled back: all three hosts answer %q", answer)
	return nil
}

func (s *story) startRelease(ctx context.Context) error {
	if err := s.say(ctx, releaseManager, s.feature, "/release start"); err != nil {
		return err
	}
	_, err := s.candidateOf(ctx, "1.4.0", "candidate")
	return err
}

// candidateOf waits until a release's candidate is in staging and its approval is asked for.
func (s *story) candidateOf(ctx context.Context, version, word string) (Release, error) {
	r, err := s.w.release(ctx, version, "open with a pull request", func(r Release) bool { return r.Pull != 0 })
	if err != nil {
		return r, err
	}
	sha := s.w.repo.SHA(r.Branch)
	s.n.saw("%s at %s, pull request #%d", r.Branch, sha[:7], r.Pull)
	if _, err := s.w.check(ctx, sha, "sluice/pipeline", "success"); err != nil {
		return r, err
	}
	c, err := s.w.check(ctx, sha, "sluice/promotion", "action_required")
	if err != nil {
		return r, err
	}
	r, err = s.w.release(ctx, version, "at "+sha[:7]+" with an image", func(r Release) bool { return r.SHA == sha && r.CandidateDigest != "" })
	if err != nil {
		return r, err
	}
	answer, err := s.w.answers(ctx, "staging", version, r.SHA)
	if err != nil {
		return r, err
	}
	digest, err := s.w.digest(ctx, s.w.development, r.CandidateImage[strings.LastIndexByte(r.CandidateImage, ':')+1:])
	if err != nil {
		return r, err
	}
	if digest != r.CandidateDigest {
		return r, fmt.Errorf("the registry has %s under %s, and Sluice says %s", digest, r.CandidateImage, r.CandidateDigest)
	}
	s.n.saw("%s %s, %s", word, r.CandidateImage[strings.LastIndexByte(r.CandidateImage, '/')+1:], r.CandidateDigest[:19])
	s.n.saw("staging answers %q", answer)
	s.n.saw("sluice/promotion: %s", c.Title)
	return r, nil
}

func (s *story) promote(ctx context.Context) error { return s.promoteVersion(ctx, "1.4.0") }

// promoteVersion has QA approve and the release manager promote, and waits until production runs it.
func (s *story) promoteVersion(ctx context.Context, version string) error {
	r, err := s.w.release(ctx, version, "there", func(Release) bool { return true })
	if err != nil {
		return err
	}
	if err := s.say(ctx, qa, r.Pull, "/approve"); err != nil {
		return err
	}
	if err := s.say(ctx, releaseManager, r.Pull, "/promote"); err != nil {
		return err
	}
	if err := s.givenBack(ctx); err != nil {
		return err
	}
	r, err = s.w.release(ctx, version, "released", func(r Release) bool { return r.Status == "released" })
	if err != nil {
		return err
	}
	tag := r.ProductionImage[strings.LastIndexByte(r.ProductionImage, ':')+1:]
	digest, err := s.w.digest(ctx, s.w.production, tag)
	if err != nil {
		return err
	}
	if digest != r.CandidateDigest {
		return fmt.Errorf("production's registry has %s under %s, and %s was approved", digest, tag, r.CandidateDigest)
	}
	s.n.saw("production's registry has %s:%s, the digest that was approved", app, tag)
	answer, err := s.w.answers(ctx, "production", version, r.SHA)
	if err != nil {
		return err
	}
	s.n.saw("production answers %q", answer)
	return nil
}

// givenBack waits until the candidate that made room is in staging again, which it is as soon as the approval of the one
// that borrowed it is decided.
func (s *story) givenBack(ctx context.Context) error {
	if s.waiting.Version == "" {
		return nil
	}
	answer, err := s.w.answers(ctx, "staging", s.waiting.Version, s.waiting.SHA)
	if err != nil {
		return err
	}
	if _, err := s.w.environment(ctx, "staging", "running "+s.waiting.CandidateDigest+" again", func(e Environment) bool {
		return e.Digest == s.waiting.CandidateDigest && len(e.LentBy) == 0
	}); err != nil {
		return err
	}
	s.n.saw("staging was given back: it runs %s again and answers %q", s.waiting.CandidateDigest[:19], answer)
	return nil
}

func (s *story) finish(ctx context.Context) error {
	return s.finished(ctx, "1.4.0", "1.5.0", "greet by name")
}

// finished waits for the end of a release and looks at what it left, notes that tell of a change among it, and at what
// development builds next.
func (s *story) finished(ctx context.Context, version, next, change string) error {
	r, err := s.w.release(ctx, version, "finished", func(r Release) bool { return r.Finished })
	if err != nil {
		return err
	}
	if got := s.w.repo.SHA("refs/tags/" + r.Tag); got != r.SHA {
		return fmt.Errorf("tag %s is at %s, want the candidate %s", r.Tag, got, r.SHA)
	}
	s.n.saw("tag %s at the candidate %s", r.Tag, r.SHA[:7])
	tip := s.w.repo.SHA("master")
	if len(s.w.repo.Parents(tip)) != 2 || !s.w.repo.Contains(tip, r.SHA) {
		return fmt.Errorf("master at %s is no merge of %s", tip, r.SHA)
	}
	if !s.w.repo.Contains(s.w.repo.SHA("development"), tip) {
		return fmt.Errorf("development lacks master's tip %s", tip)
	}
	s.n.saw("master merged with two parents, and merged back into development")
	if s.w.repo.SHA(r.Branch) != "" {
		return fmt.Errorf("%s is still there", r.Branch)
	}
	if err := published(s.w.repo, r.Tag, change); err != nil {
		return err
	}
	s.n.saw("GitHub release %s with notes; %s deleted", r.Tag, r.Branch)
	return s.snapshot(ctx, s.w.repo.SHA("development"), next)
}

func (s *story) nextRelease(ctx context.Context) error {
	const branch = "issue-31"
	sha, err := s.push(ctx, branch, "development", "feat: cancel orders (#31)", map[string]string{"cancel.go": "package main\n\n// cancelled counts orders that were taken back.\nvar cancelled int\n\nfunc init() { cancelled = 0 }\n"})
	if err != nil {
		return err
	}
	number, err := s.w.hub.As(developer).OpenPull(ctx, repoName, branch, "development", "feat: cancel orders", "Closes #31")
	if err != nil {
		return err
	}
	s.n.who(developer, "opens #%d: %s into development", number, branch)
	if _, err := s.w.check(ctx, sha, "sluice/pipeline", "success"); err != nil {
		return err
	}
	answer, err := s.w.answers(ctx, "development", "feature-31-"+sha[:7], sha)
	if err != nil {
		return err
	}
	s.n.saw("development answers %q", answer)
	sha, err = s.w.hub.As(developer).MergePull(ctx, repoName, number, "merge")
	if err != nil {
		return err
	}
	s.n.who(developer, "merges #%d", number)
	if err := s.snapshot(ctx, sha, "1.5.0"); err != nil {
		return err
	}
	if err := s.say(ctx, releaseManager, number, "/release start"); err != nil {
		return err
	}
	s.waiting, err = s.candidateOf(ctx, "1.5.0", "candidate")
	return err
}

// print writes the object that tells how everything stands at the end.
func (s *story) print(ctx context.Context, o Options, took time.Duration) error {
	releases, err := s.w.server.Releases(ctx, org, app)
	if err != nil {
		return err
	}
	environments, err := s.w.server.Environments(ctx, org, app)
	if err != nil {
		return err
	}
	type check struct {
		SHA        string `json:"sha"`
		Name       string `json:"name"`
		Status     string `json:"status"`
		Conclusion string `json:"conclusion"`
	}
	checks := []check{}
	for _, sha := range s.w.shas() {
		newest := map[string]fakegithub.CheckRun{}
		for _, c := range s.w.repo.CheckRuns(sha) {
			if c.ID > newest[c.Name].ID {
				newest[c.Name] = c
			}
		}
		for _, name := range slices.Sorted(maps.Keys(newest)) {
			checks = append(checks, check{sha, name, newest[name].Status, newest[name].Conclusion})
		}
	}
	enc := json.NewEncoder(o.Out)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string]any{
		"releases": releases, "environments": environments, "branches": s.w.repo.Branches(), "tags": s.w.repo.Tags(),
		"checks": checks, "duration_seconds": took.Seconds(),
	})
}
