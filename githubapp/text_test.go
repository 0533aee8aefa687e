package githubapp

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzCutEnd(f *testing.F) {
	f.Add("short", 10)
	f.Add(strings.Repeat("ü", 200), 140)
	f.Add("```\n"+strings.Repeat("x\n", 2000), 1000)
	f.Add(strings.Repeat("\xff漢", 3000), 65535)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < 2 || limit > maxReleaseBody {
			t.Skip()
		}
		got := cutEnd(s, limit)
		n := utf8.RuneCountInString(s)
		switch {
		case n <= limit && got != s:
			t.Errorf("a text of %d characters was changed at limit %d", n, limit)
		case utf8.RuneCountInString(got) > limit:
			t.Errorf("%d characters, want at most %d", utf8.RuneCountInString(got), limit)
		case n > limit && !strings.HasSuffix(got, "…") && !strings.HasSuffix(got, cutMark):
			t.Errorf("does not say that it was cut: %q", got)
		}
	})
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"ghs_16C7e42F292c6912E7710c838347Ae178B4a":                                    "[secret]",
		"x ghs_7_eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiI3In0.c2ln-_x y":                      "x [secret] y",
		"github_pat_11AAAAAAA0abcdefghijkl":                                           "[secret]",
		"Authorization: Bearer abcdefghijklmnop.q":                                    "Authorization: [secret]",
		"Get \"https://x-access-token:hunter2@github.com/a/b.git\": EOF":              "Get \"https:[secret]github.com/a/b.git\": EOF",
		"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiI3In0.c2ln":                                   "[secret]",
		"?access_token=abc&x=1":                                                       "?[secret]&x=1",
		"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----":        "[secret]",
		"the bearer of news; a token expired; basic auth; see https://github.com/a@b": "the bearer of news; a token expired; basic auth; see https://github.com/a@b",
	} {
		if got := redact(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
