package tagging

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// commits are commits with these messages; the first has the SHA 0000000…, the next 1111111…
func commits(messages ...string) []Commit {
	var cs []Commit
	for i, m := range messages {
		cs = append(cs, Commit{SHA: strings.Repeat(fmt.Sprint(i%10), 40), Message: m})
	}
	return cs
}

func held(t testing.TB, versions ...string) []Held {
	t.Helper()
	var hs []Held
	for _, s := range versions {
		hs = append(hs, Held{Version: mustVersion(t, s), Where: "branch release/" + s})
	}
	return hs
}

func TestNext(t *testing.T) {
	support := Line{Support: true, Major: 1, Minor: 2}
	for _, c := range []struct {
		name   string
		log    []string
		in     Request
		open   []string
		taken  []string
		set    string
		want   string // the version and its source
		refuse string // what the refusal says
	}{
		{name: "the first release", want: "0.1.0 initial"},
		{name: "the first release, breaking", in: Request{Commits: commits("feat!: all new")}, want: "0.1.0 initial"},
		{name: "the second while the first is open", open: []string{"0.1.0"}, want: "0.2.0 computed"},
		{name: "a fix, with the floor as it is by default", log: []string{"1.3.0"}, in: Request{Commits: commits("fix: a")}, want: "1.4.0 computed"},
		{name: "a fix, with a low floor", log: []string{"1.3.0"}, in: Request{Commits: commits("fix: a"), Floor: Patch}, want: "1.3.1 computed"},
		{name: "no convention, with a low floor", log: []string{"1.3.0"}, in: Request{Commits: commits("stuff"), Floor: Patch}, want: "1.3.1 computed"},
		{name: "a feature, with a low floor", log: []string{"1.3.0"}, in: Request{Commits: commits("fix: a", "feat: b", "fix: c"), Floor: Patch}, want: "1.4.0 computed"},
		{name: "a breaking change", log: []string{"1.3.0"}, in: Request{Commits: commits("feat: a", "fix!: b")}, want: "2.0.0 computed"},
		{name: "a high floor", log: []string{"1.3.0"}, in: Request{Commits: commits("fix: a"), Floor: Major}, want: "2.0.0 computed"},
		{name: "no commits", log: []string{"1.3.0"}, want: "1.4.0 computed"},
		{name: "merge commits do not count", log: []string{"1.3.0"}, in: Request{Commits: []Commit{{SHA: testSHA, Message: "feat!: a", Merge: true}}}, want: "1.4.0 computed"},
		{name: "a breaking change while major is 0", log: []string{"0.3.0"}, in: Request{Commits: commits("feat!: a")}, want: "0.4.0 computed"},
		{name: "a high floor while major is 0", log: []string{"0.3.2"}, in: Request{Floor: Major}, want: "0.4.0 computed"},
		{name: "while 1.4.0 is open", log: []string{"1.3.0"}, open: []string{"1.4.0"}, in: Request{Commits: commits("fix: a")}, want: "1.5.0 computed"},
		{name: "while two are open", log: []string{"1.3.0"}, open: []string{"1.5.0", "1.4.0"}, want: "1.6.0 computed"},
		{name: "while an old one is open", log: []string{"1.3.0"}, open: []string{"1.2.9"}, want: "1.4.0 computed"},
		{name: "after a hotfix with a suffix", log: []string{"1.4.0", "1.4.0-hotfix-17"}, in: Request{Floor: Patch}, want: "1.4.1 computed"},
		{name: "after a hotfix that raised the patch number", log: []string{"1.4.0", "1.4.1"}, in: Request{Floor: Patch}, want: "1.4.2 computed"},
		{name: "the log is not in the order of versions", log: []string{"2.0.0", "1.9.5"}, want: "2.1.0 computed"},
		{name: "a version that exists elsewhere is passed over", log: []string{"1.3.0"}, taken: []string{"1.4.0", "1.5.0"}, want: "1.6.0 computed"},
		{name: "the first version exists elsewhere", taken: []string{"0.1.0"}, want: "0.2.0 initial"},

		{name: "a support line", log: []string{"1.2.3", "1.3.0", "2.0.0"}, in: Request{Line: support, Commits: commits("feat!: a")}, want: "1.2.4 computed"},
		{name: "a support line with an open release", log: []string{"1.2.3", "2.0.0"}, open: []string{"1.2.4", "2.1.0"}, in: Request{Line: support}, want: "1.2.5 computed"},
		{name: "a support line without a release", log: []string{"1.3.0"}, in: Request{Line: support}, want: "1.2.0 initial"},
		{name: "a version off the support line", log: []string{"1.2.3"}, in: Request{Line: support}, set: "1.3.0", refuse: "1.3.0 is not on the support line 1.2; the next free version is 1.2.4"},

		{name: "a version that was asked for", log: []string{"1.3.0"}, set: "2.0.0", want: "2.0.0 set"},
		{name: "a low version that was asked for", log: []string{"1.3.0"}, in: Request{Commits: commits("feat!: a")}, set: "1.3.1", want: "1.3.1 set"},
		{name: "1.0.0 by command", log: []string{"0.9.0"}, set: "1.0.0", want: "1.0.0 set"},
		{name: "the first by command", set: "1.0.0", want: "1.0.0 set"},
		{name: "one that is released", log: []string{"1.3.0"}, set: "1.3.0", refuse: "1.3.0 exists already (release v1.3.0); the next free version is 1.4.0"},
		{name: "one lower than a release", log: []string{"1.3.0"}, set: "1.2.9", refuse: "1.2.9 is not higher than 1.3.0, the highest release; the next free version is 1.4.0"},
		{name: "one of a release with a hotfix", log: []string{"1.4.0-hotfix-17"}, set: "1.4.0", refuse: "1.4.0 is not higher than 1.4.0-hotfix-17"},
		{name: "one that is open", log: []string{"1.3.0"}, open: []string{"1.4.0"}, set: "1.4.0", refuse: "1.4.0 exists already (branch release/1.4.0); the next free version is 1.5.0"},
		{name: "one that exists elsewhere", log: []string{"1.3.0"}, taken: []string{"1.7.0"}, set: "1.7.0", refuse: "1.7.0 exists already"},
		{name: "a hotfix as a release", log: []string{"1.3.0"}, set: "1.4.0-hotfix-17", refuse: "a release has no hotfix ID"},
		{name: "no version", set: "0.0.0", refuse: "0.0.0 is no version"},

		{name: "a trailer", log: []string{"1.3.0"}, in: Request{Commits: commits("fix: a\n\nRelease-As: 3.0.0", "feat!: b")}, want: "3.0.0 release-as"},
		{name: "the later of two trailers", log: []string{"1.3.0"}, in: Request{Commits: commits("a\n\nRelease-As: 3.0.0", "b\n\nRelease-As: 1.9.0")}, want: "1.9.0 release-as"},
		{name: "a trailer in a merge commit", log: []string{"1.3.0"}, in: Request{Commits: []Commit{{SHA: testSHA, Merge: true, Message: "Merge\n\nRelease-As: 3.0.0"}}}, want: "3.0.0 release-as"},
		{name: "a command beats a trailer", log: []string{"1.3.0"}, in: Request{Commits: commits("a\n\nRelease-As: 3.0.0")}, set: "2.0.0", want: "2.0.0 set"},
		{name: "a trailer that is no version", log: []string{"1.3.0"}, in: Request{Commits: commits("a\n\nRelease-As: v3")}, refuse: `Release-As trailer in commit 0000000: version "v3"`},
		{name: "a trailer that is too low", log: []string{"1.3.0"}, in: Request{Commits: commits("a\n\nRelease-As: 1.0.0")}, refuse: "1.0.0 is not higher than 1.3.0"},
		{name: "a bad trailer that a later one replaces", log: []string{"1.3.0"}, in: Request{Commits: commits("a\n\nRelease-As: x", "b\n\nRelease-As: 2.0.0")}, want: "2.0.0 release-as"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := c.in
			r.Log, r.Open, r.Taken = logOf(t, c.log...), held(t, c.open...), held(t, c.taken...)
			r.Set = override(t, c.set)
			res, err := Next(r)
			got := ""
			if err == nil {
				got = fmt.Sprintf("%s %s", res.Version, res.Source)
			}
			if got != c.want || !strings.Contains(fmt.Sprint(err), nonEmpty(c.refuse, "<nil>")) {
				t.Fatalf("got %q, error %v; want %q, error %q", got, err, c.want, c.refuse)
			}
		})
	}
}

