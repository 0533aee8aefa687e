package tagging

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what an image is, by the shape of its tag.
type Kind string

// The kinds of image tags.
const (
	Feature         Kind = "feature"          // feature-{FeatureId}-{revision}
	Snapshot        Kind = "snapshot"         // {ReleaseVersion}-snapshot-{revision}
	Candidate       Kind = "candidate"        // {ReleaseVersion}-candidate-{revision}
	HotfixCandidate Kind = "hotfix-candidate" // {ReleaseVersion}-hotfix-{HotfixId}-{revision}
	Release         Kind = "release"          // {ReleaseVersion}
	HotfixPromoted  Kind = "hotfix-promoted"  // {ReleaseVersion}-hotfix-{HotfixId}
)

// The fixed parts of tags.
const (
	featureMark   = "feature-"
	snapshotMark  = "-snapshot-"
	candidateMark = "-candidate-"
)

// maxTag is the longest tag a registry takes (OCI distribution: [A-Za-z0-9_][A-Za-z0-9._-]{0,127}).
const maxTag = 128

// Lengths of a revision in an image tag: a short one, and a whole SHA-1.
const (
	MinRevision = 7
	MaxRevision = 40
)

// ImageTag is the tag of an image, taken apart. Make one with FeatureTag, SnapshotTag, CandidateTag, HotfixTag,
// ReleaseTag or Promoted, or read one with ParseImageTag; String of any of those parses back to the same ImageTag. ImageTags are
// comparable with ==.
type ImageTag struct {
	Kind Kind
	// Version is the major.minor.patch in the tag; its Hotfix is always empty. Zero for a feature.
	Version Version
	// ID is the FeatureID of a feature, the HotfixID of a hotfix, else empty.
	ID string
	// Revision is the shortened commit SHA, 7 to 40 hexadecimal digits; empty once promoted.
	Revision string
}

// Revision shortens the SHA of a commit for use in a tag. The SHA is a full one (SHA-1 or SHA-256) or an abbreviation of
// at least 7 digits; length is 7 to 40 (versioning.revision_length), 0 meaning 7. An abbreviation shorter than length
// stays as it is.
func Revision(sha string, length int) (string, error) {
	if length == 0 {
		length = MinRevision
	}
	if length < MinRevision || length > MaxRevision {
		return "", fmt.Errorf("revision length %d: want %d to %d", length, MinRevision, MaxRevision)
	}
	lower := strings.ToLower(sha)
	if !isHex(lower) || len(lower) < MinRevision || len(lower) > MaxRevision && len(lower) != 64 {
		return "", fmt.Errorf("revision %q: want the SHA of a commit, at least %d hexadecimal digits", clip(sha), MinRevision)
	}
	return lower[:min(length, len(lower))], nil
}

// FeatureTag is the tag of what a feature or bugfix branch built at a revision (see Revision).
func FeatureTag(branch, revision string) (ImageTag, error) {
	return checked(ImageTag{Kind: Feature, ID: FeatureID(branch), Revision: revision})
}

// SnapshotTag is the tag of what the development branch built: v is the version it will become.
func SnapshotTag(v Version, revision string) (ImageTag, error) {
	return checked(ImageTag{Kind: Snapshot, Version: v, Revision: revision})
}

// CandidateTag is the tag of what a release or support branch built.
func CandidateTag(v Version, revision string) (ImageTag, error) {
	return checked(ImageTag{Kind: Candidate, Version: v, Revision: revision})
}

// HotfixTag is the tag of what a hotfix branch built. The ID is the {id} of the branch as people wrote it. v is the version of
// the hotfix (HotfixResult.Version), or the version of the release it mends; if v names a hotfix, it is this one.
func HotfixTag(v Version, id, revision string) (ImageTag, error) {
	fitted := HotfixID(id)
	if v.Hotfix != "" && v.Hotfix != fitted {
		return ImageTag{}, fmt.Errorf("hotfix %q cannot have version %s: that is another hotfix's", clip(id), v)
	}
	return checked(ImageTag{Kind: HotfixCandidate, Version: v.Core(), ID: fitted, Revision: revision})
}

// ReleaseTag is the tag of a version in the production registry, for whoever knows the version and not what it was built
// from. A hotfix under HotfixPatch is not told apart from a release by its version: use Promoted of its HotfixTag.
func ReleaseTag(v Version) (ImageTag, error) {
	if v.Hotfix != "" {
		return checked(ImageTag{Kind: HotfixPromoted, Version: v.Core(), ID: v.Hotfix})
	}
	return checked(ImageTag{Kind: Release, Version: v})
}

// Promoted is the tag under which the same image enters the production registry. Only candidates are promoted; a
// promoted tag stays as it is.
func (t ImageTag) Promoted() (ImageTag, error) {
	switch t.Kind {
	case Candidate, Release:
		return ImageTag{Kind: Release, Version: t.Version}, nil
	case HotfixCandidate, HotfixPromoted:
		return ImageTag{Kind: HotfixPromoted, Version: t.Version, ID: t.ID}, nil
	}
	return ImageTag{}, fmt.Errorf("image tag %s: a %s image is never promoted, only a candidate is", t, t.Kind)
}

