package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/internal/pgtest"
)

// story is something that people do from start to end.
type story struct {
	files    func(*flow) map[string]string // of the repository, at first
	tell     func(*flow) error
	database func(testing.TB) string // makes the store's, and returns its URL; nil: SQLite in the data folder
}

const onPostgres = "postgres-" // begins the name of a story that is told on SQLite too

func crashStories() map[string]story {
	release, hotfix := story{files: (*flow).imageFiles, tell: releaseStory}, story{files: (*flow).imageFiles, tell: hotfixStory}
	all := map[string]story{
		"release": release, "hotfix": hotfix, "pick": {files: (*flow).imageFiles, tell: pickStory}, "watch": {files: watchFiles, tell: watchStory},
		"subscription": {files: (*flow).imageFiles, tell: subscriptionStory},
	}
	release.database, hotfix.database = pgtest.URL, pgtest.URL
	all[onPostgres+"release"], all[onPostgres+"hotfix"] = release, hotfix
	return all
}

// Bounds of the plays. A story costs more than a start, so servers die at many places of a play, one after the other. Where none
// came by because of that, one dies in the next round, in a play of fewer deaths.
const (
	crashesPerRun = 75
	rounds        = 4
)

// TestCase13Crash plays a release, a hotfix, a cherry-pick and watched deployments again and again, the release and the hotfix on
// Postgres too. Each time the server kills itself with SIGKILL at some of the points around its effects (before the intent,
// after it, after the act, after the result), is started again, and has to come to the end of the undisturbed run, with nothing
// done twice. The points are those of the table of effects, each for everything that it is passed for in a story. A point of the
// table that no story passes fails the test, and so does a place that any play of a story passes, be it undisturbed or on the
// way back from a crash, and that no server of that story died at; varies names the one exception.
func TestCase13Crash(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a server for each crash")
	}
	t.Parallel()
	calm, l := undisturbed(t)
	missing := bot.FailpointNames()
	for _, places := range l.passed {
		missing = slices.DeleteFunc(missing, func(point string) bool { return slices.ContainsFunc(places, at(point)) })
	}
	for _, p := range missing {
		t.Errorf("no story passes %s: nothing proves that a crash there does no harm", p)
	}
	for round := 1; round <= rounds && !t.Failed() && l.lacks(); round++ {
		t.Run(fmt.Sprintf("round-%d", round), func(t *testing.T) {
			for _, name := range slices.Sorted(maps.Keys(calm)) {
				for i, places := range dealt(l.left(name)) {
					spared := l.without(name, places)
					t.Run(fmt.Sprintf("%s/%d", name, i+1), func(t *testing.T) {
						t.Parallel()
						end, lines := play(t, crashStories()[name], sparedVariable+"="+strings.Join(spared, ","))
						l.add(name, lines)
						if diff := cmp.Diff(calm[name], end); diff != "" {
							t.Errorf("the end (-undisturbed +now):\n%s\nafter:\n%s", diff, strings.Join(lines, "\n"))
						}
					})
				}
			}
		})
	}
	if t.Failed() {
		return
	}
	for name := range calm {
		if left := l.left(name); len(left) > 0 {
			t.Errorf("the %s story passed these, and no server died there in %d rounds: %s. Where time decides whether they are passed, have "+
				"the story pass them in any case, or tell varies why not", name, rounds, strings.Join(left, ", "))
		}
		t.Logf("in the %s story servers died at %d places", name, len(l.died[name]))
	}
}

// undisturbed plays every story with a server that does not die, and returns how each ends and the places that it passes. On
// both databases a story ends alike.
func undisturbed(t *testing.T) (calm map[string]ending, l *ledger) {
	t.Helper()
	calm, l = map[string]ending{}, &ledger{passed: map[string][]string{}, died: map[string][]string{}}
	var mu sync.Mutex
	stories := crashStories()
	whole := t.Run("undisturbed", func(t *testing.T) {
		for name, s := range stories {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				t.Cleanup(func() {
					mu.Lock()
					defer mu.Unlock()
					if t.Skipped() { // there is no Postgres here
						delete(stories, name)
					}
				})
				end, lines := play(t, s)
				l.add(name, lines)
				mu.Lock()
				defer mu.Unlock()
				calm[name] = end
			})
		}
	})
	if !whole {
		t.FailNow() // there is nothing to compare with
	}
	if len(calm) != len(stories) {
		t.Fatal("-run leaves out stories that are played undisturbed, with which all others are compared; for a single one say " +
			"-run 'TestCase13Crash/undisturbed|TestCase13Crash/round-1/release/1'")
	}
	for name, end := range calm {
		if there, ok := calm[onPostgres+name]; ok {
			if diff := cmp.Diff(end, there); diff != "" {
				t.Errorf("the end of the %s story (-SQLite +Postgres):\n%s", name, diff)
			}
		}
	}
	return calm, l
}

