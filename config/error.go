package config

import (
	"errors"
	"fmt"
	"strings"
)

// Error is one thing wrong in a file or in the server's settings.
type Error struct {
	// File is the file's name, or empty for a setting of the server.
	File string `json:"file,omitempty"`
	// Field is the path of the key, such as pipelines.release.stages[0].name, or the flag and variable of a setting.
	// Empty when the file as a whole is meant.
	Field string `json:"field,omitempty"`
	// Line and Column count from 1, the column in characters. Both are 0 when there is no place to point at.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Problem says what is wrong, in lower case and without a full stop.
	Problem string `json:"problem"`
	// Hint says what to do about it. May be empty.
	Hint string `json:"hint,omitempty"`
	// Excerpt is the line in question and its neighbours, numbered, with a mark under the column. It ends in a
	// newline. Empty when there is no place to point at.
	Excerpt string `json:"excerpt,omitempty"`
}

// Error gives one line: file:line:column: field: problem (hint). Parts that are not known are left out.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
		}
		b.WriteString(": ")
	}
	if e.Field != "" {
		b.WriteString(e.Field)
		b.WriteString(": ")
	}
	b.WriteString(e.Problem)
	if e.Hint != "" {
		fmt.Fprintf(&b, " (%s)", e.Hint)
	}
	return b.String()
}

// Join makes one error of many, one line each; nil for none.
func Join(errs []*Error) error {
	all := make([]error, len(errs))
	for i, e := range errs {
		all[i] = e
	}
	return errors.Join(all...)
}
