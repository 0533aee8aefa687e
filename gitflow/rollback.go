package gitflow

// PlanRollback plans going back to an earlier version: hold the environment, mark the release bad, deploy the old digest.
// The hold comes first, so that nothing is promoted between.
func PlanRollback(s State) Plan {
	p := Plan{Name: "rollback"}
	e, r := s.Environment, s.Rollback
	from := r.From
	if from == "" {
		from = e.Runs.Version
	}
	to, refused := s.rollbackTarget(from)
	if refused != "" {
		p.Refused = refused
		return p
	}
	p.Steps = []Step{
		{ID: "hold", Kind: StepHold, Title: text("hold %s until /unpin", e.Name), Environment: e.Name, Message: r.Reason,
			Before: []Text{text("%s ran there before with success, and can be gone back to.", to.Version)},
			Done:   e.Held.By != "" || e.Held.Reason != "", Probe: Probe{Kind: ProbeHeld, Environment: e.Name}},
		{ID: "mark-bad", Kind: StepMarkBad, Title: text("mark %s as bad", from), After: []string{"hold"}, Version: from, Message: r.Reason,
			Before: []Text{"Nothing is promoted over it meanwhile."},
			Done:   r.Bad || s.isBad(from), Probe: Probe{Kind: ProbeMarkedBad, Version: from}},
	}
	deploy := Step{ID: "deploy", Kind: StepDeploy, Title: text("deploy %s to %s again", to.Version, e.Name), After: []string{"hold", "mark-bad"},
		Before:      []Text{"The image is the one that ran before, by digest."},
		Environment: e.Name, Version: to.Version, Digest: to.Digest, SHA: to.SHA,
		Done:  e.Runs.Version == to.Version && same(e.Runs.Digest, to.Digest) && e.Deploying == "",
		Probe: Probe{Kind: ProbeRuns, Environment: e.Name, Version: to.Version, Digest: to.Digest, SHA: to.SHA}}
	switch {
	case deploy.Done:
	case e.Deploying != "":
		deploy.Waiting = text("%s is being deployed to %s.", e.Deploying, e.Name)
	case e.Locked.By != "":
		deploy.Waiting = e.locked()
	}
	p.Steps = append(p.Steps, deploy)
	return p
}

// rollbackTarget finds what to go back to, or says why nothing or not that.
func (s State) rollbackTarget(from string) (Deployed, Text) {
	e, r := s.Environment, s.Rollback
	switch {
	case r.Reason == "":
		return Deployed{}, "Say why, with --reason: it goes into the record of the release."
	case from == "":
		return Deployed{}, text("Nothing runs in %s, so there is nothing to roll back from.", e.Name)
	}
	for _, d := range e.History {
		if d.Version == from && d.Irreversible != "" {
			return Deployed{}, text("%s cannot be rolled back: %s.", from, d.Irreversible)
		}
	}
	valid := s.rollbackTargets(from)
	choices := text("Versions to go back to: %s.", names(versionsOf(valid)))
	if len(valid) == 0 {
		choices = "There is no version to go back to."
	}
	if r.To == "" {
		if len(valid) == 0 {
			return Deployed{}, text("No good version ran in %s before %s.", e.Name, from)
		}
		return valid[0], ""
	}
	if r.To == from {
		return Deployed{}, text("%s is what is rolled back from. ", from) + choices
	}
	for _, d := range valid {
		if d.Version == r.To {
			return d, ""
		}
	}
	for _, d := range e.History {
		switch {
		case d.Version != r.To:
		case d.Missing:
			return Deployed{}, text("The image of %s is no longer in the registry. ", r.To) + choices
		case d.Bad:
			return Deployed{}, text("%s was rolled back itself. ", r.To) + choices
		case !d.Succeeded:
			return Deployed{}, text("%s was never deployed to %s with success. ", r.To, e.Name) + choices
		}
	}
	return Deployed{}, text("%s was never deployed to %s. ", r.To, e.Name) + choices
}

// rollbackTargets are the versions that ran well before, newest first, each once.
func (s State) rollbackTargets(from string) []Deployed {
	var out []Deployed
	seen := map[string]bool{from: true}
	for _, d := range s.Environment.History {
		if seen[d.Version] || !d.Succeeded || d.Missing || s.isBad(d.Version) {
			continue
		}
		seen[d.Version] = true
		out = append(out, d)
	}
	return out
}

func (s State) isBad(version string) bool {
	for _, d := range s.Environment.History {
		if d.Version == version && d.Bad {
			return true
		}
	}
	return false
}

func versionsOf(list []Deployed) []string {
	out := make([]string, len(list))
	for i, d := range list {
		out[i] = d.Version
	}
	return out
}
