package calendar

import (
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Moments says to people what ParseMoment reads.
const Moments = `"2026-11-21 18:00", "18:00", "Friday 18:00" or 2026-11-21T18:00:00+01:00`

var (
	onDateRE = lazyregexp.New(`^(` + dateForm + `) (` + clockForm + `)$`)
	onDayRE  = lazyregexp.New(`^([A-Za-z]+) (` + clockForm + `)$`)
	clockRE  = lazyregexp.New(`^` + clockForm + `$`)
)

// ParseMoment reads a moment after now, as people write it: RFC 3339, a date and a time, or the next time that it is so
// late, on a weekday or at all. All but RFC 3339 are told in zone. Of an hour that the clocks strike twice the later one
// is meant: nobody who waits is to begin too early. An error is one sentence.
func ParseMoment(text string, now time.Time, zone *time.Location) (time.Time, error) {
	text = strings.Join(strings.Fields(text), " ")
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return later(text, at, now)
	}
	today := dateOf(now.In(zone))
	switch {
	case onDateRE.MatchString(text):
		m := onDateRE.FindStringSubmatch(text)
		day, err := time.Parse(time.DateOnly, m[1])
		if err != nil {
			return time.Time{}, fmt.Errorf("there is no day %s", m[1])
		}
		at, err := shown(dateOf(day), parseClock(text[len(text)-5:]), zone)
		if err != nil {
			return at, err
		}
		return later(text, at, now)
	case clockRE.MatchString(text):
		return next(today, 1, parseClock(text), now, zone)
	case onDayRE.MatchString(text):
		name, _, _ := strings.Cut(text, " ")
		if d := weekday(name); d >= 0 {
			ahead := (d - int(today.weekday()) + 7) % 7
			return next(today.plus(ahead), 7, parseClock(text[len(text)-5:]), now, zone)
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write it like %s (%s)", text, Moments, zone)
}

// next is the first of the days, every so many from the first on, on which the clocks show a time after now.
func next(d date, every int, c clock, now time.Time, zone *time.Location) (time.Time, error) {
	for {
		at, err := shown(d, c, zone)
		if err != nil || at.After(now) {
			return at, err
		}
		d = d.plus(every)
	}
}

func later(text string, at, now time.Time) (time.Time, error) {
	if !at.After(now) {
		return time.Time{}, fmt.Errorf("%q is over already", text)
	}
	return at, nil
}

// shown is when the clocks show a time on a day, for the last time.
func shown(d date, c clock, zone *time.Location) (time.Time, error) {
	all := moments(d, c, zone)
	if len(all) == 0 {
		return time.Time{}, fmt.Errorf("there is no %02d:%02d on %s in %s: the clocks go forward over it", c.hour, c.minute, d.utc().Format(time.DateOnly), zone)
	}
	return all[len(all)-1], nil
}
