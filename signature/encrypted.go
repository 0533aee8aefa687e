package signature

import (
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/crypto/nacl/secretbox"
	"golang.org/x/crypto/scrypt"
)

// box is what the PEM block of cosign.key holds: JSON, the key's PKCS#8 form in NaCl's secretbox, under a key that scrypt
// makes of the password. The format is that of
// https://github.com/secure-systems-lab/go-securesystemslib/blob/main/encrypted/encrypted.go.
type box struct {
	KDF struct {
		Name   string `json:"name"`
		Params struct {
			N int `json:"N"`
			R int `json:"r"`
			P int `json:"p"`
		} `json:"params"`
		Salt []byte `json:"salt"`
	} `json:"kdf"`
	Cipher struct {
		Name  string `json:"name"`
		Nonce []byte `json:"nonce"`
	} `json:"cipher"`
	Ciphertext []byte `json:"ciphertext"`
}

// Bounds of scrypt's parameters: what the format has had so far is N from 2^15 to 2^17 with r 8 and p 1. More would be
// memory and time for nothing.
const (
	minN, maxN = 1 << 14, 1 << 20
	boxNonce   = 24
	boxKey     = 32
)

// decrypt opens the box.
func decrypt(text []byte, password string) ([]byte, error) {
	var b box
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, errors.New("it is damaged: what is encrypted is not as cosign writes it")
	}
	p := b.KDF.Params
	switch {
	case b.KDF.Name != "scrypt" || b.Cipher.Name != "nacl/secretbox" || len(b.Cipher.Nonce) != boxNonce:
		return nil, fmt.Errorf("it is encrypted by %.40q and %.40q, want scrypt and nacl/secretbox", b.KDF.Name, b.Cipher.Name)
	case p.N < minN || p.N > maxN || p.R != 8 || p.P != 1:
		return nil, fmt.Errorf("its scrypt parameters N=%d r=%d p=%d are none that cosign uses", p.N, p.R, p.P)
	}
	derived, err := scrypt.Key([]byte(password), b.KDF.Salt, p.N, p.R, p.P, boxKey)
	if err != nil {
		return nil, fmt.Errorf("scrypt: %w", err)
	}
	out, ok := secretbox.Open(nil, b.Ciphertext, (*[boxNonce]byte)(b.Cipher.Nonce), (*[boxKey]byte)(derived))
	if !ok {
		return nil, errors.New("the password does not open it")
	}
	return out, nil
}
