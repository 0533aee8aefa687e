package image

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
)

// What is built and pushed is read while that is done, by whoever shares the folder: the layers and blobs before the manifest.
func TestLog(t *testing.T) {
	w := newWorld(t)
	w.base(w.host + "/base:1")
	r := w.request(map[string]any{"base": w.host + "/base:1", "attest": []any{"sbom"}, "from": []any{map[string]any{"artifact": "app", "path": ".", "to": "/"}}})
	read := func() (log string, ended bool) {
		t.Helper()
		part, err := w.executor().ReadLog(t.Context(), r, executor.LogPlace{}, 64<<10)
		if err != nil {
			t.Fatal(err)
		}
		next, err := w.executor().ReadLog(t.Context(), r, part.Next, 64<<10)
		if err != nil || len(next.Text) > 0 {
			t.Fatalf("more follows: %v, %q", err, next.Text)
		}
		return string(part.Text), next.Ended
	}
	early := ""
	look := func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/shop/manifests/") && early == "" {
			early, _ = read()
		}
		return false
	}
	w.faults.Store(&look)
	digest := w.start(w.executor(), r)
	kinds := func(log string) []string {
		log = regexp.MustCompile("sha256[:-][0-9a-f]{64}").ReplaceAllString(strings.ReplaceAll(log, w.host, "HOST"), "DIGEST")
		lines := strings.Split(regexp.MustCompile("[0-9.]+ (bytes|MB)").ReplaceAllString(strings.TrimSpace(log), "N $1"), "\n")
		slices.Sort(lines[4:8]) // blobs come in any order
		return lines
	}
	begun := []string{
		"base: HOST/base:1 is DIGEST", "artifact app: unpacked, N bytes", "layer DIGEST: linux/amd64, 8 files, N bytes", "image DIGEST: built",
		"blob DIGEST: copied, N MB", "blob DIGEST: copied, N MB", "blob DIGEST: is there, N MB", "blob DIGEST: is there, N MB",
	}
	if diff := cmp.Diff(begun, kinds(early)); diff != "" {
		t.Errorf("before the manifest is written (-want +got)\n%s", diff)
	}
	log, ended := read()
	rest := []string{
		"manifest DIGEST: written", "tag 1.4.0: written", "tag HOST/shop:1.4.0 read back: it is DIGEST",
		"blob DIGEST: copied", "blob DIGEST: copied", "manifest DIGEST: written", "tag DIGEST: written", "sbom: attached as DIGEST",
	}
	if diff := cmp.Diff(append(begun, rest...), kinds(log)); diff != "" || !ended || !strings.HasPrefix(log, early) {
		t.Errorf("ended %v (-want +got)\n%s", ended, diff)
	}
	report, err := w.executor().Status(t.Context(), r, digest)
	if err != nil || report.Log != log {
		t.Errorf("reported %q, %v", report.Log, err)
	}
}
