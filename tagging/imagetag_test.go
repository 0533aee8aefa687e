package tagging

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const testSHA = "3f2a9c1d5e6f708192a3b4c5d6e7f8091a2b3c4d"

func mustVersion(t testing.TB, s string) Version {
	t.Helper()
	v, err := ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestImageTags(t *testing.T) {
	v140 := mustVersion(t, "1.4.0")
	for _, c := range []struct {
		name string
		make func(revision string) (ImageTag, error)
		want string
		// promoted is the tag after promotion; empty: refused.
		promoted string
	}{
		{"a feature", func(r string) (ImageTag, error) { return FeatureTag("feature/ABC-12-login", r) }, "feature-ABC-12-3f2a9c1", ""},
		{"development", func(r string) (ImageTag, error) { return SnapshotTag(v140, r) }, "1.4.0-snapshot-3f2a9c1", ""},
		{"a candidate", func(r string) (ImageTag, error) { return CandidateTag(v140, r) }, "1.4.0-candidate-3f2a9c1", "1.4.0"},
		{"a hotfix", func(r string) (ImageTag, error) { return HotfixTag(v140, "17", r) }, "1.4.0-hotfix-17-3f2a9c1", "1.4.0-hotfix-17"},
		{"a hotfix by its own version", func(r string) (ImageTag, error) { return HotfixTag(mustVersion(t, "1.4.0-hotfix-17"), "17", r) }, "1.4.0-hotfix-17-3f2a9c1", "1.4.0-hotfix-17"},
		{"a hotfix that raised the patch number", func(r string) (ImageTag, error) { return HotfixTag(mustVersion(t, "1.4.1"), "17", r) }, "1.4.1-hotfix-17-3f2a9c1", "1.4.1-hotfix-17"},
		{"a hotfix whose ID looks like a revision", func(r string) (ImageTag, error) { return HotfixTag(v140, "1234567", r) },
			"1.4.0-hotfix-1234567-" + hash("1234567") + "-3f2a9c1", "1.4.0-hotfix-1234567-" + hash("1234567")},
	} {
		t.Run(c.name, func(t *testing.T) {
			revision, err := Revision(testSHA, 0)
			if err != nil {
				t.Fatal(err)
			}
			tag, err := c.make(revision)
			if err != nil || tag.String() != c.want {
				t.Fatalf("tag %q, %v; want %q", tag, err, c.want)
			}
			promoted := ""
			if p, err := tag.Promoted(); err == nil {
				promoted = p.String()
			}
			if diff := cmp.Diff(c.promoted, promoted); diff != "" {
				t.Errorf("promoted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTagsThatCannotBe(t *testing.T) {
	v140 := mustVersion(t, "1.4.0")
	for name, make := range map[string]func() (ImageTag, error){
		"another hotfix's version": func() (ImageTag, error) { return HotfixTag(mustVersion(t, "1.4.0-hotfix-16"), "17", "3f2a9c1") },
		"a hotfix's snapshot":      func() (ImageTag, error) { return SnapshotTag(mustVersion(t, "1.4.0-hotfix-16"), "3f2a9c1") },
		"a short revision":         func() (ImageTag, error) { return SnapshotTag(v140, "3f2a9c") },
		"a revision of SHA-256":    func() (ImageTag, error) { return SnapshotTag(v140, strings.Repeat("a", 64)) },
		"capitals":                 func() (ImageTag, error) { return SnapshotTag(v140, "3F2A9C1") },
		"too large a version":      func() (ImageTag, error) { return CandidateTag(Version{Major: maxNumber + 1}, "3f2a9c1") },
		"no kind":                  func() (ImageTag, error) { return checked(ImageTag{Version: v140}) },
		"a release of a revision":  func() (ImageTag, error) { return checked(ImageTag{Kind: Release, Version: v140, Revision: "3f2a9c1"}) },
		"a release with an ID":     func() (ImageTag, error) { return checked(ImageTag{Kind: Release, Version: v140, ID: "17"}) },
		"a feature of a version": func() (ImageTag, error) {
			return checked(ImageTag{Kind: Feature, Version: v140, ID: "a", Revision: "3f2a9c1"})
		},
	} {
		if tag, err := make(); err == nil {
			t.Errorf("%s: made %q", name, tag)
		}
	}
}

func TestReleaseTag(t *testing.T) {
	for _, v := range []string{"1.4.0", "1.4.0-hotfix-17"} {
		if tag, err := ReleaseTag(mustVersion(t, v)); err != nil || tag.String() != v || tag.ReleaseVersion().String() != v {
			t.Errorf("the tag of %s is %q, %v", v, tag, err)
		}
	}
}

func TestRevision(t *testing.T) {
	sha256 := strings.Repeat("0123456789abcdef", 4)
	for _, c := range []struct {
		sha    string
		length int
		want   string // empty: refused
	}{
		{testSHA, 0, "3f2a9c1"},
		{testSHA, 12, "3f2a9c1d5e6f"},
		{testSHA, 40, testSHA},
		{sha256, 40, sha256[:40]},
		{"3F2A9C1", 0, "3f2a9c1"},
		{"3f2a9c1", 12, "3f2a9c1"},
		{testSHA, 6, ""},
		{testSHA, 41, ""},
		{"3f2a9c", 0, ""},
		{"", 0, ""},
		{"3f2a9cg", 0, ""},
		{testSHA + "0", 0, ""},
		{"HEAD", 0, ""},
	} {
		got, err := Revision(c.sha, c.length)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("Revision(%q, %d) = %q, %v; want %q", c.sha, c.length, got, err, c.want)
		}
	}
}

func TestForeignImageTagsAreRefused(t *testing.T) {
	for _, s := range []string{
		"", "latest", "v1.4.0", "1.4", "1.4.0-", "1.4.0-rc1", "1.4.0-snapshot", "1.4.0-snapshot-", "1.4.0-snapshot-xyz", "1.4.0-snapshot-3f2a9c",
		"1.4.0-snapshot-a-3f2a9c1", "1.4.0-candidate-3F2A9C1", "1.4.0-candidate-" + strings.Repeat("a", 41), "1.4.0-hotfix", "1.4.0-hotfix-",
		"1.4.0-hotfix-1234567", "1.4.0-hotfix--3f2a9c1", "1.4.0-hotfix-17-" + strings.Repeat("a", 41), "1.4.0-hotfix-a/b", "feature-", "feature-3f2a9c1",
		"feature--3f2a9c1", "feature-a-b", "feature-a-1234567-3f2a9c1", "feature-ä-3f2a9c1", "1.4.0-release-3f2a9c1",
		"feature-" + strings.Repeat("x", 130) + "-3f2a9c1",
	} {
		if tag, err := ParseImageTag(s); err == nil {
			t.Errorf("%q was taken for %+v", s, tag)
		}
	}
}

// source is what an image is built from, as a person would name it.
type source struct {
	kind     Kind
	version  Version
	id       string // the branch of a feature without folders, or the ID of a hotfix
	revision string
}

func genSource() *rapid.Generator[source] {
	revisions := rapid.OneOf(rapid.SampledFrom([]string{"3f2a9c1", "0000000", "1234567", "abcdef0"}), rapid.StringMatching(`[0-9a-f]{7,40}`))
	return rapid.Custom(func(t *rapid.T) source {
		s := source{kind: rapid.SampledFrom([]Kind{Feature, Snapshot, Candidate, HotfixCandidate, Release, HotfixPromoted}).Draw(t, "kind")}
		has, _ := s.kind.shape()
		if has.version {
			s.version = genVersion().Draw(t, "version").Core()
		}
		if has.idLimit > 0 {
			s.id = genOriginal().Draw(t, "id")
		}
		if has.revision {
			s.revision = revisions.Draw(t, "revision")
		}
		return s
	})
}

func (s source) tag() (ImageTag, error) {
	id := ""
	if has, _ := s.kind.shape(); has.idLimit > 0 {
		id = Sanitize(s.id, has.idLimit)
	}
	return checked(ImageTag{Kind: s.kind, Version: s.version, ID: id, Revision: s.revision})
}

var ociTag = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

func TestImageTagsParseBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tag, err := genSource().Draw(t, "source").tag()
		if err != nil {
			t.Fatal(err)
		}
		text := tag.String()
		if !ociTag.MatchString(text) {
			t.Fatalf("%+v prints %q, which no registry takes", tag, text)
		}
		if got, err := ParseImageTag(text); err != nil || got != tag {
			t.Fatalf("%+v prints %q, which parses to %+v, %v", tag, text, got, err)
		}
	})
}

func TestCase42TwoSourcesNeverShareATag(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := make(map[string]source)
		for _, s := range rapid.SliceOfN(genSource(), 2, 12).Draw(t, "sources") {
			tag, err := s.tag()
			if err != nil {
				t.Fatal(err)
			}
			if other, found := from[tag.String()]; found && other != s && hash(other.id) != hash(s.id) {
				t.Fatalf("%+v and %+v share the tag %s", other, s, tag)
			}
			from[tag.String()] = s
		}
	})
}

