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
	names := rapid.OneOf(rapid.StringMatching(`[ab./_-]{1,8}`), rapid.StringMatching(`[^:@]+`))
	rapid.Check(t, func(t *rapid.T) {
		a, b := names.Draw(t, "a"), names.Draw(t, "b")
		x, err := ImageName(a)
		if err != nil || !path.MatchString(x) || len(x) > maxImageName {
			t.Fatalf("ImageName(%q) = %q, %v", a, x, err)
		}
		y, err := ImageName(b)
		if err != nil {
			t.Fatal(err)
		}
		if la, lb := strings.ToLower(a), strings.ToLower(b); x == y && la != lb && hash(la) != hash(lb) {
			t.Fatalf("%q and %q share the name %q", a, b, x)
		}
	})
}
