package gitflow

import (
	"strconv"
	"strings"
)

// quote makes one word of a POSIX shell of any value. It cannot keep a value from being taken for an option: names that
// begin with '-' are not put into commands, or only behind refs/heads/.
func quote(s string) string {
	if s != "" && strings.IndexFunc(s, needsQuotes) < 0 && s[0] != '~' {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func needsQuotes(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("@%_+=:,./-~", r)
}

// command joins words into a shell line, each quoted as needed.
func command(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return strings.Join(quoted, " ")
}

// number is a pull request's number as a word of a command.
func number(n int) string { return strconv.Itoa(n) }

// Quote makes one word of a POSIX shell's command line of s, for commands shown to people.
func Quote(s string) string { return quote(s) }
