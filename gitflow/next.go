package gitflow

import "strings"

// NextStep is the one next action for a release or hotfix, in one sentence of plain text, for check titles. It names who
// must act where somebody must. Untrusted names stand in double quotes.
func NextStep(s State) string {
	if s.Head == "" && s.Pull.Number == 0 && !s.promoting() && !s.deployed() {
		if next, ok := nextOf(PlanStart(s)); ok {
			return next
		}
	}
	if s.bad() {
		return text("%s was rolled back; the next version takes its place.", s.Version).String()
	}
	if next, ok := nextOf(PlanPromote(s)); ok {
		return next
	}
	if next, ok := nextOf(PlanFinish(s)); ok {
		return next
	}
	return text("%s is released.", s.Version).String()
}

// nextOf is the first thing a plan needs. What needs a person comes before what needs only time, and a step that can be done
// now before both, except behind gates: those are all looked at first.
func nextOf(p Plan) (string, bool) {
	if p.Refused != "" {
		return p.Refused.String(), true
	}
	if next, ok := p.Next(); ok {
		return sentence(next.Title), true
	}
	open := p.Blocked()
	for _, s := range open {
		if s.Waiting != "" && s.Blocked == "" && s.ID == "candidate" {
			return s.Waiting.String(), true // nobody can do anything before the candidate is there
		}
	}
	for _, s := range open {
		if s.Blocked != "" {
			return s.Blocked.String(), true
		}
	}
	for _, s := range open {
		if s.Waiting != "" {
			return s.Waiting.String(), true
		}
	}
	return "", false
}

// sentence makes one of a step's title.
func sentence(title Text) string { return "Next: " + strings.TrimSuffix(title.String(), ".") + "." }
