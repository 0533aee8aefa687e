package bot

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// operationLab has a release manager, a developer and as many open releases as named.
func operationLab(t *testing.T, versions ...string) *lab {
	t.Helper()
	l := newLab(t, "")
	l.gh.Roles = map[string]forge.Role{"rm": forge.RoleMaintain, "dev": forge.RoleWrite}
	l.gh.Users = map[string]forge.User{"rm": person(1, "rm"), "dev": person(2, "dev")}
	l.write(func(tx *store.Tx) error {
		for _, v := range versions {
			r := store.Release{ID: "r" + v, RepoID: 42, Kind: pipeline.KindRelease, Version: v, Branch: "release/" + v, Status: store.ReleaseOpen, StartedBy: person(3, "boss")}
			if err := tx.SaveRelease(t.Context(), r); err != nil {
				return err
			}
		}
		return nil
	})
	return l
}

func (l *lab) operationOf(id string) store.Operation {
	l.t.Helper()
	var o store.Operation
	must(l.t, l.b.Store.Read(l.t.Context(), func(tx *store.Tx) (err error) {
		o, err = tx.Operation(l.t.Context(), id)
		return err
	}))
	return o
}

func TestOperations(t *testing.T) {
	const abandon = "/release abandon --reason no customer wants it"
	for name, c := range map[string]struct {
		open    []string
		o       store.Operation
		prepare func(*lab)
		want    store.OperationStatus
		says    string
		left    string // the versions that are open then
	}{
		"the only open release":         {open: []string{"1.4.0"}, o: store.Operation{By: person(1, "rm"), Command: abandon}, want: store.OperationDone},
		"a named release":               {open: []string{"1.4.0", "1.5.0"}, o: store.Operation{By: person(1, "rm"), Command: abandon, Version: "1.5.0"}, want: store.OperationDone, left: "1.4.0"},
		"one of two, without its name":  {open: []string{"1.4.0", "1.5.0"}, o: store.Operation{By: person(1, "rm"), Command: "/reject broken"}, want: store.OperationRefused, says: "`1.4.0`, `1.5.0`. Name it with `--release`", left: "1.4.0 1.5.0"},
		"nothing is open":               {o: store.Operation{By: person(1, "rm"), Command: "/promote"}, want: store.OperationRefused, says: "none is open"},
		"a release that is not there":   {o: store.Operation{By: person(1, "rm"), Command: abandon, Version: "9.9.9"}, want: store.OperationRefused, says: "There is no release or hotfix `9.9.9`"},
		"a pull request not there":      {o: store.Operation{By: person(1, "rm"), Command: "/retry", Pull: 77}, want: store.OperationRefused, says: "no pull request #77"},
		"a developer":                   {open: []string{"1.4.0"}, o: store.Operation{By: person(2, "dev"), Command: abandon}, want: store.OperationRefused, says: "This needs the role maintain, and yours here is write.", left: "1.4.0"},
		"a name that passed to another": {open: []string{"1.4.0"}, o: store.Operation{By: person(9, "rm"), Command: abandon}, want: store.OperationRefused, says: "another name at GitHub", left: "1.4.0"},
		"an account that is gone":       {open: []string{"1.4.0"}, o: store.Operation{By: person(8, "gone"), Command: abandon}, want: store.OperationRefused, says: "or is gone", left: "1.4.0"},
		"a dry run":                     {open: []string{"1.4.0"}, o: store.Operation{By: person(1, "rm"), Command: abandon + " --dry-run"}, want: store.OperationDone, says: "Dry run, nothing was changed.", left: "1.4.0"},
		"a token revoked while it waits": {open: []string{"1.4.0"}, o: store.Operation{By: person(1, "rm"), TokenID: "t", Command: abandon}, prepare: func(l *lab) {
			l.write(func(tx *store.Tx) error {
				return tx.CreateAccessToken(l.t.Context(), store.AccessToken{ID: "t", Owner: person(1, "rm"), Scope: store.ScopeAct, ExpiresAt: noon.Add(time.Hour), RevokedAt: noon})
			})
		}, want: store.OperationRefused, says: "The token was revoked", left: "1.4.0"},
	} {
		t.Run(name, func(t *testing.T) {
			l := operationLab(t, c.open...)
			if c.prepare != nil {
				c.prepare(l)
			}
			c.o.ID, c.o.RepoID, c.o.Via = "op", 42, "api"
			o, err := l.b.Post(t.Context(), c.o)
			must(t, err)
			if o.Status != store.OperationWaiting {
				t.Errorf("handed in as %s", o.Status)
			}
			for range 2 { // the second time finds it done
				must(t, l.operate(t.Context(), "op"))
			}
			got := l.operationOf("op")
			if got.Status != c.want || !strings.Contains(got.Reply, c.says) || !got.EndedAt.Equal(noon) {
				t.Errorf("%s at %v: %q; want %s: %q", got.Status, got.EndedAt, got.Reply, c.want, c.says)
			}
			var left []string
			var entries []store.AuditEntry
			must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) error {
				live, err := tx.LiveReleases(t.Context(), 42)
				for _, r := range live {
					left = append(left, r.Version)
				}
				entries, _ = tx.AuditLog(t.Context(), 42, 0, 10)
				return err
			}))
			if diff := cmp.Diff(c.left, strings.Join(left, " ")); diff != "" {
				t.Errorf("still open (-want +got):\n%s", diff)
			}
			for _, e := range entries {
				var evidence struct{ Via string }
				if err := json.Unmarshal(e.Evidence, &evidence); err != nil || evidence.Via != "api op" {
					t.Errorf("audit entry %s of %s came via %q (%v)", e.Action, e.Actor.Login, evidence.Via, err)
				}
			}
			if changed := len(left) < len(c.open); changed != (len(entries) == 1 && entries[0].Action == "release.abandon") {
				t.Errorf("audit: %+v", entries)
			}
		})
	}
}

