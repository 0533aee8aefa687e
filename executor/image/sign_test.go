package image

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/registry"
	"github.com/sluicehq/sluice/signature"
)

// What is pushed is signed by the operator's key, an index as a whole, and so is what is attached to it; a repeat signs nothing anew, and mends what a crash
// left without a signature.
func TestSign(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", "signature", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	key, err := signature.ParsePrivateKey(read("cosign.key"), "hush")
	if err != nil {
		t.Fatal(err)
	}
	public, err := signature.ParsePublicKey(read("cosign.pub"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	r := w.request(map[string]any{
		"base": "scratch", "platforms": []any{"linux/amd64", "linux/arm64"},
		"from": []any{map[string]any{"artifact": "app", "path": "bin/{os}-{arch}/shop", "to": "/shop"}},
	})
	look := func(digest string) (n int, problem string) {
		found, err := registry.New(registry.Options{}).Signatures(t.Context(), w.host+"/shop@"+digest)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := signature.Verify(digest, found, []signature.PublicKey{public}); err != nil {
			problem = err.Error()
		}
		return len(found), problem
	}
	digest := w.start(w.executor(), r)
	if n, problem := look(digest); n != 0 || !strings.HasSuffix(problem, "is not signed") {
		t.Errorf("without a key there are %d signatures: %s", n, problem)
	}
	for range 2 {
		e := w.executor()
		e.o.Key = key
		if again := w.start(e, r); again != digest {
			t.Errorf("signed it is %s, before %s", again, digest)
		}
		if n, problem := look(digest); n != 1 || problem != "" {
			t.Errorf("with a key there are %d signatures: %s", n, problem)
		}
		documents := w.attachedDigests(digest)
		if len(documents) != 2 {
			t.Errorf("%d documents are attached, want 2", len(documents))
		}
		for _, d := range documents {
			if n, problem := look(d); n != 1 || problem != "" {
				t.Errorf("the document %s has %d signatures: %s", d, n, problem)
			}
		}
	}
}
