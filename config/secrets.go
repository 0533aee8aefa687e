package config

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// File is what a file of a secret holds, and its permissions.
type File struct {
	Data []byte
	Mode fs.FileMode
}

// maxSecretFile is the size of a file with a secret at most.
const maxSecretFile = 64 << 10

// ReadFile reads a file for Resolve. It refuses what is not a regular file, and more than 64 KiB.
func ReadFile(name string) (File, error) {
	f, err := os.Open(name)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return File{}, err
	case !info.Mode().IsRegular():
		return File{}, fmt.Errorf("%s is not a regular file", name)
	case info.Size() > maxSecretFile:
		return File{}, fmt.Errorf("%s is larger than %d KiB", name, maxSecretFile>>10)
	}
	data := make([]byte, info.Size())
	n, err := f.ReadAt(data, 0)
	if n < len(data) && err != nil {
		return File{}, err
	}
	return File{Data: data, Mode: info.Mode()}, nil
}

// given is the text of a secret setting and, when it came from a file, the file.
type given struct {
	text string
	file string
	mode fs.FileMode
}

func (r *resolver) secret(field string) given {
	_, env := r.label(field)
	text, file := r.text(field), r.getenv(env+"_FILE")
	switch {
	case text != "" && file != "":
		r.wrong(field, "given twice: also by "+env+"_FILE", "keep one of the two")
	case file != "":
		r.secretFiles = append(r.secretFiles, file)
		f, err := r.readFile(file)
		if err != nil {
			r.wrong(field, fmt.Sprintf("%s_FILE cannot be read: %v", env, err), "name a readable file")
			return given{}
		}
		if text = strings.TrimSpace(string(f.Data)); text == "" {
			r.wrong(field, fmt.Sprintf("the file %q that %s_FILE names is empty", file, env), "write the secret into it")
		}
		return given{text: text, file: file, mode: f.Mode}
	}
	return given{text: text}
}

func (r *resolver) secrets(field string) []Secret {
	_, env := r.label(field)
	before := len(r.errs)
	g := r.secret(field)
	if g.text == "" {
		if len(r.errs) == before {
			r.wrong(field, "required, and empty", "set it to the webhook's secret, or name a file by "+env+"_FILE")
		}
		return nil
	}
	return r.listed(field, g)
}

// optionalSecrets is secrets for a setting that may be left out.
func (r *resolver) optionalSecrets(field string) []Secret {
	g := r.secret(field)
	if g.text == "" {
		return nil
	}
	return r.listed(field, g)
}

// listed takes a list of secrets apart.
func (r *resolver) listed(field string, g given) []Secret {
	var all []Secret
	for i, part := range strings.Split(g.text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			r.wrong(field, fmt.Sprintf("secret number %d of the list is empty", i+1), "take out the comma")
			continue
		}
		all = append(all, NewSecret(part))
	}
	return all
}

func (r *resolver) privateKey(field string) PrivateKey {
	_, env := r.label(field)
	before := len(r.errs)
	g := r.secret(field)
	if g.text == "" {
		if len(r.errs) == before {
			r.wrong(field, "required, and empty", "set it to the App's private key, or name the .pem file by "+env+"_FILE")
		}
		return PrivateKey{}
	}
	if g.file != "" && g.mode.Perm()&0o077 != 0 {
		r.wrong(field, fmt.Sprintf("the file %q can be read by others (mode %04o)", g.file, g.mode.Perm()), "chmod 600 it")
	}
	key, err := parsePrivateKey(g.text)
	if err != nil {
		r.wrong(field, err.Error(), "give the .pem file that GitHub made for the App")
	}
	return PrivateKey{key: key}
}

// parsePrivateKey reads an RSA key, PKCS #1 (as GitHub makes them) or PKCS #8. Its errors say nothing of the content.
func parsePrivateKey(text string) (*rsa.PrivateKey, error) {
	// A variable in an env file often holds the key on one line.
	block, _ := pem.Decode([]byte(strings.ReplaceAll(text, `\n`, "\n")))
	if block == nil {
		return nil, errors.New("no PEM block found")
	}
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("the PEM block is no RSA private key")
		}
		return checkKey(key)
	case "PRIVATE KEY":
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		key, ok := parsed.(*rsa.PrivateKey)
		if err != nil || !ok {
			return nil, errors.New("the PEM block is no RSA private key")
		}
		return checkKey(key)
	}
	return nil, fmt.Errorf("the PEM block is %.40q and not a private key", block.Type)
}

func checkKey(key *rsa.PrivateKey) (*rsa.PrivateKey, error) {
	if bits := key.N.BitLen(); bits < 2048 {
		return nil, fmt.Errorf("the RSA key has %d bits, fewer than 2048", bits)
	}
	return key, nil
}
