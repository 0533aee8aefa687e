package bot

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/calendar"
	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/pipeline"
)

// clause is one thing that a configuration says, in words.
type clause struct {
	what, says string
	// rest is what the words leave out; two that say the same may differ in it.
	rest string
}

// settings compares what holds for everything.
func (i *impact) settings(now, then *config.Repo) {
	was := settingsOf(now, now, then)
	for n, s := range settingsOf(then, now, then) {
		if was[n].says == s.says && was[n].rest != s.rest {
			s.says += " (with other settings)"
		}
		i.add(s.what, was[n].says, s.says)
	}
}

// settingsOf lists what a configuration says about everything that one of both knows of, always in the same order.
func settingsOf(r, now, then *config.Repo) []clause {
	out := []clause{
		{what: "mode", says: code(string(r.Mode))},
		{what: "application", says: code(r.App)},
		{what: "image name", says: code(r.ImageName)},
		{what: "production branch", says: code(r.Names.Production)},
		{what: "development branch", says: code(r.Names.Development)},
		{what: "bugfix branches", says: cmp.Or(codes(r.Names.Bugfix), "none")},
		{what: "release branches", says: code(r.Names.Release)},
		{what: "hotfix branches", says: code(r.Names.Hotfix)},
		{what: "support branches", says: code(r.Names.Support)},
		{what: "ignored branches", says: cmp.Or(codes(r.Names.Ignore), "none")},
		{what: "releases open at once", says: fmt.Sprintf("at most %d", r.Names.MaxOpenReleases)},
		{what: "the next release", says: fmt.Sprintf("a %s version at least", r.Versioning.Next)},
		{what: "hotfix 17 of 1.4.0", says: map[config.HotfixVersions]string{config.HotfixSuffix: "`1.4.0-hotfix-17`", config.HotfixPatch: "`1.4.1`"}[r.Versioning.Hotfix]},
		{what: "git tags", says: code(r.Versioning.Tag.String())},
		{what: "the commit in image tags", says: fmt.Sprintf("%d digits", r.Versioning.RevisionLength)},
		{what: "registry of development", says: codeOr(r.Registries.Development, "none")},
		{what: "registry of production", says: codeOr(r.Registries.Production, "none")},
		{what: "the end of a release", says: code(string(r.Finish.Order))},
		{what: "its branch", says: map[bool]string{true: "deleted", false: "kept"}[r.Finish.DeleteBranch]},
		{what: "secrets in commits", says: code(string(r.Secrets.Mode))},
		{what: "secrets that are allowed", says: fmt.Sprint(len(r.Secrets.Allow)), rest: restOf(r.Secrets.Allow)},
	}
	for _, kind := range pipelineKinds() {
		out = append(out, pipelineSetting(r, kind+" pipeline", kind))
	}
	environments := maps.Clone(now.Environments)
	maps.Copy(environments, then.Environments)
	for _, name := range slices.Sorted(maps.Keys(environments)) {
		out = append(out, environmentSettings(r.Environment(name))...)
	}
	return append(out, componentSettings(r, now, then)...)
}

func pipelineKinds() []string {
	return []string{
		pipeline.KindFeature, pipeline.KindBugfix, pipeline.KindDevelopment, pipeline.KindRelease, pipeline.KindHotfix,
		pipeline.KindProduction, pipeline.KindSupport,
	}
}

func pipelineSetting(r *config.Repo, what, kind string) clause {
	def, ok := r.Pipeline(kind, config.Revision{})
	if !ok {
		return clause{what: what, says: "none"}
	}
	names := make([]string, len(def.Stages))
	for i, st := range def.Stages {
		names[i] = st.Name
	}
	return clause{what: what, says: codes(names), rest: restOf(def)}
}

