package image

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sluicehq/sluice/pipeline"
)

// attachedDigests lists what refers to the image.
func (w *world) attachedDigests(digest string) (out []string) {
	w.t.Helper()
	ref, err := name.NewDigest(w.host + "/shop@" + digest)
	if err != nil {
		w.t.Fatal(err)
	}
	index, err := remote.Referrers(ref)
	if err != nil {
		w.t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range list.Manifests {
		out = append(out, d.Digest.String())
	}
	return out
}

// attached reads the documents next to the image, by media type.
func (w *world) attached(digest string) map[string][]byte {
	w.t.Helper()
	ref, err := name.NewDigest(w.host + "/shop@" + digest)
	if err != nil {
		w.t.Fatal(err)
	}
	index, err := remote.Referrers(ref)
	if err != nil {
		w.t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, d := range list.Manifests {
		img, err := remote.Image(ref.Context().Digest(d.Digest.String()))
		if err != nil {
			w.t.Fatal(err)
		}
		layers, err := img.Layers()
		if err != nil {
			w.t.Fatal(err)
		}
		rc, err := layers[0].Compressed()
		if err != nil {
			w.t.Fatal(err)
		}
		if out[d.ArtifactType], err = io.ReadAll(rc); err != nil {
			w.t.Fatal(err)
		}
		rc.Close()
	}
	return out
}

// A bill of materials and a statement of provenance are attached to the index, say what it was made of, and are the same
// when it is built again.
func TestAttest(t *testing.T) {
	w := newWorld(t)
	r := w.request(map[string]any{
		"base": "scratch", "platforms": []any{"linux/amd64", "linux/arm64"},
		"from": []any{map[string]any{"artifact": "app", "path": "bin/{os}-{arch}/shop", "to": "/shop"}},
	})
	r.ExecutionID, r.Branch = "ex", "release/1.4.0"
	digest := w.start(w.executor(), r)
	first := w.attached(digest)
	w.start(w.executor(), r)
	if diff := cmp.Diff(first, w.attached(digest)); diff != "" || len(first) != 2 {
		t.Fatalf("built again, other documents are attached:\n%s", diff)
	}

	r.With["attest"], r.Env["SLUICE_IMAGE"] = []any{}, w.host+"/shop:bare" // the same image, asked for without documents
	if got := w.attached(w.start(w.executor(), r)); len(got) != 2 {
		t.Errorf("they went away: %d", len(got))
	}
	r.SHA = strings.Repeat("a", 40)
	r.Env["SLUICE_IMAGE"] = w.host + "/shop:other"
	if got := w.attached(w.start(w.executor(), r)); len(got) != 0 {
		t.Errorf("asked for none, %d are attached", len(got))
	}

	var b bill
	if err := json.Unmarshal(first[typeSPDX], &b); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range b.Packages {
		got = append(got, p.ID+" "+p.Checksums[0].Value)
	}
	for _, f := range b.Files {
		got = append(got, f.Name+" "+f.Comment+" "+f.Checksums[0].Value)
	}
	want := []string{
		"SPDXRef-Image " + strings.TrimPrefix(digest, "sha256:"), "SPDXRef-Artifact-1 " + strings.TrimPrefix(w.app.Digest, "sha256:"),
		"./shop linux/amd64 0fa7adcaec75d4b81efa86a4dd3c6e3ee6abde6c", "./shop linux/arm64 ",
	}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || !strings.HasPrefix(got[3], want[3]) || b.Packages[0].Verification == nil {
		t.Errorf("(-want +got)\n%s", cmp.Diff(want, got))
	}

	var s statement
	if err := json.Unmarshal(first[typeInToto], &s); err != nil {
		t.Fatal(err)
	}
	if s.Subject[0].Digest["sha256"] != strings.TrimPrefix(digest, "sha256:") || s.Predicate.RunDetails.Metadata.InvocationID != "ex" {
		t.Errorf("statement %+v", s)
	}
	made := s.Predicate.BuildDefinition.ResolvedDependencies
	if len(made) != 2 || made[0].Digest["gitCommit"] != sha || made[1].Digest["sha256"] != strings.TrimPrefix(w.app.Digest, "sha256:") {
		t.Errorf("made of %+v", made)
	}

	r.With["attest"] = []any{"signature"}
	if _, err := w.executor().Start(t.Context(), r); err == nil || !strings.Contains(err.Error(), "with.attest") {
		t.Errorf("an unknown document: %v", err)
	}
}

// A Go program says which modules it contains.
func TestBillOfAGoProgram(t *testing.T) {
	at := filepath.Join(t.TempDir(), "shop")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", at, "./testdata/shop").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	app := w.save(map[string]string{"bin/shop": string(program)})
	r := w.request(map[string]any{"base": "scratch", "attest": []any{"sbom"}})
	r.Inputs = map[string]pipeline.Artifact{"app": app}
	text := string(w.attached(w.start(w.executor(), r))[typeSPDX])
	if !strings.Contains(text, "pkg:golang/github.com/google/go-cmp@v") {
		t.Errorf("no modules in a bill of %d bytes", len(text))
	}
}
