package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/test/fakegithub"
)

// TestCase13Crash plays a release, a hotfix and a cherry-pick again and again. Each time the server kills itself with SIGKILL at some of the
// points around its effects (before the intent, after it, after the act, after the result), is started again, and has to
// come to the end of the undisturbed run, with nothing done twice. The points are those of the table of effects; one that
// no story passes fails the test.
func TestCase13Crash(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a server for each crash")
	}
	stories := map[string]func(*flow) error{"release": releaseStory, "hotfix": hotfixStory, "pick": pickStory}
	passed := map[string][]string{}
	calm := map[string]ending{}
	for name, story := range stories {
		calm[name], passed[name] = play(t, story, nil)
	}
	missing := bot.FailpointNames()
	for _, points := range passed {
		missing = slices.DeleteFunc(missing, func(p string) bool { return slices.Contains(points, p) })
	}
	for _, p := range missing {
		t.Errorf("no story passes %s: nothing proves that a crash there does no harm", p)
	}
	for name, story := range stories {
		for i, points := range dealt(passed[name]) {
			t.Run(fmt.Sprintf("%s/%d", name, i+1), func(t *testing.T) {
				t.Parallel()
				end, killed := play(t, story, points)
				for _, p := range points {
					if !slices.Contains(killed, killMark+p) {
						t.Errorf("the server did not die at %s", p)
					}
				}
				if diff := cmp.Diff(calm[name], end); diff != "" {
					t.Errorf("after dying at %s (-undisturbed +now):\n%s", strings.Join(points, ", "), diff)
				}
			})
		}
	}
}

// dealt deals points to runs, so that each run dies at points from all over the story.
func dealt(points []string) [][]string {
	runs := make([][]string, (len(points)+crashesPerRun-1)/crashesPerRun)
	for i, p := range points {
		runs[i%len(runs)] = append(runs[i%len(runs)], p)
	}
	return runs
}

