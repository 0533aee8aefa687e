package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// maxErrors is how many errors are reported for one file; the last then says how many more there are.
const maxErrors = 50

// source is a file as errors show it.
type source struct {
	file  string // its name
	lines []string
}

// document is a file while it is read, and what is wrong with it so far, or with the files that it is read with.
type document struct {
	source
	errs []*Error
	more int // errors that were not kept
	// others are the sources of marks in other files, by name.
	others map[string]*source
}

// sourceOf is the source that a mark is in.
func (d *document) sourceOf(at mark) *source {
	if at.in == nil {
		return &d.source
	}
	if d.others == nil {
		d.others = map[string]*source{}
	}
	d.others[at.in.file] = at.in
	return at.in
}

// full tells whether no further error would be kept.
func (d *document) full() bool { return len(d.errs) >= 4*maxErrors }

// fail notes an error at a place in the file.
func (d *document) fail(at mark, field, problem, hint string) {
	if d.full() {
		d.more++
		return
	}
	d.errs = append(d.errs, &Error{
		File: d.sourceOf(at).file, Field: oneLine(field), Line: at.line, Column: at.column, Problem: oneLine(problem), Hint: oneLine(hint),
	})
}

// oneLine shows control characters that came from the file instead of sending them.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// finish gives the errors in the order of the lines, those of the file itself first, each once and with its excerpt.
func (d *document) finish() []*Error {
	slices.SortStableFunc(d.errs, func(a, b *Error) int {
		switch {
		case a.File == b.File:
		case a.File == d.file:
			return -1
		case b.File == d.file:
			return 1
		default:
			return strings.Compare(a.File, b.File)
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	errs := slices.CompactFunc(d.errs, func(a, b *Error) bool { return *a == *b })
	if more := len(errs) - maxErrors + d.more; more > 0 {
		errs = append(errs[:min(len(errs), maxErrors):maxErrors], &Error{File: d.file, Problem: fmt.Sprintf("%d more errors", more)})
	}
	for _, e := range errs {
		in := &d.source
		if other := d.others[e.File]; other != nil {
			in = other
		}
		e.Excerpt = in.excerpt(mark{line: e.Line, column: e.Column})
	}
	return errs
}

// excerpt shows the line before, the line itself with a mark under the column, and the line after.
func (s *source) excerpt(at mark) string {
	if at.line < 1 || at.line > len(s.lines) {
		return ""
	}
	const width = 120 // characters shown of a line
	shift := max(0, at.column-width*2/3)
	var b strings.Builder
	for n := max(1, at.line-1); n <= min(len(s.lines), at.line+1); n++ {
		lead := " "
		if n == at.line {
			lead = ">"
		}
		fmt.Fprintf(&b, "%s %4d | %s\n", lead, n, strings.TrimRight(cut(s.lines[n-1], shift, width), " "))
		if n == at.line {
			fmt.Fprintf(&b, "       | %s^\n", strings.Repeat(" ", max(0, at.column-1-shift)))
		}
	}
	return b.String()
}

// cut shows a part of a line, a tab as a space so that the mark stands right.
func cut(line string, from, width int) string {
	if len(line) > 64<<10 {
		line = line[:64<<10]
	}
	r := []rune(strings.ReplaceAll(line, "\t", " "))
	r = r[min(from, len(r)):]
	if len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return string(r)
}
