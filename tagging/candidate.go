package tagging

import "fmt"

// CandidateOf explains the version of a release branch, which carries it in its name. Commits of the request are those of
// the branch since the line's highest release. It always succeeds; warnings tell what a person should know: the version is
// released already, or a change landed on the branch that asks for a higher one.
func CandidateOf(v Version, r Request) Result {
	n := next{Request: r}
	n.Open = nil
	n.why.because(fmt.Sprintf("The branch is the release branch of %s, and its name decides.", v))
	n.history()
	n.tally = tallyOf(r.Commits)
	n.why = append(n.why, n.tally.explain(n.hasBase)...)
	if rec, found := r.Log.Find(v); found {
		n.why.warn(fmt.Sprintf("Version %s is released already; a new commit needs a new version.", v), "tag", rec.Tag, "commit", rec.SHA)
	} else if n.released && n.highest.Version.CompareCore(v) > 0 {
		n.why.warn(fmt.Sprintf("Version %s is released already, which is higher.", n.highest.Version))
	} else if n.tally.largest == Major && n.hasBase && n.base.Major > 0 && n.base.Major == v.Major {
		n.why.warn("A breaking change is on the branch, and its version does not say so; /version set cuts the release again with a new major version.",
			"commit", n.tally.cause.SHA, "subject", subject(n.tally.cause.Message))
	}
	n.why = append(n.why, elsewhere(r.Elsewhere)...)
	for _, a := range n.tally.releaseAs {
		if a.value != v.String() {
			n.why.warn("A Release-As trailer asks for another version, but a release branch has its version from its name; /version set gives the release another one.",
				"commit", a.sha, "asked for", a.value)
		}
	}
	return Result{Version: v, From: n.base, Source: Named, Explanation: n.why}
}
