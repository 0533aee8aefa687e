package webhooks_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sluicehq/sluice/webhooks"
)

// GitHub's documentation gives this vector for the body "Hello, World!". That is no JSON, so a right signature shows
// by the 400 that comes after it.
const vector = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

func TestSignature(t *testing.T) {
	for name, tc := range map[string]struct {
		signature []string
		code      int
	}{
		"documented vector":         {[]string{vector}, 400},
		"in capitals":               {[]string{"sha256=" + strings.ToUpper(vector[7:])}, 400},
		"one digit wrong":           {[]string{vector[:len(vector)-1] + "6"}, 401},
		"first digit wrong":         {[]string{"sha256=8" + vector[8:]}, 401},
		"one digit short":           {[]string{vector[:len(vector)-1]}, 401},
		"one digit long":            {[]string{vector + "0"}, 401},
		"no prefix":                 {[]string{vector[7:]}, 401},
		"prefix only":               {[]string{"sha256="}, 401},
		"prefix in capitals":        {[]string{"SHA256=" + vector[7:]}, 401},
		"other hash named":          {[]string{"sha512=" + vector[7:]}, 401},
		"SHA-1 of the right length": {[]string{"sha1=" + vector[7:]}, 401},
		"blank before":              {[]string{" " + vector}, 401},
		"blank behind":              {[]string{vector + " "}, 401},
		"blank within":              {[]string{"sha256= " + vector[8:]}, 401},
		"not hex":                   {[]string{"sha256=" + strings.Repeat("g", 64)}, 401},
		"NUL":                       {[]string{"sha256=" + strings.Repeat("\x00", 64)}, 401},
		"empty":                     {[]string{""}, 401},
		"none":                      {nil, 401},
		"right one twice":           {[]string{vector, vector}, 401},
		"wrong one, then right one": {[]string{"sha256=" + strings.Repeat("0", 64), vector}, 401},
		"two in one header":         {[]string{vector + ", " + vector}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			var s shelf
			r := request("push", strings.NewReader("Hello, World!"), "")
			r.Header["X-Hub-Signature-256"] = tc.signature
			w := serve(t, webhooks.Config{Acceptor: &s}).do(r)
			if w.Code != tc.code || len(s.stored) != 0 {
				t.Errorf("answered %d, want %d; stored %d", w.Code, tc.code, len(s.stored))
			}
		})
	}
}

func TestSeveralSecretsForRotation(t *testing.T) {
	e := serve(t, webhooks.Config{Secrets: []webhooks.Secret{webhooks.Secret("new"), webhooks.Secret("old")}})
	for key, code := range map[string]int{"new": 202, "old": 202, "older": 401, "": 401} {
		if w := e.do(post("push", hello, key)); w.Code != code {
			t.Errorf("signed with %q: answered %d, want %d", key, w.Code, code)
		}
	}
	want := `
# HELP sluice_webhook_signatures_total Valid signatures by the secret they were made with, counted from 1: once the last one stays still it can be removed.
# TYPE sluice_webhook_signatures_total counter
sluice_webhook_signatures_total{secret="1"} 1
sluice_webhook_signatures_total{secret="2"} 1
`
	if err := testutil.GatherAndCompare(e.registry, strings.NewReader(want), "sluice_webhook_signatures_total"); err != nil {
		t.Error(err)
	}
	after := serve(t, webhooks.Config{Secrets: []webhooks.Secret{webhooks.Secret("new")}})
	if w := after.do(post("push", hello, "old")); w.Code != http.StatusUnauthorized {
		t.Errorf("removed secret: answered %d", w.Code)
	}
}

func TestSecretDoesNotPrintItself(t *testing.T) {
	c := webhooks.Config{Secrets: []webhooks.Secret{webhooks.Secret("hunter2")}}
	asJSON, err := json.Marshal(c.Secrets)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", c.Secrets[0])
	for _, out := range []string{
		fmt.Sprint(c.Secrets), fmt.Sprintf("%v %+v %#v %s %q %x %d", c, c, c, c.Secrets[0], c.Secrets[0], c.Secrets[0], c.Secrets[0]),
		string(asJSON), log.String(),
	} {
		if strings.Contains(out, "hunter2") || strings.Contains(out, "104 117") || strings.Contains(out, "68756e74") {
			t.Errorf("printed: %s", out)
		}
	}
}

// Of all values a stranger can write into the header only the right one passes.
func FuzzSignature(f *testing.F) {
	for _, s := range []string{vector, "", "sha256=", vector[7:], "sha1=" + vector[7:47], vector + "\n", strings.ToUpper(vector), "sha256=" + strings.ToUpper(vector[7:])} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, signature string) {
		r := request("push", strings.NewReader("Hello, World!"), "")
		r.Header["X-Hub-Signature-256"] = []string{signature}
		want := http.StatusUnauthorized
		if digits, ok := strings.CutPrefix(signature, "sha256="); ok && strings.ToLower(digits) == vector[7:] {
			want = http.StatusBadRequest
		}
		if w := serve(t, webhooks.Config{}).do(r); w.Code != want {
			t.Errorf("signature %q: answered %d, want %d", signature, w.Code, want)
		}
	})
}
