package tagging

import "fmt"

// Explain says what each part of the tag stands for. branch is the branch that was built; empty where it is not known.
func (t ImageTag) Explain(branch string) Explanation {
	var why Explanation
	switch t.Kind {
	case Feature:
		why.because("The image was built from a feature or bugfix branch, so its tag carries no version.", "branch", branch)
	case Snapshot:
		why.because(fmt.Sprintf("The image is a snapshot of development on the way to version %s.", t.Version), "branch", branch)
	case Candidate:
		why.because(fmt.Sprintf("The image is a candidate for version %s.", t.Version), "branch", branch)
	case HotfixCandidate:
		why.because(fmt.Sprintf("The image is a candidate for a hotfix, with version %s in front.", t.Version), "branch", branch)
	case Release:
		why.because(fmt.Sprintf("The image is release %s, as promoted to production.", t.Version), "branch", branch)
	case HotfixPromoted:
		why.because(fmt.Sprintf("The image is a hotfix as promoted to production, with version %s in front.", t.Version), "branch", branch)
	}
	switch source := featureSource(branch); {
	case t.ID == "":
	case t.Kind == Feature && branch != "" && source == t.ID:
		why.because("The ID is the issue in the branch's name, or else the last part of the name.", "ID", t.ID)
	case t.Kind == Feature && branch != "":
		why.because("The ID is the issue in the branch's name, or else the last part of the name, changed to fit into a tag; "+
			"six digits of its SHA-256 keep it apart from others.", "ID", t.ID, "made of", source)
	default:
		why.because("The ID is the hotfix's, as it fits into a tag.", "ID", t.ID)
	}
	if t.Revision != "" {
		why.because("The last part is the revision that was built.", "revision", t.Revision)
	}
	return why
}
