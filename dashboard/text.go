package dashboard

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// webURL tells whether s is an http or https address with a host, and nothing that a browser would read as more.
func webURL(s string) bool {
	for _, r := range s {
		if r <= ' ' || r == '\\' || r == 0x7f {
			return false
		}
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

// deceptive tells whether a character can make text look like other text: it turns the direction of writing, takes no
// room, or controls a terminal.
func deceptive(r rune) bool {
	switch {
	case r == '\n' || r == '\t' || r == '\u200d': // the last joins emoji
		return false
	case unicode.IsControl(r), r == '\u00ad', r == '\u061c', r == '\ufeff',
		r >= '\u200b' && r <= '\u200f', r >= '\u2028' && r <= '\u202e', r >= '\u2060' && r <= '\u206f':
		return true
	}
	return false
}

// plain writes deceptive characters as escapes that can be seen. Whole pages pass through it.
func plain(s string) string { return escaped(s, deceptive) }

// escaped writes some characters as escapes that can be seen.
func escaped(s string, which func(rune) bool) string {
	if strings.IndexFunc(s, which) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if which(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// escapes matches what terminals obey: CSI and OSC sequences, and the short ones. One that never ends is left to be
// taken apart as control characters.
var escapes = lazyregexp.New("(?:\x1b\\[|\u009b)[0-?]*[ -/]*[@-~]" + //nolint:gochecknoglobals // a constant
	"|\x1b[\\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\\\)" + "|\x1b[ -/]*[0-~]")

// ago writes how long ago something was, for people.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := now.Sub(t)
	switch {
	case d < 0:
		return "in " + span(-d)
	case d < time.Minute:
		return "just now"
	}
	return span(d) + " ago"
}

// span writes a duration in its largest unit, above a minute.
func span(d time.Duration) string {
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// took writes seconds in two units.
func took(seconds int64) string {
	switch {
	case seconds < 60:
		return fmt.Sprintf("%d s", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%d min %02d s", seconds/60, seconds%60)
	case seconds < 48*3600:
		return fmt.Sprintf("%d h %02d min", seconds/3600, seconds/60%60)
	}
	return fmt.Sprintf("%d days", seconds/86400)
}

// short is the start of a SHA or digest, enough to tell it from others.
func short(s string) string {
	hex := strings.TrimPrefix(s, "sha256:")
	n := 7
	if hex != s {
		n = 12
	}
	if len(hex) <= n {
		return s
	}
	return s[:len(s)-len(hex)] + hex[:n]
}

// piece is text, as code or not.
type piece struct {
	Text string
	Code bool
}

// pieces takes a reply in simple Markdown apart: `code`, and the rest as it is.
func pieces(s string) []piece {
	var out []piece
	for i, part := range strings.Split(s, "`") {
		if part != "" {
			out = append(out, piece{Text: part, Code: i%2 == 1})
		}
	}
	return out
}
