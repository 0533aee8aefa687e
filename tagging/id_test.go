package tagging

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFeatureID(t *testing.T) {
	for branch, want := range map[string]string{
		"feature/ABC-12-login":               "ABC-12",
		"ABC-12":                             "ABC-12",
		"john/fix_ABC-12":                    "ABC-12",
		"ABC-12/login":                       "ABC-12",
		"OPS-1/ABC-12-login":                 "ABC-12",
		"AA-ABC-12":                          "ABC-12",
		"xABC-12":                            "xABC-12",
		"abc-12-login":                       "abc-12-login",
		"feature/ABC-12x":                    "ABC-12x",
		"issue-543":                          "543",
		"issue-543-login":                    "543",
		"john/fix-issue-543":                 "543",
		"issue/543":                          "543",
		"Issue_543":                          "543",
		"issues/543-login":                   "543",
		"tissue-543":                         "tissue-543",
		"issue-tracker":                      "issue-tracker",
		"adding-automation-scripts":          "adding-automation-scripts",
		"john/adding-automation-scripts":     "adding-automation-scripts",
		"feature/2-factor-login":             "2-factor-login",
		"dependabot/npm/lodash-4.17.21":      "lodash-4.17.21",
		"feature/Login":                      "Login",
		"feature/add+login":                  "add-login-" + hash("add+login"),
		"feature/größe":                      "gr--e-" + hash("größe"),
		"feature/1234567":                    "1234567-" + hash("1234567"),
		"issue-1234567":                      "1234567-" + hash("1234567"),
		"feature/revert-3f2a9c1":             "revert-3f2a9c1-" + hash("revert-3f2a9c1"),
		"feature/" + strings.Repeat("x", 79): strings.Repeat("x", 79),
		"feature/" + strings.Repeat("x", 80): strings.Repeat("x", 72) + "-" + hash(strings.Repeat("x", 80)),
	} {
		if got := FeatureID(branch); got != want {
			t.Errorf("FeatureID(%q) = %q, want %q", branch, got, want)
		}
	}
}

func TestHashIsTheOriginalsSHA256(t *testing.T) {
	// printf %s 'add+login' | sha256sum
	if got, want := Sanitize("add+login", 40), "add-login-862448"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatLooksLikeAnotherResultIsMarked(t *testing.T) {
	for _, original := range []string{"a/b", "a b", "ab/", strings.Repeat("x", 50), "1234567", "a-1234567", "", "\xff"} {
		made := Sanitize(original, 40)
		if again := Sanitize(made, 40); again == made {
			t.Errorf("the names %q and %q share the ID %q", original, made, made)
		}
	}
	for _, plain := range []string{"update-facade", "ABC-123456", "fix-543210", "cafe-babe", "facade", "-a"} {
		if got := Sanitize(plain, 40); got != plain {
			t.Errorf("Sanitize(%q) = %q, though nothing else could become that", plain, got)
		}
	}
}

// genOriginal makes names that come close to one another: of few characters, of results for other names, and of anything.
func genOriginal() *rapid.Generator[string] {
	few := rapid.StringMatching(`[ab/+.-]{0,6}`)
	hexes := rapid.StringMatching(`[ab/]{0,3}(-[0-9a-f]{5,9}){0,2}`)
	long := rapid.StringMatching(`[a-b/]{28,44}(-[0-9a-f]{6,8})?`)
	made := rapid.Custom(func(t *rapid.T) string {
		s := rapid.OneOf(few, hexes, long, rapid.String()).Draw(t, "original")
		for range rapid.IntRange(0, 2).Draw(t, "times") {
			s = Sanitize(s, maxHotfixID)
		}
		return s
	})
	return rapid.OneOf(few, hexes, long, made, rapid.String())
}

func TestSanitizedIDsAreDistinctAndFit(t *testing.T) {
	fit := regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int{maxHotfixID, maxFeatureID, 12}).Draw(t, "limit")
		names := rapid.SliceOfN(genOriginal(), 2, 12).Draw(t, "names")
		from := make(map[string]string)
		for _, name := range names {
			id := Sanitize(name, limit)
			if !fit.MatchString(id) || len(id) > limit {
				t.Fatalf("Sanitize(%q, %d) = %q, which does not fit", name, limit, id)
			}
			if err := checkID(id, limit); err != nil {
				t.Fatalf("Sanitize(%q, %d) = %q: %v", name, limit, id, err)
			}
			if other, found := from[id]; found && other != name && hash(other) != hash(name) {
				t.Fatalf("%q and %q share the ID %q", other, name, id)
			}
			from[id] = name
		}
	})
}

func FuzzSanitize(f *testing.F) {
	for _, s := range []string{"17", "ABC-12", "a/b", "a-b-0f3c21", "1234567", strings.Repeat("x", 100), "\xff", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id := Sanitize(s, maxHotfixID)
		if err := checkID(id, maxHotfixID); err != nil {
			t.Errorf("Sanitize(%q) = %q: %v", s, id, err)
		}
		if id != s && Sanitize(id, maxHotfixID) == id {
			t.Errorf("the names %q and %q share the ID %q", s, id, id)
		}
	})
}

func TestCheckHotfixID(t *testing.T) {
	for _, id := range []string{"17", "ABC-12", "1234567", "login_fix", "1.2", strings.Repeat("x", 40)} {
		if err := CheckHotfixID(id); err != nil {
			t.Errorf("hotfix ID %q: %v", id, err)
		}
	}
	for _, id := range []string{"", "a/b", "a b", "-17", ".17", "_17", "17.", "a..b", "17.lock", "ü", "17\n", "$(id)", strings.Repeat("x", 41)} {
		if err := CheckHotfixID(id); err == nil {
			t.Errorf("hotfix ID %q was taken", id)
		}
	}
}
