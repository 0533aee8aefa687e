package bot

import (
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// An image is neither built nor promoted where the operator has not allowed one of its two places: nothing is handed to an
// executor, and the action ends with the words that mend it.
func TestRegistriesThatAreNotAllowed(t *testing.T) {
	const dev, prod = "dev.test/shop", "prod.test/shop"
	for _, tt := range []struct {
		name, uses string
		allowed    []string
		names      string // the image repository that the answer names; empty: it is started
	}{
		{"both are allowed", pipeline.UsesPromote, []string{dev, prod}, ""},
		{"production is not", pipeline.UsesPromote, []string{dev}, prod},
		{"development is not", pipeline.UsesPromote, []string{prod}, dev},
		{"none is", pipeline.UsesPromote, nil, dev},
		{"an image whose production is not", "image", []string{dev}, prod},
		{"a longer name is another repository", pipeline.UsesPromote, []string{dev, prod + "s"}, prod},
		{"what names no image", "checks", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, "version: 1\nregistries: { development: "+dev+", production: "+prod+" }\n")
			l.b.Allow.LocalExecutors = func(string, string) bool { return true }
			l.b.Allow.Registry = func(owner, repo, image string) bool {
				return owner == "acme" && repo == "shop" && slices.Contains(tt.allowed, image)
			}
			x := l.built("x1", "release/1.4.0", head, begun())
			x.Image = dev + ":1.4.0-candidate-3f9c2ab"
			id := pipeline.ActionID("x1", 1, 1, 1)
			var fact pipeline.Fact
			var run store.ActionRun
			var kept error
			l.write(func(tx *store.Tx) (err error) {
				c := pipeline.StartAction{ID: id, Uses: tt.uses, Name: "it", Digest: digest}
				if fact, err = l.startAction(t.Context(), tx, &x, c); err == nil {
					run, kept = tx.ActionRun(t.Context(), id)
				}
				return err
			})
			if tt.names == "" {
				if fact != nil || kept != nil || !run.Intended {
					t.Errorf("it was not started: %v, %v", fact, kept)
				}
				return
			}
			end, ok := fact.(pipeline.ActionSettled)
			if !ok || end.Status != pipeline.Failed || kept == nil {
				t.Fatalf("it was started: %+v, %v", fact, kept)
			}
			if want := "the image repository " + tt.names + " is not allowed for this repository; start the server with --registry-allow=acme/shop=" + tt.names; !strings.HasPrefix(end.Summary, want) {
				t.Errorf("it says %q, want %q", end.Summary, want)
			}
		})
	}
}
