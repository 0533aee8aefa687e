package tagging

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestImageName(t *testing.T) {
	for name, want := range map[string]string{
		"orders":                 "orders",
		"Orders":                 "orders",
		"acme.github.io":         "acme.github.io",
		"a__b--c_d":              "a__b--c_d",
		"acme/Orders":            "acme/orders",
		".github":                "github-" + hash(".github"),
		"orders-":                "orders-" + hash("orders-"),
		"my orders":              "my-orders-" + hash("my orders"),
		"a..b":                   "a-b-" + hash("a..b"),
		"a._b":                   "a-b-" + hash("a._b"),
		"a//b":                   "a/b-" + hash("a//b"),
		"---":                    "x-" + hash("---"),
		"github-bdcc6a":          "github-bdcc6a-" + hash("github-bdcc6a"), // what .github becomes
		"report-202401":          "report-202401-" + hash("report-202401"),
		"acme/a-0f3c21":          "acme/a-0f3c21-" + hash("acme/a-0f3c21"),
		"a--0f3c21":              "a--0f3c21", // nothing else becomes that
		"orders-2024":            "orders-2024",
		"orders-3f2a9c1":         "orders-3f2a9c1",
		"orders.0f3c21":          "orders.0f3c21",
		"facade":                 "facade",
		strings.Repeat("x", 129): strings.Repeat("x", 121) + "-" + hash(strings.Repeat("x", 129)),
	} {
		if got, err := ImageName(name); err != nil || got != want {
			t.Errorf("ImageName(%q) = %q, %v; want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"", "orders:1.4.0", "localhost:5000/orders", "orders@sha256:0"} {
		if got, err := ImageName(name); err == nil {
			t.Errorf("ImageName(%q) = %q; want an error", name, got)
		}
	}
}

func TestImageNamesFitAndDiffer(t *testing.T) {
	path := regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	some := rapid.OneOf(rapid.StringMatching(`[ab./_-]{1,8}`), rapid.StringMatching(`[AB]{0,2}(-[0-9a-f]{5,7}){1,2}`),
		rapid.StringMatching(`a{118,131}(-[0-9a-f]{6})?`), rapid.StringMatching(`[^:@]+`))
	names := rapid.Custom(func(t *rapid.T) string { // what other names become, and what that becomes, and so on
		s := some.Draw(t, "name")
		for range rapid.IntRange(0, 3).Draw(t, "times") {
			if next, err := ImageName(s); err == nil {
				s = next
			}
		}
		return s
	})
	rapid.Check(t, func(t *rapid.T) {
		from := map[string]string{} // small letters: GitHub's names do not differ by case
		for _, name := range rapid.SliceOfN(names, 2, 12).Draw(t, "names") {
			image, err := ImageName(name)
			if err != nil || !path.MatchString(image) || len(image) > maxImageName {
				t.Fatalf("ImageName(%q) = %q, %v", name, image, err)
			}
			lower := strings.ToLower(name)
			if other, taken := from[image]; taken && other != lower && hash(other) != hash(lower) {
				t.Fatalf("%q and %q share the name %q", other, lower, image)
			}
			from[image] = lower
			again, err := ImageName(image)
			if err != nil || image != lower && again == image {
				t.Fatalf("%q becomes %q, which stays %q, %v: two names share it", name, image, again, err)
			}
		}
	})
}
