package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/internal/pgtest"
)

// story is something that people do from start to end.
type story struct {
	files func(*flow) map[string]string // of the repository, at first
	tell  func(*flow) error
}

func crashStories() map[string]story {
	return map[string]story{
		"release": {(*flow).imageFiles, releaseStory}, "hotfix": {(*flow).imageFiles, hotfixStory}, "pick": {(*flow).imageFiles, pickStory},
		"watch": {watchFiles, watchStory}, "subscription": {(*flow).imageFiles, subscriptionStory},
	}
}

// crashesPerRun is how many places a run dies at, one after the other: a story costs more than a start.
const crashesPerRun = 40

// TestCase13Crash plays a release, a hotfix, a cherry-pick and watched deployments again and again, and the release and the
// hotfix on Postgres too, once each: there every start waits for a lease to run out, and all runs would take minutes more. Each
// time the server kills itself with SIGKILL at some of the points around its effects (before the intent, after it, after the
// act, after the result), is started again, and has to come to the end of the undisturbed run, with nothing done twice. The
// points are those of the table of effects, each for everything that it is passed for in a story; a point of the table that no
// story passes fails the test.
func TestCase13Crash(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a server for each crash")
	}
	t.Parallel()
	calm, passed := undisturbed(t)
	missing := bot.FailpointNames()
	for _, places := range passed {
		missing = slices.DeleteFunc(missing, func(point string) bool { return slices.ContainsFunc(places, at(point)) })
	}
	for _, p := range missing {
		t.Errorf("no story passes %s: nothing proves that a crash there does no harm", p)
	}
	died := crashes{}
	t.Run("stories", func(t *testing.T) {
		for _, name := range []string{"release", "hotfix"} { // the longest, so they begin first
			t.Run("postgres/"+name, func(t *testing.T) {
				t.Parallel()
				dies(t, crashStories()[name], pgtest.URL(t), mixed(passed[name]), calm[name])
			})
		}
		for name, s := range crashStories() {
			for i, places := range dealt(passed[name]) {
				t.Run(fmt.Sprintf("%s/%d", name, i+1), func(t *testing.T) {
					t.Parallel()
					died.add(name, dies(t, s, "", places, calm[name]))
				})
			}
		}
	})
	for name, places := range passed {
		died.enough(t, name, places)
	}
}

// undisturbed plays every story with a server that does not die, and returns how each ends and the places that it passes.
func undisturbed(t *testing.T) (calm map[string]ending, passed map[string][]string) {
	t.Helper()
	calm, passed = map[string]ending{}, map[string][]string{}
	var mu sync.Mutex
	whole := t.Run("undisturbed", func(t *testing.T) {
		for name, s := range crashStories() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				end, places := play(t, s, "", nil)
				mu.Lock()
				defer mu.Unlock()
				calm[name], passed[name] = end, places
			})
		}
	})
	if !whole {
		t.FailNow() // there is nothing to compare with
	}
	if len(calm) != len(crashStories()) {
		t.Fatal("-run leaves out stories that are played undisturbed, with which all others are compared; for a single one say " +
			"-run 'TestCase13Crash/undisturbed|TestCase13Crash/stories/release/1'")
	}
	return calm, passed
}

// at tells whether a place is one of a point.
func at(point string) func(place string) bool {
	return func(place string) bool { return strings.HasPrefix(place, point+" ") }
}

// dies plays a story whose server dies at places, compares its end, and returns those at which it died.
func dies(t *testing.T, s story, database string, places []string, want ending) []string {
	t.Helper()
	end, lines := play(t, s, database, places)
	if diff := cmp.Diff(want, end); diff != "" {
		t.Errorf("after dying at %s (-undisturbed +now):\n%s", strings.Join(places, ", "), diff)
	}
	var died []string
	for _, line := range lines {
		if place, ok := strings.CutPrefix(line, killMark); ok {
			died = append(died, place)
		}
	}
	return died
}

// crashes are the places at which servers died, by story.
type crashes struct {
	mu sync.Mutex
	of map[string][]string
}

func (c *crashes) add(story string, places []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string][]string{}
	}
	c.of[story] = append(c.of[story], places...)
}

// enough fails unless servers died at every point that a story passes, and at nearly all places. Whether GitHub is told of
// something before the next thing happens depends on time, so a few places of one play, or two effects of a short one, are not
// those of the next.
func (c *crashes) enough(t *testing.T, story string, places []string) {
	t.Helper()
	var left []string
	for _, p := range places {
		if !slices.Contains(c.of[story], p) {
			left = append(left, p)
		}
		if point, _, _ := strings.Cut(p, " "); !slices.ContainsFunc(c.of[story], at(point)) {
			t.Errorf("in the %s story no server died at %s", story, point)
		}
	}
	if len(left) > 0 {
		t.Logf("in the %s story no server died at %s", story, strings.Join(left, ", "))
	}
	if len(left) > max(8, len(places)/10) { // 8: two effects
		t.Errorf("in the %s story servers died at %d of %d places", story, len(places)-len(left), len(places))
	}
}

// dealt deals places to runs, so that each run dies all over the story.
func dealt(places []string) [][]string {
	runs := make([][]string, (len(places)+crashesPerRun-1)/crashesPerRun)
	for i, p := range places {
		runs[i%len(runs)] = append(runs[i%len(runs)], p)
	}
	return runs
}

// mixed picks as many places as a run of dealt has, of all points of effects alike: most effects have four, and of four runs of
// dealt each has hardly more than two of them.
func mixed(places []string) []string {
	runs := len(dealt(places))
	var picked []string
	for i, p := range places {
		if (i+i/runs)%runs == 0 {
			picked = append(picked, p)
		}
	}
	return picked
}

// play plays a story with a server that dies at places, once at each, and returns how everything stands at the end
// and the lines of the file of passed places: in the order in which they were first passed, each once.
func play(t *testing.T, s story, database string, places []string) (ending, []string) {
	t.Helper()
	f := newFlow(t, database)
	file := filepath.Join(f.dir, "passed")
	f.extra = []string{passedVariable + "=" + file, pointsVariable + "=" + strings.Join(places, ",")}
	if err := f.listens(); err != nil {
		t.Fatal(err)
	}
	files := s.files(f)
	builds := filepath.Join(f.dir, "builds.txt")
	files["buildspec.yml"] = strings.Replace(files["buildspec.yml"], "commands:\n", "commands:\n      - echo \"$SLUICE_EXECUTION_ID\" >>"+builds+"\n", 1)
	if err := f.seed(true, true, files); err != nil {
		t.Fatal(err)
	}
	f.before, f.patience = f.revive, 5*time.Minute // many starts may lie in one look
	if err := errors.Join(f.revive(), f.idle()); err != nil {
		t.Fatal(err)
	}
	if err := s.tell(f); err != nil {
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
