package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// scalar looks at a value that is neither list nor mapping.
func (c *checker) scalar(n *node, s *spec, path string) {
	switch s.kind {
	case textValue:
		c.text(n, s, path)
	case wordValue:
		if !slices.Contains(s.words, n.text) {
			hint := cmp.Or(s.form, "write one of them")
			if word, ok := Nearest(n.text, s.words); ok {
				hint = `did you mean "` + word + `"?`
			}
			if remedy := s.foreign[strings.ToLower(n.text)]; remedy != "" {
				hint = remedy
			}
			c.wrong(n, path, fmt.Sprintf("want one of %s, got %s", strings.Join(s.words, ", "), n.describe()), hint)
		}
	case constantValue:
		if n.quoted || n.text != s.words[0] {
			c.wrong(n, path, fmt.Sprintf("want %s, got %s", s.words[0], n.describe()),
				"this version of Sluice reads "+path+": "+s.words[0]+" only")
		}
	case integerValue:
		v, ok := wholeNumber(n)
		if !ok || v < s.min || v > s.max {
			c.wrong(n, path, "want "+wanted(s)+", got "+n.describe(), "")
		}
	case booleanValue:
		if _, ok := n.boolean(); !ok {
			c.wrong(n, path, "want true or false, got "+n.describe(), "")
		}
	case durationValue:
		c.duration(n, s, path)
	}
}

func (c *checker) text(n *node, s *spec, path string) {
	most := s.maxLen
	if most == 0 {
		most = maxGlob
	}
	_, isBool := n.boolean()
	switch {
	case isBool:
		c.wrong(n, path, "want a text, got "+n.text, fmt.Sprintf("put it in quotes: %q", n.text))
	case !n.quoted && s.neverNumber() && numberRE.MatchString(n.text):
		c.wrong(n, path, "want a text, got the number "+clip(n.text), fmt.Sprintf("put it in quotes: %q", clip(n.text)))
	case n.text == "" && s.empty && n.quoted:
	case n.text == "":
		c.wrong(n, path, "the text is empty", s.form)
	case len([]rune(n.text)) > most:
		c.wrong(n, path, fmt.Sprintf("longer than %d characters", most), s.form)
	case s.valid == nil && s.pattern != nil && !s.pattern.MatchString(n.text):
		c.wrong(n, path, fmt.Sprintf("%q does not fit", clip(n.text)), s.form)
	case s.known != nil && !slices.Contains(s.known, n.text) && !slices.Contains(c.executors, n.text):
		why := unknownExecutor(n.text, s.known)
		c.fail(c.at(path), path, why.problem, why.hint) // not bad: what else is wrong with the pipeline is seen
	case s.never[n.text] != (refusal{}):
		c.refuse(n, path, s.never[n.text])
	case s.valid != nil: // it says more than a pattern
		problem := s.valid(n.text)
		if problem == "" && s.pattern != nil && !s.pattern.MatchString(n.text) {
			problem = fmt.Sprintf("%q does not fit", clip(n.text))
		}
		if problem != "" {
			c.wrong(n, path, problem, s.form)
		}
	}
}

func (c *checker) duration(n *node, s *spec, path string) {
	d, ok := ParseDuration(n.text)
	switch {
	case !ok:
		c.wrong(n, path, "want "+wanted(s)+", got "+n.describe(), "")
	case d == 0 && s.zero:
	case d < s.shortest:
		c.wrong(n, path, fmt.Sprintf("%s is less than %s", n.text, printDuration(s.shortest)), "give it more time")
	case d > s.longest:
		c.wrong(n, path, fmt.Sprintf("%s is more than %s", n.text, printDuration(s.longest)), "give it less time")
	}
}

// numberRE matches what a YAML reader takes for a number unless it is in quotes.
var numberRE = lazyregexp.New(`^[-+]?[0-9][0-9.]*([eE][-+]?[0-9]+)?$`)

// neverNumber tells whether a text's form leaves no room for short numbers: an editor wants it to be a text then.
func (s *spec) neverNumber() bool { return s.pattern != nil && !s.pattern.MatchString("15") }

var wholeNumberRE = lazyregexp.New(`^(0|-?[1-9][0-9]{0,9})$`)

// wholeNumber reads a decimal number without sign tricks, leading zeros or underscores, below 2^31.
func wholeNumber(n *node) (int64, bool) {
	if n.kind != scalarNode || n.quoted || !wholeNumberRE.MatchString(n.text) {
		return 0, false
	}
	v, err := strconv.ParseInt(n.text, 10, 32)
	return v, err == nil
}

// ParseDuration reads numbers with the units d, h, m and s, such as 60m or 1d12h. A day is 24 hours. ok is false for anything else.
func ParseDuration(s string) (d time.Duration, ok bool) {
	if !durationRE.MatchString(s) {
		return 0, false
	}
	var total time.Duration
	number := time.Duration(0)
	for _, c := range s {
		if total > 1000*day { // far above every limit, far below an overflow
			break
		}
		switch c {
		case 'd':
			total += number * day
		case 'h':
			total += number * time.Hour
		case 'm':
			total += number * time.Minute
		case 's':
			total += number * time.Second
		default:
			number = number*10 + time.Duration(c-'0')
			continue
		}
		number = 0
	}
	return total, true
}

// printDuration writes a duration as ParseDuration reads it.
func printDuration(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= u.size && d%u.size == 0 {
			return strconv.FormatInt(int64(d/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}
