package main

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/test/fakegithub"
)

// TestRestoredBackup restores a backup from before a release and a hotfix were shipped. The server then finds at GitHub and in the
// registries what it has done and does not know any more: it does nothing of it again, says nothing again, and goes on from
// there with the next release. It does not matter whether merges come before deployments, nor what was shipped for a support line.
func TestRestoredBackup(t *testing.T) {
	if testing.Short() {
		t.Skip("it plays two releases and a hotfix")
	}
	trunk := func(f *flow) error { return doAll(f.shipsRelease, f.beginsHotfix, f.shipsHotfix) }
	candidate := func(f *flow) error { return doAll(f.startsRelease, f.waits("release/1.4.0"), f.idle) }
	const mergesFirst = "finish: { order: merge-then-deploy }\n"
	for name, c := range map[string]struct {
		settings      string // of the repository
		before, after func(*flow) error
	}{
		"of an idle repository":            {before: (*flow).idle, after: trunk},
		"of a candidate that waits":        {before: candidate, after: trunk},
		"of a hotfix that was begun":       {before: func(f *flow) error { return doAll(f.shipsRelease, f.beginsHotfix, f.idle) }, after: trunk},
		"of a candidate, merged first":     {settings: mergesFirst, before: candidate, after: trunk},
		"of a hotfix of a support line":    {before: func(f *flow) error { return doAll(f.shipsRelease, f.beginsLine, f.idle) }, after: (*flow).shipsHotfix},
		"of a line's hotfix, merged first": {settings: mergesFirst, before: func(f *flow) error { return doAll(f.shipsRelease, f.beginsLine, f.idle) }, after: (*flow).shipsHotfix},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFlow(t, "")
			f.must(t, f.listens())
			files := f.imageFiles()
			files[".github/sluice.yml"] += c.settings
			f.must(t, f.seed(true, true, files))
			f.must(t, errors.Join(f.serve(), f.idle()))
			f.must(t, c.before(f))
			backup, data := filepath.Join(f.dir, "backup.db"), filepath.Join(f.dir, "data")
			done(t, "backup", backup, "--data", data)
			f.must(t, errors.Join(c.after(f), doAll(f.linesPass, f.idle, f.healthy)))
			want, err := f.ending()
			f.must(t, err)
			version, digest := f.running(t, "production")
			f.must(t, f.stop())
			done(t, "restore", backup, "--data", data)
			f.must(t, doAll(f.serve, f.idle, f.linesPass, f.idle, f.healthy))
			got, err := f.ending()
			f.must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("after the restore (-before +after):\n%s", diff)
			}
			f.nothingTwice(t)
			f.nothingOpen(t)
			after, sum := f.running(t, "production")
			if after != version || sum != digest {
				t.Errorf("by Sluice's record production runs %s, %s; want %s, %s", after, sum, version, digest)
			}
			f.must(t, doAll(f.shipsNext, f.idle, f.healthy))
			f.nothingTwice(t)
		})
	}
}

// TestRestoredBackupNotDeployed restores a backup over a release that was tagged and merged, and whose deployment failed. It is told, and
// approving it again deploys the same commit.
func TestRestoredBackupNotDeployed(t *testing.T) {
	if testing.Short() {
		t.Skip("it plays a release")
	}
	t.Parallel()
	f := newFlow(t, "")
	f.must(t, f.listens())
	files := f.imageFiles()
	files[".github/sluice.yml"] += "finish: { order: merge-then-deploy, delete_branch: false }\n"
	f.must(t, doAll(func() error { return f.seed(true, true, files) }, f.serve, f.idle, f.startsRelease, f.waits("release/1.4.0"), f.idle))
	backup, data := filepath.Join(f.dir, "backup.db"), filepath.Join(f.dir, "data")
	done(t, "backup", backup, "--data", data)
	shipped := func() (string, bool) {
		version, digest := f.running(t, "production")
		return version + " " + digest, version == "1.4.0"
	}
	f.must(t, f.says("qa", "release/1.4.0", "/approve")())
	f.must(t, errors.Join(f.until("1.4.0 to run", shipped), f.idle(), f.stop()))
	_, digest := f.running(t, "production")
	head, tip := f.repo.SHA("release/1.4.0"), f.repo.SHA("master")
	for _, d := range f.repo.Deployments() {
		if d.Environment == "production" {
			path := fmt.Sprintf("/repos/%s/deployments/%d/statuses", flowRepo, d.ID)
			f.must(t, f.hub.As("boss").Do(t.Context(), "POST", path, map[string]string{"state": "failure"}, nil))
		}
	}
	done(t, "restore", backup, "--data", data)
	f.must(t, doAll(f.serve, f.idle))
	n, err := f.number("release/1.4.0")
	f.must(t, err)
	told := slices.ContainsFunc(f.repo.Comments(n), func(c fakegithub.Comment) bool {
		return strings.Contains(c.Body, "GitHub shows no deployment of it by Sluice to `production` that succeeded")
	})
	if version, _ := f.running(t, "production"); !told || version == "1.4.0" {
		t.Errorf("told %t, and by the record production runs %q", told, version)
	}
	f.must(t, f.says("qa", "release/1.4.0", "/approve")())
	f.must(t, errors.Join(f.until("1.4.0 to run again", shipped), f.idle(), f.healthy()))
	if _, again := f.running(t, "production"); again != digest || f.repo.SHA("release/1.4.0") != head || f.repo.SHA("master") != tip || f.repo.SHA("refs/tags/v1.4.0") != head {
		t.Errorf("production runs %s, want %s; release/1.4.0 is at %s, want %s, master at %s, want %s", again, digest, f.repo.SHA("release/1.4.0"), head, f.repo.SHA("master"), tip)
	}
	f.nothingOpen(t)
}

