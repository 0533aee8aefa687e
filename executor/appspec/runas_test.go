package appspec

import (
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// running is a revision whose script runs as somebody and says who that is.
func (w *world) running(as string) pipeline.Artifact {
	return w.save(map[string]string{
		"appspec.yml": "version: 0.0\nos: linux\nhooks:\n  ApplicationStart:\n    - location: run\n      runas: " + as + "\n",
		"run":         "#!/bin/sh\necho \"I am $(id -un) $HOME $USER\"\n",
	})
}

// Scripts run as the server's own user, and as those that the operator allows; others are refused where appspec.yml names them,
// before anything is deployed.
func TestRunAs(t *testing.T) {
	own, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("own", func(t *testing.T) {
		w := newWorld(t)
		r := w.request("d", w.running(own.Username), map[string]any{"hosts": []any{"web-1"}})
		got, want := w.deploy(w.executor(w.bell.Ring), r), "I am "+own.Username+" "+own.HomeDir+" "+own.Username+"\n"
		if got.Status != pipeline.Succeeded || !strings.Contains(got.Log, want) {
			t.Errorf("%+v", got)
		}
	})
	t.Run("refused", func(t *testing.T) {
		w := newWorld(t)
		got := w.deploy(w.executor(w.bell.Ring), w.request("d", w.running("somebody"), map[string]any{"hosts": []any{"web-1"}}))
		want := []executor.Annotation{{
			Path: "appspec.yml", StartLine: 5, EndLine: 5, Level: "failure", Title: "appspec.yml",
			Message: `hooks.ApplicationStart[0].runas "somebody" is not a user that scripts may run as on this host: leave runas out, or have the ` +
				`operator allow the user by --deploy-users acme/shop=somebody`,
		}}
		if diff := cmp.Diff(want, got.Annotations); diff != "" || got.Status != pipeline.Failed || len(got.Hosts) != 0 {
			t.Errorf("%+v (-want +got)\n%s", got, diff)
		}
	})
	t.Run("allowed", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("only root can run a script as another user")
		}
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Skip(err)
		}
		w := newWorld(t)
		for dir := w.dir; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // runas has to pass through
				t.Fatal(err)
			}
		}
		e := w.executor(w.bell.Ring)
		e.o.Users = func(owner, repo string) []string {
			if owner == "acme" && repo == "shop" {
				return []string{"nobody"}
			}
			return nil
		}
		r := w.request("d", w.running("nobody"), map[string]any{"hosts": []any{"web-1"}})
		got := w.deploy(e, r)
		if want := "I am nobody " + nobody.HomeDir + " nobody\n"; got.Status != pipeline.Succeeded || !strings.Contains(got.Log, want) {
			t.Errorf("want %q: %+v", want, got)
		}
	})
}

// The environment of a script has what is documented, and nothing that the server has.
func TestScriptEnvironment(t *testing.T) {
	t.Setenv("SLUICE_GITHUB_PRIVATE_KEY", secret)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	w := newWorld(t)
	out := filepath.Join(w.dir, "environment")
	a := w.save(map[string]string{
		"appspec.yml": "version: 0.0\nos: linux\nhooks: {ApplicationStart: [{location: run}]}\n",
		"run":         "#!/bin/sh\ntr '\\0' '\\n' < /proc/self/environ > " + out + "\n",
	})
	r := w.request("d", a, map[string]any{"hosts": []any{"web-1"}})
	r.SHA = strings.Repeat("a", 40)
	if got := w.deploy(w.executor(w.bell.Ring), r); got.Status != pipeline.Succeeded {
		t.Fatalf("%+v", got)
	}
	var names []string
	for v := range strings.SplitSeq(strings.TrimSpace(w.read(out)), "\n") {
		name, value, _ := strings.Cut(v, "=")
		if names = append(names, name); name == "BUNDLE_COMMIT" && value != r.SHA {
			t.Errorf("BUNDLE_COMMIT is %q", value)
		}
	}
	slices.Sort(names)
	want := []string{
		"APPLICATION_NAME", "BUNDLE_COMMIT", "DEPLOYMENT_GROUP_ID", "DEPLOYMENT_GROUP_NAME", "DEPLOYMENT_ID", "HOME", "LANG", "LIFECYCLE_EVENT", "PATH",
		"SLUICE_APP", "SLUICE_EVENT", "SLUICE_HOST", "SLUICE_HOST_ROOT", "SLUICE_SIDE", "SLUICE_SUPERVISED", "SLUICE_VERSION",
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == "PWD" || n == "OLDPWD" || n == "SHLVL" || n == "_" })
	if diff := cmp.Diff(want, slices.Compact(names)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
