package fakegithub

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"sync"
)

// firstKey is the key of the first App of every server in a process: making one takes longer than many a test. A server's other
// Apps have keys of their own.
var firstKey = sync.OnceValues(newKey)

// newKey makes an App's private key, in PEM.
func newKey() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), nil
}

// appKey is the private key of the next App. The server is locked until the App is there, so that no two are the first.
func (s *Server) appKey() ([]byte, error) {
	if len(s.apps) > 0 {
		return newKey()
	}
	key, err := firstKey()
	return bytes.Clone(key), err
}
