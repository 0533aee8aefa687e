package sarif

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxMessage is how much of a result's message is kept, in bytes.
const maxMessage = 2000

// longestMessage is how long a message may become when its arguments are put in, in bytes.
const longestMessage = 1 << 20

// result reads one result. ok is false for what is no problem: passed, not applicable, gone since the baseline.
func (n *run) result(r *result, workspace string, mask func(string) string) (Result, bool) {
	rule, tool := n.rule(r)
	out := Result{
		Tool: line(mask(cmp.Or(tool, "analyser")), 80), Rule: line(mask(cmp.Or(r.RuleID, r.Rule.ID, rule.ID, "(no rule)")), 200),
		Suppressed: r.suppressed(), Known: r.Baseline == "unchanged" || r.Baseline == "updated",
	}
	if r.Baseline == "absent" || r.Kind != "" && r.Kind != "fail" && r.Kind != "open" && r.Kind != "review" {
		return Result{}, false
	}
	out.Level = n.level(r, rule)
	if s := max(r.Properties.Severity, rule.Properties.Severity); s.level().rank() > out.Level.rank() {
		out.Level = s.level()
	}
	if out.Level == None {
		return Result{}, false
	}
	out.Message = cut(mask(r.Message.in(rule)), maxMessage)
	if len(r.Locations) > 0 {
		p := r.Locations[0].Physical
		out.Path = n.path(p.Artifact, workspace)
		out.Line = max(p.Region.StartLine, 1)
		out.EndLine = max(p.Region.EndLine, out.Line)
	}
	out.print = r.print(out)
	return out, true
}

// rule finds the descriptor of a result's rule: by index, else by ID, in the driver or the extension that is named.
func (n *run) rule(r *result) (found rule, tool string) {
	of := n.Tool.Driver
	if c := r.Rule.Component; c != nil && c.Index != nil && *c.Index >= 0 && *c.Index < len(n.Tool.Extensions) {
		of = n.Tool.Extensions[*c.Index]
	}
	index := r.RuleIndex
	if index == nil {
		index = r.Rule.Index
	}
	if index != nil && *index >= 0 && *index < len(of.Rules) {
		return of.Rules[*index], n.Tool.Driver.Name
	}
	id := cmp.Or(r.RuleID, r.Rule.ID)
	for id != "" { // a rule may be reported with a part of it: CA1000/1
		for _, candidate := range of.Rules {
			if candidate.ID == id {
				return candidate, n.Tool.Driver.Name
			}
		}
		id = id[:max(0, strings.LastIndexByte(id, '/'))]
	}
	return rule{}, n.Tool.Driver.Name
}

// level is the standard's: the result's own, else that of the rule as it was configured, else warning.
func (n *run) level(r *result, of rule) Level {
	if r.Level.rank() > 0 {
		return r.Level
	}
	if r.Kind == "open" || r.Kind == "review" {
		return Note // not a problem before somebody has looked
	}
	for _, i := range n.Invocations {
		for _, o := range i.RuleOverrides {
			if o.Descriptor.ID != "" && o.Descriptor.ID == of.ID && o.Configuration.Level.rank() > 0 {
				return o.Configuration.Level
			}
		}
	}
	if of.Default.Level.rank() > 0 {
		return of.Default.Level
	}
	return Warning
}

// suppressed: there is a suppression, and none that is under review or was turned down.
func (r *result) suppressed() bool {
	for _, s := range r.Suppressions {
		if s.Status == "underReview" || s.Status == "rejected" {
			return false
		}
	}
	return len(r.Suppressions) > 0
}

// in is the message as text, with its arguments put in; what is far too long is left out.
func (m message) in(of rule) string {
	text := m.Text
	if text == "" {
		text = of.Messages[m.ID].Text
	}
	var b strings.Builder
	for rest := text; rest != ""; {
		before, after, open := strings.Cut(rest, "{")
		b.WriteString(before)
		if !open {
			break
		}
		number, behind, closed := strings.Cut(after, "}")
		i, err := strconv.Atoi(number)
		switch {
		case closed && err == nil && i >= 0 && i < len(m.Arguments):
			b.WriteString(m.Arguments[i])
			rest = behind
		default:
			b.WriteString("{")
			rest = after
		}
		if b.Len() > longestMessage {
			break
		}
	}
	text = strings.TrimSpace(b.String())
	if text == "" {
		return "(no message)"
	}
	return text
}

// print is what makes two results the same: the tool's fingerprints, else rule, place and message.
func (r *result) print(out Result) string {
	parts := []string{out.Tool, out.Rule, out.Path}
	prints := r.Fingerprints
	if len(prints) == 0 {
		prints = r.Partial
	}
	if len(prints) == 0 {
		parts = append(parts, strconv.Itoa(out.Line), out.Message)
	}
	for _, k := range slices.Sorted(maps.Keys(prints)) {
		parts = append(parts, k, prints[k])
	}
	return strings.Join(parts, "\x00")
}

// line is text as one line of at most n bytes.
func line(s string, n int) string { return cut(strings.Join(strings.Fields(s), " "), n) }

// cut keeps the first n bytes, whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