func (f *flow) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// shipsRelease takes 1.4.0 to production, from wherever it stands.
func (f *flow) shipsRelease() error {
	if f.repo.SHA("refs/tags/v1.4.0") != "" {
		return nil
	}
	if f.repo.SHA("release/1.4.0") == "" {
		if err := f.startsRelease(); err != nil {
			return err
		}
	}
	return doAll(f.waits("release/1.4.0"), f.says("qa", "release/1.4.0", "/approve"), func() error { return f.branch("release/1.4.0", false) }, f.idle)
}

// beginsHotfix cuts the hotfix 17 and waits for its approval to be asked for.
func (f *flow) beginsHotfix() error {
	if f.repo.SHA("hotfix/17") != "" {
		return nil
	}
	n, err := f.hub.As("dev").OpenIssue(f.tb.Context(), flowRepo, "Totals are wrong", "")
	if err != nil {
		return err
	}
	if _, err := f.comment("dev", n, "/hotfix 17"); err != nil {
		return err
	}
	return f.fixes()
}

// beginsLine cuts the hotfix 17 of the support line 1.3 and waits for its approval to be asked for.
func (f *flow) beginsLine() error {
	n, err := f.hub.As("dev").OpenIssue(f.tb.Context(), flowRepo, "Totals were wrong", "")
	if err != nil {
		return err
	}
	if _, err := f.comment("dev", n, "/hotfix 17 --from 1.3.0"); err != nil {
		return err
	}
	return f.fixesInto("support/1.3")
}

// fixes puts a commit on hotfix 17, which was asked for, and waits for its approval to be asked for.
func (f *flow) fixes() error { return f.fixesInto("master") }

func (f *flow) fixesInto(base string) error {
	return doAll(
		func() error { return f.branch("hotfix/17", true) },
		func() error {
			_, err := f.push(pushRequest{who: "dev", branch: "hotfix/17", message: "fix: add up", files: map[string]string{"totals.txt": "right\n"}})
			return err
		},
		func() error { _, err := f.opened("hotfix/17", base); return err },
		f.waits("hotfix/17"),
	)
}

func (f *flow) shipsHotfix() error {
	return doAll(f.says("qa", "hotfix/17", "/approve"), func() error { return f.branch("hotfix/17", false) }, f.idle)
}

// linesPass waits for the pipelines of development and, where there is one, of the support line: they may still run when
// nothing else is left to do.
func (f *flow) linesPass() error {
	for _, branch := range []string{"development", "support/1.3"} {
		if head := f.repo.SHA(branch); head != "" {
			if err := f.check(head, bot.CheckPipeline, "success", ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// shipsNext is a release of what was not shipped yet.
func (f *flow) shipsNext() error {
	if _, err := f.push(pushRequest{who: "boss", branch: "development", message: "feat: pears", files: map[string]string{"pears.txt": "1\n"}}); err != nil {
		return err
	}
	if err := f.linesPass(); err != nil {
		return err
	}
	n, err := f.hub.As("rm").OpenIssue(f.tb.Context(), flowRepo, "The next release", "")
	if err != nil {
		return err
	}
	if _, err := f.comment("rm", n, "/release start"); err != nil {
		return err
	}
	return doAll(
		func() error { _, err := f.opened("release/1.5.0", "master"); return err },
		f.waits("release/1.5.0"), f.says("qa", "release/1.5.0", "/approve"),
		func() error { return f.branch("release/1.5.0", false) },
	)
}

// nothingOpen looks for a release that by Sluice's record has not ended.
func (f *flow) nothingOpen(t *testing.T) {
	t.Helper()
	db, err := f.records()
	f.must(t, err)
	defer db.Close()
	var open string
	err = db.QueryRowContext(t.Context(), `SELECT branch || ': ' || status || ' ' || problem FROM releases WHERE NOT finished`).Scan(&open)
	if !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("a release did not end: %s (%v)", open, err)
	}
}

// running is the version and the digest that an environment runs by Sluice's record; empty: nothing.
func (f *flow) running(t *testing.T, environment string) (version, digest string) {
	t.Helper()
	db, err := f.records()
	f.must(t, err)
	defer db.Close()
	err = db.QueryRowContext(t.Context(), `SELECT version, digest FROM environments WHERE name = ?`, environment).Scan(&version, &digest)
	if !errors.Is(err, sql.ErrNoRows) {
		f.must(t, err)
	}
	return version, digest
}
