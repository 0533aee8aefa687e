package config

import (
	"crypto/rsa"
	"fmt"
	"io"
	"log/slog"
)

// hidden is what a secret shows instead of itself.
const hidden = "[secret]"

// Secret is a text that never prints itself: in formatted output, logs, JSON and YAML it is "[secret]". Only Reveal
// gives the text. The zero Secret is empty.
type Secret struct{ text string }

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal is the text itself, for the one call that needs it.
func (s Secret) Reveal() string { return s.text }

// IsZero tells whether there is no text.
func (s Secret) IsZero() bool { return s.text == "" }

// String is "[secret]".
func (s Secret) String() string { return hidden }

// GoString is "[secret]".
func (s Secret) GoString() string { return hidden }

// Format writes "[secret]", whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText gives "[secret]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue is "[secret]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// PrivateKey is the App's RSA key. Like Secret it never prints itself.
type PrivateKey struct{ key *rsa.PrivateKey }

// Reveal is the key itself, for signing. It is nil for the zero PrivateKey.
func (k PrivateKey) Reveal() *rsa.PrivateKey { return k.key }

// IsZero tells whether there is no key.
func (k PrivateKey) IsZero() bool { return k.key == nil }

// String is "[secret]".
func (k PrivateKey) String() string { return hidden }

// GoString is "[secret]".
func (k PrivateKey) GoString() string { return hidden }

// Format writes "[secret]", whatever the verb.
func (k PrivateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText gives "[secret]".
func (k PrivateKey) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue is "[secret]".
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue(hidden) }
