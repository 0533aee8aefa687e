package image

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// What with.attest may name.
const (
	attestSBOM       = "sbom"
	attestProvenance = "provenance"
)

// Media types of what is attached.
const (
	typeSPDX   = "application/spdx+json"
	typeInToto = "application/vnd.in-toto+json"
)

// annotationPredicate tells statements apart without reading them.
const annotationPredicate = "in-toto.io/predicate-type"

// attest attaches what was asked for to the image that was pushed, and signs it. The same build attaches the same bytes, so
// a repeat changes nothing.
func (a *assembly) attest(ctx context.Context, repository, digest string) error {
	for _, what := range a.p.attest {
		var document any
		mediaType, annotations := typeSPDX, map[string]string{annotationCreated: a.annotations()[annotationCreated]}
		switch what {
		case attestSBOM:
			bill, err := a.bill(repository, digest)
			if err != nil {
				return fmt.Errorf("bill of materials: %w", err)
			}
			document = bill
		case attestProvenance:
			mediaType, document = typeInToto, a.provenance(repository, digest)
			annotations[annotationPredicate] = predicateSLSA
		}
		body, err := json.Marshal(document)
		if err != nil {
			return err
		}
		attached, err := a.registry.Attach(ctx, repository+"@"+digest, mediaType, body, annotations)
		if err != nil {
			return err
		}
		a.tell(what + ": attached as " + attached)
		if err := a.sign(ctx, repository+"@"+attached); err != nil {
			return err
		}
	}
	return nil
}

// source is where the commit is to be had; empty when it is not known.
func (a *assembly) source() string { return strings.TrimSuffix(a.r.CloneURL, ".git") }
