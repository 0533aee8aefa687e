package buildspec

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatTheSandboxShows(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	for _, dir := range []string{"bin", "sdk/go/bin", "data/builds"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	e := &Executor{isolated: isolation{program: "/usr/bin/bwrap"}, o: Options{
		Dir: home + "/data/builds", Caches: "/var/caches", Hide: []string{home + "/data", "", "/", "/etc/sluice/key.pem", "relative"},
		Path: home + "/bin:" + home + "/sdk/go/bin:/usr/bin", Runtimes: "/opt/runtimes",
	}}
	work := home + "/data/builds/x/work-1"
	b := e.sandbox(work)
	want := []string{"/etc/sluice/key.pem", "/root", "/run", home, "/var/caches"}
	slices.Sort(want)
	if diff := cmp.Diff(want, b.Hide); diff != "" {
		t.Errorf("hidden (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{work + "/state", home + "/bin", home + "/sdk/go"}, b.Read); diff != "" {
		t.Errorf("shown (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{work + "/src", work + "/home", work + "/tmp", work + "/inputs", work + "/out"}, b.Write); diff != "" {
		t.Errorf("given (-want +got)\n%s", diff)
	}
}