func TestPostOnce(t *testing.T) {
	l := operationLab(t)
	for _, command := range []string{"/status", "/release start"} {
		o, err := l.b.Post(t.Context(), store.Operation{ID: "same", RepoID: 42, By: person(1, "rm"), Command: command})
		must(t, err)
		if o.Command != "/status" {
			t.Errorf("handed in a second time as %s", o.Command)
		}
	}
	stats, err := l.b.Queue.Stats(t.Context())
	must(t, err)
	if stats.Waiting != 1 {
		t.Errorf("%d items wait", stats.Waiting)
	}
	for _, command := range []string{"/frobnicate", "status", "/release start 1.4.0 1.5.0", "/rollback", ""} {
		_, err := l.b.Post(t.Context(), store.Operation{RepoID: 42, By: person(1, "rm"), Command: command})
		var wrong *CommandError
		if !errors.As(err, &wrong) {
			t.Errorf("%q was handed in: %v", command, err)
		}
	}
}

// What is said on the page of a candidate is not taken for the one that has its place by then.
func TestVerdictOnThePageOfAnOvertakenCandidate(t *testing.T) {
	for name, c := range map[string]struct {
		page, line string
		status     store.OperationStatus
		says       string
	}{
		"approved":  {"x0", "/approve", store.OperationRefused, "Another candidate has taken this one's place"},
		"rejected":  {"x0", "/reject slow", store.OperationRefused, "Another candidate has taken this one's place"},
		"promoted":  {"x0", "/promote", store.OperationRefused, "Another candidate has taken this one's place"},
		"the right": {"x1", "/approve", store.OperationDone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l, r, x := candidate(t, "")
			l.world(r)
			l.execution(*r, "x0")
			o := store.Operation{ID: store.NewID(), RepoID: 42, By: l.gh.Users["quinn"], Command: c.line, ExecutionID: c.page, Via: "dashboard", Status: store.OperationWaiting, CreatedAt: noon}
			l.write(func(tx *store.Tx) error { _, err := tx.CreateOperation(t.Context(), o); return err })
			must(t, newSession(l).operate(t.Context(), o.ID))
			var said []store.Approval
			must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) (err error) {
				if said, err = tx.ApprovalsByRelease(t.Context(), r.ID); err != nil {
					return err
				}
				o, err = tx.Operation(t.Context(), o.ID)
				return err
			}))
			if counts := len(said) == 1 && said[0].ExecutionID == x.ID; o.Status != c.status || !strings.HasPrefix(o.Reply, c.says) || counts != (c.says == "") {
				t.Errorf("%s, it says %q; recorded is %v", o.Status, o.Reply, said)
			}
		})
	}
}
