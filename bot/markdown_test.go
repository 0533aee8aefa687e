package bot

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func TestCode(t *testing.T) {
	for in, want := range map[string]string{
		"feature/x":       "`feature/x`",
		"":                "` `",
		" ":               "`   `",
		"`":               "`` ` ``",
		"a`b``c":          "```a`b``c```",
		"@acme/all #1":    "`@acme/all #1`",
		"a\nb\tc":         "`a b c`",
		"x\u202ey\x00":    "`x\\u202ey\\u0000`",
		"$(curl evil)":    "`$(curl evil)`",
		"not\xffutf8":     "`not\ufffdutf8`",
		"<img onerror=x>": "`<img onerror=x>`",
	} {
		if diff := cmp.Diff(want, code(in)); diff != "" {
			t.Errorf("code(%q) (-want +got):\n%s", in, diff)
		}
	}
}

func TestProse(t *testing.T) {
	got := prose("tell @acme/all: **bold** [x](http://evil) <b>|</b> `c` a_b\n# no")
	want := "tell @\u200bacme/all: \\*\\*bold\\*\\* \\[x\\](http://evil) &lt;b&gt;\\|&lt;/b&gt; \\`c\\` a\\_b # no"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "", 12 * time.Millisecond: "12 ms", 2500 * time.Millisecond: "2.5 s", 75 * time.Second: "1 min 15 s", 90 * time.Minute: "1 h 30 min",
	} {
		if got := took(d); got != want {
			t.Errorf("took(%s) = %q, want %q", d, got, want)
		}
	}
}

// spanEnds tells whether a text is one code span from end to end: the run of backquotes that opens it occurs again at the
// end and nowhere between.
func spanEnds(s string) bool {
	n := len(s) - len(strings.TrimLeft(s, "`"))
	if n == 0 || len(s) < 2*n+1 || s[len(s)-n:] != s[:n] {
		return false
	}
	run := 0
	for _, c := range s[n:len(s)-n] + "x" {
		if c == '`' {
			run++
			continue
		}
		if run == n {
			return false
		}
		run = 0
	}
	return s[n] != '`' && s[len(s)-n-1] != '`'
}

func FuzzCode(f *testing.F) {
	for _, s := range []string{"", "`", "``", " ` ", "a`", "`@all`", "\n/approve", "\u202e", "\xff", "-->", "```\nx\n```"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := code(s)
		if !spanEnds(got) {
			t.Errorf("code(%q) = %q is not one span", s, got)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
			t.Errorf("code(%q) = %q hides something", s, got)
		}
		plain := prose(s)
		for i, r := range plain {
			switch {
			case r == '@' && !strings.HasPrefix(plain[i:], "@\u200b"), r == '<', r == '>', r == '\n', r == '\r':
				t.Errorf("prose(%q) = %q", s, plain)
			case strings.ContainsRune("`*[|", r) && (i == 0 || plain[i-1] != '\\'):
				t.Errorf("prose(%q) = %q: %q is markup", s, plain, r)
			}
		}
		if block := codeBlock("", s); strings.Count(block, strings.SplitN(block, "\n", 2)[0]+"\n") < 2 {
			t.Errorf("codeBlock(%q) = %q does not end", s, block)
		}
		if commands, wrong := ParseCommands("It says "+got+"\nand "+plain, "sluice"); len(commands)+len(wrong) > 0 {
			t.Errorf("%q said back is a command", s)
		}
	})
}
