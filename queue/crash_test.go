package queue_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// crashURL tells the test binary to be a server that is going to be killed, on the database it names.
const crashURL = "SLUICE_TEST_CRASH_URL"

// crashLease is short, so that the lanes of a killed process are free again soon.
const crashLease = 900 * time.Millisecond

// record is the handler of the crash tests: an entry in the repository's audit log, and the item's end, in one commit.
func record(s *store.Store) queue.Handler {
	return func(ctx context.Context, i queue.Item) queue.Outcome {
		err := s.Write(ctx, func(tx *store.Tx) error {
			if _, err := tx.Audit(ctx, store.AuditEntry{RepoID: i.Delivery.RepoID, Action: i.Delivery.ID}); err != nil {
				return err
			}
			return i.Settle(ctx, tx)
		})
		if err != nil && !errors.Is(err, store.ErrStale) {
			return queue.Retry(err)
		}
		return queue.Done()
	}
}

// crashChild accepts deliveries for four repositories as fast as it can, says which it has acknowledged, and handles them
// meanwhile, until it is killed.
func crashChild(url string) int {
	ctx := context.Background()
	s, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	q, err := queue.New(s, queue.Options{Lease: crashLease})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	q.Handle(record(s))
	if err := q.Start(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var mu sync.Mutex
	var senders sync.WaitGroup
	for repo := int64(1); repo <= 4; repo++ {
		senders.Go(func() {
			for n := 0; ; n++ {
				// IDs of one sender sort by the order they are sent in.
				id := fmt.Sprintf("%d-%d-%06d-%d", repo, time.Now().UnixMilli(), n, os.Getpid())
				got, err := s.Accept(ctx, event.Delivery{ID: id, RepoID: repo, Body: []byte("{}")})
				if err == nil && got == store.Accepted {
					mu.Lock()
					fmt.Println(id)
					mu.Unlock()
				}
			}
		})
	}
	senders.Wait()
	return 0
}

// crash runs the child and kills it after it has acknowledged n deliveries, which it returns.
func crash(t *testing.T, url string, n int) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashURL+"="+url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []string
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err == nil {
			acknowledged = append(acknowledged, strings.TrimSpace(line))
		} else if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
		if err != nil {
			break
		}
		if len(acknowledged) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if len(acknowledged) < n {
		t.Fatalf("the child ended by itself after %d deliveries", len(acknowledged))
	}
	return acknowledged
}

