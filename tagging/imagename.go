package tagging

import (
	"errors"
	"fmt"
	"strings"
)

// maxImageName keeps a name and its tag, with a registry's host in front, inside of the 255 characters that clients allow.
const maxImageName = 128

// ImageName makes the name of a repository or application fit the path grammar of OCI registries: small letters and
// digits, joined by single dots, one or two underscores, or dashes, in parts divided by slashes. Capitals become small
// letters, for GitHub's names do not differ by case. What does not fit becomes "-", and then, as in Sanitize, "-" and
// six digits of a hash keep the names of different repositories apart; a name gets them too that fits and is spelled like what
// another one becomes ("github-bdcc6a" is what ".github" gives). The result is not meant to be fitted again.
func ImageName(name string) (string, error) {
	switch {
	case name == "":
		return "", errors.New("image name: it is empty; give the name of the repository, like orders")
	case strings.ContainsAny(name, ":@"):
		return "", fmt.Errorf("image name %q: give the name alone, without registry, tag or digest, like orders", clip(name))
	}
	lower := strings.ToLower(name)
	var parts []string
	for part := range strings.SplitSeq(lower, "/") {
		if part = fitPathPart(part); part != "" {
			parts = append(parts, part)
		}
	}
	fitted := strings.Join(parts, "/")
	if fitted == lower && len(fitted) <= maxImageName && !endsLikeNameHash(fitted) {
		return fitted, nil
	}
	fitted = strings.TrimRight(fitted[:min(len(fitted), maxImageName-hashDigits-1)], "-._/")
	if fitted == "" {
		return "x-" + hash(lower), nil
	}
	return fitted + "-" + hash(lower), nil
}

// endsLikeNameHash tells whether a name that fits as it is could also be what another one becomes. What that one lost at its ends
// leaves no trace here, as it does in tags (".github", "github-" and "/github" all come to "github"), so any text before what looks
// like a hash could be its own; but none that ends in a dash or the like, since those are trimmed.
func endsLikeNameHash(s string) bool {
	before, last, found := lastPart(s)
	return found && len(last) == hashDigits && isHex(last) && strings.TrimRight(before, "-._/") == before
}

// fitPathPart makes one part of a path fit: [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*.
func fitPathPart(s string) string {
	var b strings.Builder
	separator := "" // since the last letter or digit
	for _, r := range s {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if b.Len() > 0 {
				b.WriteString(fitSeparator(separator))
			}
			b.WriteRune(r)
			separator = ""
			continue
		}
		separator += string(r)
	}
	return b.String()
}

func fitSeparator(s string) string {
	switch {
	case s == "", s == ".", s == "_", s == "__", strings.Trim(s, "-") == "":
		return s
	}
	return "-"
}

// Reference joins a name from ImageName and a tag: "orders:1.4.0-candidate-3f2a9c1".
func Reference(name string, t ImageTag) string { return name + ":" + t.String() }
