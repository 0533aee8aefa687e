package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
	"github.com/sluicehq/sluice/signature"
)

// Verify says whose signature an image must have before it is promoted. The zero value: nobody's.
type Verify struct {
	// Keys are public keys, one of which is enough.
	Keys []VerifyKey
}

// VerifyKey is a public key for signatures of images.
type VerifyKey struct {
	ID  string // signature.PublicKey.ID
	PEM string
}

// PEMs are the keys as cosign.pub has them.
func (v Verify) PEMs() []string {
	out := make([]string, len(v.Keys))
	for i, k := range v.Keys {
		out[i] = k.PEM
	}
	return out
}

// Has tells whether the key with that ID is one of them.
func (v Verify) Has(id string) bool {
	return slices.ContainsFunc(v.Keys, func(k VerifyKey) bool { return k.ID == id })
}

var publicKeyRE = lazyregexp.New(`-----BEGIN PUBLIC KEY-----`)

func verifySpec() *spec {
	return &spec{kind: objectValue, doc: "Whose signature (cosign's) an image must have before it is promoted; of production only. Without it, nobody's. " +
		"It is weakest where a repository can take it out: an organization locks it.", fields: []field{
		{"keys", true, &spec{kind: listValue, single: true, maxItems: 20, nonEmpty: true,
			doc: "Public keys, PEM, as cosign.pub has them. A signature by one of them is enough.",
			elem: &spec{kind: textValue, maxLen: 1000, pattern: publicKeyRE, valid: badPublicKey,
				form: "a public key in PEM, ECDSA on P-256, as cosign generate-key-pair makes it"}}},
	}}
}

func badPublicKey(text string) (problem string) {
	if _, err := signature.ParsePublicKey(text); err != nil {
		return err.Error()
	}
	return ""
}

func (d *decoder) verify(n *node) (v Verify) {
	for _, text := range d.texts(n, nil, "keys") {
		key, err := signature.ParsePublicKey(text)
		if err == nil && !v.Has(key.ID()) {
			v.Keys = append(v.Keys, VerifyKey{ID: key.ID(), PEM: key.PEM()})
		}
	}
	return v
}

// signingKey reads the key that images are signed with; the zero key when there is none.
func (r *resolver) signingKey(field, passwordField string) signature.PrivateKey {
	g, password := r.secret(field), r.secret(passwordField)
	if g.text == "" {
		if password.text != "" && !r.failed(field) {
			flag, _ := r.label(field)
			r.wrong(passwordField, "there is no key that it opens", "set --"+flag+" too, or neither")
		}
		return signature.PrivateKey{}
	}
	if g.file != "" && g.mode.Perm()&0o077 != 0 {
		r.wrong(field, fmt.Sprintf("the file %q can be read by others (mode %04o)", g.file, g.mode.Perm()), "chmod 600 it")
	}
	// A variable in an env file often holds the key on one line.
	key, err := signature.ParsePrivateKey(strings.ReplaceAll(g.text, `\n`, "\n"), password.text)
	if err != nil {
		r.wrong(field, err.Error(), "give cosign.key, as cosign generate-key-pair makes it, and its password")
	}
	return key
}
