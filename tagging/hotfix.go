package tagging

import "fmt"

// HotfixMode says how a hotfix is versioned: versioning.hotfix in .github/sluice.yml.
type HotfixMode string

// The modes of versioning hotfixes.
const (
	// HotfixSuffix keeps the release's numbers and adds the ID: 1.4.0-hotfix-17. The default.
	HotfixSuffix HotfixMode = "suffix"
	// HotfixPatch raises the patch number: 1.4.1.
	HotfixPatch HotfixMode = "patch"
)

// HotfixRequest is what NextHotfix goes by.
type HotfixRequest struct {
	Log Log
	// ID is the {id} of the hotfix branch, as people wrote it. A new one is held against CheckHotfixID first.
	ID string
	// From is the version to mend: what production runs, or what --from named. It is in the log.
	From Version
	// Mode defaults to HotfixSuffix.
	Mode HotfixMode
	// Open and Taken are as in Request. The hotfix's own branch is left out.
	Open, Taken []Held
}

// HotfixResult is the version of a hotfix and why it is that one.
type HotfixResult struct {
	Version Version
	// ID is the hotfix's ID as it stands in tags.
	ID string
	// Tag is the image tag under which the hotfix will enter the production registry.
	Tag         ImageTag
	Explanation Explanation
}

// NextHotfix is the version of a hotfix. A hotfix of a hotfix mends the same release again: after 1.4.0-hotfix-17 comes
// 1.4.0-hotfix-18, never 1.4.0-hotfix-17-hotfix-18. An ID is used once for a release; what cannot be given is a
// *RefusedError.
func NextHotfix(r HotfixRequest) (HotfixResult, error) {
	if r.Mode == "" {
		r.Mode = HotfixSuffix
	}
	h := hotfix{HotfixRequest: r, id: HotfixID(r.ID)}
	if r.ID == "" {
		return HotfixResult{}, h.refuse(Version{}, "the hotfix has no ID", "give one, like 17 or ABC-12")
	}
	mended, known := r.Log.Find(r.From)
	if !known {
		return HotfixResult{}, h.refuse(r.From, fmt.Sprintf("the release log knows no version %s to mend", r.From),
			"name a released version, or release first")
	}
	h.why.because(fmt.Sprintf("The hotfix mends version %s.", r.From), "tag", mended.Tag, "commit", mended.SHA)
	if r.From.Hotfix != "" {
		h.why.because(fmt.Sprintf("That is a hotfix of %s itself, and this one is the next hotfix of the same release.", r.From.Core()))
	}
	if h.id != r.ID {
		h.why.warn("The ID does not fit into tags as it is, or could be misread there, so it is written differently.",
			"ID", r.ID, "written", h.id)
	}
	switch r.Mode {
	case HotfixSuffix:
		return h.suffixed()
	case HotfixPatch:
		return h.patched()
	}
	return HotfixResult{}, fmt.Errorf("hotfix mode %q: want suffix or patch", clip(string(r.Mode)))
}

// HotfixTrailers tells of the Release-As trailers in the commits of a hotfix of version v: they do not count.
func HotfixTrailers(v Version, commits []Commit) (why Explanation) {
	for _, a := range tallyOf(commits).releaseAs {
		if a.value != v.String() {
			why.warn("A Release-As trailer asks for another version, but a hotfix has its version from what it mends; what has to be a release of its own is started by /release start.",
				"commit", a.sha, "asked for", a.value)
		}
	}
	return why
}

// hotfix is one run of NextHotfix.
type hotfix struct {
	HotfixRequest
	id  string
	why Explanation
}

func (h *hotfix) suffixed() (HotfixResult, error) {
	v := h.From.Core()
	v.Hotfix = h.id
	h.why.because("versioning.hotfix is suffix: the numbers stay, and the ID is added.")
	if _, found := h.Log.Find(v); found {
		return HotfixResult{}, h.refuse(v, fmt.Sprintf("version %s is released already", v), "give the hotfix another ID")
	}
	return h.result(v)
}

func (h *hotfix) patched() (HotfixResult, error) {
	line := Line{Support: true, Major: h.From.Major, Minor: h.From.Minor}
	highest, _ := h.Log.Highest(line) // From is on it
	h.why.because(fmt.Sprintf("versioning.hotfix is patch: the patch number rises, from %s, the highest release %d.%d has.",
		highest.Version, line.Major, line.Minor))
	n := next{Request: Request{Log: h.Log, Line: line, Open: h.Open, Taken: h.Taken}, base: highest.Version.Core(), hasBase: true}
	res, err := n.computed()
	if err != nil {
		return HotfixResult{}, fmt.Errorf("hotfix %q: %w", clip(h.ID), err)
	}
	h.why = append(h.why, res.Explanation...)
	return h.result(res.Version)
}

func (h *hotfix) result(v Version) (HotfixResult, error) {
	tag := ImageTag{Kind: HotfixPromoted, Version: v.Core(), ID: h.id}
	if err := tag.Validate(); err != nil {
		return HotfixResult{}, fmt.Errorf("hotfix %q: %w", clip(h.ID), err)
	}
	for _, r := range h.Log.records { // both modes write the ID into the image tag, so a change of mode could repeat one
		if r.HotfixID == h.id && r.Version.Core() == v.Core() {
			return HotfixResult{}, h.refuse(v, fmt.Sprintf("hotfix %s of %s is released already", h.id, v.Core()), "give the hotfix another ID")
		}
	}
	if where := heldBy(v, h.Taken, h.Open); where != "" {
		return HotfixResult{}, h.refuse(v, fmt.Sprintf("version %s exists already (%s)", v, where), "give the hotfix another ID")
	}
	h.why.because(fmt.Sprintf("The version of the hotfix is %s.", v), "image tag", tag.String())
	return HotfixResult{Version: v, ID: h.id, Tag: tag, Explanation: h.why}, nil
}

func (h *hotfix) refuse(v Version, reason, remedy string) error {
	return &RefusedError{Version: v, Reason: fmt.Sprintf("hotfix %q: %s", clip(h.ID), reason), Remedy: remedy, Explanation: h.why}
}
