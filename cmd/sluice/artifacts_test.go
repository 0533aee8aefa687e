package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// artifactWorld is a database with executions, each of which has an artifact of its own.
type artifactWorld struct {
	t         *testing.T
	st        *store.Store
	artifacts *artifact.Store
	digests   map[string]string // execution by digest
}

func newArtifactWorld(t *testing.T) *artifactWorld {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "sluice.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := artifact.Open(t.Context(), artifact.Options{URL: filepath.Join(dir, "artifacts")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(st.Close(), a.Close()); err != nil {
			t.Error(err)
		}
	})
	return &artifactWorld{t: t, st: st, artifacts: a, digests: map[string]string{}}
}

func (w *artifactWorld) write(do func(ctx context.Context, tx *store.Tx) error) {
	w.t.Helper()
	ctx := w.t.Context()
	if err := w.st.Write(ctx, func(tx *store.Tx) error { return do(ctx, tx) }); err != nil {
		w.t.Fatal(err)
	}
}

// execution makes one with an artifact.
func (w *artifactWorld) execution(id string, status pipeline.Status) {
	w.t.Helper()
	dir := w.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "id"), []byte(id), 0o600); err != nil {
		w.t.Fatal(err)
	}
	tree, err := artifact.OpenTree(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	defer tree.Close()
	a, err := w.artifacts.Save(w.t.Context(), "app", tree, []artifact.File{{Path: "id"}}, time.Time{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.digests[a.Digest] = id
	x := store.Execution{ID: id, RepoID: 1, Kind: pipeline.KindRelease, Status: status, State: pipeline.State{ID: id, Status: status, Artifacts: map[string]pipeline.Artifact{"app": a}}}
	if status.Final() {
		x.EndedAt = time.Now()
	}
	w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateExecution(ctx, &x) })
}

// Artifacts go with time, but for those that something may still ask for.
func TestArtifactsThatAreNeededStay(t *testing.T) {
	w := newArtifactWorld(t)
	needed := []string{"runs", "waits", "candidate", "in-production", "here-now", "rollback-1", "rollback-2"}
	w.execution("runs", pipeline.InProgress)
	w.execution("waits", pipeline.Waiting)
	for _, id := range []string{"candidate", "in-production", "here-now", "rollback-1", "rollback-2", "abandoned", "deployed-badly", "long-ago", "feature"} {
		w.execution(id, pipeline.Failed)
	}
	began := time.Now().Add(-400 * 24 * time.Hour)
	w.write(func(ctx context.Context, tx *store.Tx) error {
		if err := tx.SaveRepo(ctx, store.Repo{ID: 1, Owner: "acme", Name: "shop"}); err != nil {
			return err
		}
		for _, r := range []store.Release{
			{ID: "open", RepoID: 1, Version: "1.4.0", Status: store.ReleaseOpen, ExecutionID: "candidate"},
			{ID: "failed", RepoID: 1, Version: "1.3.0", Status: store.ReleaseFailed, ExecutionID: "nobody-knows", ProductionExecutionID: "in-production"},
			{ID: "over", RepoID: 1, Version: "1.2.0", Status: store.ReleaseAbandoned, ExecutionID: "abandoned"},
		} {
			if err := tx.SaveRelease(ctx, r); err != nil {
				return err
			}
		}
		if err := tx.SaveEnvironment(ctx, store.Environment{RepoID: 1, Name: "production", ExecutionID: "here-now"}); err != nil {
			return err
		}
		deploy := func(n int, execution string, status pipeline.Status) error {
			return tx.SaveDeployment(ctx, store.Deployment{
				ID: execution + began.Add(time.Duration(n)*time.Hour).Format("-150405.000-0102"), RepoID: 1, Environment: "production", ExecutionID: execution,
				Status: status, StartedAt: began.Add(time.Duration(n) * time.Hour),
			})
		}
		err := errors.Join(deploy(0, "long-ago", pipeline.Succeeded), deploy(1, "rollback-1", pipeline.Succeeded))
		for n := range bot.RollbackReach - 2 { // as far back as a rollback looks
			err = errors.Join(err, deploy(n+2, "deployed-badly", pipeline.Failed))
		}
		return errors.Join(err, deploy(bot.RollbackReach, "rollback-2", pipeline.Succeeded))
	})
	s := &server{store: w.st, cfg: &config.Server{}}
	if err := s.pruneArtifacts(t.Context(), w.artifacts, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if left := w.left(); len(left) != len(w.digests) {
		t.Errorf("young ones were removed: left are %v", left)
	}
	if err := s.pruneArtifacts(t.Context(), w.artifacts, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, id := range needed {
		want[id] = true
	}
	if diff := cmp.Diff(want, w.left()); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

// left names the executions whose artifacts can be read.
func (w *artifactWorld) left() map[string]bool {
	w.t.Helper()
	left := map[string]bool{}
	for digest, id := range w.digests {
		r, err := w.artifacts.Open(w.t.Context(), pipeline.Artifact{Name: "app", Digest: digest})
		if err == nil {
			left[id] = true
			_ = r.Close()
		}
	}
	return left
}

func TestArtifactsAtTheStart(t *testing.T) {
	for name, c := range map[string]struct {
		place, database string
		warns, fails    string
	}{
		"one server":         {t.TempDir(), "sqlite:/x", "", ""},
		"several, a folder":  {t.TempDir(), "postgres://x", "they must share this folder too", ""},
		"no folder":          {"/dev/null/artifacts", "sqlite:/x", "", "--artifacts"},
		"a bucket far away":  {"s3://nothing?region=eu-west-1&endpoint=http://127.0.0.1:1&use_path_style=true", "sqlite:/x", "", "--artifacts"},
		"not for everything": {"gs://bucket", "sqlite:/x", "", "--artifacts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", "key")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
			t.Setenv("AWS_MAX_ATTEMPTS", "1")
			var log bytes.Buffer
			s := &server{log: slog.New(slog.NewTextHandler(&log, nil)), cfg: &config.Server{
				Data: t.TempDir(), Database: config.NewSecret(c.database), Artifacts: config.Artifacts{URL: c.place},
			}}
			a, err := s.openArtifacts(t.Context(), nil)
			if err == nil {
				err = a.Close()
			}
			if (err != nil) != (c.fails != "") || err != nil && !strings.HasPrefix(err.Error(), c.fails) {
				t.Errorf("error %v, want %q", err, c.fails)
			}
			if (log.Len() > 0) != (c.warns != "") || !strings.Contains(log.String(), c.warns) {
				t.Errorf("log %q, want %q", log.String(), c.warns)
			}
		})
	}
}
