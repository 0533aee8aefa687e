package config

import (
	"slices"
	"strings"
)

// suggest names the known word that was probably meant, else the words there are.
func suggest(got string, known []string) string {
	if word, ok := Nearest(got, known); ok {
		return `did you mean "` + word + `"?`
	}
	if len(known) == 0 {
		return ""
	}
	sorted := slices.Clone(known)
	slices.Sort(sorted)
	return "known here: " + strings.Join(sorted, ", ")
}

// Nearest finds the known word closest to got, when it is close: a third of the letters may differ, two at least.
func Nearest(got string, known []string) (string, bool) {
	if len(got) > 64 {
		return "", false
	}
	best, word := max(2, len(got)/3)+1, ""
	for _, k := range known {
		d := distance(fold(got), fold(k))
		if d < best && d < len(k) {
			best, word = d, k
		}
	}
	return word, word != ""
}

// Slip finds the known word that got is but for one slip: a letter too many, left out, changed, or swapped with its neighbour,
// never the first one; or capitals alone. It is stricter than Nearest, for words that may well mean something else.
func Slip(got string, known []string) (string, bool) {
	if got == "" || len(got) > 64 {
		return "", false
	}
	best, word := 2, ""
	for _, k := range known {
		a, b := fold(got), fold(k)
		if d := distance(a, b); d < best && b != "" && a[0] == b[0] {
			best, word = d, k
		}
	}
	return word, word != ""
}

// fold takes away what does not make two words different.
func fold(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

// distance counts the letters to insert, delete, change or swap with their neighbour to get from a to b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
