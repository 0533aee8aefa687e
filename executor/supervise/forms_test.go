package supervise

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// What programs print of a secret is masked, whichever way they quote it.
func TestMaskFindsWhatProgramsPrint(t *testing.T) {
	printed := map[string][]string{
		"bash": {
			`printf '%q\n' "$S"`, `declare -p S`, `export -p`, `set`, `set -x; : "$S"`, `set -x; f() { :; }; f "$S" x`, `echo "${S@Q}"`,
			`printf '%s' "$S" | base64`, `printf '%s' "$S" | base64 -w 0`, `printf 'user:%s' "$S" | base64 -w 0`, `printf '%s\n' "$S"`, `printf '%s\n' "$S" | base64 -w 64`, `env`,
		},
		"dash": {`export -p`, `set`, `set -x; : "$S"`, `printf '%s' "$S"`},
		"python3": {strings.Join([]string{
			`import os, json, shlex, html, urllib.parse as u, xml.sax.saxutils as x`, `s = os.environ["S"]`,
			`print(json.dumps({"v": s}), json.dumps([s], ensure_ascii=False), [s], shlex.quote(s), html.escape(s))`,
			`print(u.quote(s, safe=""), u.quote(s), u.quote_plus(s), x.escape(s), x.quoteattr(s))`,
			`print(s.encode().hex(), "ff" + s.encode().hex().upper() + "0A")`,
		}, "\n")},
		"node": {`const s = process.env.S; console.log(JSON.stringify(s), [s], encodeURIComponent(s))`},
	}
	for name, secret := range map[string]string{
		"special characters": `first"and'then$HOME-` + "`x`" + `\back&<tag>!#last/one`,
		"a space":            "first second last",
		"several lines":      "first \"line\" here\nthe 'second' $line\n\tand the\\last",
		"not ASCII":          "first-ünïcödé-😀-last",
		"a long one":         strings.Repeat("first+last/0123456789-", 12),
	} {
		for program, scripts := range printed {
			path, err := exec.LookPath(program)
			if err != nil {
				t.Logf("%s is not installed", program)
				continue
			}
			flag := map[bool]string{true: "-e", false: "-c"}[program == "node"]
			for _, script := range scripts {
				cmd := exec.CommandContext(t.Context(), path, flag, script)
				cmd.Env = []string{"S=" + secret, "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8"}
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Errorf("%s: %v\n%s", script, err, out)
				}
				var kept []string
				for line := range strings.Lines(Mask(string(out), []string{secret})) {
					if !strings.Contains(line, "_EXECUTION_STRING") { // the script itself
						kept = append(kept, line)
					}
				}
				got := strings.Join(kept, "")
				for _, piece := range []string{"first", "last", "second", "Zmlyc3", "bGFzd", "6669727374", "6C617374", "6c617374"} {
					if strings.Contains(got, piece) {
						t.Errorf("%s: %s %s: %q stays in %q", name, program, script, piece, got)
					}
				}
				if !strings.Contains(got, mask) {
					t.Errorf("%s: %s %s: nothing masked in %q", name, program, script, got)
				}
			}
		}
	}
}

// Who asks for a secret of several values as a whole uses one of them.
func TestMaskFindsTheTextsInAJSONDocument(t *testing.T) {
	secret := `{"user": "deployer", "password": "a\"b\\c-and-more", "hosts": [{"name": "db.example"}, "cache.example"], "n": 17, "ok": true, "short": "abc"}`
	for in, want := range map[string]string{
		secret:                            mask,
		"deployer":                        mask,
		`a"b\c-and-more`:                  mask,
		`{"password":"a\"b\\c-and-more"}`: `{"password":"***"}`,
		"db.example and cache.example":    "*** and ***",
		"17 true abc user":                "17 true abc user",
		"ZGVwbG95ZXI=":                    "***I=",
	} {
		if got := Mask(in, []string{secret}); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	for _, secret := range []string{"[not JSON", "{}", "[]", `"text"`, "[1, null]"} {
		if got := leaves(secret); got != nil {
			t.Errorf("%q: %q", secret, got)
		}
	}
}

func FuzzForms(f *testing.F) {
	f.Add("a\"b'c$d\n\te\\f<g>&h")
	f.Add(`{"a": "bcde", "f": ["ghij"]}`)
	f.Fuzz(func(t *testing.T, secret string) {
		if len(secret) < shortest || strings.ContainsAny(secret, "*\r\n") {
			return
		}
		quoted, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		inner := string(quoted[1 : len(quoted)-1])
		if got := Mask(inner, []string{secret}); len(inner) >= shortest && strings.ToValidUTF8(secret, "") == secret && strings.Contains(got, inner) {
			t.Errorf("%q stays as %q", secret, got)
		}
		if got := Mask("x"+secret+"y", []string{secret}); strings.Contains(got, secret) {
			t.Errorf("%q stays in %q", secret, got)
		}
	})
}
