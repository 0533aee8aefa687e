package actiondir_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
)

// Each line of an attempt is read at once, masked; attempts stand one after the other, with what ended them.
func TestJournal(t *testing.T) {
	j := actiondir.Journals{Dir: t.TempDir(), Secrets: []string{"hunter2"}}
	r := executor.Request{ID: "ex-1-1-1"}
	read := func() (text string, ended bool) {
		t.Helper()
		for at := (executor.LogPlace{}); ; {
			part, err := j.ReadLog(t.Context(), r, at, 1<<10)
			if err != nil {
				t.Fatal(err)
			}
			if text += string(part.Text); part.Ended || len(part.Text) == 0 {
				return text, part.Ended
			}
			at = part.Next
		}
	}
	if _, err := j.ReadLog(t.Context(), r, executor.LogPlace{}, 100); !errors.Is(err, executor.ErrNoLog) {
		t.Errorf("before the first attempt: %v", err)
	}
	want := ""
	for i, c := range []struct {
		err   error
		last  string
		ended bool
	}{
		{errors.New("the network\nis down"), "[sluice] it is tried again: the network is down\n", false},
		{executor.Permanentf("hunter2 is refused"), "[sluice] failed: *** is refused\n", true},
		{nil, "", true}, // nobody had heard of the end before
	} {
		handle, err := j.Keep(r.ID, func(tell func(string)) (string, error) {
			tell(fmt.Sprintf("attempt %d with hunter2", i))
			want += fmt.Sprintf("attempt %d with ***\n", i)
			if text, ended := read(); text != want || ended {
				t.Errorf("meanwhile, ended %v: %q, want %q", ended, text, want)
			}
			return "handle", c.err
		})
		if handle != "handle" || !errors.Is(err, c.err) {
			t.Errorf("%q, %v", handle, err)
		}
		want += c.last
		text, ended := read()
		if diff := cmp.Diff(want, text); diff != "" || ended != c.ended {
			t.Errorf("afterwards, ended %v (-want +got)\n%s", ended, diff)
		}
	}
	if end, err := j.End(r.ID); err != nil || end != "attempt 2 with ***\n" {
		t.Errorf("the end is %q, %v", end, err)
	}
	if end, err := j.End("another"); err != nil || end != "" {
		t.Errorf("of another action it is %q, %v", end, err)
	}
	info, err := os.Stat(string(actiondir.Of(j.Dir, r.ID)))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		before time.Time
		want   int
	}{{info.ModTime(), 0}, {info.ModTime().Add(time.Second), 1}, {time.Now(), 0}} {
		if n, err := j.Prune(t.Context(), c.before); n != c.want || err != nil {
			t.Errorf("pruned %d, %v, want %d", n, err, c.want)
		}
	}
	if n, err := (actiondir.Journals{Dir: j.Dir + "/none"}).Prune(t.Context(), time.Now()); n != 0 || err != nil {
		t.Errorf("without a folder: %d, %v", n, err)
	}
}

// Several may tell at once: lines stay whole.
func TestJournalOfSeveral(t *testing.T) {
	j := actiondir.Journals{Dir: t.TempDir()}
	_, err := j.Keep("a", func(tell func(string)) (string, error) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 50 {
					tell("a line")
				}
			})
		}
		all.Wait()
		return "", nil
	})
	if end, _ := j.End("a"); err != nil || end != strings.Repeat("a line\n", 400) {
		t.Errorf("%v, %q", err, end)
	}
}
