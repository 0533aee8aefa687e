package bot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// The registry is asked for a signature until there is one; that is written down, and asked for again only when other keys
// count.
func TestLookSignature(t *testing.T) {
	l := newLab(t, "version: 1\nregistries: { development: r.test/dev/shop, production: r.test/shop }\n")
	s := newSession(l)
	const digest = "sha256:c"
	x := &store.Execution{Image: "r.test/dev/shop:1.4.0-candidate-1"}
	verify := func(keys ...string) {
		env := s.cfg.Environment(pipeline.EnvironmentProduction)
		env.Verify = config.Verify{}
		for _, k := range keys {
			env.Verify.Keys = append(env.Verify.Keys, config.VerifyKey{ID: k, PEM: k})
		}
		s.cfg.Environments[pipeline.EnvironmentProduction] = env
	}
	image := "r.test/dev/shop@" + digest
	for _, step := range []struct {
		about  string
		keys   string
		signed string // by which key, in the registry
		tested bool
		want   gitflow.Signature
	}{
		{"nobody asked", "", "", true, gitflow.Signature{}},
		{"not tested yet", "k1", "", false, gitflow.Signature{Wanted: true}},
		{"not signed", "k1", "", true, gitflow.Signature{Wanted: true, Image: image, Problem: digest + " is not signed"}},
		{"signed", "k1", "k1", true, gitflow.Signature{Wanted: true, Image: image}},
		{"written down", "k2 k1", "", true, gitflow.Signature{Wanted: true, Image: image}},
		{"another key counts", "k2", "", true, gitflow.Signature{Wanted: true, Image: image, Problem: digest + " is not signed"}},
	} {
		verify(strings.Fields(step.keys)...)
		l.b.Images = FakeImages{"signed:" + image: step.signed}
		w := &world{execution: x}
		w.Candidate = gitflow.Candidate{Digest: digest, Tested: step.tested}
		must(t, s.lookSignature(t.Context(), &store.Release{}, w))
		if w.signed != nil { // as look does
			l.write(func(tx *store.Tx) error { return tx.SaveSignature(t.Context(), *w.signed) })
		}
		if diff := cmp.Diff(step.want, w.Signature); diff != "" {
			t.Errorf("%s (-want +got)\n%s", step.about, diff)
		}
	}
	var e Evidence
	must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) error {
		return s.evidenceSignatures(t.Context(), tx, store.Release{CandidateDigest: digest}, &e)
	}))
	if len(e.Image.Signatures) != 1 || e.Image.Signatures[0].Key != "k1" || e.Image.Signatures[0].Image != image || e.Image.Signatures[0].VerifiedAt.IsZero() {
		t.Errorf("evidence %+v", e.Image.Signatures)
	}

	// The copy is told the keys in force, and none that a pipeline names.
	own := pipeline.StartAction{Uses: pipeline.UsesPromote, Digest: digest, With: map[string]any{"keys": []any{"mine"}}}
	if got := s.promotion(x, own)["keys"]; !cmp.Equal(got, any([]string{"k2"})) {
		t.Errorf("keys %v", got)
	}
	verify()
	if got, there := s.promotion(x, own)["keys"]; there {
		t.Errorf("keys that nobody asked for: %v", got)
	}
}
