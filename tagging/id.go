package tagging

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Lengths of IDs in bytes. With them the longest tag of each kind, with the largest version and a revision of 40 digits,
// has at most 128 characters, so that an ID never depends on the version or revision it stands beside.
const (
	maxFeatureID = 79 // "feature-" + ID + "-" + revision
	maxHotfixID  = 40 // version + "-hotfix-" + ID + "-" + revision
)

// hashDigits is how many hexadecimal digits of the original's SHA-256 keep replaced IDs apart.
const hashDigits = 6

// What counts as an issue in a branch name: a key of capitals, as trackers write it, and a number behind the word. The
// number alone is no issue (2-factor-login), and a key in small letters is no key (fix-12).
var (
	issueKey    = lazyregexp.New(`(?:^|[^A-Za-z0-9])([A-Z][A-Z0-9]+-[1-9][0-9]*)(?:$|[^A-Za-z0-9])`)
	issueNumber = lazyregexp.New(`(?i)(?:^|[^A-Za-z0-9])issues?[-_/#]*([1-9][0-9]*)(?:$|[^A-Za-z0-9])`)
)

// FeatureID names what a feature or bugfix branch is about: the issue key in its name ("ABC-12" of
// feature/ABC-12-login), else the issue number ("543" of issue-543), else the last part of its path. Branches of one
// FeatureID at one revision share an image, and that is meant: they hold the same commit for the same purpose.
func FeatureID(branch string) string { return Sanitize(featureSource(branch), maxFeatureID) }

// HotfixID makes the ID of a hotfix, the {id} of its branch, fit into versions and tags.
func HotfixID(id string) string { return Sanitize(id, maxHotfixID) }

// CheckHotfixID says what is wrong with an ID that a person gives to a new hotfix. It becomes part of a branch, a
// version, a git tag and an image tag, so it must fit all of them as it is. Branches that were made by hand may be
// called anything; their IDs go through HotfixID.
func CheckHotfixID(id string) error {
	const want = "give letters, digits, \"-\", \"_\" and single dots, like 17 or ABC-12"
	switch {
	case id == "":
		return errors.New("the hotfix has no ID; " + want)
	case len(id) > maxHotfixID:
		return fmt.Errorf("hotfix ID %q: it has more than %d characters; %s", clip(id), maxHotfixID, want)
	}
	for _, r := range id {
		if !fits(r) {
			return fmt.Errorf("hotfix ID %q: it holds the character %q; %s", id, r, want)
		}
	}
	if strings.ContainsAny(id[:1], "-._") || strings.HasSuffix(id, ".") || strings.HasSuffix(id, ".lock") ||
		strings.Contains(id, "..") {
		return fmt.Errorf("hotfix ID %q: git or a registry refuses such a name; %s", id, want)
	}
	return nil
}

// Sanitize makes an original name fit an image tag, in at most limit bytes (hashDigits+2 or more). Every character
// outside of [A-Za-z0-9._-] is replaced by "-", and what is too long is cut. Then "-" and six hexadecimal digits of the
// original's SHA-256 are appended, where without them the result would not be the original's alone or could be misread:
//
//   - something was replaced or cut, so other originals give the same text;
//   - the last part looks like a revision, [0-9a-f]{7,64}, so a tag would not say where the ID ends;
//   - the original is spelled like the result for another original ("a-b-0f3c21" is what "a/b" could give).
//
// So different originals give different results, as far as six digits of SHA-256 differ. The result is not meant to be
// sanitized again.
func Sanitize(original string, limit int) string {
	var b strings.Builder
	replaced := original == ""
	for _, r := range original { // a byte that is no UTF-8 counts as one character
		if !fits(r) {
			r, replaced = '-', true
		}
		b.WriteRune(r)
	}
	base := b.String()
	if !replaced && len(base) <= limit && !endsLikeRevision(base) && !endsLikeHash(base, limit) {
		return base
	}
	return base[:min(len(base), limit-hashDigits-1)] + "-" + hash(original)
}

// hash is the first six hexadecimal digits of the SHA-256 of s.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:hashDigits]
}

func fits(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
}

// lastPart is what stands behind the last dash of s, and what stands before it.
func lastPart(s string) (before, last string, found bool) {
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return "", s, false
}

// endsLikeRevision tells whether the last part of s could be taken for the revision at the end of a tag.
func endsLikeRevision(s string) bool {
	_, last, _ := lastPart(s)
	return len(last) >= 7 && len(last) <= 64 && isHex(last)
}

// endsLikeHash tells whether s, which fits as it is, could also be what Sanitize makes of another original. That other
// one lost a character to a dash, or was cut at the limit, or is the text before the hash itself.
func endsLikeHash(s string, limit int) bool {
	before, last, found := lastPart(s)
	if !found || len(last) != hashDigits || !isHex(last) {
		return false
	}
	return before == "" || strings.Contains(before, "-") || len(before) == limit-hashDigits-1 ||
		endsLikeRevision(before) && hash(before) == last
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// checkID says whether id is one that Sanitize could have made, as far as a tag that holds it needs to know.
func checkID(id string, limit int) error {
	switch {
	case id == "":
		return errors.New("ID is missing")
	case len(id) > limit:
		return fmt.Errorf("ID is too long, it has at most %d characters", limit)
	case endsLikeRevision(id):
		return fmt.Errorf("ID %q ends like a revision; it would be written %q", clip(id), Sanitize(id, limit))
	}
	for _, r := range id {
		if !fits(r) {
			return fmt.Errorf("ID %q holds the character %q", clip(id), r)
		}
	}
	return nil
}

// featureSource is the part of a branch name that FeatureID is made of.
func featureSource(branch string) string {
	parts := strings.Split(branch, "/")
	for i := len(parts) - 1; i >= 0; i-- { // the part that names the change first, then the folders around it
		if m := issueKey.FindStringSubmatch(parts[i]); m != nil {
			return m[1]
		}
	}
	if m := issueNumber.FindStringSubmatch(branch); m != nil {
		return m[1]
	}
	return parts[len(parts)-1]
}