// at tells whether a place is one of a point.
func at(point string) func(place string) bool {
	return func(place string) bool { return strings.HasPrefix(place, point+" ") }
}

// ledger says at which places the servers of a story's plays came by, and at which of them one died.
type ledger struct {
	mu           sync.Mutex
	passed, died map[string][]string // by story; each place once
}

// add takes in the lines of a play's file of passed places.
func (l *ledger) add(story string, lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range lines {
		place, died := strings.CutPrefix(line, killMark)
		if !slices.Contains(l.passed[story], place) {
			l.passed[story] = append(l.passed[story], place)
		}
		if died && !slices.Contains(l.died[story], place) {
			l.died[story] = append(l.died[story], place)
		}
	}
}

// varies tells whether time decides that a story passes a place. No play spares it, so a server dies there wherever one comes by; that
// the undisturbed play alone came by is no fault.
//
// sluice/branch is told of twice at a head whose search for secrets is not over when its pull request is looked at first, else once:
// the search goes on beside the lane. The other stories tell of it twice for other reasons too, and so in any case.
func varies(story, place string) bool {
	return slices.Contains([]string{"hotfix", onPostgres + "hotfix", "watch"}, story) &&
		strings.HasPrefix(place, "check-run:") && strings.HasSuffix(place, " sluice/branch@R#N-R-R#change")
}

// left are the places of a story that no server has died at, though it passes them.
func (l *ledger) left(story string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.passed[story]), func(p string) bool { return varies(story, p) || slices.Contains(l.died[story], p) })
}

// lacks tells whether any story has such places.
func (l *ledger) lacks() bool {
	for story := range l.passed {
		if len(l.left(story)) > 0 {
			return true
		}
	}
	return false
}

// without are the places of a story that are known, but for some and for those that vary.
func (l *ledger) without(story string, places []string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.passed[story]), func(p string) bool { return varies(story, p) || slices.Contains(places, p) })
}

// dealt deals places to runs, so that each run dies all over the story, and never at both ends of a step of the same effect: who
// died after the act may find it done, and does not come to its result. So there are two runs at least.
func dealt(places []string) [][]string {
	if len(places) == 0 {
		return nil
	}
	runs := make([][]string, max(2, (len(places)+crashesPerRun-1)/crashesPerRun))
	var effects []string
	for _, p := range places {
		kind, rest, _ := strings.Cut(p, ":")
		step, about, _ := strings.Cut(rest, " ")
		effect := kind + " " + about
		if !slices.Contains(effects, effect) {
			effects = append(effects, effect)
		}
		i := (slices.Index(effects, effect) + slices.Index([]string{"intent", "act", "acted", "result"}, step)) % len(runs)
		runs[i] = append(runs[i], p)
	}
	return slices.DeleteFunc(runs, func(run []string) bool { return len(run) == 0 })
}

// play plays a story with a server that has some variables in its environment beside the usual ones: without any it does not
// die. It returns how everything stands at the end and the lines of the file of passed places: in the order in which they were
// first passed, each once.
func play(t *testing.T, s story, variables ...string) (ending, []string) {
	t.Helper()
	database := ""
	if s.database != nil {
		database = s.database(t)
	}
	f := newFlow(t, database)
	file := filepath.Join(f.dir, "passed")
	f.extra = append(variables, passedVariable+"="+file)
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
	died := f.server != nil
	var err error
	for range 2 * crashesPerRun { // it may die before it is ready
		f.crash()
		if died {
			if err = f.outlasts(); err != nil {
				return err
			}
		}
		died = true
		if err = f.serve(); err != nil {
			continue
		}
		if err = f.again(); err == nil { // it may die of what arrives
			return nil
		}
	}
	return err
}

// outlasts has the leases of a server that died run out at once. On SQLite the next server takes them over.
func (f *flow) outlasts() error {
	if f.database == "" {
		return nil
	}
	db, err := pgx.Connect(f.tb.Context(), f.database)
	if err != nil {
		return err
	}
	_, err = db.Exec(f.tb.Context(), "UPDATE lanes SET lease_until = 0 WHERE owner <> ''")
	return errors.Join(err, db.Close(f.tb.Context()))
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
