package config

import "github.com/sluicehq/sluice/internal/lazyregexp"

// SecretsMode says what follows from a secret that was committed.
type SecretsMode string

// Modes of secrets.mode.
const (
	SecretsBlock SecretsMode = "block" // the check fails and nothing of it is promoted; the default
	SecretsWarn  SecretsMode = "warn"  // it is shown and holds nobody up
	SecretsOff   SecretsMode = "off"   // nothing is looked for
)

// Secrets is what is done about credentials in commits.
type Secrets struct {
	Mode SecretsMode
	// Allow are the fingerprints of findings that are known to be harmless, as the check shows them.
	Allow []string
}

var fingerprintRE = lazyregexp.New(`^[0-9a-f]{20}$`)

func secretsSpec() *spec {
	return &spec{kind: objectValue, doc: "Credentials that were committed by mistake.", fields: []field{
		{"mode", false, &spec{kind: wordValue, words: []string{"block", "warn", "off"}, def: "block",
			doc: "block: sluice/branch fails, and nothing that holds one is promoted; warn: they are shown only; off: nothing is looked for."}},
		{"allow", false, &spec{kind: listValue, single: true, maxItems: 500,
			doc:  "Fingerprints of findings that are harmless, as sluice/branch shows them: keys for tests, and files that were read by a person.",
			elem: &spec{kind: textValue, pattern: fingerprintRE, form: "a fingerprint: 20 hex digits"}}},
	}}
}

func (d *decoder) secrets(root *node, r *Repo) {
	n := d.find(root, "secrets")
	r.Secrets.Mode = SecretsMode(d.text(n, string(r.Secrets.Mode), "mode"))
	r.Secrets.Allow = d.texts(n, r.Secrets.Allow, "allow")
}
