package main

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/test/fakegithub"
)

var orders = flag.Int("orders", 3, "how many orders of deliveries TestCase39DeliveriesInAnyOrder tries") //nolint:gochecknoglobals // a flag

// losses are how many deliveries of one play get lost. Each is found an hour later at most, and approvals are reminded of after a day.
const losses = 6

// TestCase39DeliveriesInAnyOrder plays a change from its pull request to the end of its release while GitHub delivers in an order
// of chance, some of it twice, some of it much later and some of it never. It comes to the end of the play in which everything arrived in
// order: the same branches, tags, checks, images and deployments, the same records and decisions, and nothing was done twice. All that
// was delivered is then sent once more, as new deliveries in another order, to the same server and to one with an empty database: that
// changes nothing.
func TestCase39DeliveriesInAnyOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("it plays releases")
	}
	t.Parallel()
	calm := mailed(t, nil)
	for seed := range uint64(*orders) { //nolint:gosec // a small number
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			m := &mail{rand: rand.New(rand.NewPCG(seed, 39))} //nolint:gosec // for a test
			if diff := cmp.Diff(calm, mailed(t, m)); diff != "" {
				t.Errorf("seed %d (-in order +in another):\n%s\n%s", seed, diff, strings.Join(m.log, "\n"))
			}
		})
	}
}

// mailed plays the story with a post that does as it likes, or with one that delivers in order, and returns its end.
func mailed(t *testing.T, m *mail) (end mailedEnd) {
	t.Helper()
	f := newFlow(t, "")
	f.must(t, f.seed(true, true, f.imageFiles()))
	f.must(t, errors.Join(f.serve(), f.idle()))
	if m != nil {
		m.flow = f
		f.hub.HoldHooks()
		f.before = m.deals
	}
	fails := func(err error) {
		t.Helper()
		if err != nil && m != nil {
			for _, c := range f.repo.Comments(0) {
				m.log = append(m.log, fmt.Sprintf("#%d %s: %s", c.Issue, c.Author, c.Body))
			}
			t.Fatalf("%v\n%s", err, strings.Join(m.log, "\n"))
		}
		f.must(t, err)
	}
	fails(orderedStory(f))
	fails(f.empties(m))
	end = f.mailedEnd(t)
	f.noEffectTwice(t)
	if m == nil {
		return end
	}
	f.before = nil
	f.hub.ReleaseHooks(nil)
	f.hub.Replay(m.rand.Perm)
	fails(errors.Join(f.idle(), f.clock().move("+61m"), f.idle(), f.healthy()))
	if diff := cmp.Diff(end, f.mailedEnd(t)); diff != "" {
		t.Errorf("heard of once more (-before +after):\n%s\n%s", diff, strings.Join(m.log, "\n"))
	}
	f.noEffectTwice(t)
	fails(f.stop())
	fails(os.Rename(filepath.Join(f.dir, "data"), filepath.Join(f.dir, "data-before")))
	fails(errors.Join(f.serve(), f.idle()))
	f.hub.Replay(m.rand.Perm)
	fails(errors.Join(f.idle(), f.clock().move("+61m"), f.idle(), f.healthy()))
	after, err := f.ending()
	fails(err)
	after.Checks = f.headChecks(t)
	if diff := cmp.Diff(end.World, after); diff != "" {
		t.Errorf("heard of by a server that knows nothing (-before +after):\n%s\n%s", diff, strings.Join(m.log, "\n"))
	}
	f.noEffectTwice(t)
	return end
}

// orderedStory is a feature from its first commit to production.
func orderedStory(f *flow) error {
	pears := func(text string) func() error {
		return func() error {
			_, err := f.push(pushRequest{who: "dev", branch: "feature/pears", message: "feat: " + text, files: map[string]string{"pears.txt": text + "\n"}})
			return err
		}
	}
	passes := func(branch string) func() error {
		return func() error { return f.check(f.repo.SHA(branch), bot.CheckPipeline, "success", "") }
	}
	return doAll(
		pears("pears"),
		func() error { _, err := f.open("dev", "feature/pears", "development", "Pears"); return err },
		passes("feature/pears"),
		pears("more pears"),
		passes("feature/pears"),
		func() error { return f.check(f.repo.SHA("feature/pears"), bot.CheckBranch, "success", "") },
		func() error {
			n, err := f.number("feature/pears")
			if err != nil {
				return err
			}
			_, err = f.merge("eve", n, "merge")
			return err
		},
		passes("development"),
		f.startsRelease,
		f.waits("release/1.4.0"),
		func() error {
			_, err := f.push(pushRequest{who: "dev", branch: "release/1.4.0", message: "fix: ripe pears", files: map[string]string{"pears.txt": "ripe\n"}})
			return err
		},
		f.waits("release/1.4.0"),
		f.notInProduction,
		f.says("qa", "release/1.4.0", "/approve"),
		func() error { return f.branch("release/1.4.0", false) },
		passes("development"),
		f.idle,
		f.healthy,
	)
}

// notInProduction fails where anything was shipped, which nobody has approved yet.
func (f *flow) notInProduction() error {
	for _, d := range f.repo.Deployments() {
		if d.Environment == "production" {
			return fmt.Errorf("production was deployed: %s", d.Description)
		}
	}
	images, err := f.images(f.prod)
	if err == nil && len(images) > 0 {
		err = fmt.Errorf("production's registry has %v", images)
	}
	return err
}

// mail is a post that shuffles, doubles, delays and loses.
type mail struct {
	*flow
	rand  *rand.Rand
	log   []string
	looks int // since it dealt last
	quiet int // looks since there was anything to deal
	lost  int
	hours int // that may have to pass until what was lost is found
}

