package executor

import "strings"

// maxLine is how long a line of OneLine is, in characters.
const maxLine = 400

// OneLine is text as a line that fits into a table: without line breaks, and cut after 400 characters.
func OneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxLine {
		return string(r[:maxLine]) + "…"
	}
	return s
}

// FailureAt is a remark on the line of a file where something failed; a line below 1 is the first.
func FailureAt(file string, line int, title, message string) Annotation {
	line = max(line, 1)
	return Annotation{Path: file, StartLine: line, EndLine: line, Level: "failure", Title: title, Message: message}
}
