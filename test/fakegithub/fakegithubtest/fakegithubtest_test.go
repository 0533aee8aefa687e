package fakegithubtest

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/test/fakegithub/description"
)

// ending is a test that keeps how it ended.
type ending struct {
	testing.TB
	how string
}

func (e *ending) Helper()                           {}
func (e *ending) Skipf(format string, args ...any)  { e.end("skipped: "+format, args...) }
func (e *ending) Fatalf(format string, args ...any) { e.end("failed: "+format, args...) }

func (e *ending) end(format string, args ...any) {
	e.how = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// A test that would be compared with GitHub's description and cannot be is skipped by name, not passed.
func TestWithoutTheDescription(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"not installed": {&fs.PathError{Op: "find", Path: "x.json", Err: fs.ErrNotExist}, "skipped: GitHub's description is not installed (npm ci in the folder test does): find x.json: file does not exist"},
		"broken":        {errors.New("line 3"), "failed: GitHub's description cannot be read: line 3"},
	} {
		e := &ending{how: "went on"}
		done := make(chan struct{})
		go func() {
			defer close(done)
			need(e, func() (*description.Description, error) { return nil, c.err })
		}()
		<-done
		if diff := cmp.Diff(c.want, e.how); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	t.Run("no file", func(t *testing.T) {
		t.Chdir(t.TempDir())
		e := &ending{how: "went on"}
		done := make(chan struct{})
		go func() {
			defer close(done)
			Modules(e)
		}()
		<-done
		if !strings.HasPrefix(e.how, "skipped: GitHub's description is not installed") {
			t.Errorf("a process would not be held to the description, and the test %s", e.how)
		}
	})
}
