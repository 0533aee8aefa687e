package actiondir_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/pipeline"
)

func TestReadLog(t *testing.T) {
	d := actiondir.Of(t.TempDir(), "x")
	if _, err := d.ReadLog(executor.LogPlace{}, 100); !errors.Is(err, executor.ErrNoLog) {
		t.Errorf("a folder that is not there: %v", err)
	}
	log := func(try int, text string) {
		t.Helper()
		if err := os.MkdirAll(d.Try(try), 0o700); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(filepath.Join(d.Try(try), "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	place, ended := executor.LogPlace{}, false
	read := func() {
		t.Helper()
		for {
			part, err := d.ReadLog(place, 33)
			if err != nil {
				t.Fatal(err)
			}
			again, ok := executor.ParseLogPlace(part.Next.String())
			if !ok {
				t.Fatalf("the place %s cannot be read", part.Next)
			}
			if len(part.Text) > 0 {
				got = append(got, string(part.Text))
			}
			if place, ended = again, part.Ended; len(part.Text) == 0 || ended {
				return
			}
		}
	}
	if err := d.Make(); err != nil {
		t.Fatal(err)
	}
	read() // nothing yet
	log(1, "one\nhalf of ")
	read()
	log(1, "it\nno end")
	log(2, "two\n")
	read()
	if ended {
		t.Error("ended before the report")
	}
	log(2, "a line without end that is long öö, and without end too")
	if err := errors.Join(d.Remark("remark\n"), d.Finish(executor.Report{Status: pipeline.Succeeded})); err != nil {
		t.Fatal(err)
	}
	read()
	want := []string{"one\n", "half of it\n", "no end\n", "two\n", "a line without end that is long ", "öö, and without end too\n", "remark\n"}
	if diff := cmp.Diff(want, got); diff != "" || !ended {
		t.Errorf("ended %v (-want +got):\n%s", ended, diff)
	}
	if part, err := d.ReadLog(place, 33); err != nil || len(part.Text) > 0 || !part.Ended || part.Next != place {
		t.Errorf("after the end: %+v, %v", part, err)
	}
}

func TestLogPlacesAreReadStrictly(t *testing.T) {
	for _, text := range []string{"", "1", ".", "0.0", "1.-1", "01.2", "1.2.3", "+1.2", "1.99999999999999999999", " 1.2"} {
		if p, ok := executor.ParseLogPlace(text); ok {
			t.Errorf("%q is read as %v", text, p)
		}
	}
}
