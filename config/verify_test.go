package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"
)

// pemKeys makes a key pair in PEM.
func pemKeys(t *testing.T, curve elliptic.Curve) (private, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub}))
}

// Whose signature an image must have is read from keys in PEM, written as a block or in quotes, each once; it is no part
// of what an approval is bound to.
func TestVerify(t *testing.T) {
	private, public := pemKeys(t, elliptic.P256())
	_, second := pemKeys(t, elliptic.P256())
	_, long := pemKeys(t, elliptic.P384())
	file := func(environment string, keys ...string) string {
		text := "version: 1\nenvironments:\n  " + environment + ":\n    verify:\n      keys:\n"
		for _, k := range keys {
			text += fmt.Sprintf("        - %q\n", k)
		}
		return text
	}
	block := "version: 1\nenvironments:\n  production:\n    verify:\n      keys:\n        - |\n          " + strings.ReplaceAll(strings.TrimSpace(public), "\n", "\n          ") + "\n"
	for _, text := range []string{block, file("production", public), file("production", public, "\n"+public)} {
		r := mustParse(t, text, shop())
		v := r.Environment("production").Verify
		if len(v.Keys) != 1 || v.PEMs()[0] != public || len(v.Keys[0].ID) != 64 || !v.Has(v.Keys[0].ID) || v.Has("") {
			t.Errorf("%s\nkeys %+v", text, v)
		}
		if r.ApprovalHash("release") != mustParse(t, "version: 1\n", shop()).ApprovalHash("release") {
			t.Error("it is part of what an approval is bound to")
		}
	}
	if v := mustParse(t, file("production", public, second), shop()).Environment("production").Verify; len(v.Keys) != 2 {
		t.Errorf("two keys: %+v", v)
	}
	for about, c := range map[string][2]string{
		"none":            {"version: 1\nenvironments: { production: { verify: { keys: [] } } }\n", "keys"},
		"no keys":         {"version: 1\nenvironments: { production: { verify: {} } }\n", "missing"},
		"no PEM":          {file("production", "cosign.pub"), "it is not PEM"},
		"the private key": {file("production", private), "replace the pair"},
		"another curve":   {file("production", long), "P-256"},
		"two in one":      {file("production", public+second), "give each key by itself"},
		"elsewhere":       {file("staging", public), "move it to environments.production"},
	} {
		_, errs := ParseRepo([]byte(c[0]), shop())
		if err := Join(errs); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: %v", about, err)
		} else if strings.Contains(err.Error(), strings.Split(private, "\n")[1]) && about != "the private key" {
			t.Errorf("%s: the error shows a private key", about)
		}
	}
}

// An organization that locks it keeps its repositories from taking it out or changing it.
func TestVerifyLocked(t *testing.T) {
	_, public := pemKeys(t, elliptic.P256())
	_, other := pemKeys(t, elliptic.P256())
	in := shop()
	in.Organization = &Organization{Name: "acme/.github", File: fmt.Appendf(nil,
		"version: 1\nenvironments: { production: { verify: { keys: [%q] } } }\nlocked: [environments.production.verify]\n", public)}
	r := mustParse(t, "version: 1\nenvironments: { production: { promote: { auto: false } } }\n", in)
	if v := r.Environment("production").Verify; len(v.Keys) != 1 || v.PEMs()[0] != public {
		t.Errorf("the organization's key: %+v", v)
	}
	if _, errs := ParseRepo(fmt.Appendf(nil, "version: 1\nenvironments: { production: { verify: { keys: [%q] } } }\n", other), in); Join(errs) == nil {
		t.Error("a repository named its own key")
	}
}

// The key that images are signed with comes from a variable, on one line or several, or from a file that nobody else may
// read.
func TestSigningKey(t *testing.T) {
	private, _ := pemKeys(t, elliptic.P256())
	_, public := pemKeys(t, elliptic.P256())
	long, _ := pemKeys(t, elliptic.P384())
	for about, c := range map[string]struct {
		env  map[string]string
		mode fs.FileMode
		want string
	}{
		"none":                {want: ""},
		"in a variable":       {env: map[string]string{"SLUICE_IMAGE_SIGNING_KEY": private}},
		"on one line":         {env: map[string]string{"SLUICE_IMAGE_SIGNING_KEY": strings.ReplaceAll(private, "\n", `\n`)}},
		"in a file":           {env: map[string]string{"SLUICE_IMAGE_SIGNING_KEY_FILE": "cosign.key"}, mode: 0o600},
		"that others read":    {env: map[string]string{"SLUICE_IMAGE_SIGNING_KEY_FILE": "cosign.key"}, mode: 0o644, want: "chmod 600"},
		"the public one":      {env: map[string]string{"SLUICE_IMAGE_SIGNING_KEY": public}, want: "cosign.key"},
		"of another kind":     {env: map[string]string{"SLUICE_IMAGE_SIGNING_KEY": long}, want: "P-256"},
		"a password, no key":  {env: map[string]string{"SLUICE_IMAGE_SIGNING_PASSWORD": "x"}, want: "there is no key that it opens"},
		"given in two places": {env: map[string]string{"SLUICE_IMAGE_SIGNING_KEY": private, "SLUICE_IMAGE_SIGNING_KEY_FILE": "cosign.key"}, mode: 0o600, want: "given twice"},
	} {
		env := enough()
		maps.Copy(env, c.env)
		s, err := resolve(ServerFlags{}, env, map[string]File{"cosign.key": {Data: []byte(private), Mode: c.mode}})
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", about, err, c.want)
		case err != nil && strings.Contains(err.Error(), strings.Split(private, "\n")[1]):
			t.Errorf("%s: the error shows the key", about)
		case err == nil && s.ImageKey.IsZero() == (len(c.env) > 0):
			t.Errorf("%s: the key is %v", about, s.ImageKey)
		}
	}
}
