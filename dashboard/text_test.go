package dashboard

import (
	"strings"
	"testing"
	"unicode"
)

func TestPlainLog(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"plain\ntext\n\n":       "plain\ntext",
		"\x1b[1;31mred\x1b[0m":  "red",
		"\x1b[38;5;196mx\x1b[K": "x",
		"\u009b31mred":          "red",
		"\x1b]0;title\x07after": "after",
		"\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\": "click",
		"\x1b(Bx":                 "x",
		"\x1bcx":                  "x",
		"\x1b[31":                 "31",
		"\x1b]0;never ends\nnext": "0;never ends\nnext",
		"1%\r50%\r100%\n":         "100%",
		"windows\r\nlines\r\n":    "windows\nlines",
		"a\tb":                    "a\tb",
		"bell\a back\b":           "bell back",
		"\xff\xfebytes":           "\ufffdbytes",
	} {
		if got := plainLog(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}

func TestColoursOfALog(t *testing.T) {
	for in, want := range map[string]string{
		"\x1b[1;31mred\x1b[0m\n":      "\x1b[1;31mred\x1b[0m\n",
		"\x1b[38:2::1:2:3mx\x1b[m":    "\x1b[38:2::1:2:3mx\x1b[m",
		"\x1b[2J\x1b[Hcleared\x1b[5n": "cleared",
		"\x1b[>4;2mkeys\x1b[?25l":     "keys",
		"\u009b31mred":                "red",
		"\x1b\x1b[31mx":               "\x1b[31mx",
		"\x1b]0;title\x07a\x1b[31":    "a31",
		"1%\r\x1b[32m100%\r\n":        "\x1b[32m100%\n",
	} {
		if got := logText(in, true); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}

func FuzzPlainLog(f *testing.F) {
	f.Add("\x1b[31mred\x1b[0m\r\n")
	f.Add("\x1b]8;;x\x07\x1b\x1b[[m")
	f.Fuzz(func(t *testing.T, s string) {
		got := plainLog(s)
		if i := strings.IndexFunc(got, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }); i >= 0 {
			t.Errorf("%q leaves %q", s, got)
		}
		for rest := logText(s, true); ; {
			at := strings.IndexByte(rest, '\x1b')
			if at < 0 {
				break
			}
			end := strings.IndexByte(rest[at:], 'm')
			if end < 0 || !isColour(rest[at:at+end+1]) {
				t.Fatalf("%q steers a terminal by %q", s, rest[at:])
			}
			rest = rest[at+end+1:]
		}
	})
}

func TestWebURL(t *testing.T) {
	for s, want := range map[string]bool{
		"https://ci.example/run/7?a=b#c": true, "http://127.0.0.1:8080": true,
		"": false, "javascript:alert(1)": false, "JavaScript:alert(1)": false, "java\nscript:alert(1)": false, " https://x": false,
		"data:text/html,x": false, "//host": false, "https:": false, "https:///x": false, "https://user@host": false, "ftp://x": false, "https:\\\\x": false,
	} {
		if got := webURL(s); got != want {
			t.Errorf("%q is a link: %t", s, got)
		}
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"main": "main", "a\u202egnp.exe": `a\u202egnp.exe`, "ad\u200bmin": `ad\u200bmin`, "\x1b[0m": `\u001b[0m`, "günther 👩‍💻\n": "günther 👩‍💻\n",
	} {
		if got := plain(in); got != want {
			t.Errorf("%q is shown as %q", in, got)
		}
	}
}

func TestShort(t *testing.T) {
	for in, want := range map[string]string{sha("a"): "aaaaaaa", digest("b"): "sha256:bbbbbbbbbbbb", "v1": "v1", "": "", "sha256:ab": "sha256:ab"} {
		if got := short(in); got != want {
			t.Errorf("%q is %q", in, got)
		}
	}
}
