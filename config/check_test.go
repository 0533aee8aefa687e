package config

import (
	"strings"
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"60m": time.Hour, "24h": 24 * time.Hour, "7d": 7 * 24 * time.Hour, "90s": 90 * time.Second, "1d12h": 36 * time.Hour, "0s": 0, "0d": 0,
	} {
		if got, ok := ParseDuration(text); !ok || got != want {
			t.Errorf("%q is %s, %v; want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "60", "m", "1w", "-1h", "+1h", "1.5h", "1h ", "1 h", "7D", "1e3s", "1h\n", "1000000s", "1s1s1s1s1s"} {
		if got, ok := ParseDuration(text); ok {
			t.Errorf("%q is taken for %s", text, got)
		}
	}
	for _, text := range []string{"99999d", "99999d99999d", "99999d99999d99999d99999d"} {
		if got, ok := ParseDuration(text); !ok || got < 1000*day {
			t.Errorf("%q overflows to %s", text, got)
		}
	}
	for d, want := range map[time.Duration]string{7 * day: "7d", time.Hour: "1h", 5 * time.Minute: "5m", 90 * time.Second: "90s", 0: "0s", 36 * time.Hour: "36h"} {
		if got := printDuration(d); got != want {
			t.Errorf("%d is written %s, want %s", d, got, want)
		}
	}
}

func TestSuggestions(t *testing.T) {
	known := []string{"production", "development", "release", "hotfix", "max_open_releases"}
	for got, want := range map[string]string{
		"prodution": "production", "Production": "production", "developement": "development", "hofix": "hotfix", "htofix": "hotfix",
		"max-open-releases": "max_open_releases", "relase": "release",
		"zebra": "", "x": "", "": "",
	} {
		if word, _ := Nearest(got, known); word != want {
			t.Errorf("%q: %q, want %q", got, word, want)
		}
	}
	for got, want := range map[string]string{
		"prodution": "production", "PRODUCTION": "production", "hofix": "hotfix", "htofix": "hotfix", "max-open_release": "max_open_releases",
		"productoins": "", "roduction": "", "developer": "", "x": "", "": "", strings.Repeat("x", 65): "",
	} {
		if word, _ := Slip(got, known); word != want {
			t.Errorf("a slip in %q: %q, want %q", got, word, want)
		}
	}
	if hint := suggest("zebra", known); hint != "known here: development, hotfix, max_open_releases, production, release" {
		t.Errorf("%s", hint)
	}
}

func TestImageRepositories(t *testing.T) {
	for _, good := range []string{
		"registry.example.com/shop", "registry.example.com:5000/a/b/c", "localhost/shop", "localhost:5000/shop", "registry:5000/shop",
		"ghcr.io/{owner}/{app}", "127.0.0.1:34567/shop", "docker.io/library/shop_front-2.x",
	} {
		if problem := badImageTemplate(good); problem != "" {
			t.Errorf("%s: %s", good, problem)
		}
	}
	for _, bad := range []string{
		"shop", "acme/shop", "registry.example.com", "registry.example.com/", "registry.example.com/Shop", "registry.example.com/shop:1.0",
		"registry.example.com/shop@sha256:aa", "https://registry.example.com/shop", "registry.example.com//shop", "registry.example.com/../shop",
		"registry.example.com/{repo}", "registry.example.com/{owner", "user:pw@registry.example.com/shop", "registry.example.com/a b", "/shop",
		"registry.example.com/shop?x=1", "registry.example.com/ship\n",
	} {
		if badImageTemplate(bad) == "" {
			t.Errorf("%q passes", bad)
		}
	}
}
