package buildspec

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/document"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// probeOf is how a language's program says its version.
func probeOf(name string) []string {
	return map[string][]string{
		"dotnet": {"dotnet", "--version"}, "golang": {"go", "version"}, "java": {"java", "-version"}, "nodejs": {"node", "--version"},
		"php": {"php", "--version"}, "python": {"python3", "--version"}, "ruby": {"ruby", "--version"},
	}[name]
}

// chosenRuntime is what a build gets for a line of runtime-versions.
type chosenRuntime struct {
	Runtime
	found string // the version
	home  string // its folder below Options.Runtimes; empty: it is in PATH
}

// chooseRuntimes finds a version of each language that the buildspec wants: the newest that fits in Options.Runtimes,
// else what is in PATH. Where nothing fits the error is a *document.Error with the line.
func (e *Executor) chooseRuntimes(ctx context.Context, spec *Spec, env map[string]string) ([]chosenRuntime, error) {
	var out []chosenRuntime
	for _, rt := range spec.Runtimes {
		wanted := os.Expand(rt.Version, func(name string) string { return env[name] })
		fail := func(format string, args ...any) error {
			return &document.Error{File: spec.File, Line: rt.Line, Column: 1, Problem: "runtime-versions: " + fmt.Sprintf(format, args...)}
		}
		if !runtimeVersionRE.MatchString(wanted) || strings.Contains(wanted, "$") {
			return nil, fail("%s is %q, which is not a version", rt.Version, wanted)
		}
		if found, home := e.kept(rt.Name, wanted); home != "" {
			out = append(out, chosenRuntime{rt, found, home})
			continue
		}
		installed := e.installed(ctx, rt.Name)
		if !fits(installed, wanted) {
			there := "none is installed on this host"
			if installed != "" {
				there = "this host has " + installed
			}
			if e.o.Runtimes == "" {
				return nil, fail("%s %s is wanted, and %s; the operator installs it, or keeps several versions by --build-runtimes", rt.Name, wanted, there)
			}
			return nil, fail("%s %s is wanted, and %s; the operator puts it into %s", rt.Name, wanted, there,
				filepath.Join(e.o.Runtimes, rt.Name, strings.TrimSuffix(wanted, ".x")))
		}
		out = append(out, chosenRuntime{rt, installed, ""})
	}
	return out, nil
}

// kept finds the newest version below Options.Runtimes that fits.
func (e *Executor) kept(name, wanted string) (version, home string) {
	if e.o.Runtimes == "" {
		return "", ""
	}
	entries, err := os.ReadDir(filepath.Join(e.o.Runtimes, name))
	if err != nil {
		return "", ""
	}
	var versions []string
	for _, entry := range entries {
		if fits(entry.Name(), wanted) && actiondir.Exists(filepath.Join(e.o.Runtimes, name, entry.Name(), "bin")) {
			versions = append(versions, entry.Name())
		}
	}
	if len(versions) == 0 {
		return "", ""
	}
	version = slices.MaxFunc(versions, compareVersions)
	return version, filepath.Join(e.o.Runtimes, name, version)
}

var installedRE = lazyregexp.New(`[0-9]+(?:\.[0-9]+)*`)

// installed is the version of a language in PATH; empty when it is not there. PATH is the operator's.
func (e *Executor) installed(ctx context.Context, name string) string {
	probe := probeOf(name)
	for _, dir := range filepath.SplitList(e.o.Path) {
		program := filepath.Join(dir, probe[0])
		if info, err := os.Stat(program); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, probe[1:]...)
		cmd.Env, cmd.Dir = []string{"PATH=" + e.o.Path, "GOTOOLCHAIN=local", "HOME=/nonexistent"}, "/"
		cmd.WaitDelay = time.Second
		said, err := cmd.CombinedOutput()
		if err != nil {
			return ""
		}
		return installedRE.FindString(string(said))
	}
	return ""
}

// fits tells whether a version is the one that is wanted, as far as that says.
func fits(version, wanted string) bool {
	have := installedRE.FindString(version)
	if have == "" {
		return false
	}
	if wanted == "latest" {
		return true
	}
	want := strings.Split(installedRE.FindString(wanted), ".")
	got := strings.Split(have, ".")
	return len(got) >= len(want) && slices.Equal(got[:len(want)], want)
}

// compareVersions orders versions by their numbers.
func compareVersions(a, b string) int {
	x, y := strings.Split(installedRE.FindString(a), "."), strings.Split(installedRE.FindString(b), ".")
	for i := range min(len(x), len(y)) {
		m, _ := strconv.Atoi(x[i])
		n, _ := strconv.Atoi(y[i])
		if c := cmp.Compare(m, n); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}
