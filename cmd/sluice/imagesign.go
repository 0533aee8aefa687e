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

// signedImage is what both of them take.
type signedImage struct {
	Image string `arg:"" name:"image" help:"The image: host/repository@sha256:…, or host/repository:tag, which is resolved once."`
	JSON  bool   `name:"json" help:"Print one JSON object."`
}

// imageSignCmd is "sluice image sign": what the image executor does with the operator's key, from a shell.
type imageSignCmd struct {
	signedImage
	Key string `required:"" placeholder:"FILE" help:"cosign.key, as cosign generate-key-pair makes it. SLUICE_IMAGE_SIGNING_PASSWORD has its password."`
}

// imageVerifyCmd is "sluice image verify": whether an image might be promoted where its signature is asked for.
type imageVerifyCmd struct {
	signedImage
	Key []string `required:"" sep:"none" placeholder:"FILE" help:"cosign.pub; one of several is enough."`
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
	return c.tell(e, func(client *registry.Client, image string) (signature.PublicKey, error) {
		return public, client.Sign(e.ctx, image, key)
	})
}

// Run looks for a signature. The exit status is 1 when there is none by one of the keys.
func (c *imageVerifyCmd) Run(e *env) error {
	keys, err := publicKeys(c.Key)
	if err != nil {
		return err
	}
	return c.tell(e, func(client *registry.Client, image string) (signature.PublicKey, error) {
		return signedBy(e.ctx, client, image, keys)
	})
}

// tell resolves the image once, has its digest signed or looked at, and prints by which key it is signed.
func (c *signedImage) tell(e *env, key func(client *registry.Client, image string) (signature.PublicKey, error)) error {
	client := registry.New(registry.Options{})
	image, err := byDigest(e.ctx, client, c.Image)
	if err != nil {
		return err
	}
	by, err := key(client, image)
	if err != nil {
		return err
	}
	s := imageSigned{image, by.ID()}
	if c.JSON {
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