// Whatever dies when: each delivery that was acknowledged is handled exactly once, and those of a repository in order.
func TestKilledUnderLoad(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		var mu sync.Mutex
		acknowledged := map[string]bool{}
		run := func(n int) {
			for _, id := range crash(t, url, n) {
				mu.Lock()
				acknowledged[id] = true
				mu.Unlock()
			}
		}
		run(100)
		if strings.HasPrefix(url, "postgres") { // two processes at once
			var both sync.WaitGroup
			both.Go(func() { run(60) })
			both.Go(func() { run(180) })
			both.Wait()
		}
		run(57)
		s := open(t, url)
		idle(t, start(t, s, queue.Options{Lease: crashLease}, func(q *queue.Queue) { q.Handle(record(s)) }))
		var stored []store.DeliveryRecord
		handled := map[string]int{}
		if err := s.Read(t.Context(), func(tx *store.Tx) (err error) {
			if stored, err = tx.Deliveries(t.Context(), "", 100000); err != nil {
				return err
			}
			for repo := int64(1); repo <= 4; repo++ {
				log, err := tx.AuditLog(t.Context(), repo, 0, 100000)
				if err != nil {
					return err
				}
				if err := store.VerifyAudit(store.AuditEntry{}, log); err != nil {
					t.Error(err)
				}
				last := map[string]string{}
				for _, e := range log {
					handled[e.Action]++
					sender := e.Action[strings.LastIndex(e.Action, "-"):]
					if e.Action < last[sender] {
						t.Errorf("%s was handled after %s", e.Action, last[sender])
					}
					last[sender] = e.Action
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{}
		for _, d := range stored {
			want[d.ID] = 1
			delete(acknowledged, d.ID)
			if d.State != store.DeliveryDone {
				t.Errorf("%s is %s", d.ID, d.State)
			}
		}
		if len(acknowledged) > 0 {
			t.Errorf("%d acknowledged deliveries are not stored: %v", len(acknowledged), acknowledged)
		}
		if diff := cmp.Diff(want, handled); diff != "" {
			t.Errorf("how often each stored delivery was handled (-want +got):\n%s", diff)
		}
	})
}

// Two processes share the lanes, and never the same one.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	url := engines["Postgres"](t)
	var mu sync.Mutex
	inLane, order, by := map[string]int{}, map[string][]string{}, map[int]int{}
	stores := []*store.Store{open(t, url), open(t, url)}
	var queues []*queue.Queue
	for n, s := range stores {
		queues = append(queues, start(t, s, queue.Options{}, func(q *queue.Queue) {
			q.Handle(func(_ context.Context, i queue.Item) queue.Outcome {
				mu.Lock()
				if inLane[i.Lane]++; inLane[i.Lane] > 1 {
					t.Errorf("two handlers at a time in %s", i.Lane)
				}
				order[i.Lane] = append(order[i.Lane], name(i))
				by[n]++
				mu.Unlock()
				mu.Lock()
				inLane[i.Lane]--
				mu.Unlock()
				return queue.Done()
			})
		}))
	}
	want := map[string][]string{}
	var senders sync.WaitGroup
	for lane := range 6 {
		for n := range 30 {
			want[fmt.Sprint("repo:", lane+1)] = append(want[fmt.Sprint("repo:", lane+1)], fmt.Sprintf("%d-%02d", lane, n))
		}
		senders.Go(func() {
			for n := range 30 {
				accept(t, stores[n%2], event.Delivery{ID: fmt.Sprintf("%d-%02d", lane, n), RepoID: int64(lane + 1)})
			}
		})
	}
	senders.Wait()
	idle(t, queues[0])
	idle(t, queues[1])
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if by[0] == 0 || by[1] == 0 {
		t.Errorf("the processes handled %v", by)
	}
}

// One of two processes does what is to be done periodically.
func TestPeriodicJobRunsInOneProcess(t *testing.T) {
	t.Parallel()
	url, c := engines["Postgres"](t), newClock()
	var mu sync.Mutex
	runs, now := 0, 0
	var queues []*queue.Queue
	for range 2 {
		queues = append(queues, start(t, open(t, url), queue.Options{Now: c.Now}, func(q *queue.Queue) {
			q.Every("sweep", time.Hour, func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				if now++; now > 1 {
					t.Error("two processes sweep at a time")
				}
				runs++
				now--
				return nil
			})
		}))
	}
	idle(t, queues[0])
	mu.Lock()
	before := runs // one or two: each start asks for a run
	mu.Unlock()
	for range 3 {
		c.advance(time.Hour)
		idle(t, queues[1])
		idle(t, queues[0])
	}
	if got := runs - before; got != 3 {
		t.Errorf("%d runs in three hours, want 3", got)
	}
}

// The River job behind a lane is there from the first commit, is one, ends with the lane, and comes again.
func TestJobBehindALane(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		accept(t, s, event.Delivery{ID: "a", RepoID: 1})
		accept(t, s, event.Delivery{ID: "b", RepoID: 1})
		if diff := cmp.Diff(map[string]int{"scheduled": 1}, riverJobs(t, s)); diff != "" {
			t.Errorf("before the queue starts (-want +got):\n%s", diff)
		}
		q := start(t, s, queue.Options{}, nil)
		idle(t, q)
		hurry(t, s)
		ctx := timeout(t)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for riverJobs(t, s)["completed"] != 1 {
			select {
			case <-tick.C:
			case <-ctx.Done():
				t.Fatalf("the job did not complete itself: %v", riverJobs(t, s))
			}
		}
		accept(t, s, event.Delivery{ID: "c", RepoID: 1})
		if diff := cmp.Diff(map[string]int{"completed": 1, "scheduled": 1}, riverJobs(t, s)); diff != "" {
			t.Errorf("raised again (-want +got):\n%s", diff)
		}
		idle(t, q)
	})
}

// riverJobs counts River's jobs by state.
func riverJobs(t *testing.T, s *store.Store) map[string]int {
	t.Helper()
	jobs := map[string]int{}
	var state string
	var err error
	if h := s.Handles(); h.SQLite != nil {
		rows, err := h.SQLite.Query("SELECT state FROM river_job")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(&state); err != nil {
				t.Fatal(err)
			}
			jobs[state]++
		}
		return jobs
	}
	rows, err := s.Handles().Postgres.Query(t.Context(), "SELECT state::text FROM river_job")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&state); err != nil {
			t.Fatal(err)
		}
		jobs[state]++
	}
	return jobs
}

// hurry makes River's scheduled jobs due.
func hurry(t *testing.T, s *store.Store) {
	t.Helper()
	var err error
	if h := s.Handles(); h.SQLite != nil {
		_, err = h.SQLite.Exec("UPDATE river_job SET state = 'available', scheduled_at = datetime('now', '-1 second') WHERE state = 'scheduled'")
	} else {
		_, err = h.Postgres.Exec(t.Context(), "UPDATE river_job SET state = 'available', scheduled_at = now() WHERE state = 'scheduled'")
	}
	if err != nil {
		t.Fatal(err)
	}
}