func FuzzParseImageTag(f *testing.F) {
	for _, s := range []string{
		"feature-ABC-12-3f2a9c1", "1.4.0-snapshot-3f2a9c1", "1.4.0-candidate-3f2a9c1", "1.4.0-hotfix-17-3f2a9c1", "1.4.0-hotfix-17", "1.4.0", "latest",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tag, err := ParseImageTag(s)
		if err != nil {
			return
		}
		if tag.String() != s || !ociTag.MatchString(s) {
			t.Errorf("%q parses to %+v, which prints %q", s, tag, tag)
		}
		if err := tag.Validate(); err != nil {
			t.Errorf("%q parses to %+v: %v", s, tag, err)
		}
	})
}

func TestTagsExplainThemselves(t *testing.T) {
	for branch, want := range map[string]string{
		"john/add+login": `- The image was built from a feature or bugfix branch, so its tag carries no version.
    branch: john/add+login
- The ID is the issue in the branch's name, or else the last part of the name, changed to fit into a tag; six digits of its SHA-256 keep it apart from others.
    ID: add-login-862448
    made of: add+login
- The last part is the revision that was built.
    revision: 3f2a9c1
`,
		"issue-543": `- The image was built from a feature or bugfix branch, so its tag carries no version.
    branch: issue-543
- The ID is the issue in the branch's name, or else the last part of the name.
    ID: 543
- The last part is the revision that was built.
    revision: 3f2a9c1
`,
	} {
		tag, err := FeatureTag(branch, "3f2a9c1")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, tag.Explain(branch).Text()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tag, diff)
		}
	}
	for _, text := range []string{"1.4.0-snapshot-3f2a9c1", "1.4.0-candidate-3f2a9c1", "1.4.0-hotfix-17-3f2a9c1", "1.4.0", "1.4.0-hotfix-17"} {
		tag, err := ParseImageTag(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := tag.Explain("").Text(); !strings.Contains(got, "1.4.0") || strings.Contains(got, "17") != (tag.ID != "") {
			t.Errorf("%s explains itself as\n%s", tag, got)
		}
	}
}

func BenchmarkImageTag(b *testing.B) {
	b.ReportAllocs()
	v := Version{Major: 1, Minor: 4}
	for b.Loop() {
		tag, err := HotfixTag(v, "ABC-12", "3f2a9c1")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := ParseImageTag(tag.String()); err != nil {
			b.Fatal(err)
		}
	}
}
