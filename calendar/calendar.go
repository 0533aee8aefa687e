// Package calendar tells when something may be done: deployment windows and freezes in a time zone of the IANA database,
// across the days on which clocks are changed, and the times of day that people write in commands. It knows no clock:
// every question carries the moment it is about. The database of time zones is part of the program.
package calendar

import (
	"fmt"
	"strings"
	"time"

	_ "time/tzdata" // the machine may have no database of time zones, or an old one
)

// LoadZone finds a time zone by its name in the IANA database, such as Europe/Berlin or UTC. Names that depend on the
// machine ("Local", the empty one) are errors.
func LoadZone(name string) (*time.Location, error) {
	if name == "" || strings.EqualFold(name, "local") {
		return nil, fmt.Errorf("%q is no name of a time zone", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("there is no time zone %q in the IANA database", name)
	}
	return zone, nil
}

// Format writes a moment for people, with the zone it is told in: "Mon 2026-11-23 09:00 Europe/Berlin". Of an hour that
// the clocks strike twice it says which, by the zone's abbreviation. Seconds are left out.
func Format(t time.Time, zone *time.Location) string {
	local := t.In(zone)
	if len(moments(dateOf(local), clock{local.Hour(), local.Minute()}, zone)) > 1 {
		return local.Format("Mon 2006-01-02 15:04 MST") + " (" + zone.String() + ")"
	}
	return local.Format("Mon 2006-01-02 15:04 ") + zone.String()
}

// clock is a time of day. 24:00 is the end of the day.
type clock struct{ hour, minute int }

func (c clock) minutes() int { return c.hour*60 + c.minute }

// date is a day of the calendar, without a zone.
type date struct {
	year  int
	month time.Month
	day   int
}

func dateOf(t time.Time) date {
	y, m, d := t.Date()
	return date{y, m, d}
}

// utc is the day's beginning in UTC: for reckoning with days only.
func (d date) utc() time.Time { return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC) }

func (d date) plus(days int) date { return dateOf(d.utc().AddDate(0, 0, days)) }

func (d date) weekday() time.Weekday { return d.utc().Weekday() }

func (d date) before(e date) bool { return d.utc().Before(e.utc()) }

// moments are when the clocks of a zone show a time on a day: once as a rule, twice in the hour that is repeated when
// clocks go back, not at all in the hour that is left out when they go forward.
func moments(d date, c clock, zone *time.Location) []time.Time {
	wall := time.Date(d.year, d.month, d.day, c.hour, c.minute, 0, 0, time.UTC)
	var found []time.Time
	for _, near := range [...]time.Duration{-26 * time.Hour, 26 * time.Hour} { // no zone changes its clocks twice within two days
		_, offset := wall.Add(near).In(zone).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if _, is := at.In(zone).Zone(); is == offset && (len(found) == 0 || !found[0].Equal(at)) {
			found = append(found, at)
		}
	}
	if len(found) == 2 && found[1].Before(found[0]) {
		found[0], found[1] = found[1], found[0]
	}
	return found
}

// change is the moment at which the clocks of a zone are changed around a wall time that they do not show.
func change(d date, c clock, zone *time.Location) time.Time {
	wall := time.Date(d.year, d.month, d.day, c.hour, c.minute, 0, 0, time.UTC)
	_, before := wall.Add(-26 * time.Hour).In(zone).Zone()
	_, end := wall.Add(-26 * time.Hour).In(zone).ZoneBounds()
	if end.IsZero() { // no change at all: the wall time is shown
		return wall.Add(-time.Duration(before) * time.Second)
	}
	return end
}
