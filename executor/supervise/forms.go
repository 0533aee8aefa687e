package supervise

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// forms are the ways in which a secret may show: as it is, line by line, and each of its texts where it is a JSON document,
// all of them as programs and shells write them. None contains a line break.
func forms(secret string) []string {
	var out []string
	for _, text := range append([]string{secret}, leaves(secret)...) {
		for _, part := range append(strings.FieldsFunc(text, isBreak), text) {
			if len(part) < shortest {
				continue
			}
			for _, v := range append(spellings(part), encodings(part)...) {
				if len(v) >= shortest && strings.IndexFunc(v, isBreak) < 0 {
					out = append(out, v)
				}
			}
		}
	}
	return out
}

func isBreak(r rune) bool { return r == '\n' || r == '\r' }

// leaves are the texts in a JSON object or list: who asks for such a secret as a whole uses one of them.
func leaves(secret string) []string {
	secret = strings.TrimSpace(secret)
	if secret == "" || secret[0] != '{' && secret[0] != '[' {
		return nil
	}
	var document any
	if json.Unmarshal([]byte(secret), &document) != nil {
		return nil
	}
	var out []string
	var add func(v any)
	add = func(v any) {
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case []any:
			for _, e := range v {
				add(e)
			}
		case map[string]any:
			for _, e := range v {
				add(e)
			}
		}
	}
	add(document)
	return out
}

// spellings are a text as it is quoted by what prints it: shells (set -x, export -p, printf %q), JSON, XML, addresses.
func spellings(part string) []string {
	const bare = " \t!\"$&'()*,;<>?[\\]^`{|}" // what bash escapes outside of quotes, and at the beginning of words
	out := []string{
		part, strings.TrimSpace(part), ansi(part),
		strings.ReplaceAll(part, "'", `'\''`), strings.ReplaceAll(part, "'", `'"'"'`), // between single quotes
		escaped(part, "\"$`\\"), escaped(part, "\"$`\\!"), // between double quotes
		escaped(part, bare), escaped(part, bare+"#~"),
	}
	return append(append(append(out, jsonTexts(part)...), markup(part)...), addresses(part)...)
}

// addresses are a text as a part of an address.
func addresses(s string) []string {
	whole := url.QueryEscape(s)
	strict := strings.ReplaceAll(whole, "+", "%20")
	return []string{
		whole, strict, url.PathEscape(s), strings.ReplaceAll(strict, "%2F", "/"),
		strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(strict), // encodeURIComponent
	}
}

// markup is a text in XML and HTML, where quotes are written in several ways.
func markup(s string) []string {
	if !strings.ContainsAny(s, `&<>"'`) {
		return nil
	}
	var out []string
	for _, double := range []string{`"`, "&quot;", "&#34;"} {
		for _, single := range []string{"'", "&apos;", "&#39;", "&#x27;"} {
			out = append(out, strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, double, "'", single).Replace(s))
		}
	}
	return out
}

// escaped puts a backslash before each of some characters.
func escaped(s, special string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(special, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// ansi is a text between $' and ', and much as Python and JavaScript show it.
func ansi(s string) string {
	return strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\a", `\a`, "\b", `\b`, "\f", `\f`, "\v", `\v`, "\x1b", `\E`).Replace(s)
}

// jsonTexts are a text as JSON has it between quotes: with nothing escaped that need not be, and as encoders have it that
// care for HTML, slashes or ASCII.
func jsonTexts(s string) []string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a text can always be written
	plain := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(b.String(), "\n"), `"`), `"`)
	return []string{
		plain, ascii(plain), strings.ReplaceAll(plain, "/", `\/`),
		strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(plain),
	}
}

// ascii is JSON without anything but ASCII.
func ascii(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case r > 0xFFFF:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// encodings are a text in hexadecimal digits, and in base64: in the middle of something else, at any alignment, and on its own in lines
// of 64 or 76.
func encodings(part string) []string {
	digits := hex.EncodeToString([]byte(part))
	out := []string{digits, strings.ToUpper(digits)}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			// Bytes before the secret shift it; what does not depend on its neighbours is what can be looked for.
			e := enc.EncodeToString(append(make([]byte, shift), part...))
			from := (shift*8 + 5) / 6
			to := (shift + len(part)) * 8 / 6
			if to-from < shortestEncoded {
				continue
			}
			out = append(out, e[from:to])
			for _, width := range []int{64, 76} {
				for at := 0; shift == 0 && to > width && at < to; at += width {
					if line := e[at:min(at+width, to)]; len(line) >= shortestEncoded {
						out = append(out, line)
					}
				}
			}
		}
	}
	return out
}

// shortestEncoded is how long a piece of base64 must be to be masked.
const shortestEncoded = 8
