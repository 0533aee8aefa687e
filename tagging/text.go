package tagging

import "fmt"

// clip shortens text of strangers for a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// count prints a number with its noun: "1 commit", "2 commits".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// isAre is count with its verb: "is 1 commit", "are 2 commits".
func isAre(n int, noun string) string {
	if n == 1 {
		return "is 1 " + noun
	}
	return "are " + count(n, noun)
}

// nonEmpty is s, or other where s is empty.
func nonEmpty(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// short abbreviates a commit SHA for a sentence.
func short(sha string) string { return sha[:min(len(sha), MinRevision)] }

// shorten cuts s to a number of characters.
func shorten(s string, most int) string {
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
