package calendar

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

const (
	dayForm   = `(Mon|Tue|Wed|Thu|Fri|Sat|Sun)`
	daysForm  = dayForm + `(-` + dayForm + `)?(, ?` + dayForm + `(-` + dayForm + `)?)*`
	dateForm  = `20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])`
	clockForm = `([01][0-9]|2[0-3]):[0-5][0-9]`
	timesForm = clockForm + `-(` + clockForm + `|24:00)`
)

// SpanForm is what a span of time looks like, as an anchored pattern that JSON Schema understands too. SpanForms says it
// to people.
const (
	SpanForm = `^(` + timesForm + `|(` + daysForm + `|` + dateForm + `(\.\.` + dateForm + `)?)( ` + timesForm + `)?|` +
		dateForm + ` ` + clockForm + `\.\.` + dateForm + ` ` + clockForm + `)$`
	SpanForms = `write it like "Mon-Thu 09:00-16:00", "Sat,Sun", "22:00-04:00", "2026-12-24", "2026-12-20..2027-01-02" or "2026-12-20 18:00..2027-01-02 08:00"`
)

var spanForm = lazyregexp.New(SpanForm)

// Span is a piece of time: certain hours of certain weekdays or dates, or all the time from one moment to another. It is
// told in wall time and means what the clocks show, also on the days on which they are changed.
type Span struct {
	text        string
	days        [7]bool // by time.Weekday
	first, last date    // both included; zero: any day
	// start to end on each such day; an end that is not after start is on the next day. Without through only.
	start, end clock
	// through: from start on first to end on last, without a pause.
	through bool
}

// String is the span as it was written.
func (s Span) String() string { return s.text }

// ParseSpan reads a span. It fails on what SpanForm does not match, dates that do not exist, and spans that hold nothing.
func ParseSpan(text string) (Span, error) {
	if !spanForm.MatchString(text) {
		return Span{}, fmt.Errorf("%q is no span of time", text)
	}
	s := Span{text: text, end: clock{24, 0}}
	if from, to, ok := strings.Cut(text, ".."); ok && strings.Contains(from, " ") {
		s.through = true
		fromDay, fromClock, _ := strings.Cut(from, " ")
		toDay, toClock, _ := strings.Cut(to, " ")
		s.start, s.end = parseClock(fromClock), parseClock(toClock)
		return s.between(fromDay, toDay)
	}
	days, times, _ := strings.Cut(strings.ReplaceAll(text, ", ", ","), " ")
	if strings.Contains(days, ":") {
		days, times = "Mon-Sun", days
	}
	if times != "" {
		from, to, _ := strings.Cut(times, "-")
		s.start, s.end = parseClock(from), parseClock(to)
		if s.start == s.end {
			return Span{}, fmt.Errorf("%q holds nothing: it ends when it begins; leave the time out for whole days", text)
		}
	}
	if days[0] == '2' {
		from, to, isRange := strings.Cut(days, "..")
		if !isRange {
			to = from
		}
		s.days = [7]bool{true, true, true, true, true, true, true}
		return s.between(from, to)
	}
	for _, part := range strings.Split(days, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		for d := weekday(from); ; d = (d + 1) % 7 {
			s.days[d] = true
			if d == weekday(to) {
				break
			}
		}
	}
	return s, nil
}

// between sets the dates.
func (s Span) between(from, to string) (Span, error) {
	for _, d := range [...]struct {
		text string
		into *date
	}{{from, &s.first}, {to, &s.last}} {
		at, err := time.Parse(time.DateOnly, d.text)
		if err != nil {
			return Span{}, fmt.Errorf("%q: there is no day %s", s.text, d.text)
		}
		*d.into = dateOf(at)
	}
	if s.last.before(s.first) || s.through && s.last == s.first && s.end.minutes() <= s.start.minutes() {
		return Span{}, fmt.Errorf("%q ends before it begins", s.text)
	}
	return s, nil
}

// holds tells whether a wall time lies in the span.
func (s Span) holds(d date, minute int) bool {
	if s.through {
		return !d.before(s.first) && !s.last.before(d) &&
			(d != s.first || minute >= s.start.minutes()) && (d != s.last || minute < s.end.minutes())
	}
	if s.overnight() {
		return s.on(d) && minute >= s.start.minutes() || s.on(d.plus(-1)) && minute < s.end.minutes()
	}
	return s.on(d) && minute >= s.start.minutes() && minute < s.end.minutes()
}

func (s Span) overnight() bool { return s.end.minutes() <= s.start.minutes() }

func (s Span) on(d date) bool {
	return s.days[d.weekday()] && (s.first == date{} || !d.before(s.first) && !s.last.before(d))
}

// parseClock reads what clockForm matches.
func parseClock(text string) clock {
	var c clock
	c.hour = int(text[0]-'0')*10 + int(text[1]-'0')
	c.minute = int(text[3]-'0')*10 + int(text[4]-'0')
	return c
}

// weekday is the day that a word names by its first three letters, in any case; -1: none.
func weekday(word string) int {
	names := []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
	word = strings.ToLower(word)
	return slices.IndexFunc(names, func(n string) bool { return word == n || word == n[:3] })
}
