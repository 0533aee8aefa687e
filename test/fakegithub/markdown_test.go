package fakegithub

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMarkdown(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"paragraph":      {"one **two** `a<b`", "<p>one <strong>two</strong> <code>a&lt;b</code>\n</p>\n"},
		"table":          {"| a | b |\n|---|---|\n| 1 | 2 |", "<table><tr><th>a</th><th>b</th></tr>\n<tr><td>1</td><td>2</td></tr>\n</table>\n"},
		"list":           {"- x\n- y\n\nz", "<ul><li>x</li>\n<li>y</li>\n</ul>\n<p>z\n</p>\n"},
		"code":           {"```sh\n<b>\n```", "<pre>&lt;b&gt;\n</pre>\n"},
		"hidden marker":  {"<!-- sluice:1 -->hello", "<p>hello\n</p>\n"},
		"link":           {"[run](http://127.0.0.1/x)", "<p><a href=\"http://127.0.0.1/x\">run</a>\n</p>\n"},
		"evil link":      {"[x](javascript:alert(1))", "<p>[x](javascript:alert(1))\n</p>\n"},
		"evil tag":       {"<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;\n</p>\n"},
		"evil attribute": {"[x](http://a\" onclick=b)", "<p>[x](http://a&#34; onclick=b)\n</p>\n"},
		"details":        {"<details><summary>s</summary>\n\nt\n\n</details>", "<details><summary>s</summary>\n<p>t\n</p>\n</details>\n"},
	} {
		if diff := cmp.Diff(c.want, string(markdown(c.in))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func FuzzMarkdown(f *testing.F) {
	f.Add("[a](http://x) <b onload=x> `<img src=x>`\n| a |\n")
	f.Fuzz(func(t *testing.T, in string) {
		out := strings.ToLower(string(markdown(in)))
		for _, bad := range []string{"<script", "<img", "<iframe", "<svg", "href=\"javascript"} {
			if strings.Contains(out, bad) {
				t.Errorf("%q became %q", in, out)
			}
		}
	})
}
