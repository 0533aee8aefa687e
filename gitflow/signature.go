package gitflow

// Signature is whether the candidate's image is signed as the configuration asks for. The zero value: it asks for nothing.
type Signature struct {
	// Wanted is true where only signed images are promoted.
	Wanted bool
	// Image is what must be signed, host/repository@sha256:…; empty: the candidate built no image.
	Image string
	// Problem is why no signature holds, half a sentence about the image. Empty: one holds, or nobody looked yet, because the
	// candidate is not tested or its registry may not be asked.
	Problem Text
}

// unsigned: what is promoted bears the signature that was asked for. The copy looks at the registry once more.
func (s State) unsigned() (blocked Text, commands []string) {
	const setting = "environments.production.verify"
	f := s.Signature
	switch {
	case s.promoting() || !s.Candidate.Tested:
		return "", nil
	case f.Image == "":
		return text("Only a signed image is promoted (%s in .github/sluice.yml), and the candidate built no image; set registries there, and push one.", Text(setting)), nil
	case f.Problem == "":
		return "", nil
	}
	return text("Only a signed image is promoted, and %s; sign it by a key of %s, then say /refresh.", f.Problem, Text(setting)),
		[]string{command("cosign", "sign", "--key", "cosign.key", f.Image)}
}
