// Package fakegithubtest starts a stand-in GitHub for a test, and fails the test when something that passed through it
// does not fit GitHub's own description.
package fakegithubtest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/test/fakegithub/description"
)

const modules = "test/node_modules"

// api is loaded once per process: it takes seconds.
var api = sync.OnceValues(func() (*description.Description, error) {
	path, err := find(modules)
	if err != nil {
		return nil, err
	}
	return description.LoadAPI(path)
})

// webhooks describes the payloads.
var webhooks = sync.OnceValues(func() (*description.Description, error) {
	path, err := find(modules)
	if err != nil {
		return nil, err
	}
	return description.LoadWebhooks(path)
})

// find looks for a file of the module from the working directory upwards.
func find(name string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if up := filepath.Dir(dir); up != dir {
			dir = up
			continue
		}
		return "", &os.PathError{Op: "find", Path: name, Err: os.ErrNotExist}
	}
}

// New starts a server on loopback and closes it with the test, which fails on every violation: a request or response
// that does not fit GitHub's description, a route GitHub or the stand-in does not have, a call made while told to wait.
// Without the description (npm ci was not run in the folder test) the test is skipped: unchecked, it would prove too little.
func New(t testing.TB, o fakegithub.Options) *fakegithub.Server {
	t.Helper()
	if o.OpenAPI == nil {
		o.OpenAPI = need(t, api)
	}
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	s, err := fakegithub.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the stand-in GitHub: %v", err)
		}
		for _, v := range s.Violations() {
			t.Errorf("GitHub would object: %v", v)
		}
	})
	if _, err := s.Start(""); err != nil {
		t.Fatal(err)
	}
	return s
}

// Webhooks is GitHub's description of webhook payloads, for Options.Webhooks. It takes another two seconds to load, and
// what it checks is the stand-in's own doing, so New leaves it out.
func Webhooks(t testing.TB) fakegithub.Checker {
	t.Helper()
	return need(t, webhooks)
}

// Modules is the folder of GitHub's descriptions, for a process that holds itself to them. Without them the test is skipped.
func Modules(t testing.TB) string {
	t.Helper()
	need(t, api)
	path, err := find(modules)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func need(t testing.TB, load func() (*description.Description, error)) fakegithub.Checker {
	t.Helper()
	d, err := load()
	if err != nil {
		skip(t, err)
	}
	return d
}

// skip ends a test that GitHub's description is missing for: skipped where it is not installed, failed where it is and
// cannot be read.
func skip(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("GitHub's description is not installed (npm ci in the folder test does): %v", err)
	}
	t.Fatalf("GitHub's description cannot be read: %v", err)
}

// File returns the path of a file of the module, such as one under test/node_modules; the test fails when there is none.
func File(t testing.TB, name string) string {
	t.Helper()
	path, err := find(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
