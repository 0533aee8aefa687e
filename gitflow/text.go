package gitflow

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Text is a sentence for people. Untrusted names in it are marked, see the package comment; the rest is ours.
// Printing it with %s or %v shows String.
type Text string

const (
	nameStart = "\x02"
	nameEnd   = "\x03"
)

// String is the sentence as plain text, with untrusted names in double quotes and unprintable characters escaped.
// Check titles, logs and terminals want it.
func (t Text) String() string { return t.Markdown(strconv.Quote) }

// Markdown is the sentence with every untrusted name replaced by what code makes of it, and everything else as it is.
// The function is given the raw name (without control characters) and must return something safe to embed.
func (t Text) Markdown(code func(name string) string) string {
	var b strings.Builder
	rest := string(t)
	for {
		before, after, found := strings.Cut(rest, nameStart)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, tail, _ := strings.Cut(after, nameEnd)
		b.WriteString(code(name))
		rest = tail
	}
}

// Name marks an untrusted value for use in a Text. Control characters in it become U+FFFD, so that it cannot end the
// mark early.
func Name(value string) Text {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, value)
	return Text(nameStart + clean + nameEnd)
}

// text builds a sentence from a format of ours. Strings given as arguments are untrusted and get marked; Text and
// numbers stand as they are.
func text(format string, args ...any) Text {
	marked := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case Text:
			marked[i] = string(v)
		case string:
			marked[i] = string(Name(v))
		default:
			marked[i] = v
		}
	}
	return Text(fmt.Sprintf(format, marked...))
}

// join lists texts as English does: "a", "a and b", "a, b and c".
func join(parts []Text) Text {
	switch len(parts) {
	case 0:
		return ""
	case 1:
		return parts[0]
	}
	head := make([]string, len(parts)-1)
	for i, p := range parts[:len(parts)-1] {
		head[i] = string(p)
	}
	return Text(strings.Join(head, ", ")) + " and " + parts[len(parts)-1]
}

// names marks and lists untrusted values.
func names(values []string) Text {
	marked := make([]Text, len(values))
	for i, v := range values {
		marked[i] = Name(v)
	}
	return join(marked)
}