// deals deals with what has gathered, now and then. Where everything has come to a stop because something was lost, an hour passes.
func (m *mail) deals() error {
	if m.looks++; m.looks < 3 {
		return nil
	}
	m.looks = 0
	if m.hub.DealHooks(m.deal) > 0 {
		m.quiet = 0
		return nil
	}
	if m.quiet++; m.hours == 0 || m.quiet < 6 {
		return nil
	}
	busy, err := m.busy()
	if err != nil || busy {
		m.quiet = 0
		return err
	}
	m.quiet, m.hours = 0, m.hours-1
	m.log = append(m.log, "an hour passes")
	return m.clock().move("+61m")
}

func (m *mail) deal(events []string) (d fakegithub.Deal) {
	said := make([]string, 0, len(events))
	for _, i := range m.rand.Perm(len(events)) {
		ours := strings.HasPrefix(events[i], "check_") // mostly of our own doing
		switch n := m.rand.IntN(20); {
		case n < 9:
			d.Send, said = append(d.Send, i), append(said, events[i])
		case n < 12:
			d.Send, said = append(d.Send, i, i), append(said, events[i]+" twice")
		case n < 16 && !ours && m.lost < losses:
			m.lost, m.hours = m.lost+1, 2
			if n < 14 {
				d.Drop, said = append(d.Drop, i), append(said, events[i]+" lost")
			} else {
				d.Fail, said = append(d.Fail, i), append(said, events[i]+" failed")
			}
		}
	}
	if len(said) > 0 {
		m.log = append(m.log, strings.Join(said, ", "))
	}
	return d
}

// empties waits until everything that was not lost is delivered, and what was lost is found.
func (f *flow) empties(m *mail) error {
	if m == nil {
		return nil
	}
	err := f.until("all to be delivered", func() (string, bool) {
		return fmt.Sprintf("%d hours to pass", m.hours), m.quiet > 0 && m.hours == 0
	})
	return errors.Join(err, f.idle())
}

// busy tells whether the server has anything to do, or waits for something that takes time.
func (f *flow) busy() (bool, error) {
	if err := f.hub.Settle(f.tb.Context()); err != nil {
		return true, err
	}
	m, err := f.figures()
	if err != nil || m["sluice_queue_waiting"] != 0 || m["sluice_queue_busy_lanes"] != 0 {
		return true, err
	}
	db, err := f.records()
	if err != nil {
		return true, err
	}
	defer db.Close()
	n := 0
	err = db.QueryRowContext(f.tb.Context(), `SELECT count(*) FROM action_runs WHERE NOT final`).Scan(&n)
	return n > 0, err
}

// mailedEnd is how everything stands: the world, and Sluice's records of it.
type mailedEnd struct {
	World   ending
	Records []string
}

func (f *flow) mailedEnd(t *testing.T) (e mailedEnd) {
	t.Helper()
	var err error
	e.World, err = f.ending()
	f.must(t, err)
	e.World.Checks = f.headChecks(t)
	db, err := f.records()
	f.must(t, err)
	defer db.Close()
	for _, q := range []string{
		`SELECT 'release', kind, version, branch, tag, status, finished, problem, bad, promote_by_login FROM releases`,
		`SELECT 'execution', kind, branch, status, version FROM executions`,
		`SELECT 'approval', environment, approver_login, verdict, a.digest = r.production_digest, a.sha = r.sha FROM approvals a JOIN releases r ON r.id = a.release_id`,
		`SELECT 'environment', e.name, e.version, e.hold, e.digest = r.production_digest FROM environments e LEFT JOIN releases r ON r.version = e.version`,
		`SELECT 'pull', number, head_branch, base_branch, is_open, merged, problems FROM pulls`,
		`SELECT 'tag', name FROM tags`,
		`SELECT 'decision', actor_login, action, subject FROM audit`,
	} {
		e.Records = append(e.Records, f.lines(t, db, q)...)
	}
	return e
}

// headChecks are the checks at what branches, pull requests and tags are at. Whether those of a commit that was overtaken are all there
// depends on whether anybody looked in time; but none of them is left red.
func (f *flow) headChecks(t *testing.T) (out []string) {
	t.Helper()
	heads := slices.Concat(slices.Collect(maps.Values(f.repo.Branches())), slices.Collect(maps.Values(f.repo.Tags())))
	for _, i := range f.repo.Issues() {
		if i.Pull != nil {
			heads = append(heads, i.Pull.HeadSHA)
		}
	}
	newest := map[string]fakegithub.CheckRun{}
	for _, c := range f.repo.CheckRuns("") {
		if c.AppID == f.app.ID {
			newest[c.SHA+" "+c.Name] = c
		}
	}
	for _, c := range newest {
		if c.Conclusion != "success" && c.Conclusion != "cancelled" {
			t.Errorf("%s at %q is left %s %s: %s", c.Name, f.subject(c.SHA), c.Status, c.Conclusion, c.Title)
		}
		if slices.Contains(heads, c.SHA) {
			out = append(out, fmt.Sprintf("%s %s: %s %s %s", f.subject(c.SHA), f.tree(c.SHA), c.Name, c.Status, c.Conclusion))
		}
	}
	slices.Sort(out)
	return out
}

// lines are the rows of a query, in an order and in words that are the same in each play.
func (f *flow) lines(t *testing.T, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	f.must(t, err)
	defer rows.Close()
	names, err := rows.Columns()
	f.must(t, err)
	for rows.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		f.must(t, rows.Scan(into...))
		out = append(out, digits(strings.TrimSuffix(fmt.Sprintln(values...), "\n")))
	}
	f.must(t, rows.Err())
	slices.Sort(out)
	return out
}
