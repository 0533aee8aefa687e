// Package lazyregexp lets packages have regular expressions as variables that cost nothing until they are used: the program is
// started again for each build, and uses few of them there.
package lazyregexp

import (
	"regexp"
	"sync"
)

// Regexp is a regular expression that is compiled when it is used first. It may be used by several goroutines. Its methods are
// those of regexp.Regexp by the same names.
type Regexp struct {
	form     string
	compiled func() *regexp.Regexp
}

// New makes a regular expression. A wrong one panics whenever it is used, and says what is wrong with it.
func New(form string) *Regexp {
	return &Regexp{form: form, compiled: sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(form) })}
}

// Regexp returns the compiled expression, for what is not among the methods here.
func (r *Regexp) Regexp() *regexp.Regexp { return r.compiled() }

// String returns the expression's text.
func (r *Regexp) String() string { return r.form }

// MatchString tells whether the expression is somewhere in s.
func (r *Regexp) MatchString(s string) bool { return r.Regexp().MatchString(s) }

// FindString returns the first match.
func (r *Regexp) FindString(s string) string { return r.Regexp().FindString(s) }

// FindAllString returns the first n matches, all when n is negative.
func (r *Regexp) FindAllString(s string, n int) []string { return r.Regexp().FindAllString(s, n) }

// FindStringSubmatch returns the first match and its groups.
func (r *Regexp) FindStringSubmatch(s string) []string { return r.Regexp().FindStringSubmatch(s) }

// FindAllStringSubmatch returns the first n matches and their groups, all when n is negative.
func (r *Regexp) FindAllStringSubmatch(s string, n int) [][]string {
	return r.Regexp().FindAllStringSubmatch(s, n)
}

// FindAllStringSubmatchIndex returns where the first n matches and their groups begin and end, of all when n is negative.
func (r *Regexp) FindAllStringSubmatchIndex(s string, n int) [][]int {
	return r.Regexp().FindAllStringSubmatchIndex(s, n)
}

// ReplaceAllString puts repl in the place of each match, its groups where repl names them.
func (r *Regexp) ReplaceAllString(s, repl string) string { return r.Regexp().ReplaceAllString(s, repl) }

// ReplaceAllStringFunc puts what repl makes of it in the place of each match.
func (r *Regexp) ReplaceAllStringFunc(s string, repl func(string) string) string {
	return r.Regexp().ReplaceAllStringFunc(s, repl)
}
