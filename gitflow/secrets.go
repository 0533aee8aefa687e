package gitflow

// Secrets is how far the search for credentials in a candidate's commits is, and what it found that is not allowed.
type Secrets struct {
	Pending bool // the search is not over
	Found   int
	Unread  int // files that could not be looked through
	// Path and Line are the first place of either; untrusted. An empty Path: everything could not be looked through.
	Path string
	Line int
}

// leaking: what holds a credential, or may hold one, does not ship.
func (s State) leaking() (blocked, waiting Text) {
	const allow = "allow its fingerprint, which sluice/branch shows, under secrets.allow in .github/sluice.yml on the default branch"
	switch f := s.Secrets; {
	case f.Pending:
		return "", "The search for secrets in its commits is under way."
	case f.Found == 1:
		return text("A secret was committed in %s, line %d; revoke it, then ", f.Path, f.Line) + allow + ".", ""
	case f.Found > 1:
		return text("%d secrets were committed, the first in %s, line %d; revoke them, then ", f.Found, f.Path, f.Line) + allow + ".", ""
	case f.Unread > 0 && f.Path == "":
		return "Its commits could not be looked through for secrets; re-run sluice/branch, or read them and " + allow + ".", ""
	case f.Unread > 0:
		return text("%s could not be looked through for secrets; read it and ", f.Path) + allow + ".", ""
	}
	return "", ""
}
