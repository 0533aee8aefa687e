// Package storetest says what a store is: one suite that every engine passes, and the databases that other packages'
// tests run on.
//
//	func TestSQLite(t *testing.T) { storetest.Run(t, storetest.SQLite) }
//
// A test of the suite opens a database of its own, and a second time where two processes share it.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/sluicehq/sluice/store"
)

// Run runs the suite. database returns the URL of a database with the schema and nothing in it.
func Run(t *testing.T, database func(testing.TB) string) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, suite){
		"every record comes back as it was saved":                 everyRecord,
		"records are scoped and ordered":                          scopes,
		"a missing record is ErrNotFound":                         missing,
		"transactions are all or nothing":                         transactions,
		"reading sees one state and cannot write":                 reading,
		"what is read together is what is read one by one":        together,
		"concurrent writers lose no update":                       concurrentWriters,
		"two writers of an action run lose nothing":               actionRunWriters,
		"executions are written once per revision":                executionRevisions,
		"tags keep their order and their commits":                 tagsNeverMove,
		"effects keep their first intent and result":              effects,
		"approvals are voided once":                               approvals,
		"reviews of emergencies are owed until they are given":    owedReviews,
		"one execution locks an environment, with a fence":        environmentLock,
		"what is to be put back stays until something is":         stranded,
		"the audit log is a chain":                                auditChain,
		"deleting a repository leaves others and the audit log":   deleteRepository,
		"nothing of a deleted repository is left in any table":    deleteEverywhere,
		"deliveries are accepted, repeated, refused":              acceptance,
		"deliveries of many senders are all stored":               manySenders,
		"deliveries that wait together share a transaction":       batches,
		"a delivery waits for the disk":                           durability,
		"a delivery waits for the disk, told to or not":           durableAnyway,
		"a full queue refuses and stores nothing":                 full,
		"closing answers everybody":                               closing,
		"lanes keep the order of posting":                         laneOrder,
		"one owner has a lane, and a late one writes nothing":     claims,
		"items later, failed, dead and replayed":                  itemEnds,
		"items with one key are one":                              itemKeys,
		"finishing an item is part of its handler's transaction":  finishing,
		"pruning keeps what is needed":                            pruning,
		"replaying a delivery":                                    replays,
		"settings":                                                settings,
		"what was noted of commits is pruned":                     commitNotes,
		"what is noted of a commit meanwhile is not pruned":       commitNoteMeanwhile,
		"access tokens are revoked once, by their owner":          accessTokens,
		"operations end once":                                     operationsEnd,
		"stops are one of a kind for each target":                 stops,
		"alarms stand until they are cleared":                     alarms,
		"totals of tests are a branch's trend for a year":         testTotals,
		"an open approval is found, and no more once it is given": openApprovals,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{now: time.Date(2026, 3, 2, 10, 0, 0, 123456000, time.UTC)}
			url := database(t)
			test(t, suite{url: url, clock: c, Store: Open(t, url, store.Options{Now: c.Now})})
		})
	}
}

// suite is what a test of the suite works with.
type suite struct {
	*store.Store
	url   string
	clock *clock
}

// clock is moved by hand.
type clock struct{ now time.Time }

// Now is the time on the clock.
func (c *clock) Now() time.Time { return c.now }

func (s suite) write(t *testing.T, f func(context.Context, *store.Tx) error) {
	t.Helper()
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return f(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

func (s suite) read(t *testing.T, f func(context.Context, *store.Tx) error) {
	t.Helper()
	if err := s.Read(t.Context(), func(tx *store.Tx) error { return f(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}
