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

// text builds a sentence from a format of ours. Strings given as arguments are untrusted and get marked; Text and numbers
// stand as they are. It knows %s, %d and %%.
func text(format string, args ...any) Text {
	var b strings.Builder
	b.Grow(len(format) + 24*len(args))
	for {
		before, after, found := strings.Cut(format, "%")
		b.WriteString(before)
		if !found {
			return Text(b.String())
		}
		if after[0] == '%' {
			b.WriteByte('%')
		} else {
			switch v := args[0].(type) {
			case Text:
				b.WriteString(string(v))
			case string:
				b.WriteString(string(Name(v)))
			case int:
				b.WriteString(strconv.Itoa(v))
			default:
				panic(fmt.Sprintf("text: no form for %T", v)) // a mistake in this package, found by its tests
			}
			args = args[1:]
		}
		format = after[1:]
	}
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
