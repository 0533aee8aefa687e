// Package test holds what the tests of the other packages share, and the tests of how they are run.
package test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// skipped is what `go test -json` writes of a test that was skipped.
func skipped(name string) string {
	return fmt.Sprintf(`{"Time":"2026-11-21T12:00:00Z","Action":"skip","Package":"example.com/p","Test":"%s","Elapsed":0}`+"\n", name)
}

// With CI=true a skipped test is a failure, but for tests that need user namespaces on a host that gives none to anybody, and
// those that set rules of routing on one that refuses them to root.
func TestSkipsUnderCI(t *testing.T) {
	const works, refuses = "exit 0", "echo 'No permissions to create new namespace' >&2; exit 1"
	sandbox := skipped("TestStopInASandbox") + skipped("TestStopInASandbox/what_cleans_up") + skipped("TestNoNetwork")
	rules := skipped("TestDoctorListsRulesOfRouting") + skipped("TestRulesOfRoutingStayForBuildsThatGoOn")
	for name, c := range map[string]struct {
		ci, bwrap, unshare, report string
		fails                      bool
		says                       string
	}{
		"nothing is skipped":             {"true", works, "", "", false, "0 skipped"},
		"not in CI":                      {"", works, "", sandbox, false, "3 skipped"},
		"the host gives no namespaces":   {"true", refuses, "", sandbox, false, "excused, since this host lets nobody make user namespaces:\nexample.com/p TestNoNetwork"},
		"the host gives namespaces":      {"true", works, "", sandbox, true, "CI=true: a skipped test is a failure:\nexample.com/p TestNoNetwork"},
		"bubblewrap is not installed":    {"true", "", "", sandbox, true, "CI=true: a skipped test is a failure:\nexample.com/p TestNoNetwork"},
		"another test is skipped beside": {"true", refuses, "", sandbox + skipped("TestPostgres"), true, "CI=true: a skipped test is a failure:\nexample.com/p TestPostgres\n"},
		"a name that begins like one":    {"true", refuses, "", skipped("TestNoNetworkAtAll"), true, "CI=true: a skipped test is a failure:\nexample.com/p TestNoNetworkAtAll\n"},
		"root may set no rules":          {"true", works, refuses, rules, os.Geteuid() != 0, "example.com/p TestDoctorListsRulesOfRouting\n"},
		"root may set rules":             {"true", works, works, rules, true, "CI=true: a skipped test is a failure:\nexample.com/p TestDoctorListsRulesOfRouting\n"},
		"iproute2 is not installed":      {"true", works, "", rules, true, "CI=true: a skipped test is a failure:\nexample.com/p TestDoctorListsRulesOfRouting\n"},
		"no namespaces excuse no rules":  {"true", refuses, works, sandbox + rules, true, "CI=true: a skipped test is a failure:\nexample.com/p TestDoctorListsRulesOfRouting\n"},
		"neither":                        {"true", refuses, refuses, sandbox + rules, os.Geteuid() != 0, "example.com/p TestStopInASandbox/what_cleans_up\n"},
	} {
		t.Run(name, func(t *testing.T) {
			bin := tools(t)
			program(t, bin, "gotestsum", `while [ "$1" != --jsonfile ]; do shift; done; printf '%s' "$REPORT" >"$2"`)
			if c.bwrap != "" {
				program(t, bin, "bwrap", c.bwrap)
			}
			if c.unshare != "" {
				program(t, bin, "ip", works)
				program(t, bin, "unshare", c.unshare)
			}
			cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "bash"), "run.sh", "./...")
			cmd.Env = []string{"PATH=" + bin, "TMPDIR=" + t.TempDir(), "GOTESTSUM=gotestsum", "CI=" + c.ci, "REPORT=" + c.report}
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if (err != nil) != c.fails || !strings.Contains(string(out), c.says) {
				t.Errorf("it ended with %v, want failure %v and %q:\n%s", err, c.fails, c.says, out)
			}
		})
	}
}

// tools is a folder of programs with what the runner calls, and nothing else.
func tools(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	for _, name := range []string{"bash", "dirname", "mktemp", "rm", "sed", "sort", "grep"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

// program puts a shell script into a folder of programs.
func program(t *testing.T, bin, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
}