// play plays a story with a server that dies at the points, once at each, and returns how everything stands at the end
// and the lines of the file of passed points: in the order in which they were first passed, each once.
func play(t *testing.T, story func(*flow) error, points []string) (ending, []string) {
	t.Helper()
	f := newFlow(t, "")
	file := filepath.Join(f.dir, "passed")
	f.extra = []string{passedVariable + "=" + file, pointsVariable + "=" + strings.Join(points, ",")}
	files := f.imageFiles()
	builds := filepath.Join(f.dir, "builds.txt")
	files["buildspec.yml"] = strings.Replace(imagesBuild, "commands:\n", "commands:\n      - echo \"$SLUICE_EXECUTION_ID\" >>"+builds+"\n", 1)
	if err := f.seed(true, true, files); err != nil {
		t.Fatal(err)
	}
	f.before, f.patience = f.revive, 5*time.Minute // many starts may lie in one look
	if err := errors.Join(f.revive(), f.idle()); err != nil {
		t.Fatal(err)
	}
	if err := story(f); err != nil {
		t.Fatal(err)
	}
	end, err := f.ending()
	if err != nil {
		t.Fatal(err)
	}
	once, err := os.ReadFile(builds)
	if err != nil {
		t.Fatal(err)
	}
	for id, n := range counted(strings.Fields(string(once))) {
		if n > 1 {
			t.Errorf("execution %s was built %d times", id, n)
		}
	}
	f.nothingTwice(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return end, lines
}

// revive starts the server when it does not run: at first, and after it died. GitHub sends again what did not arrive.
func (f *flow) revive() error {
	if f.server != nil {
		select {
		case <-f.server.ended:
		default:
			return nil
		}
	}
	f.before = nil
	defer func() { f.before = f.revive }()
	var err error
	for range 2 * crashesPerRun { // it may die before it is ready
		f.crash()
		if err = f.serve(); err != nil {
			continue
		}
		if err = f.again(); err == nil { // it may die of what arrives
			return nil
		}
	}
	return err
}

func counted(list []string) map[string]int {
	out := map[string]int{}
	for _, x := range list {
		out[x]++
	}
	return out
}

// doAll does one thing after the other.
func doAll(steps ...func() error) error {
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// says is a comment of a person on the pull request of a branch.
func (f *flow) says(who, branch, text string) func() error {
	return func() error {
		n, err := f.number(branch)
		if err != nil {
			return err
		}
		_, err = f.comment(who, n, text)
		return err
	}
}

// waits is the candidate of a branch waiting for an approval.
func (f *flow) waits(branch string) func() error {
	return func() error {
		return f.until(branch+" to wait for an approval", func() (string, bool) {
			c, ok := f.repo.Check(f.repo.SHA(branch), bot.CheckPromotion)
			return c.Status + " " + c.Conclusion + ": " + c.Title, ok && c.Conclusion == "action_required" && strings.Contains(c.Title, "approval")
		})
	}
}

func (f *flow) startsRelease() error {
	n, err := f.hub.As("rm").OpenIssue(f.tb.Context(), flowRepo, "Next release", "")
	if err != nil {
		return err
	}
	if _, err := f.comment("rm", n, "/release start"); err != nil {
		return err
	}
	_, err = f.opened("release/1.4.0", "master")
	return err
}

// releaseStory is a release from start to end, with a pull request into its branch that is still open then.
func releaseStory(f *flow) error {
	return doAll(
		f.rewrites,
		f.startsRelease,
		f.waits("release/1.4.0"),
		func() error { return f.repo.SetRef("refs/heads/fix/late", f.repo.SHA("release/1.4.0")) },
		func() error {
			_, err := f.push(pushRequest{who: "eve", branch: "fix/late", message: "fix: late", files: map[string]string{"late.txt": "1\n"}})
			return err
		},
		func() error { _, err := f.open("eve", "fix/late", "release/1.4.0", "Late"); return err },
		func() error { return f.check(f.repo.SHA("fix/late"), bot.CheckPipeline, "success", "") },
		f.says("qa", "release/1.4.0", "/approve"),
		func() error { return f.branch("release/1.4.0", false) },
		func() error { _, err := f.opened("fix/late", "development"); return err },
		func() error { return f.check(f.repo.SHA("development"), bot.CheckPipeline, "success", "") },
		f.idle,
		f.healthy,
	)
}

// rewrites takes a commit off development by force, which is kept and raises an alarm.
func (f *flow) rewrites() error {
	if _, err := f.push(pushRequest{who: "boss", branch: "development", message: "feat: pears", files: map[string]string{"pears.txt": "1\n"}}); err != nil {
		return err
	}
	lost := f.repo.SHA("development")
	if err := f.idle(); err != nil {
		return err
	}
	if _, err := f.push(pushRequest{who: "boss", branch: "development", message: "feat: plums", files: map[string]string{"plums.txt": "1\n"}, force: true}); err != nil {
		return err
	}
	return errors.Join(f.idle(), f.until("the lost commit to be kept", func() (string, bool) {
		sha := f.repo.SHA("refs/sluice/kept/" + lost)
		return sha, sha == lost
	}), f.check(f.repo.SHA("development"), bot.CheckPipeline, "success", ""))
}

// hotfixStory is a hotfix from start to end while a candidate waits, which is abandoned afterwards.
func hotfixStory(f *flow) error {
	return doAll(
		func() error {
			f.repo.AddRuleset(fakegithub.Ruleset{Name: "queue", Include: []string{"refs/heads/development"}, Rules: []fakegithub.Rule{{Type: "merge_queue"}}})
			return nil
		},
		f.startsRelease,
		f.waits("release/1.4.0"),
		f.says("dev", "release/1.4.0", "/hotfix 17"),
		func() error { return f.branch("hotfix/17", true) },
		func() error {
			_, err := f.push(pushRequest{who: "dev", branch: "hotfix/17", message: "fix: add up", files: map[string]string{"totals.txt": "right\n"}})
			return err
		},
		func() error { _, err := f.opened("hotfix/17", "master"); return err },
		f.waits("hotfix/17"),
		f.says("qa", "hotfix/17", "/approve"),
		func() error { return f.branch("hotfix/17", false) },
		func() error { return f.contains("release/1.4.0", f.repo.SHA("master")) },
		func() error { return f.check(f.repo.SHA("development"), bot.CheckPipeline, "success", "") },
		f.waits("release/1.4.0"),
		f.says("rm", "release/1.4.0", "/release abandon --reason no"),
		func() error { return f.branch("release/1.4.0", false) },
		f.idle,
		f.healthy,
	)
}

// pickStory brings the two commits of a merged pull request to a release branch, which is released without them.
func pickStory(f *flow) error {
	return doAll(
		f.startsRelease,
		f.waits("release/1.4.0"),
		func() error { return f.repo.SetRef("refs/heads/fix/both", f.repo.SHA("development")) },
		func() error {
			_, err := f.push(pushRequest{who: "eve", branch: "fix/both", message: "fix: one", files: map[string]string{"one.txt": "1\n"}})
			return err
		},
		func() error { return f.check(f.repo.SHA("fix/both"), bot.CheckPipeline, "success", "") },
		func() error {
			_, err := f.push(pushRequest{who: "eve", branch: "fix/both", message: "fix: two", files: map[string]string{"two.txt": "2\n"}})
			return err
		},
		func() error { _, err := f.open("eve", "fix/both", "development", "Both"); return err },
		func() error { return f.check(f.repo.SHA("fix/both"), bot.CheckPipeline, "success", "") },
		func() error {
			n, err := f.number("fix/both")
			if err != nil {
				return err
			}
			if _, err := f.merge("dev", n, "merge"); err != nil {
				return err
			}
			if _, err := f.comment("dev", n, "/cherrypick release/1.4.0"); err != nil {
				return err
			}
			_, err = f.opened(fmt.Sprintf("cherrypick/%d-to-release-1.4.0", n), "release/1.4.0")
			return err
		},
		f.idle,
		f.says("qa", "release/1.4.0", "/approve"),
		func() error { return f.branch("release/1.4.0", false) },
		func() error { return f.check(f.repo.SHA("development"), bot.CheckPipeline, "success", "") },
		f.idle,
		f.healthy,
	)
}

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
	for _, i := range f.repo.Issues() {
		if p := i.Pull; p != nil {
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
		if c.AppID == f.app.ID {
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
