package actiondir_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/pipeline"
)

func TestSafeName(t *testing.T) {
	for name, stays := range map[string]bool{"ex-1-1-1": true, "a": true, "": false, "..": false, "../x": false, "a/b": false, ".a": false, "a\n": false,
		strings.Repeat("a", 128): true, strings.Repeat("a", 129): false} {
		got := actiondir.SafeName(name)
		if (got == name) != stays || got != actiondir.SafeName(name) || got != filepath.Base(got) {
			t.Errorf("%q becomes %q", name, got)
		}
	}
}

// Two that want a folder come one after the other, and who waits can give up.
func TestLocked(t *testing.T) {
	d := actiondir.Of(t.TempDir(), "x")
	if err := d.Make(); err != nil {
		t.Fatal(err)
	}
	gaveUp := errors.New("gave up")
	err := d.Locked(t.Context(), func() error {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(gaveUp)
		return d.Locked(ctx, func() error { return errors.New("entered a locked folder") })
	})
	if !errors.Is(err, gaveUp) {
		t.Errorf("who waits is told %v", err)
	}
	if err := d.Locked(t.Context(), func() error { return nil }); err != nil {
		t.Errorf("the lock was not given back: %v", err)
	}
}

func TestAskStop(t *testing.T) {
	parent := t.TempDir()
	young, ended := actiondir.Of(parent, "young"), actiondir.Of(parent, "ended")
	want := executor.Report{Status: pipeline.Succeeded, Summary: "done"}
	if err := errors.Join(ended.Make(), ended.Finish(want)); err != nil {
		t.Fatal(err)
	}
	asked, err := young.AskStop()
	askedTooLate, err2 := ended.AskStop()
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	if !asked || !young.Stopped() || askedTooLate || ended.Stopped() {
		t.Errorf("asked %v, stopped %v; after the end asked %v, stopped %v", asked, young.Stopped(), askedTooLate, ended.Stopped())
	}
	if got, ok, err := ended.Report(); !ok || err != nil || got.Status != want.Status || got.Summary != want.Summary {
		t.Errorf("report %+v, %v, %v", got, ok, err)
	}
	if _, ok, err := young.Report(); ok || err != nil {
		t.Errorf("a report before the end: %v", err)
	}
	if err := os.WriteFile(ended.Path("report.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := ended.Report(); ok || err == nil || !strings.Contains(err.Error(), "report.json") {
		t.Errorf("a damaged report: %v, %v", ok, err)
	}
}

// What is under way stays, however old; what ended goes when it is old.
func TestPrune(t *testing.T) {
	parent := t.TempDir()
	for _, id := range []string{"old", "young", "under-way"} {
		d := actiondir.Of(parent, id)
		err := d.Make()
		if id != "under-way" {
			err = errors.Join(err, d.Finish(executor.Report{}))
		}
		if id == "old" {
			yesterday := time.Now().Add(-24 * time.Hour)
			err = errors.Join(err, os.Chtimes(d.Path("report.json"), yesterday, yesterday))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	n, err := actiondir.Prune(t.Context(), parent, time.Now().Add(-time.Hour), os.RemoveAll)
	if n != 1 || err != nil || actiondir.Of(parent, "old").Exists() || !actiondir.Of(parent, "young").Exists() || !actiondir.Of(parent, "under-way").Exists() {
		t.Errorf("%d are gone: %v", n, err)
	}
	if n, err := actiondir.Prune(t.Context(), filepath.Join(parent, "nowhere"), time.Now(), os.RemoveAll); n != 0 || err != nil {
		t.Errorf("of no folder %d are gone: %v", n, err)
	}
}
