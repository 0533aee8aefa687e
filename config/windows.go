package config

import (
	"time"

	"github.com/sluicehq/sluice/calendar"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

var spanRE = lazyregexp.New(calendar.SpanForm)

// Windows say when may be deployed to an environment.
type Windows struct {
	calendar.Windows // its Zone is never nil; default UTC
	// Hotfix lets hotfixes pass while the windows are closed. Default false.
	Hotfix bool
}

// Freeze says whom a freeze of an environment does not stop.
type Freeze struct {
	Hotfix bool // hotfixes pass; default false
}

// Soak is how long a version must have run without a failure in the environment before, until it may be promoted.
type Soak struct {
	Release, Hotfix time.Duration // 0: not at all, the default
}

func windowsSpec() *spec {
	spans := func(doc string) *spec {
		return &spec{kind: listValue, single: true, maxItems: 50, doc: doc,
			elem: &spec{kind: textValue, pattern: spanRE, maxLen: 100, valid: badSpan, form: calendar.SpanForms}}
	}
	return &spec{kind: objectValue, doc: "When may be deployed. Outside of it deployments and promotions wait, and go on by themselves.", fields: []field{
		{"allow", false, spans("Spans in which may be deployed: weekdays, dates, hours. Without it, always.")},
		{"deny", false, spans("Spans in which may not, though allow says so: holidays, year's end.")},
		{"timezone", false, &spec{kind: textValue, maxLen: 64, def: "UTC", valid: badZone, form: "a name of the IANA database, such as Europe/Berlin",
			doc: "Time zone of the spans, and of times in commands that name this environment."}},
		{"hotfix", false, hotfixSpec("hotfixes deploy while the windows are closed")},
	}}
}

func freezeSpec() *spec {
	return &spec{kind: objectValue, doc: "What /freeze does to this environment.", fields: []field{
		{"hotfix", false, hotfixSpec("hotfixes deploy though the environment is frozen, and the record says so")},
	}}
}

func hotfixSpec(doc string) *spec {
	return &spec{kind: wordValue, words: []string{"wait", "always"}, def: "wait", doc: "always: " + doc + "; wait: they wait like everything."}
}

func soakSpec(def, doc string) *spec {
	return &spec{kind: durationValue, shortest: time.Minute, longest: 60 * day, zero: true, def: def, doc: doc}
}

func badSpan(text string) (problem string) {
	if _, err := calendar.ParseSpan(text); err != nil {
		return err.Error()
	}
	return ""
}

func badZone(text string) (problem string) {
	if _, err := calendar.LoadZone(text); err != nil {
		return err.Error()
	}
	return ""
}

// timing reads when an environment may be deployed to.
func (d *decoder) timing(n *node, e *Environment) {
	w := d.find(n, "windows")
	e.Windows = Windows{Windows: calendar.Windows{Zone: time.UTC}, Hotfix: d.text(w, "wait", "hotfix") == "always"}
	if zone, err := calendar.LoadZone(d.text(w, "UTC", "timezone")); err == nil {
		e.Windows.Zone = zone
	}
	e.Windows.Allow, e.Windows.Deny = d.spans(w, "allow"), d.spans(w, "deny")
	e.Freeze.Hotfix = d.text(d.find(n, "freeze"), "wait", "hotfix") == "always"
	e.Soak.Release = d.duration(n, 0, "soak")
	e.Soak.Hotfix = d.duration(n, e.Soak.Release, "soak_hotfix")
}

func (d *decoder) spans(n *node, key string) []calendar.Span {
	var out []calendar.Span
	for _, text := range d.texts(n, nil, key) {
		if s, err := calendar.ParseSpan(text); err == nil {
			out = append(out, s)
		}
	}
	return out
}
