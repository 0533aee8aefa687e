package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/crane"

	"github.com/sluicehq/sluice/registry"
	"github.com/sluicehq/sluice/signature"
)

// signingKeys are pairs that cosign made: NAME.key and NAME.pub, with their passwords.
var signingKeys = map[string]string{"cosign": "hush", "empty": ""} //nolint:gochecknoglobals // a constant

func signingFile(name string) string { return filepath.Join("..", "..", "signature", "testdata", name) }

// verifyConfig asks for signatures by cosign.key.
func verifyConfig() (string, error) {
	public, err := os.ReadFile(signingFile("cosign.pub"))
	return fmt.Sprintf("environments: { production: { verify: { keys: [%q] } } }\n", public), err
}

// signs gives the server cosign.key.
func (f *flow) signs() error {
	text, err := os.ReadFile(signingFile("cosign.key"))
	if err != nil {
		return err
	}
	key := filepath.Join(f.dir, "cosign.key")
	f.extra = append(f.extra, "SLUICE_IMAGE_SIGNING_KEY_FILE="+key, "SLUICE_IMAGE_SIGNING_PASSWORD="+signingKeys["cosign"])
	return os.WriteFile(key, text, 0o600)
}

// cmdSigned looks at an image in production's registry.
func cmdSigned(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(signingFile(args[1] + ".pub"))
	if err != nil {
		return err
	}
	image := s.prod + "/" + flowApp
	digest, err := crane.Digest(image+":"+args[0], crane.WithContext(s.tb.Context()), crane.Insecure)
	if err != nil {
		return err
	}
	_, problem, err := (images{registry.New(registry.Options{})}).Signed(s.tb.Context(), image+"@"+digest, []string{string(text)})
	if err != nil {
		return err
	}
	if s.not() != (problem != "") {
		return fmt.Errorf("%s: signed %t: %s", args[0], problem == "", problem)
	}
	return nil
}

func cmdSignImage(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(signingFile(args[1] + ".key"))
	if err != nil {
		return err
	}
	key, err := signature.ParsePrivateKey(string(text), signingKeys[args[1]])
	if err != nil {
		return err
	}
	image := s.dev + "/" + flowApp
	digest, err := crane.Digest(image+":"+args[0], crane.WithContext(s.tb.Context()), crane.Insecure)
	if err != nil {
		return err
	}
	return registry.New(registry.Options{}).Sign(s.tb.Context(), image+"@"+digest, key)
}
