package supervise

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	secrets := []string{"s3cr3t/value+1", "-----BEGIN KEY-----\nMIIEabcdefgh\nxyz\n-----END KEY-----\n", "abc"}
	token := "gho_" + strings.Repeat("A", 36)
	for in, want := range map[string]string{
		"nothing":                               "nothing",
		"a s3cr3t/value+1 b":                    "a *** b",
		url.QueryEscape(secrets[0]):             "***",
		"abc is too short":                      "abc is too short",
		"MIIEabcdefgh":                          "***",
		secrets[1]:                              "***\n***\nxyz\n***\n",
		token:                                   "***",
		token[:39]:                              token[:39],
		"x" + token + "/y":                      "x***/y",
		"https://u:" + token + "@gh":            "https://u:***@gh",
		"github_pat_" + strings.Repeat("1", 30): "***",
		"ghs_" + strings.Repeat("a.b-c_", 100):  "***",
		"ghx_" + strings.Repeat("A", 36):        "ghx_" + strings.Repeat("A", 36),
	} {
		if got := Mask(in, secrets); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestMaskFindsBase64AtAnyAlignment(t *testing.T) {
	secret := "correct horse battery staple"
	for _, before := range []string{"", "x", "xy", "user:", "x-access-token:"} {
		for _, after := range []string{"", "z", "zz", "zzz"} {
			for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
				in := enc.EncodeToString([]byte(before + secret + after))
				got := Mask(in, []string{secret})
				left := strings.ReplaceAll(got, mask, "")
				if !strings.Contains(got, mask) || len(left) > len(before)*2+len(after)*2+6 {
					t.Errorf("%q %q: %s stays of %s", before, after, left, in)
				}
			}
		}
	}
}

// A masker gives the same for every way of cutting the text into writes.
func FuzzMaskAcrossWrites(f *testing.F) {
	token := "ghp_" + strings.Repeat("Zz9", 20)
	f.Add("before hunter2-and-more after\n"+token+" end", "hunter2-and-more", uint(7))
	f.Add("hunter2-hunter2-and-more", "hunter2-and-more", uint(1))
	f.Add(strings.Repeat("x", 70000)+token+strings.Repeat("y", 70000)+"hunter2", "hunter2", uint(4096))
	f.Fuzz(func(t *testing.T, text, secret string, size uint) {
		want := Mask(text, []string{secret})
		if len(text) > longestHeld { // a line this long is passed on in parts
			want = ""
		}
		var got bytes.Buffer
		m := NewMasker(&got, []string{secret})
		for rest := []byte(text); len(rest) > 0; {
			n := min(len(rest), int(size%100_000)+1)
			if _, err := m.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if want != "" && got.String() != want {
			t.Errorf("in writes of %d: %q, at once: %q", size, got.String(), want)
		}
		if len(secret) >= shortest && !strings.ContainsAny(secret, "*\r\n") && strings.Contains(got.String(), secret) {
			t.Errorf("%q is in %q", secret, got.String())
		}
		if n := tokenAt(got.Bytes()); n > 0 {
			t.Errorf("a token is in %q", got.String())
		}
	})
}
