package image

import (
	"maps"
	"slices"
	"strings"
)

// Types of the statement, as in-toto and SLSA name them, and ours of the build.
const (
	typeStatement = "https://in-toto.io/Statement/v1"
	predicateSLSA = "https://slsa.dev/provenance/v1"
	buildType     = "https://github.com/sluicehq/sluice/uses-image/v1"
	builderID     = "https://github.com/sluicehq/sluice"
)

// statement is an in-toto statement about an image, with SLSA's provenance. It holds no time of its own, so that the same
// build says the same.
type statement struct {
	Type          string      `json:"_type"`
	Subject       []described `json:"subject"`
	PredicateType string      `json:"predicateType"`
	Predicate     provenance  `json:"predicate"`
}

type described struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest"`
}

type provenance struct {
	BuildDefinition struct {
		BuildType            string            `json:"buildType"`
		ExternalParameters   map[string]any    `json:"externalParameters"`
		InternalParameters   map[string]string `json:"internalParameters"`
		ResolvedDependencies []described       `json:"resolvedDependencies"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
		Metadata struct {
			InvocationID string `json:"invocationId"`
		} `json:"metadata"`
	} `json:"runDetails"`
}

// provenance says what the image was made of, from which commit, by which action.
func (a *assembly) provenance(repository, digest string) statement {
	s := statement{Type: typeStatement, PredicateType: predicateSLSA, Subject: []described{{Name: repository, Digest: digestSet(digest)}}}
	b := &s.Predicate.BuildDefinition
	b.BuildType = buildType
	b.ExternalParameters = map[string]any{"repository": a.source(), "ref": "refs/heads/" + a.r.Branch, "revision": a.r.SHA, "with": a.r.With}
	b.InternalParameters = map[string]string{"stage": a.r.Stage, "action": a.r.Name, "version": a.r.Env["SLUICE_VERSION"]}
	b.ResolvedDependencies = []described{{URI: "git+" + a.source() + "@" + a.r.SHA, Digest: map[string]string{"gitCommit": a.r.SHA}}}
	if a.base.ref != "" {
		b.ResolvedDependencies = append(b.ResolvedDependencies, described{URI: "oci://" + a.base.ref, Digest: digestSet(a.base.digest)})
	}
	for _, name := range slices.Sorted(maps.Keys(a.open)) {
		b.ResolvedDependencies = append(b.ResolvedDependencies, described{Name: name, Digest: digestSet(a.r.Inputs[name].Digest)})
	}
	s.Predicate.RunDetails.Builder.ID = builderID
	s.Predicate.RunDetails.Metadata.InvocationID = a.r.ExecutionID
	return s
}

// digestSet is a digest as in-toto writes it.
func digestSet(digest string) map[string]string {
	algorithm, hex, _ := strings.Cut(digest, ":")
	return map[string]string{algorithm: hex}
}
