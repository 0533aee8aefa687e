package gitflow

import "strings"

// irreversibleTrailer begins the line of a commit's message that says why deploying an earlier version does not undo it.
const irreversibleTrailer = "irreversible:"

// Irreversible reads out of a commit's message why the version that it is in cannot be gone back from: a line "Irreversible:
// why", below the subject and in any case of letters, as for a migration that drops a column. Empty: it can.
func Irreversible(message string) string {
	_, body, _ := strings.Cut(message, "\n")
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(strings.TrimLeft(line, "*- \t")) // a squashed merge lists messages
		if len(line) > len(irreversibleTrailer) && strings.EqualFold(line[:len(irreversibleTrailer)], irreversibleTrailer) {
			return strings.TrimSpace(line[len(irreversibleTrailer):])
		}
	}
	return ""
}
