package main

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/bot"
)

// TestRestoredBackup restores a backup from before a release and a hotfix were shipped. The server then finds at GitHub and in the
// registries what it has done and does not know any more: it does nothing of it again, says nothing again, and goes on from
// there with the next release.
func TestRestoredBackup(t *testing.T) {
	if testing.Short() {
		t.Skip("it plays two releases and a hotfix")
	}
	for name, before := range map[string]func(*flow) error{
		"of an idle repository":      (*flow).idle,
		"of a candidate that waits":  func(f *flow) error { return doAll(f.startsRelease, f.waits("release/1.4.0"), f.idle) },
		"of a hotfix that was begun": func(f *flow) error { return doAll(f.shipsRelease, f.beginsHotfix, f.idle) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFlow(t, "")
			f.must(t, f.listens())
			f.must(t, f.seed(true, true, f.imageFiles()))
			f.must(t, errors.Join(f.serve(), f.idle()))
			f.must(t, before(f))
			backup, data := filepath.Join(f.dir, "backup.db"), filepath.Join(f.dir, "data")
			done(t, "backup", backup, "--data", data)
			f.must(t, doAll(f.shipsRelease, f.beginsHotfix, f.shipsHotfix, f.developmentPasses, f.idle, f.healthy))
			want, err := f.ending()
			f.must(t, err)
			version, digest := f.running(t, "production")
			f.must(t, f.stop())
			done(t, "restore", backup, "--data", data)
			f.must(t, doAll(f.serve, f.idle, f.developmentPasses, f.idle, f.healthy))
			got, err := f.ending()
			f.must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("after the restore (-before +after):\n%s", diff)
			}
			f.nothingTwice(t)
			after, sum := f.running(t, "production")
			if after != version || sum != digest {
				t.Errorf("by Sluice's record production runs %s, %s; want %s, %s", after, sum, version, digest)
			}
			f.must(t, doAll(f.shipsNext, f.idle, f.healthy))
			f.nothingTwice(t)
		})
	}
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

// fixes puts a commit on hotfix 17, which was asked for, and waits for its approval to be asked for.
func (f *flow) fixes() error {
	return doAll(
		func() error { return f.branch("hotfix/17", true) },
		func() error {
			_, err := f.push(pushRequest{who: "dev", branch: "hotfix/17", message: "fix: add up", files: map[string]string{"totals.txt": "right\n"}})
			return err
		},
		func() error { _, err := f.opened("hotfix/17", "master"); return err },
		f.waits("hotfix/17"),
	)
}

func (f *flow) shipsHotfix() error {
	return doAll(f.says("qa", "hotfix/17", "/approve"), func() error { return f.branch("hotfix/17", false) }, f.idle)
}

func (f *flow) developmentPasses() error {
	return f.check(f.repo.SHA("development"), bot.CheckPipeline, "success", "")
}

// shipsNext is a release of what was not shipped yet.
func (f *flow) shipsNext() error {
	if _, err := f.push(pushRequest{who: "boss", branch: "development", message: "feat: pears", files: map[string]string{"pears.txt": "1\n"}}); err != nil {
		return err
	}
	if err := f.developmentPasses(); err != nil {
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

// running is the version and the digest that an environment runs by Sluice's record.
func (f *flow) running(t *testing.T, environment string) (version, digest string) {
	t.Helper()
	db, err := f.records()
	f.must(t, err)
	defer db.Close()
	f.must(t, db.QueryRowContext(t.Context(), `SELECT version, digest FROM environments WHERE name = ?`, environment).Scan(&version, &digest))
	return version, digest
}
