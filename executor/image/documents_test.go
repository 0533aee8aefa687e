package image

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The documents as other programs read them, with every name of theirs: SPDX 2.3, and SLSA's provenance in a statement of in-toto's.
func TestDocuments(t *testing.T) {
	w := newWorld(t)
	base := w.base(w.host + "/base:1")
	r := w.request(map[string]any{"base": w.host + "/base:1", "from": []any{map[string]any{"artifact": "app", "path": "bin/linux-amd64/shop", "to": "/shop"}}})
	r.ExecutionID, r.Branch, r.Stage, r.Name = "ex", "release/1.4.0", "Build", "image"
	digest := w.start(w.executor(), r)
	same := strings.NewReplacer( // what is another each time
		w.host, "registry.test", url.PathEscape(w.host), "registry.test", url.QueryEscape(w.host), "registry.test",
		strings.TrimPrefix(digest, "sha256:"), strings.Repeat("a", 64), strings.TrimPrefix(base, "sha256:"), strings.Repeat("b", 64),
	)
	for kind, file := range map[string]string{typeSPDX: "bill.golden.json", typeInToto: "provenance.golden.json"} {
		var got bytes.Buffer
		if err := json.Indent(&got, []byte(same.Replace(string(w.attached(digest)[kind]))), "", "  "); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		got.WriteByte('\n')
		path := filepath.Join("testdata", file)
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s (-want +got)\n%s", file, diff)
		}
	}
}
