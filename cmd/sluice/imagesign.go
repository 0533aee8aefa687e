package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/sluicehq/sluice/registry"
	"github.com/sluicehq/sluice/signature"
)

// imageSignCmd is "sluice image sign": what the image executor does with the operator's key, from a shell.
type imageSignCmd struct {
	Image string `arg:"" name:"image" help:"What is signed: host/repository@sha256:…, or host/repository:tag, which is resolved once."`
	Key   string `required:"" placeholder:"FILE" help:"cosign.key, as cosign generate-key-pair makes it. SLUICE_IMAGE_SIGNING_PASSWORD has its password."`
	JSON  bool   `name:"json" help:"Print one JSON object."`
}

// imageVerifyCmd is "sluice image verify": whether an image might be promoted where its signature is asked for.
type imageVerifyCmd struct {
	Image string   `arg:"" name:"image" help:"What is looked at: host/repository@sha256:…, or host/repository:tag, which is resolved once."`
	Key   []string `required:"" sep:"none" placeholder:"FILE" help:"cosign.pub; one of several is enough."`
	JSON  bool     `name:"json" help:"Print one JSON object."`
}

// imageSigned is what --json prints.
type imageSigned struct {
	Image string `json:"image"`      // host/repository@sha256:…
	Key   string `json:"key_sha256"` // of the public key, 64 hex digits
}

// Run signs. An image that the key has signed stays as it is.
func (c *imageSignCmd) Run(e *env) error {
	text, err := os.ReadFile(c.Key)
	if err != nil {
		return &usageError{fmt.Errorf("--key: %w", err)}
	}
	key, err := signature.ParsePrivateKey(string(text), e.getenv("SLUICE_IMAGE_SIGNING_PASSWORD"))
	if err != nil {
		return &usageError{fmt.Errorf("--key %s: %w", c.Key, err)}
	}
	public, err := key.Public()
	if err != nil {
		return err
	}
	client := registry.New(registry.Options{})
	image, err := byDigest(e.ctx, client, c.Image)
	if err != nil {
		return err
	}
	if err := client.Sign(e.ctx, image, key); err != nil {
		return err
	}
	return tellSigned(e, imageSigned{image, public.ID()}, c.JSON)
}

// Run looks for a signature. The exit status is 1 when there is none by one of the keys.
func (c *imageVerifyCmd) Run(e *env) error {
	keys, err := publicKeys(c.Key)
	if err != nil {
		return err
	}
	client := registry.New(registry.Options{})
	image, err := byDigest(e.ctx, client, c.Image)
	if err != nil {
		return err
	}
	by, err := signedBy(e.ctx, client, image, keys)
	if err != nil {
		return err
	}
	return tellSigned(e, imageSigned{image, by.ID()}, c.JSON)
}

func tellSigned(e *env, s imageSigned, asJSON bool) error {
	if asJSON {
		return printJSON(e.stdout, s)
	}
	fmt.Fprintf(e.stdout, "%s is signed by the key %s\n", s.Image, s.Key)
	return nil
}

// publicKeys reads files like cosign.pub.
func publicKeys(files []string) ([]signature.PublicKey, error) {
	var out []signature.PublicKey
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--key: %w", err)}
		}
		key, err := signature.ParsePublicKey(string(text))
		if err != nil {
			return nil, &usageError{fmt.Errorf("--key %s: %w", name, err)}
		}
		out = append(out, key)
	}
	return out, nil
}

// byDigest resolves a tag once.
func byDigest(ctx context.Context, client *registry.Client, image string) (string, error) {
	if err := registry.CheckReference(image); err != nil {
		return "", &usageError{err}
	}
	if strings.Contains(image, "@") {
		return image, nil
	}
	digest, err := client.Resolve(ctx, image)
	if err != nil {
		return "", err
	}
	return image[:strings.LastIndexByte(image, ':')] + "@" + digest, nil
}

// signedBy tells which of the keys signed an image. Where none did the error is a *signature.UnverifiedError.
func signedBy(ctx context.Context, client *registry.Client, image string, keys []signature.PublicKey) (signature.PublicKey, error) {
	_, digest, ok := strings.Cut(image, "@")
	if !ok {
		return signature.PublicKey{}, errors.New("what is signed must be named by digest")
	}
	found, err := client.Signatures(ctx, image)
	if err != nil {
		return signature.PublicKey{}, err
	}
	return signature.Verify(digest, found, keys)
}
