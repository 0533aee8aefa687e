// Package logkeys reads from docs/operations.md which keys the log has, for the tests that hold the log to it.
package logkeys

import (
	"slices"
	"strings"
)

// Documented are the keys that the section "Log" of docs/operations.md lists, in the order of its tables: fixed are those that always
// mean the same, others the rest. Both are empty when there is no such section.
func Documented(operations string) (fixed, others []string) {
	_, section, _ := strings.Cut(operations, "\n## Log\n")
	section, _, _ = strings.Cut(section, "\n## ")
	first, second, _ := strings.Cut(section, "| Key |")
	return firstColumn(first), firstColumn(second)
}

// Undocumented are the keys of a line of the log, decoded from JSON, that are not among the documented, sorted. What every line has
// needs no row.
func Undocumented(line map[string]any, documented []string) []string {
	var out []string
	for key := range line {
		if !slices.Contains([]string{"time", "level", "msg"}, key) && !slices.Contains(documented, key) {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// firstColumn is what stands in code spans in the first column of a table.
func firstColumn(table string) []string {
	var out []string
	for line := range strings.Lines(table) {
		row, ok := strings.CutPrefix(line, "| `")
		if !ok {
			continue
		}
		cell, _, _ := strings.Cut("`"+row, " |")
		for i, word := range strings.Split(cell, "`") {
			if i%2 == 1 {
				out = append(out, word)
			}
		}
	}
	return out
}