func override(t testing.TB, version string) *Override {
	t.Helper()
	if version == "" {
		return nil
	}
	return &Override{Version: mustVersion(t, version), By: "/release start " + version + " by octocat"}
}

func TestRefusalsCarryTheirReasons(t *testing.T) {
	_, err := Next(Request{Log: logOf(t, "1.3.0"), Set: &Override{Version: mustVersion(t, "1.2.0"), By: "/release start"}})
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Version != mustVersion(t, "1.2.0") || len(refused.Explanation) == 0 {
		t.Fatalf("error %#v", err)
	}
	if _, err := Next(Request{Floor: "huge"}); err == nil {
		t.Error("a floor that does not exist was taken")
	}
}

func TestNextHotfix(t *testing.T) {
	for _, c := range []struct {
		name   string
		log    []string
		from   string
		id     string
		mode   HotfixMode
		open   []string
		taken  []string
		want   string // version and image tag
		refuse string
	}{
		{name: "by suffix", log: []string{"1.4.0"}, from: "1.4.0", id: "17", want: "1.4.0-hotfix-17 1.4.0-hotfix-17"},
		{name: "of a hotfix", log: []string{"1.4.0", "1.4.0-hotfix-17"}, from: "1.4.0-hotfix-17", id: "18", want: "1.4.0-hotfix-18 1.4.0-hotfix-18"},
		{name: "of an older release", log: []string{"1.3.0", "1.4.0"}, from: "1.3.0", id: "17", want: "1.3.0-hotfix-17 1.3.0-hotfix-17"},
		{name: "an ID that looks like a revision", log: []string{"1.4.0"}, from: "1.4.0", id: "1234567",
			want: "1.4.0-hotfix-1234567-8bb0cf 1.4.0-hotfix-1234567-8bb0cf"},
		{name: "an ID used before", log: []string{"1.4.0", "1.4.0-hotfix-17"}, from: "1.4.0-hotfix-17", id: "17", refuse: "version 1.4.0-hotfix-17 is released already; give the hotfix another ID"},
		{name: "an ID that is open", log: []string{"1.4.0"}, from: "1.4.0", id: "17", open: []string{"1.4.0-hotfix-17"}, refuse: "exists already"},
		{name: "by patch", log: []string{"1.4.0"}, from: "1.4.0", id: "17", mode: HotfixPatch, want: "1.4.1 1.4.1-hotfix-17"},
		{name: "of a hotfix by patch", log: []string{"1.4.0", "1.4.1"}, from: "1.4.1", id: "18", mode: HotfixPatch, want: "1.4.2 1.4.2-hotfix-18"},
		{name: "of an older release by patch", log: []string{"1.4.0", "1.4.1", "1.5.0"}, from: "1.4.0", id: "18", mode: HotfixPatch, want: "1.4.2 1.4.2-hotfix-18"},
		{name: "by patch, where that is open and the next exists", log: []string{"1.4.0"}, from: "1.4.0", id: "17", mode: HotfixPatch,
			open: []string{"1.4.1"}, taken: []string{"1.4.2"}, want: "1.4.3 1.4.3-hotfix-17"},
		{name: "by patch after one by suffix", log: []string{"1.4.0", "1.4.0-hotfix-16"}, from: "1.4.0-hotfix-16", id: "17", mode: HotfixPatch, want: "1.4.1 1.4.1-hotfix-17"},
		{name: "of nothing", from: "1.4.0", id: "17", refuse: "the release log knows no version 1.4.0 to mend"},
		{name: "without an ID", log: []string{"1.4.0"}, from: "1.4.0", refuse: "the hotfix has no ID"},
		{name: "in no mode", log: []string{"1.4.0"}, from: "1.4.0", id: "17", mode: "both", refuse: `hotfix mode "both"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, err := NextHotfix(HotfixRequest{Log: logOf(t, c.log...), ID: c.id, From: mustVersion(t, c.from), Mode: c.mode,
				Open: held(t, c.open...), Taken: held(t, c.taken...)})
			got := ""
			if err == nil {
				got = fmt.Sprintf("%s %s", res.Version, res.Tag)
			}
			if got != c.want || !strings.Contains(fmt.Sprint(err), nonEmpty(c.refuse, "<nil>")) {
				t.Fatalf("got %q, error %v; want %q, error %q", got, err, c.want, c.refuse)
			}
		})
	}
}

func TestAHotfixIDIsUsedOnceWhateverTheMode(t *testing.T) {
	log, err := logOf(t, "1.4.0").Append(ReleaseRecord{Version: mustVersion(t, "1.4.1"), HotfixID: "17"}) // by patch
	if err != nil {
		t.Fatal(err)
	}
	if res, err := NextHotfix(HotfixRequest{Log: log, From: mustVersion(t, "1.4.1"), ID: "17"}); err == nil {
		t.Errorf("two hotfixes share the image tag %s", res.Tag)
	}
}

// TestVersionsRise walks through releases and hotfixes of every sort, on the trunk and on support lines, computed and asked for, beside
// open branches and what exists elsewhere: each is later than all before it on its line, and no two share a version or a promoted
// image tag. What is refused is refused for a reason.
func TestVersionsRise(t *testing.T) {
	stories, runs, sorts := map[string]bool{}, 0, map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		s := shipping{T: t, images: make(map[string]Version), sorts: sorts}
		for range rapid.IntRange(8, 24).Draw(t, "releases") {
			switch rapid.SampledFrom([]string{"release", "support", "hotfix", "open", "elsewhere"}).Draw(t, "sort") {
			case "release":
				s.release(Trunk())
			case "support":
				s.release(s.line())
			case "hotfix":
				s.hotfix()
			case "open":
				s.open = append(s.open, Held{Version: s.version(), Where: "a branch"})
			case "elsewhere":
				s.taken = append(s.taken, Held{Version: s.version(), Where: "a registry"})
			}
		}
		runs++
		var story []string
		for _, r := range s.log.Releases() {
			story = append(story, r.Version.String())
		}
		stories[strings.Join(story, " ")] = true
	})
	if len(stories) < runs*3/4 {
		t.Errorf("%d stories were told, %d of them different: want three quarters", runs, len(stories))
	}
	for _, sort := range []string{"computed", "initial", "set", "release-as", "passed over", "refused", "on a support line", "hotfix suffix", "hotfix patch"} {
		if sorts[sort] == 0 && runs >= 100 { // -short tells too few stories for all of them
			t.Errorf("no story had what is called %q here: %v", sort, sorts)
		}
	}
}

// shipping is a repository in TestVersionsRise.
type shipping struct {
	*rapid.T
	log         Log
	open, taken []Held
	images      map[string]Version
	sorts       map[string]int
}

// version is one near those that were released, or any other.
func (s *shipping) version() Version {
	number := rapid.Uint64Range(0, 12)
	v := Version{Major: number.Draw(s.T, "major"), Minor: number.Draw(s.T, "minor"), Patch: number.Draw(s.T, "patch")}
	if known := s.log.Releases(); len(known) > 0 && rapid.IntRange(0, 4).Draw(s.T, "near") > 0 {
		near := rapid.SampledFrom(known).Draw(s.T, "beside").Version.Core()
		v, _ = near.Bump(rapid.SampledFrom([]Bump{Patch, Minor, Major}).Draw(s.T, "by"))
	}
	return v
}

// line is a support line of something that was released.
func (s *shipping) line() Line {
	known := s.log.Releases()
	if len(known) == 0 {
		return Trunk()
	}
	v := rapid.SampledFrom(known).Draw(s.T, "supported").Version
	return Line{Support: true, Major: v.Major, Minor: v.Minor}
}

// release ships the next version of a line, as it is computed or asked for.
func (s *shipping) release(line Line) {
	messages := []string{"fix: a", "feat: a", "feat!: a", "stuff", "docs: a", "fix: a\n\nBREAKING CHANGE: b"}
	in := Request{Log: s.log, Line: line, Open: s.open, Taken: s.taken,
		Floor: rapid.SampledFrom([]Bump{"", Patch, Minor, Major}).Draw(s.T, "floor")}
	asked := rapid.SampledFrom([]string{"", "", "", "set", "release-as"}).Draw(s.T, "asked")
	switch {
	case asked == "set":
		in.Set = &Override{Version: s.version(), By: "/release start"}
	case asked != "":
		messages = []string{"fix: a\n\nRelease-As: " + s.version().String()}
	}
	in.Commits = commits(rapid.SliceOfN(rapid.SampledFrom(messages), 1, 4).Draw(s.T, "commits")...)
	res, err := Next(in)
	var refused *RefusedError
	if errors.As(err, &refused) && asked != "" {
		high, released := s.log.Highest(line)
		v := refused.Version
		_, shipped := s.log.Find(v)
		if line.Holds(v) && (!released || s.log.Compare(v, high.Version) > 0) && !shipped && !v.IsZero() && heldBy(v, s.open, s.taken) == "" {
			s.Fatalf("%s is refused, and nothing is against it: %v", v, err)
		}
		s.sorts["refused"]++
		return
	}
	if err != nil {
		s.Fatal(err)
	}
	if where := heldBy(res.Version, s.open, s.taken); where != "" {
		s.Fatalf("%s is given, which is held by %s", res.Version, where)
	}
	if !line.Holds(res.Version) {
		s.Fatalf("%s is given on the %s", res.Version, line)
	}
	if high, found := s.log.Highest(line); found && s.log.Compare(res.Version, high.Version) <= 0 {
		s.Fatalf("%s comes after %s on the %s", res.Version, high.Version, line)
	}
	s.sorts[string(res.Source)]++
	if line.Support {
		s.sorts["on a support line"]++
	}
	if strings.Contains(fmt.Sprint(res.Explanation), "passed over") {
		s.sorts["passed over"]++
	}
	s.ship(ReleaseRecord{Version: res.Version}, ImageTag{Kind: Release, Version: res.Version})
}

// hotfix ships a hotfix of anything that was released.
func (s *shipping) hotfix() {
	known := s.log.Releases()
	if len(known) == 0 {
		return
	}
	mended := rapid.SampledFrom([]ReleaseRecord{known[0], known[len(known)-1], known[len(known)/2]}).Draw(s.T, "mended").Version
	id := rapid.OneOf(rapid.SampledFrom([]string{"1", "1", "2", "1234567"}), rapid.StringMatching(`[A-Za-z0-9._/-]{1,12}`)).Draw(s.T, "id")
	mode := rapid.SampledFrom([]HotfixMode{HotfixSuffix, HotfixPatch}).Draw(s.T, "mode")
	res, err := NextHotfix(HotfixRequest{Log: s.log, From: mended, ID: id, Mode: mode, Open: s.open, Taken: s.taken})
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		return
	case err != nil:
		s.Fatal(err)
	}
	s.sorts["hotfix "+string(mode)]++
	if where := heldBy(res.Version, s.open, s.taken); where != "" {
		s.Fatalf("%s is given, which is held by %s", res.Version, where)
	}
	if s.log.Compare(res.Version, mended) <= 0 {
		s.Fatalf("hotfix %s of %s is not later than it", res.Version, mended)
	}
	s.ship(ReleaseRecord{Version: res.Version, HotfixID: res.ID}, res.Tag)
}

// ship records a release; it must be the only one of its version and image tag.
func (s *shipping) ship(r ReleaseRecord, image ImageTag) {
	if other, found := s.images[image.String()]; found {
		s.Fatalf("%s and %s share the image tag %s", other, r.Version, image)
	}
	s.images[image.String()] = r.Version
	r.Tag = "v" + r.Version.String()
	log, err := s.log.Append(r)
	if err != nil {
		s.Fatal(err)
	}
	s.log = log
}

func TestExplanations(t *testing.T) {
	hostile := "feat!: drop @octocat's `x`, closes #12 \u202egnp\n\nbody"
	next, err := Next(Request{Log: logOf(t, "1.2.0", "1.3.0"), Open: held(t, "1.4.0"), Taken: held(t, "2.0.0"),
		Commits: append(commits("fix: a\n\nRelease-As: 9.0.0", hostile), Commit{Merge: true}), Set: override(t, "1.5.0")})
	if err != nil {
		t.Fatal(err)
	}
	computed, err := Next(Request{Log: logOf(t, "1.2.0", "1.3.0"), Taken: held(t, "1.4.0"), Commits: commits("fix: a"),
		Incomplete: "The clone is shallow, so older commits and tags may be missing."})
	if err != nil {
		t.Fatal(err)
	}
	zero, err := Next(Request{Log: logOf(t, "0.2.0"), Commits: commits("feat!: a")})
	if err != nil {
		t.Fatal(err)
	}
	first, err := Next(Request{})
	if err != nil {
		t.Fatal(err)
	}
	support, err := Next(Request{Log: logOf(t, "1.2.0", "2.0.0"), Line: Line{Support: true, Major: 1, Minor: 2}, Commits: commits("feat: a")})
	if err != nil {
		t.Fatal(err)
	}
	hotfix, err := NextHotfix(HotfixRequest{Log: logOf(t, "1.4.0", "1.4.0-hotfix-17"), From: mustVersion(t, "1.4.0-hotfix-17"), ID: "1234567"})
	if err != nil {
		t.Fatal(err)
	}
	candidate := CandidateOf(mustVersion(t, "1.4.0"), Request{Log: logOf(t, "1.3.0"), Commits: commits("feat!: a", "b\n\nRelease-As: 2.0.0")})
	released := CandidateOf(mustVersion(t, "1.3.0"), Request{Log: logOf(t, "1.3.0")})
	component, err := Next(Request{Log: logOf(t, "1.3.0"), Commits: commits("feat: a"), Elsewhere: commits("docs: b\n\nRelease-As: 2.0.0", "fix: c")})
	if err != nil {
		t.Fatal(err)
	}
	componentCandidate := CandidateOf(mustVersion(t, "1.4.0"), Request{Log: logOf(t, "1.3.0"), Elsewhere: commits("docs: b\n\nRelease-As: 2.0.0")})
	var b strings.Builder
	for _, e := range []struct {
		title string
		why   Explanation
	}{
		{"a command decides", next.Explanation},
		{"computed, in a shallow clone", computed.Explanation},
		{"while major is 0", zero.Explanation},
		{"the first", first.Explanation},
		{"a support line", support.Explanation},
		{"a hotfix of a hotfix", hotfix.Explanation},
		{"a breaking change on a release branch", candidate.Explanation},
		{"a release branch that is released", released.Explanation},
		{"a trailer in a hotfix", HotfixTrailers(hotfix.Version, commits("fix: a\n\nRelease-As: 2.0.0", "fix: b\n\nRelease-As: "+hotfix.Version.String()))},
		{"a trailer that is of no file of the component", component.Explanation},
		{"the same on its release branch", componentCandidate.Explanation},
	} {
		fmt.Fprintf(&b, "# %s, in a terminal\n%s\n# %[1]s, in Markdown\n%[3]s\n", e.title, e.why.Text(), e.why.Markdown())
	}
	golden(t, "explanations.golden", b.String())
	if got := len(computed.Explanation.Warnings()); got != 2 {
		t.Errorf("%d warnings; want 2: the shallow clone, the version passed over", got)
	}
}

// golden compares got with a file in testdata, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), rewrite with go test -update:\n%s", path, diff)
	}
}

func BenchmarkNext(b *testing.B) {
	b.ReportAllocs()
	var records []ReleaseRecord
	for i := range uint64(200) {
		records = append(records, ReleaseRecord{Version: Version{Major: 1, Minor: i}, SHA: testSHA})
	}
	log, err := NewLog(records...)
	if err != nil {
		b.Fatal(err)
	}
	var cs []Commit
	for range 25 {
		cs = append(cs, commits("feat(api): add orders (#12)\n\nThey were missing.\n\nCo-authored-by: Mona <mona@example.com>", "fix: mend", "Merge", "chore: tidy")...)
	}
	r := Request{Log: log, Commits: cs}
	for b.Loop() {
		if _, err := Next(r); err != nil {
			b.Fatal(err)
		}
	}
}
