package tagging

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// logOf is a Log of these versions in this order.
func logOf(t testing.TB, versions ...string) Log {
	t.Helper()
	var records []ReleaseRecord
	for _, s := range versions {
		v := mustVersion(t, s)
		records = append(records, ReleaseRecord{Version: v, Tag: "v" + s, SHA: testSHA, HotfixID: v.Hotfix})
	}
	l, err := NewLog(records...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAdoptOrdersReleases(t *testing.T) {
	pattern, err := ParseTagPattern(DefaultTagPattern)
	if err != nil {
		t.Fatal(err)
	}
	day := func(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }
	log, ignored := Adopt([]GitTag{
		{Name: "v1.4.0-hotfix-9", SHA: "h9", Time: day(5)},
		{Name: "nightly", SHA: "n", Time: day(9)},
		{Name: "v1.10.0", SHA: "110", Time: day(1)},
		{Name: "v1.4.0", SHA: "140", Time: day(6)}, // tagged anew, after its hotfixes
		{Name: "v1.4.0-hotfix-17", SHA: "h17", Time: day(5)},
		{Name: "v1.4.0-hotfix-2", SHA: "h2", Time: day(6)},
		{Name: "v1.4", SHA: "14", Time: day(1)},
		{Name: "v1.4.0", SHA: "140", Time: day(6)},
	}, pattern)
	var got []string
	for _, r := range log.Releases() {
		got = append(got, r.Tag+" "+r.SHA)
	}
	want := []string{"v1.4.0 140", "v1.4.0-hotfix-9 h9", "v1.4.0-hotfix-17 h17", "v1.4.0-hotfix-2 h2", "v1.10.0 110"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("releases (-want +got):\n%s", diff)
	}
	wantIgnored := []IgnoredTag{
		{Name: "nightly", Reason: `git tag "nightly": want v{ReleaseVersion}`},
		{Name: "v1.4", Reason: `git tag "v1.4": version "1.4": it has 2 parts and not three; want major.minor.patch, like 1.4.0`},
	}
	if diff := cmp.Diff(wantIgnored, ignored); diff != "" {
		t.Errorf("ignored (-want +got):\n%s", diff)
	}
}

func TestLogOrder(t *testing.T) {
	log := logOf(t, "1.3.0", "1.4.0", "1.4.0-hotfix-18", "1.4.0-hotfix-17", "1.3.0-hotfix-1")
	for _, c := range []struct {
		why  string
		a, b string
		want int
	}{
		{"numbers are numbers", "1.9.0", "1.10.0", -1},
		{"a hotfix is later than what it mends, whatever SemVer says", "1.4.0-hotfix-17", "1.4.0", 1},
		{"a hotfix does not reach the next release", "1.4.0-hotfix-17", "1.5.0", -1},
		{"hotfixes are in the order of the log", "1.4.0-hotfix-18", "1.4.0-hotfix-17", -1},
		{"a hotfix that the log does not know is to come", "1.4.0-hotfix-1", "1.4.0-hotfix-17", 1},
		{"two to come are in the order of their numbers", "1.4.0-hotfix-9", "1.4.0-hotfix-10", -1},
		{"a version is itself", "1.4.0-hotfix-17", "1.4.0-hotfix-17", 0},
	} {
		a, b := mustVersion(t, c.a), mustVersion(t, c.b)
		if got := log.Compare(a, b); got != c.want {
			t.Errorf("%s: Compare(%s, %s) = %d, want %d", c.why, a, b, got, c.want)
		}
		if got := log.Compare(b, a); got != -c.want {
			t.Errorf("%s: Compare(%s, %s) = %d, want %d", c.why, b, a, got, -c.want)
		}
	}
	if high, found := log.Highest(Trunk()); !found || high.Tag != "v1.4.0-hotfix-17" {
		t.Errorf("highest of all is %q, %v", high.Tag, found)
	}
	if high, found := log.Highest(Line{Support: true, Major: 1, Minor: 3}); !found || high.Tag != "v1.3.0-hotfix-1" {
		t.Errorf("highest of 1.3 is %q, %v", high.Tag, found)
	}
	if high, found := log.Highest(Line{Support: true, Major: 2}); found {
		t.Errorf("highest of 2.0 is %q, though there is none", high.Tag)
	}
	for v, want := range map[string]string{"1.4.0": "v1.3.0-hotfix-1", "1.4.0-hotfix-17": "v1.4.0-hotfix-18", "1.5.0": "v1.4.0-hotfix-17", "1.3.0": ""} {
		if got, _ := log.Previous(mustVersion(t, v)); got.Tag != want {
			t.Errorf("before %s came %q, want %q", v, got.Tag, want)
		}
	}
}

func TestLogKeepsAVersionOnce(t *testing.T) {
	log := logOf(t, "1.3.0", "1.4.0")
	if _, err := log.Append(ReleaseRecord{Version: mustVersion(t, "1.3.0"), SHA: "other"}); err == nil {
		t.Error("1.3.0 was released twice")
	}
	longer, err := log.Append(ReleaseRecord{Version: mustVersion(t, "1.5.0")})
	if err != nil || longer.Len() != 3 || log.Len() != 2 {
		t.Errorf("appended: %d releases, %v; before: %d", longer.Len(), err, log.Len())
	}
}

func TestCompareIsAnOrder(t *testing.T) {
	log := logOf(t, "1.0.0", "1.0.0-hotfix-b", "1.0.0-hotfix-a", "1.0.1")
	version := rapid.Custom(func(t *rapid.T) Version {
		return Version{Major: 1, Patch: rapid.Uint64Range(0, 1).Draw(t, "patch"), Hotfix: rapid.StringMatching(`[ab.]?[0-2]{0,3}[a-b]?`).Draw(t, "hotfix")}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := version.Draw(t, "a"), version.Draw(t, "b"), version.Draw(t, "c")
		if x, y := log.Compare(a, b), log.Compare(b, a); x != -y || (x == 0) != (a == b) {
			t.Fatalf("Compare(%s, %s) = %d, the other way round %d", a, b, x, y)
		}
		if log.Compare(a, b) < 0 && log.Compare(b, c) < 0 && log.Compare(a, c) >= 0 {
			t.Fatalf("%s is before %s and that before %s, but Compare of the first and last is %d", a, b, c, log.Compare(a, c))
		}
	})
}

func TestParseLine(t *testing.T) {
	if got, err := ParseLine("1.4"); err != nil || got != (Line{Support: true, Major: 1, Minor: 4}) || got.String() != "support line 1.4" {
		t.Errorf("ParseLine(1.4) = %v, %v", got, err)
	}
	for _, s := range []string{"", "1", "1.4.0", "v1.4", "01.4", "1.x", "1.", ".4"} {
		if got, err := ParseLine(s); err == nil {
			t.Errorf("ParseLine(%q) = %v; want an error", s, got)
		}
	}
}
