package process

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// What a process writes is read before the deployment has ended, between what the server does, without secrets.
func TestLog(t *testing.T) {
	w := newWorld(t)
	e := w.executor()
	gate := t.TempDir() + "/open"
	digest := w.image(fmt.Sprintf("echo begins; echo my hunter2-and-more\nwhile ! test -e %s; do sleep 0.01; done\nexec %s serve one", gate, os.Args[0]))
	r := w.request("ex-1-1-1", digest)
	ended := make(chan error, 1)
	go func() {
		_, err := e.Start(context.WithoutCancel(t.Context()), r)
		ended <- err
	}()
	begun := "[sluice] " + w.host + "/shop@" + digest + " is unpacked\n[sluice] " + digest + " is started on " + w.listen + "\nbegins\nmy ***\n"
	log := ""
	for end := time.Now().Add(90 * time.Second); !strings.Contains(log, "***\n"); {
		part, err := e.ReadLog(t.Context(), r, executor.LogPlace{}, 64<<10)
		if log = string(part.Text); time.Now().After(end) || part.Ended {
			t.Fatalf("ended %v, %v; read so far %q", part.Ended, err, log)
		}
	}
	if diff := cmp.Diff(begun, log); diff != "" {
		t.Errorf("before it serves (-want +got)\n%s", diff)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	report, err := e.Status(t.Context(), r, r.ID)
	want := begun + "listening " + w.listen + "\n[sluice] serves " + digest + "\n"
	if diff := cmp.Diff(want, report.Log); diff != "" || err != nil || report.Status != pipeline.Succeeded {
		t.Errorf("%s: %s, %v (-want +got)\n%s", report.Status, report.Summary, err, diff)
	}
}

// Lines are passed on whole, however they come, and the last one without its end.
func TestOutputInLines(t *testing.T) {
	dir := t.TempDir()
	var got []string
	o := &output{run: dir, tell: func(line string) { got = append(got, line) }}
	f, err := os.Create(dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	long := strings.Repeat("x", outputChunk)
	for _, text := range []string{"one\nhal", "f\n\n", long + "y", "\nrest"} {
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := o.pass(); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.end(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"one", "half", "", long, "y", "rest"}, got); diff != "" {
		t.Errorf("(-want +got)\n%.500s", diff)
	}
}