// environmentSettings are those of one environment.
func environmentSettings(e config.Environment) []clause {
	of := " " + code(e.Name)
	out := []clause{
		{what: "deployment to" + of, says: codeOr(e.Deploy.Uses, "only recorded"), rest: restOf(e.Deploy.With)},
		{what: "who approves" + of, says: approversOf(e.Approve)},
		{what: "approvals of" + of, says: approvalRules(e.Approve)},
		{what: "windows of" + of, says: windowsText(e.Windows)},
		{what: "a freeze of" + of, says: map[bool]string{true: "lets hotfixes pass", false: "stops everything"}[e.Freeze.Hotfix]},
		{what: "who may borrow" + of, says: map[bool]string{true: "a hotfix", false: "nobody"}[e.Borrow == config.BorrowHotfix]},
		{what: "rolled back in" + of, says: rollbackText(e)},
	}
	if e.Name != pipeline.EnvironmentProduction {
		return out
	}
	keys := make([]string, len(e.Verify.Keys))
	for i, k := range e.Verify.Keys {
		keys[i] = k.ID[:min(len(k.ID), 12)]
	}
	return append(out,
		clause{what: "who promotes to" + of, says: keepersOr(e.Promote.Teams, e.Promote.Users, "release managers")},
		clause{what: "the last approval", says: map[bool]string{true: "starts the promotion", false: "does not: `/promote` does"}[e.Promote.Auto]},
		clause{what: "who promotes in an emergency", says: keepersOr(e.Emergency.Teams, e.Emergency.Users, "admins")},
		clause{what: "images are signed by", says: map[bool]string{true: codes(keys), false: "nobody has to"}[len(keys) > 0], rest: restOf(e.Verify.Keys)},
		clause{what: "soak before" + of, says: fmt.Sprintf("%s, hotfixes %s", hours(e.Soak.Release), hours(e.Soak.Hotfix))},
	)
}

// componentSettings are those of the components that one of both configurations has.
func componentSettings(r, now, then *config.Repo) []clause {
	var out []clause
	has := map[string][]config.Component{}
	for _, c := range slices.Concat(now.Components, then.Components) {
		has[c.Name] = append(has[c.Name], c)
	}
	for _, name := range slices.Sorted(maps.Keys(has)) {
		of := "component " + code(name)
		i := slices.IndexFunc(r.Components, func(c config.Component) bool { return c.Name == name })
		if i < 0 {
			out = append(out, clause{what: of, says: "there is none"}, clause{what: of + ", registries"})
		} else {
			own := r.Component(name).Registries
			out = append(out, clause{what: of, says: codes(r.Components[i].Paths)},
				clause{what: of + ", registries", says: codeOr(own.Development, "none") + ", " + codeOr(own.Production, "none")})
		}
		for _, kind := range pipelineKinds() {
			own := slices.ContainsFunc(has[name], func(c config.Component) bool { return c.Configures(kind) })
			if own { // what it has from the repository is told there
				s := pipelineSetting(r.Component(name), of+", "+kind+" pipeline", kind)
				if i < 0 {
					s = clause{what: s.what}
				}
				out = append(out, s)
			}
		}
	}
	return out
}

// approversOf says how many must approve, and who may.
func approversOf(a *config.Approve) string {
	if a == nil {
		return "nobody has to"
	}
	return fmt.Sprintf("%d of %s", a.Count, keepersOr(a.Teams, a.Users, "whoever may write"))
}

// approvalRules says what else holds for approvals.
func approvalRules(a *config.Approve) string {
	if a == nil {
		return "none"
	}
	rules := []string{"expire after " + hours(a.Expires), map[bool]string{true: "no reminder", false: "reminder after " + hours(a.Remind)}[a.Remind == 0]}
	if a.AllowAuthor {
		rules = append(rules, "authors may give them")
	}
	if a.Reviews {
		rules = append(rules, "reviews count")
	}
	if e := a.Escalate; e.After > 0 {
		rules = append(rules, fmt.Sprintf("after %s %s are called", hours(e.After), keepersOr(e.Teams, e.Users, "nobody")))
	}
	return strings.Join(rules, ", ")
}

func windowsText(w config.Windows) string {
	var rules []string
	spans := func(word string, list []calendar.Span) {
		if len(list) > 0 {
			all := make([]string, len(list))
			for i, s := range list {
				all[i] = s.String()
			}
			rules = append(rules, word+" "+codes(all))
		}
	}
	spans("only", w.Allow)
	spans("never", w.Deny)
	if len(rules) == 0 {
		rules = []string{"always"}
	}
	if w.Zone != nil && w.Zone != time.UTC {
		rules = append(rules, "in "+code(w.Zone.String()))
	}
	if w.Hotfix {
		rules = append(rules, "hotfixes always")
	}
	return strings.Join(rules, ", ")
}

func rollbackText(e config.Environment) string {
	switch {
	case e.RollbackOnFailure && e.RollbackOnAlarm:
		return "what failed, and what an alarm ended"
	case e.RollbackOnFailure:
		return "what failed"
	case e.RollbackOnAlarm:
		return "what an alarm ended"
	}
	return "nothing"
}

func keepersOr(teams, users []string, otherwise string) string {
	if names := keeperNames(teams, users); names != "" {
		return names
	}
	return otherwise
}

func codeOr(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return code(name)
}

// restOf is a value in a form that can be compared.
func restOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
