package gitflow

import (
	"strings"
	"unicode"
)

// imitations finds the protected name or pattern that a branch can be mistaken for.
func (n Names) imitations(branch string, kind Kind) []Flaw {
	if kind != KindFeature && kind != KindBugfix {
		return nil // it is what it looks like
	}
	for _, protected := range [...]string{n.Production, n.Development} {
		if len(branch) == len(protected) && strings.EqualFold(branch, protected) {
			return []Flaw{caseClash(branch, protected)}
		}
	}
	for _, prefix := range n.prefixes() {
		if len(branch) > len(prefix) && prefix != "" && branch[:len(prefix)] != prefix && strings.EqualFold(branch[:len(prefix)], prefix) {
			return []Flaw{caseClash(branch, prefix)}
		}
	}
	if !suspicious(branch) {
		return nil
	}
	drawn := skeleton(branch)
	for _, protected := range [...]string{n.Production, n.Development} {
		if drawn == skeleton(protected) {
			return []Flaw{lookAlike(branch, protected)}
		}
	}
	if isASCII(branch) {
		return nil // digits for letters fool nobody in a prefix
	}
	for _, prefix := range n.prefixes() {
		if prefix != "" && !strings.HasPrefix(branch, prefix) && strings.HasPrefix(drawn, skeleton(prefix)) {
			return []Flaw{lookAlike(branch, prefix)}
		}
	}
	return nil
}

// prefixes are the beginnings of names that carry a protected kind.
func (n Names) prefixes() [5]string {
	release, _, _ := strings.Cut(n.Release, versionHole)
	hotfix, _, _ := strings.Cut(n.Hotfix, idHole)
	support, _, _ := strings.Cut(n.Support, lineHole)
	return [5]string{release, hotfix, support, BackmergePrefix, FinishPrefix}
}

func caseClash(branch, like string) Flaw {
	return Flaw{Rule: FlawCaseClash, Like: like, Fatal: true,
		Text: text("%s differs from %s in upper and lower case only; git keeps them apart, people and some disks do not.", branch, like)}
}

func lookAlike(branch, like string) Flaw {
	kind := Text("non-ASCII look-alike")
	if isASCII(branch) {
		kind = "look-alike"
	}
	return Flaw{Rule: FlawLookAlike, Like: like, Fatal: true,
		Text: text("%s is a %s of %s and is not protected like it.", branch, kind, like)}
}

// spelling finds what makes a name dangerous by itself.
func spelling(branch string) []Flaw {
	var flaws []Flaw
	if strings.IndexFunc(branch, hidden) >= 0 {
		flaws = append(flaws, Flaw{Rule: FlawHidden, Fatal: true,
			Text: text("%s contains characters that cannot be seen or that reorder text.", escape(branch))})
	}
	if strings.HasPrefix(branch, "refs/") || strings.HasPrefix(branch, "-") || branch == "HEAD" || branch == "FETCH_HEAD" {
		flaws = append(flaws, Flaw{Rule: FlawRefLike, Fatal: true,
			Text: text("%s is the short name of this branch, and tools may take it for a full ref or an option.", branch)})
	}
	return flaws
}

// hidden characters are invisible, or change how their neighbours are shown.
func hidden(r rune) bool {
	if ' ' <= r && r < 0x7F {
		return false
	}
	return unicode.Is(unicode.Cf, r) || !unicode.IsPrint(r)
}

// escape shows hidden characters by number.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			b.WriteString("<U+")
			b.WriteString(strings.ToUpper(hex(r)))
			b.WriteString(">")
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func hex(r rune) string {
	const digits = "0123456789abcdef"
	out := []byte{digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15]}
	for r >>= 16; r > 0; r >>= 4 {
		out = append([]byte{digits[r&15]}, out...)
	}
	return string(out)
}

// suspicious is the cheap test before a skeleton is drawn.
func suspicious(s string) bool { return !isASCII(s) || strings.ContainsAny(s, "01I|") }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// skeleton draws a name as a hurried reader sees it: letters of other alphabets as the Latin letters they resemble, small
// letters, no invisible characters. Two names with one skeleton look alike.
func skeleton(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Mn, r):
			return -1
		case r == '0':
			return 'o'
		case r == '1', r == 'I', r == '|':
			return 'l'
		case 0xFF01 <= r && r <= 0xFF5E: // fullwidth forms
			return unicode.ToLower(r - 0xFF01 + '!')
		}
		if latin := resembles(r); latin != 0 {
			return latin
		}
		return unicode.ToLower(r)
	}, s)
}

// resembles is the small Latin letter (or sign) that a letter of another alphabet is drawn like; 0: none.
func resembles(r rune) rune {
	switch r {
	case 'а', 'А', 'α', 'Α', 'ɑ', 'à', 'á', 'â', 'ã', 'ä', 'å', 'ā', 'ă', 'ą', 'ạ':
		return 'a'
	case 'В', 'Β', 'Ь', 'ḅ':
		return 'b'
	case 'с', 'С', 'ϲ', 'ç', 'ć', 'č', 'ċ':
		return 'c'
	case 'ԁ', 'ď', 'đ', 'ḍ':
		return 'd'
	case 'е', 'Е', 'Ε', 'ё', 'є', 'è', 'é', 'ê', 'ë', 'ē', 'ė', 'ę', 'ẹ', '℮':
		return 'e'
	case 'ƒ', 'ḟ':
		return 'f'
	case 'ɡ', 'ģ', 'ğ':
		return 'g'
	case 'һ', 'Н', 'Η', 'ħ', 'ḥ':
		return 'h'
	case 'і', 'І', 'ι', 'Ι', 'ı', 'ì', 'í', 'î', 'ï', 'ị', 'ї':
		return 'i'
	case 'ј', 'Ј':
		return 'j'
	case 'κ', 'К', 'Κ', 'к', 'ķ':
		return 'k'
	case 'ӏ', 'Ӏ', 'ł', 'ļ', 'ḷ', 'ⅼ':
		return 'l'
	case 'м', 'М', 'Μ', 'ṃ', 'ⅿ':
		return 'm'
	case 'п', 'Ν', 'ո', 'ñ', 'ń', 'ň', 'ṇ', 'ņ':
		return 'n'
	case 'о', 'О', 'ο', 'Ο', 'σ', 'օ', 'ò', 'ó', 'ô', 'õ', 'ö', 'ø', 'ō', 'ọ':
		return 'o'
	case 'р', 'Р', 'ρ', 'Ρ', 'ṗ':
		return 'p'
	case 'г', 'ŗ', 'ř', 'ṛ':
		return 'r'
	case 'ſ', 'ѕ', 'Ѕ', 'ş', 'š', 'ś', 'ṣ':
		return 's'
	case 'т', 'Т', 'Τ', 'τ', 'ţ', 'ť', 'ṭ':
		return 't'
	case 'υ', 'ս', 'ù', 'ú', 'û', 'ü', 'ū', 'ụ':
		return 'u'
	case 'ѵ', 'ν', 'ⅴ', 'ṿ':
		return 'v'
	case 'ԝ', 'ѡ', 'ŵ':
		return 'w'
	case 'х', 'Х', 'χ', 'Χ', 'ⅹ':
		return 'x'
	case 'у', 'У', 'Υ', 'γ', 'ý', 'ÿ':
		return 'y'
	case 'Ζ', 'ż', 'ž', 'ź', 'ẓ':
		return 'z'
	case '∕', '⁄', '⧸':
		return '/'
	case '‐', '‑', '‒', '–', '—', '−':
		return '-'
	}
	return 0
}
