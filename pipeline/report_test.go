package pipeline

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestTable(t *testing.T) {
	d, _ := begin(t, release(Options{}), Image{Reference: testRef, Digest: digestA})
	d.fact(ActionProgress{At: noon, ID: d.id("Test/checks"), URL: "https://ci.test/run/1",
		Summary: "thanks @org/all, fixes #12 | `x` <img src=x>\nnext \u202eline"})
	d.after(192*time.Second).settle("Test/checks", Succeeded)
	d.after(time.Minute).settle("Deploy/staging", Failed)
	d.after(time.Minute).fact(RetryRequested{At: d.now, By: quinn})
	d.after(30*time.Second).settle("Deploy/staging", Succeeded)
	golden(t, "table.golden", Table(d.s, d.now.Add(3*time.Hour)))
}

func TestTableOfWhatFailed(t *testing.T) {
	d, _ := begin(t, release(Options{}), Image{Reference: testRef})
	d.after(time.Minute).settle("Test/checks", Succeeded)
	d.fact(ImageUnresolved{At: d.now, Reference: testRef, Reason: "404"})
	golden(t, "failed.golden", Table(d.s, d.now))
}

func TestLinksAreWebAddresses(t *testing.T) {
	for url, want := range map[string]string{
		"https://ci.test/1": "https://ci.test/1", "http://ci.test/1?a=b&c": "http://ci.test/1?a=b&c",
		"javascript:alert(1)": "", "https://x/)](javascript:1": "", "ftp://x": "", "https://x/ y": "",
	} {
		if got := webURL(url); got != want {
			t.Errorf("webURL(%q) = %q, want %q", url, got, want)
		}
	}
}

func TestOneLineIsShort(t *testing.T) {
	got := oneLine(strings.Repeat("ä", 400) + "\x1b[31m\r\n")
	if n := len([]rune(got)); n != maxSummary || strings.ContainsAny(got, "\x1b\n\r") {
		t.Errorf("%d characters: %q", n, got)
	}
}

func TestWhy(t *testing.T) {
	queued := New(Input{ID: "e", Definition: release(Options{})}, noon)
	at := func(stages ...func(*drive)) State {
		d, _ := begin(t, release(Options{ManualPromotion: true}), Image{Reference: testRef})
		for _, do := range stages {
			do(d)
		}
		return d.s
	}
	tested := func(d *drive) { d.settle("Test/checks", Succeeded) }
	resolved := func(d *drive) { d.fact(ImageResolved{At: noon, Reference: testRef, Digest: digestA}) }
	deployed := func(d *drive) { d.settle("Deploy/staging", Succeeded) }
	approved := func(d *drive) { d.approve("Approval/approval") }
	for want, s := range map[string]State{
		"It waits for its turn: another execution is before it.":                             queued,
		"It waits for Test/checks (10m so far).":                                             at(),
		"It asks the registry which digest " + testRef + " has, until 2026-11-21 12:15 UTC.": at(tested),
		"It waits for approval to enter production (by 2026-11-28 12:00 UTC).":               at(tested, resolved, deployed),
		"It waits for somebody to say /promote (by 2026-11-28 12:00 UTC).":                   at(tested, resolved, deployed, approved),
		"It is stopping (cancelled by rita) and waits for Test/checks (10m so far) to end.": at(func(d *drive) {
			d.fact(CancelRequested{At: noon, By: rita})
		}),
		"It ended as Failed: Test/checks: 2 failed.": at(func(d *drive) {
			d.fact(ActionSettled{At: noon, ID: d.id("Test/checks"), Status: Failed, Summary: "2 failed"})
		}),
		"It is held by rita until 2026-11-28 12:00 UTC: freeze.": at(func(d *drive) {
			d.fact(Held{At: noon, By: rita, Reason: "freeze"})
		}, tested),
		"It succeeded.": at(tested, resolved, deployed, approved, func(d *drive) {
			d.fact(PromotionRequested{At: noon, ID: d.id("Promote/promote"), By: rita})
			d.settle("Promote/promote", Succeeded)
		}),
	} {
		if got := Why(s, noon.Add(10*time.Minute)); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 999 * time.Millisecond: "0s", 59 * time.Second: "59s", time.Hour: "1h",
		192 * time.Second: "3m 12s", 26*time.Hour + 5*time.Minute: "1d 2h", 24*time.Hour + time.Second: "1d",
		7 * 24 * time.Hour: "7d",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}