// ReleaseVersion is the version an image with this tag has or will have in production, with the hotfix's ID where there is
// one. Under HotfixPatch the log, not the tag, knows that 1.4.1-hotfix-17 is version 1.4.1.
func (t ImageTag) ReleaseVersion() Version {
	v := t.Version
	if t.Kind == HotfixCandidate || t.Kind == HotfixPromoted {
		v.Hotfix = t.ID
	}
	return v
}

// String prints the tag.
func (t ImageTag) String() string {
	b := make([]byte, 0, 64)
	if t.Kind == Feature {
		b = append(b, featureMark...)
		b = append(b, t.ID...)
		b = append(b, '-')
		return string(append(b, t.Revision...))
	}
	b = t.Version.appendCore(b)
	switch t.Kind {
	case Snapshot:
		b = append(b, snapshotMark...)
	case Candidate:
		b = append(b, candidateMark...)
	case HotfixCandidate:
		b = append(b, hotfixMark...)
		b = append(b, t.ID...)
		b = append(b, '-')
	case HotfixPromoted:
		b = append(b, hotfixMark...)
		return string(append(b, t.ID...))
	default:
		return string(b)
	}
	return string(append(b, t.Revision...))
}

// shape says which parts the tags of a kind have. idLimit is the longest ID; 0 where there is none.
type shape struct {
	version  bool
	idLimit  int
	revision bool
}

func (k Kind) shape() (shape, bool) {
	switch k {
	case Feature:
		return shape{idLimit: maxFeatureID, revision: true}, true
	case Snapshot, Candidate:
		return shape{version: true, revision: true}, true
	case HotfixCandidate:
		return shape{version: true, idLimit: maxHotfixID, revision: true}, true
	case HotfixPromoted:
		return shape{version: true, idLimit: maxHotfixID}, true
	case Release:
		return shape{version: true}, true
	}
	return shape{}, false
}

// Validate says what keeps t from being a tag that parses back to t. Tags from this package's functions are valid.
func (t ImageTag) Validate() error {
	if err := t.validate(); err != nil {
		return fmt.Errorf("image tag: %w", err)
	}
	return nil
}

func (t ImageTag) validate() error {
	has, known := t.Kind.shape()
	v := t.Version
	switch {
	case !known:
		return fmt.Errorf("there is no kind %q", clip(string(t.Kind)))
	case !has.version && v != Version{}, has.idLimit == 0 && t.ID != "", !has.revision && t.Revision != "":
		return fmt.Errorf("a %s tag has no place for all that was given", t.Kind)
	case v.Hotfix != "":
		return errors.New("the version in a tag carries no hotfix, the tag's ID does")
	case max(v.Major, v.Minor, v.Patch) > maxNumber:
		return fmt.Errorf("a number of version %s has more than %d digits", v, maxDigits)
	}
	if has.idLimit > 0 {
		if err := checkID(t.ID, has.idLimit); err != nil {
			return err
		}
	}
	if has.revision && (len(t.Revision) < MinRevision || len(t.Revision) > MaxRevision || !isHex(t.Revision)) {
		return fmt.Errorf("revision %q: want %d to %d hexadecimal digits in small letters", clip(t.Revision), MinRevision, MaxRevision)
	}
	return nil
}

func checked(t ImageTag) (ImageTag, error) {
	if err := t.Validate(); err != nil {
		return ImageTag{}, err
	}
	return t, nil
}

// ParseImageTag reads a tag that Sluice printed, and no other: String of the result is s again. A tag of somebody else is
// an error, so an image that Sluice did not name is never taken for a release.
func ParseImageTag(s string) (ImageTag, error) {
	t, err := parseImageTag(s)
	if err == nil {
		err = t.validate()
	}
	if err != nil {
		return ImageTag{}, fmt.Errorf("image tag %q: %w", clip(s), err)
	}
	return t, nil
}

func parseImageTag(s string) (ImageTag, error) {
	if len(s) > maxTag {
		return ImageTag{}, fmt.Errorf("it has %d characters, a tag has at most %d", len(s), maxTag)
	}
	if rest, ok := strings.CutPrefix(s, featureMark); ok {
		id, revision, _ := lastPart(rest)
		return ImageTag{Kind: Feature, ID: id, Revision: revision}, nil
	}
	core, rest, dashed := strings.Cut(s, "-")
	v, err := parseCore(core)
	if err != nil {
		return ImageTag{}, fmt.Errorf("no tag of Sluice: %w", err)
	}
	t := ImageTag{Kind: Release, Version: v}
	if !dashed {
		return t, nil
	}
	mark, rest, _ := strings.Cut(rest, "-")
	switch mark {
	case string(Snapshot):
		t.Kind, t.Revision = Snapshot, rest
	case string(Candidate):
		t.Kind, t.Revision = Candidate, rest
	case "hotfix":
		t.Kind, t.ID = HotfixPromoted, rest
		// An ID never ends like a revision, so what does is one.
		if id, revision, found := lastPart(rest); found && endsLikeRevision(rest) {
			t.Kind, t.ID, t.Revision = HotfixCandidate, id, revision
		}
	default:
		return ImageTag{}, errors.New("no tag of Sluice: want -snapshot-, -candidate- or -hotfix- behind the version")
	}
	return t, nil
}
