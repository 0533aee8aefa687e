package calendar

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func windows(t testing.TB, zone string, allow, deny []string) Windows {
	t.Helper()
	z, err := LoadZone(zone)
	if err != nil {
		t.Fatal(err)
	}
	w := Windows{Zone: z}
	for _, l := range []struct {
		texts []string
		into  *[]Span
	}{{allow, &w.Allow}, {deny, &w.Deny}} {
		for _, text := range l.texts {
			s, err := ParseSpan(text)
			if err != nil {
				t.Fatal(err)
			}
			*l.into = append(*l.into, s)
		}
	}
	return w
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestOpening(t *testing.T) {
	week := []string{"Mon-Thu 09:00-16:00"}
	for name, c := range map[string]struct {
		zone        string
		allow, deny []string
		at, want    string // want: the opening; "never"
	}{
		"open":                                {"Europe/Berlin", week, nil, "2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z"},
		"before it opens":                     {"Europe/Berlin", week, nil, "2026-11-23T07:59:59Z", "2026-11-23T08:00:00Z"},
		"the end is not in it":                {"Europe/Berlin", week, nil, "2026-11-23T15:00:00Z", "2026-11-24T08:00:00Z"},
		"over the weekend":                    {"Europe/Berlin", week, nil, "2026-11-26T15:00:00Z", "2026-11-30T08:00:00Z"},
		"in summer an hour earlier":           {"Europe/Berlin", week, nil, "2026-10-24T12:00:00+02:00", "2026-10-26T09:00:00+01:00"},
		"and in spring back":                  {"Europe/Berlin", week, nil, "2027-03-27T12:00:00+01:00", "2027-03-29T09:00:00+02:00"},
		"over midnight":                       {"UTC", []string{"Fri 22:00-02:00"}, nil, "2026-11-21T01:59:00Z", "2026-11-21T01:59:00Z"},
		"over midnight, over":                 {"UTC", []string{"Fri 22:00-02:00"}, nil, "2026-11-21T02:00:00Z", "2026-11-27T22:00:00Z"},
		"the other night is not in it":        {"UTC", []string{"Fri 22:00-02:00"}, nil, "2026-11-22T01:00:00Z", "2026-11-27T22:00:00Z"},
		"around the week's end":               {"UTC", []string{"Sat-Mon"}, nil, "2026-11-24T00:00:00Z", "2026-11-28T00:00:00Z"},
		"a list":                              {"UTC", []string{"Mon, Wed 10:00-24:00"}, nil, "2026-11-24T00:00:00Z", "2026-11-25T10:00:00Z"},
		"a freeze by dates":                   {"Europe/Berlin", week, []string{"2026-12-20..2027-01-02"}, "2026-12-21T10:00:00Z", "2027-01-04T08:00:00Z"},
		"a freeze ends with its last day":     {"Europe/Berlin", nil, []string{"2026-12-20..2027-01-02"}, "2026-12-21T10:00:00Z", "2027-01-02T23:00:00Z"},
		"one day":                             {"UTC", nil, []string{"2026-12-24"}, "2026-12-24T10:00:00Z", "2026-12-25T00:00:00Z"},
		"from a moment to another":            {"UTC", nil, []string{"2026-12-20 18:00..2027-01-02 08:00"}, "2026-12-20T18:00:00Z", "2027-01-02T08:00:00Z"},
		"before that moment":                  {"UTC", nil, []string{"2026-12-20 18:00..2027-01-02 08:00"}, "2026-12-20T17:59:00Z", "2026-12-20T17:59:00Z"},
		"hours of a date":                     {"UTC", nil, []string{"2026-12-31 22:00-02:00"}, "2027-01-01T01:00:00Z", "2027-01-01T02:00:00Z"},
		"a deny in an allow":                  {"UTC", []string{"09:00-17:00"}, []string{"Fri 12:00-24:00"}, "2026-11-27T13:00:00Z", "2026-11-28T09:00:00Z"},
		"never":                               {"UTC", []string{"2026-01-01"}, nil, "2026-11-27T13:00:00Z", "never"},
		"an hour that is left out":            {"Europe/Berlin", []string{"02:30-03:30"}, nil, "2027-03-28T01:30:00+01:00", "2027-03-28T03:00:00+02:00"},
		"only the hour that is left out":      {"Europe/Berlin", []string{"2027-03-28 02:00-03:00", "2027-04-01"}, nil, "2027-03-28T00:00:00+01:00", "2027-04-01T00:00:00+02:00"},
		"an hour that comes twice":            {"Europe/Berlin", []string{"02:30-03:30"}, nil, "2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00"},
		"its second time":                     {"Europe/Berlin", []string{"02:30-02:45"}, nil, "2026-10-25T02:50:00+02:00", "2026-10-25T02:30:00+01:00"},
		"clocks lead back into a window":      {"Europe/Berlin", []string{"01:00-02:30"}, nil, "2026-10-25T02:40:00+02:00", "2026-10-25T02:00:00+01:00"},
		"a zone without changes":              {"Asia/Kolkata", week, nil, "2026-11-23T00:00:00Z", "2026-11-23T03:30:00Z"},
		"a zone where midnight is left out":   {"Africa/Cairo", []string{"Fri 00:00-04:00"}, nil, "2026-04-23T23:00:00+02:00", "2026-04-24T01:00:00+03:00"},
		"a zone that changes by half an hour": {"Australia/Lord_Howe", []string{"02:15-03:00"}, nil, "2026-10-04T01:00:00+10:30", "2026-10-04T02:30:00+11:00"},
	} {
		t.Run(name, func(t *testing.T) {
			w := windows(t, c.zone, c.allow, c.deny)
			got := "never"
			if opens, ok := w.Opening(at(t, c.at)); ok {
				got = opens.In(at(t, c.at).Location()).Format(time.RFC3339)
				if c.want != "never" && opens.Equal(at(t, c.want)) {
					return
				}
			}
			if got != c.want {
				t.Errorf("opens %s, want %s", got, c.want)
			}
		})
	}
}

// The opening that is named is the first moment that is open, in any zone, around the days on which clocks are changed:
// minute by minute nothing before it is open.
func TestOpeningIsTheFirstOpenMoment(t *testing.T) {
	spans := rapid.Custom(func(t *rapid.T) string {
		clock := rapid.Custom(func(t *rapid.T) string {
			return time.Date(0, 1, 1, rapid.IntRange(0, 4).Draw(t, "hour")*rapid.SampledFrom([]int{1, 5}).Draw(t, "late"),
				rapid.SampledFrom([]int{0, 15, 30}).Draw(t, "minute"), 0, 0, time.UTC).Format("15:04")
		})
		days := rapid.SampledFrom([]string{"", "Sun ", "Sat-Mon ", "Fri,Sun ", "2026-10-24..2026-10-26 ", "2027-03-28 "}).Draw(t, "days")
		from, to := clock.Draw(t, "from"), clock.Draw(t, "to")
		if from == to {
			to = "24:00"
		}
		return days + from + "-" + to
	})
	rapid.Check(t, func(rt *rapid.T) {
		w := windows(t, rapid.SampledFrom([]string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC"}).Draw(rt, "zone"),
			rapid.SliceOfN(spans, 0, 2).Draw(rt, "allow"), rapid.SliceOfN(spans, 0, 2).Draw(rt, "deny"))
		start := rapid.SampledFrom([]string{"2026-10-24T20:00:00Z", "2027-03-27T20:00:00Z", "2026-10-31T22:00:00Z", "2027-03-14T00:00:00Z", "2026-10-03T12:00:00Z", "2026-04-23T18:00:00Z"}).Draw(rt, "start")
		now := at(t, start).Add(time.Duration(rapid.IntRange(0, 12*60).Draw(rt, "later")) * time.Minute)
		opens, ok := w.Opening(now)
		if ok && !w.Open(opens) {
			rt.Fatalf("opens at %s, when it is closed", opens)
		}
		for m := now; m.Before(now.Add(48 * time.Hour)); m = m.Add(time.Minute) {
			if ok && !m.Before(opens) {
				return
			}
			if w.Open(m) {
				rt.Fatalf("it is open at %s, and was said to open at %s (%v)", m, opens, ok)
			}
		}
	})
}

func TestParseSpanRefuses(t *testing.T) {
	for _, text := range []string{
		"", "always", "Mon-", "mon 09:00-10:00", "Mon 9:00-10:00", "Mon 09:00", "Mon 09:00-25:00", "09:00-09:00", "2026-02-30",
		"2026-12-20..2026-12-19", "2026-12-20 18:00..2026-12-20 18:00", "2026-13-01", "Mon  09:00-10:00", "2026-12-20 ..2026-12-21", "24:00-09:00",
	} {
		if _, err := ParseSpan(text); err == nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestParseMoment(t *testing.T) {
	berlin, err := LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := at(t, "2026-11-21T12:00:00+01:00") // a Saturday
	for text, want := range map[string]string{
		"2026-11-21T18:00:00+01:00": "2026-11-21T18:00:00+01:00",
		"2026-11-21T17:00:00Z":      "2026-11-21T18:00:00+01:00",
		"2026-11-21 18:00":          "2026-11-21T18:00:00+01:00",
		"2027-07-01  18:00":         "2027-07-01T18:00:00+02:00",
		"18:00":                     "2026-11-21T18:00:00+01:00",
		"11:00":                     "2026-11-22T11:00:00+01:00",
		"12:00":                     "2026-11-22T12:00:00+01:00",
		"Friday 18:00":              "2026-11-27T18:00:00+01:00",
		"sat 18:00":                 "2026-11-21T18:00:00+01:00",
		"Sat 11:00":                 "2026-11-28T11:00:00+01:00",
		"2027-10-31 02:30":          "2027-10-31T02:30:00+01:00", // the later of the two
		"2027-03-28 02:30":          `there is no 02:30 on 2027-03-28 in Europe/Berlin: the clocks go forward over it`,
		"2026-11-20 18:00":          `"2026-11-20 18:00" is over already`,
		"2026-02-30 18:00":          `there is no day 2026-02-30`,
		"tomorrow":                  `"tomorrow" is no time: write it like "2026-11-21 18:00", "18:00", "Friday 18:00" or 2026-11-21T18:00:00+01:00 (Europe/Berlin)`,
		"Freitag 18:00":             `"Freitag 18:00" is no time: write it like "2026-11-21 18:00", "18:00", "Friday 18:00" or 2026-11-21T18:00:00+01:00 (Europe/Berlin)`,
		"25:00":                     `"25:00" is no time: write it like "2026-11-21 18:00", "18:00", "Friday 18:00" or 2026-11-21T18:00:00+01:00 (Europe/Berlin)`,
	} {
		got, err := ParseMoment(text, now, berlin)
		said := got.In(berlin).Format(time.RFC3339)
		if err != nil {
			said = err.Error()
		}
		if said != want {
			t.Errorf("%q: %s, want %s", text, said, want)
		}
	}
}

func TestFormat(t *testing.T) {
	berlin, err := LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"2026-11-23T08:00:00Z": "Mon 2026-11-23 09:00 Europe/Berlin",
		"2026-10-25T00:30:00Z": "Sun 2026-10-25 02:30 CEST (Europe/Berlin)",
		"2026-10-25T01:30:00Z": "Sun 2026-10-25 02:30 CET (Europe/Berlin)",
	} {
		if got := Format(at(t, text), berlin); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestLoadZone(t *testing.T) {
	for name, ok := range map[string]bool{"UTC": true, "Europe/Berlin": true, "": false, "Local": false, "local": false, "Europe/Bärlin": false, "../etc/passwd": false} {
		if _, err := LoadZone(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
