package store

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// idAlphabet is base32 without the letters that look like digits; its characters are in ASCII order, so that encoded
// IDs sort as the bytes do.
const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// NewID makes a record ID: 20 lower-case letters and digits, random, and sorted by the millisecond they were made in.
// It is safe in file names, URLs, image tags and branch names.
func NewID() string {
	var b [14]byte // 48 bits of time, 52 bits of chance that fit 20 characters of 5 bits
	binary.BigEndian.PutUint64(b[:8], uint64(time.Now().UnixMilli())<<16)
	_, _ = rand.Read(b[6:]) // never fails: crypto/rand ends the program instead
	return base32.NewEncoding(idAlphabet).WithPadding(base32.NoPadding).EncodeToString(b[:])[:20]
}
