package buildspec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/pipeline"
)

// builds runs one build after the other, over one folder of caches, and returns their logs.
func (w *world) builds(e *Executor, kinds ...string) []string {
	w.t.Helper()
	var logs []string
	for i, kind := range kinds {
		r := request("ex-" + string(rune('a'+i)) + "-1-1")
		r.BranchKind = kind
		got := w.run(e, r)
		if got.Status != pipeline.Succeeded {
			w.t.Fatalf("build %d: %s %s\n%s", i, got.Status, got.Summary, got.Log)
		}
		logs = append(logs, got.Log)
	}
	return logs
}

func withCaches(dir string) func(*Options) { return func(o *Options) { o.Caches = dir } }

func has(t *testing.T, log string, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if !strings.Contains(log, l) {
			t.Errorf("the log lacks %q:\n%s", l, log)
		}
	}
}

// A build adds a line to what it finds in the cache, in the source and in HOME.
var adding = []string{
	"phases: {build: {commands: ['mkdir -p mod/bin ~/.m2/x', 'echo x >> mod/a', 'chmod 640 mod/a', 'ln -sf ../a mod/bin/a', 'echo x >> ~/.m2/x/b', 'echo have $(wc -l < mod/bin/a) $(wc -l < ~/.m2/x/b) $(stat -c %a mod/a)']}}",
}

func TestCacheWithoutAKeyIsOverwritten(t *testing.T) {
	w := newWorld(t, spec(append(adding, "cache: {paths: ['mod/**/*', '/root/.m2/**/*']}")...))
	logs := w.builds(w.executor(withCaches(t.TempDir())), "release", "release", "release")
	has(t, logs[0], "Cache: there is none yet", "have 1 1 640", "Cache: 3 files saved")
	has(t, logs[1], "Cache: 3 files restored", "have 2 2 640")
	has(t, logs[2], "have 3 3 640")
}

func TestCacheWithAKeyIsWrittenOnce(t *testing.T) {
	files := spec(append(adding, "cache: {key: 'go-$(codebuild-hash-files go.sum \"**/*.lock\")', paths: [mod, ~/.m2], fallback-keys: [never-, go-]}")...)
	files["go.sum"], files["sub/x.lock"] = "a", "1"
	w := newWorld(t, files)
	e := w.executor(withCaches(t.TempDir()))
	logs := w.builds(e, "release", "release")
	has(t, logs[0], "have 1 1", "files saved of key go-")
	has(t, logs[1], "have 2 2", "restored of key go-", "Cache: kept as it is of key go-")
	w.src.files["sub/x.lock"] = "2" // another key: the fallback finds the first entry, a new one is written
	r := request("ex-x-1-1")
	r.BranchKind = "release"
	first := strings.Fields(logs[0][strings.Index(logs[0], "saved of key ")+13:])[0]
	got := w.run(e, r)
	has(t, got.Log, "have 2 2", "restored of key "+first, "files saved of key go-")
	if strings.Contains(got.Log, "saved of key "+first) {
		t.Errorf("the key does not depend on what is in the files:\n%s", got.Log)
	}
}

func TestCacheOfOpenBranchesIsNotReadForReleases(t *testing.T) {
	w := newWorld(t, spec(append(adding, "cache: {key: k, paths: [mod, ~/.m2]}")...))
	logs := w.builds(w.executor(withCaches(t.TempDir())), "feature", "release", "feature", "development")
	has(t, logs[0], "have 1 1")
	has(t, logs[1], "Cache: there is none yet of key k", "have 1 1", "Cache: 3 files saved")
	has(t, logs[2], "Cache: 3 files restored", "have 2 2")
	has(t, logs[3], "Cache: 3 files restored", "have 2 2")
}

func TestCacheOnlyRestoresOrSaves(t *testing.T) {
	for action, want := range map[string]string{"restore": "have 1 1", "save": "have 1 1"} {
		w := newWorld(t, spec(append(adding, "cache: {action: "+action+", paths: [mod, ~/.m2]}")...))
		logs := w.builds(w.executor(withCaches(t.TempDir())), "release", "release")
		has(t, logs[1], want)
	}
}

func TestAFailedBuildSavesNoCache(t *testing.T) {
	w := newWorld(t, spec("phases: {build: {commands: ['mkdir mod; touch mod/a', 'false']}}", "cache: {paths: [mod]}"))
	caches := t.TempDir()
	r := request("ex-1-1-1")
	if got := w.run(w.executor(withCaches(caches)), r); got.Status != pipeline.Failed || strings.Contains(got.Log, "saved") {
		t.Errorf("%s\n%s", got.Status, got.Log)
	}
	if found, _ := filepath.Glob(caches + "/*/*/*"); len(found) > 0 {
		t.Errorf("left %v", found)
	}
}

func TestCacheLeavesTheCloneAlone(t *testing.T) {
	files := spec("phases: {build: {commands: ['echo is $(cat mod/tracked)', 'echo changed > mod/tracked', 'mkdir -p .git; echo x > .git/hook', 'ln -sfn /nowhere out']}}", "cache: {paths: [mod, .git, out]}")
	files["mod/tracked"] = "as committed"
	w := newWorld(t, files)
	logs := w.builds(w.executor(withCaches(t.TempDir())), "release", "release")
	has(t, logs[1], "Cache: 1 files restored", "is as committed")
}

func TestADamagedCacheFailsNothing(t *testing.T) {
	w := newWorld(t, spec(append(adding, "cache: {paths: [mod, ~/.m2]}")...))
	caches := t.TempDir()
	e := w.executor(withCaches(caches))
	w.builds(e, "release")
	found, err := filepath.Glob(caches + "/7/shared/*.tgz")
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	if err := os.WriteFile(found[0], []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := request("ex-x-1-1")
	r.BranchKind = "release"
	has(t, w.run(e, r).Log, "Cache: 0 files restored, then: ", "have 1 1")
}

func TestCachesArePruned(t *testing.T) {
	shelf := t.TempDir()
	for i, key := range []string{"a", "b", "c"} {
		written := filepath.Join(shelf, unfinishedCache+key)
		if err := os.WriteFile(written, make([]byte, 100), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := putCache(shelf, key, written); err != nil {
			t.Fatal(err)
		}
		at := commit.Add(time.Duration(i) * time.Hour)
		if err := os.Chtimes(cacheFile(shelf, key), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := trimCaches(shelf, 250); err != nil {
		t.Fatal(err)
	}
	if _, key := newestCache(shelf, ""); key != "c" || len(cachesOn(shelf)) != 2 || actiondir.Exists(cacheFile(shelf, "a")) {
		t.Errorf("newest %q, %v", key, cachesOn(shelf))
	}
	e := &Executor{o: Options{Caches: filepath.Dir(filepath.Dir(shelf))}}
	if err := e.pruneCaches(t.Context(), commit.Add(90*time.Minute)); err != nil || len(cachesOn(shelf)) != 1 {
		t.Errorf("%v, %v", err, cachesOn(shelf))
	}
}

func TestNothingIsKeptWhereThereIsNoFolderForIt(t *testing.T) {
	w := newWorld(t, spec(append(adding, "cache: {paths: [mod]}")...))
	has(t, w.run(w.executor(), request("ex-1-1-1")).Log, "Cache: nothing is kept between builds on this host", "have 1 1")
}
