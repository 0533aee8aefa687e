package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// shell runs the program in this process, with nothing in the environment.
func shell(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, problems bytes.Buffer
	status = run(args, func(string) string { return "" }, strings.NewReader(stdin), &out, &problems, wiring{})
	return status, out.String(), problems.String()
}

// done runs the program and wants it to succeed.
func done(t *testing.T, args ...string) string {
	t.Helper()
	status, out, problems := shell(t, "", args...)
	if status != exitDone {
		t.Fatalf("sluice %q ends with %d: %s%s", args, status, out, problems)
	}
	return out
}

// keep makes a data folder with a database and hands it to fn.
func keep(t *testing.T, fn func(ctx context.Context, s *store.Store) error) (data string) {
	t.Helper()
	data = t.TempDir()
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(data, "sluice.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(fn(t.Context(), s), s.Close()); err != nil {
		t.Fatal(err)
	}
	return data
}

// decisions writes an audit log of two repositories.
func decisions(ctx context.Context, s *store.Store) error {
	return s.Write(ctx, func(tx *store.Tx) error {
		if err := tx.SaveRepo(ctx, store.Repo{ID: 42, Owner: "acme", Name: "shop"}); err != nil {
			return err
		}
		for _, e := range []store.AuditEntry{
			{RepoID: 42, Actor: forge.User{ID: 1, Login: "ann"}, Action: "release.start", Subject: "1.4.0", Evidence: []byte(`{"sha":"3f9c2ab","html":"\u003cb\u003e <b>&"}`)},
			{RepoID: 42, Actor: forge.User{ID: 2, Login: "qa"}, Action: "approve", Subject: "1.4.0", Reason: "tested \"twice\"\n & <fine>"},
			{RepoID: 7, Actor: forge.User{ID: 9, Login: "sluice[bot]", Bot: true}, Action: "push.reported", Evidence: []byte("{ \"not\":  \"compact\" }")},
			{RepoID: 42, Actor: forge.User{ID: 3, Login: "rm"}, Action: "promote", Subject: "1.4.0", At: time.Date(2026, 11, 21, 9, 0, 0, 123456000, time.UTC)},
		} {
			if _, err := tx.Audit(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// What was exported proves itself, and no change to it goes unnoticed.
func TestAuditExportProvesItself(t *testing.T) {
	data := keep(t, decisions)
	if out := done(t, "audit", "verify", "--data", data); !strings.Contains(out, "acme/shop: 3 entries") {
		t.Errorf("verify says %q", out)
	}
	export := done(t, "audit", "export", "--data", data)
	lines := strings.Split(strings.TrimSuffix(export, "\n"), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines, want 4:\n%s", len(lines), export)
	}
	var last auditLine
	if err := json.Unmarshal([]byte(lines[3]), &last); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(export)
	done(t, "audit", "verify", file)
	done(t, "audit", "verify", file, "--head", last.Hash)

	join := func(keep ...int) string {
		var out []string
		for _, i := range keep {
			out = append(out, lines[i])
		}
		return strings.Join(out, "\n")
	}
	for name, text := range map[string]string{
		"another actor":       strings.Replace(export, `"login":"qa"`, `"login":"mallory"`, 1),
		"another time":        strings.Replace(export, "09:00:00.123456", "09:00:00.123457", 1),
		"other evidence":      strings.Replace(export, "3f9c2ab", "3f9c2ac", 1),
		"another hash":        strings.Replace(export, last.Hash, strings.Repeat("0", 64), 1),
		"an entry is missing": join(0, 1, 3),
		"the first is gone":   join(0, 2, 3),
		"the order":           join(0, 2, 1, 3),
		"an entry twice":      join(0, 1, 1, 2, 3),
		"an unknown field":    strings.Replace(export, `"seq":`, `"extra":1,"seq":`, 1),
		"no JSON":             export + "rubbish\n",
	} {
		if text == export {
			t.Errorf("%s: the case changes nothing", name)
		}
		write(text)
		status, _, problem := shell(t, "", "audit", "verify", file)
		if status != exitFailed || !strings.Contains(problem, "not whole") {
			t.Errorf("%s: ends with %d, %q", name, status, problem)
		}
	}
	write(join(0, 1, 2)) // the end was cut off: only a hash kept elsewhere tells
	done(t, "audit", "verify", file)
	if status, _, _ := shell(t, "", "audit", "verify", file, "--head", last.Hash); status != exitFailed {
		t.Errorf("a log that was cut off is whole with the head that was cut off")
	}
	if status, out, _ := shell(t, export, "audit", "verify", "-", "--json"); status != exitDone || !strings.Contains(out, `"ok": true`) {
		t.Errorf("from standard input: %d %s", status, out)
	}
}

// The audit log and a backup can be read while a server works on the database.
func TestKeepingBesideAServer(t *testing.T) {
	keep(t, func(ctx context.Context, s *store.Store) error {
		if err := decisions(ctx, s); err != nil {
			return err
		}
		var path string
		err := s.Read(ctx, func(tx *store.Tx) error {
			_, err := tx.AuditRepos(ctx)
			return err
		})
		if err != nil {
			return err
		}
		path = filepath.Join(dataOf(t, s), "sluice.db")
		done(t, "audit", "verify", "--database", "sqlite:"+path)

		copied := filepath.Join(t.TempDir(), "backup.db")
		done(t, "backup", "--database", "sqlite:"+path, copied)
		if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the backup: %v, %v; want it for its owner alone", info, err)
		}
		done(t, "audit", "verify", "--database", "sqlite:"+copied)
		if status, _, problem := shell(t, "", "backup", "--database", "sqlite:"+path, copied); status != exitUsage {
			t.Errorf("a second backup to the same file ends with %d: %s", status, problem)
		}
		return nil
	})
}

// dataOf is the folder of a store's SQLite file.
func dataOf(t *testing.T, s *store.Store) string {
	t.Helper()
	var seq, name, file string
	if err := s.Handles().SQLite.QueryRowContext(t.Context(), "PRAGMA database_list").Scan(&seq, &name, &file); err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(file)
}

const deadDelivery = "72d3162e-cc78-11e3-81ab-4c9367dc0958"

// giveUp has a delivery and a fact given up.
func giveUp(ctx context.Context, s *store.Store) (err error) {
	d := event.Delivery{ID: deadDelivery, Name: "push", Body: []byte(`{"repository":{"id":42}}`), RepoID: 42, ReceivedAt: time.Now()}
	if outcome, err := s.Accept(ctx, d); err != nil || outcome != store.Accepted {
		return errors.Join(errors.New(outcome.String()), err)
	}
	q, err := queue.New(s, queue.Options{})
	if err != nil {
		return err
	}
	q.Handle(func(context.Context, queue.Item) queue.Outcome { return queue.Dead(errors.New("no way\nin detail")) })
	if err := s.Write(ctx, func(tx *store.Tx) error { return q.Post(ctx, tx, "repo:42", "reconcile", "x", "") }); err != nil {
		return err
	}
	if err := q.Start(ctx); err != nil {
		return err
	}
	return errors.Join(q.Idle(ctx), q.Stop(ctx))
}

// dead lists what is given up.
func dead(t *testing.T, data string) []letter {
	t.Helper()
	var report replayReport
	if err := json.Unmarshal([]byte(done(t, "replay", "--dead", "--json", "--data", data)), &report); err != nil {
		t.Fatal(err)
	}
	return report.Dead
}

func TestReplay(t *testing.T) {
	data := keep(t, giveUp)
	all := dead(t, data)
	if len(all) != 2 {
		t.Fatalf("dead letters: %+v, want 2", all)
	}
	if table := done(t, "replay", "--dead", "--data", data); !strings.Contains(table, deadDelivery) || !strings.Contains(table, "no way\n") {
		t.Errorf("the list does not show the delivery and its problem, in one line:\n%s", table)
	}
	done(t, "replay", strings.ToUpper(deadDelivery), "--data", data)
	rest := dead(t, data)
	if len(rest) != 1 || rest[0].Kind != "reconcile" {
		t.Fatalf("after the delivery is replayed: %+v", rest)
	}
	done(t, "replay", "--dead", "--all", "--data", data)
	if rest := dead(t, data); len(rest) != 0 {
		t.Errorf("after all is replayed: %+v", rest)
	}
	if out := done(t, "replay", "--dead", "--data", data); out != "nothing was given up\n" {
		t.Errorf("an empty list is %q", out)
	}
	for _, c := range []struct {
		name string
		args []string
		want int
	}{
		{"a delivery nobody knows", []string{"11111111-cc78-11e3-81ab-4c9367dc0958"}, exitFailed},
		{"a dead letter that is none any more", []string{rest[0].ID}, exitFailed},
		{"no place", []string{"repo:42#x"}, exitUsage},
		{"nothing", nil, exitUsage},
		{"both", []string{deadDelivery, "--dead"}, exitUsage},
		{"all of nothing", []string{"--all"}, exitUsage},
	} {
		if status, _, problem := shell(t, "", slices.Concat([]string{"replay", "--data", data}, c.args)...); status != c.want || problem == "" {
			t.Errorf("%s: ends with %d, want %d: %s", c.name, status, c.want, problem)
		}
	}
}

// Commands that work on what a server has kept make no database where there is none: the folder was mistyped.
func TestNoDatabaseIsMade(t *testing.T) {
	for _, args := range [][]string{
		{"replay", deadDelivery},
		{"replay", "repo:42#1"},
		{"replay", "--dead"},
		{"replay", "--dead", "--all"},
		{"audit", "export"},
		{"audit", "verify"},
		{"backup", filepath.Join(t.TempDir(), "copy.db")},
	} {
		for name, makeIt := range map[string]func(string) error{
			"no folder":       func(string) error { return nil },
			"an empty folder": func(dir string) error { return os.Mkdir(dir, 0o700) },
		} {
			typo := filepath.Join(t.TempDir(), "dta")
			if err := makeIt(typo); err != nil {
				t.Fatal(err)
			}
			status, _, problem := shell(t, "", append(args, "--data", typo)...)
			if status != exitFailed || !strings.Contains(problem, "there is no database in "+typo+": set --data or --database") {
				t.Errorf("%s, %s: ends with %d: %s", args, name, status, problem)
			}
			if left, err := os.ReadDir(typo); len(left) > 0 || err == nil && name == "no folder" {
				t.Errorf("%s, %s: it leaves %v", args, name, left)
			}
		}
	}
}

// While a server has the database, replay asks that server, with the token it left in the data folder.
func TestReplayThroughTheServer(t *testing.T) {
	keep(t, func(ctx context.Context, s *store.Store) error {
		if err := giveUp(ctx, s); err != nil {
			return err
		}
		data := dataOf(t, s)
		if status, _, problem := shell(t, "", "replay", deadDelivery, "--data", data); status != exitFailed || !strings.Contains(problem, "stop it, replay, and start it again") {
			t.Errorf("without a token: %d %s", status, problem)
		}
		access, e := newAdminAccess(), echo.New()
		access.routes(e, s)
		admin := httptest.NewServer(e)
		defer admin.Close()
		if err := access.leave(data, admin.Listener.Addr()); err != nil {
			return err
		}
		if info, err := os.Stat(filepath.Join(data, adminFile)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the token's file: %v, %v; want it for its owner alone", info, err)
		}
		if len(dead(t, data)) != 2 {
			t.Error("dead letters cannot be listed beside a server")
		}
		if out := done(t, "replay", "--dead", "--all", "--data", data); strings.Count(out, "is handled again") != 2 {
			t.Errorf("replay through the server says %q", out)
		}
		if rest := dead(t, data); len(rest) != 0 {
			t.Errorf("after all is replayed: %+v", rest)
		}
		for name, c := range map[string]struct {
			id   string
			want int
		}{
			"unknown":  {"11111111-cc78-11e3-81ab-4c9367dc0958", exitFailed},
			"no place": {"repo:42#x", exitUsage},
		} {
			if status, _, problem := shell(t, "", "replay", c.id, "--data", data); status != c.want {
				t.Errorf("%s: ends with %d, want %d: %s", name, status, c.want, problem)
			}
		}
		stranger := &adminAccess{Token: "guessed"}
		if err := stranger.leave(data, admin.Listener.Addr()); err != nil {
			return err
		}
		if status, _, problem := shell(t, "", "replay", deadDelivery, "--data", data); status != exitFailed || !strings.Contains(problem, "401") {
			t.Errorf("with another token: %d %s", status, problem)
		}
		return nil
	})
}

// A backup takes the place of the database once no server has it, and holds what it held then.
func TestRestore(t *testing.T) {
	copied := filepath.Join(t.TempDir(), "backup.db")
	data := keep(t, func(ctx context.Context, s *store.Store) error {
		if err := decisions(ctx, s); err != nil {
			return err
		}
		done(t, "backup", "--data", dataOf(t, s), copied)
		if status, _, problem := shell(t, "", "restore", "--data", dataOf(t, s), copied); status != exitFailed || !strings.Contains(problem, "in use") {
			t.Errorf("restored under a server: %d %s", status, problem)
		}
		return s.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Audit(ctx, store.AuditEntry{RepoID: 42, Action: "later"})
			return err
		})
	})
	if out := done(t, "audit", "verify", "--data", data); !strings.Contains(out, "acme/shop: 4 entries") {
		t.Errorf("before: %s", out)
	}
	done(t, "restore", "--data", data, copied)
	if out := done(t, "audit", "verify", "--data", data); !strings.Contains(out, "acme/shop: 3 entries") {
		t.Errorf("after: %s", out)
	}
	if status, _, _ := shell(t, "", "restore", "--data", data, filepath.Join(data, "nowhere")); status != exitUsage {
		t.Errorf("a backup that is not there: %d", status)
	}
}
