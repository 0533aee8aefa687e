package gitflow

import (
	"regexp"
	"slices"
	"strings"
)

// OwnBranch is a branch that Sluice would make, with the rules for its name.
type OwnBranch struct {
	Name  string
	Rules []RuleFact
}

// NeedsPull tells whether a branch with these rules is merged into by pull request only, so that Sluice makes a branch of
// its own for a back-merge.
func NeedsPull(rules []RuleFact) bool {
	return slices.ContainsFunc(rules, func(r RuleFact) bool {
		return r.BypassByPull || !r.Bypass && (r.Type == "pull_request" || r.Type == "merge_queue")
	})
}

// ownRule judges a rule for a branch of Sluice's own. A back-merge cannot do without, where it has to be a pull request; the
// end of a release can, as long as its own pull request is merged.
func (f PreflightFacts) ownRule(r role, rule RuleFact, o Obstacle) []Obstacle {
	own, into := f.Backmerge, f.Names.Development
	if r == roleFinish {
		own, into = f.Finish, f.Names.Production
	}
	switch rule.Type {
	case "creation":
		o.Problem = text("Only bypass actors may create %s%s, by which Sluice merges into %s.", own.Name, rule.where(), into)
	case "branch_name_pattern":
		fits, known := rule.Pattern.allows(own.Name)
		if fits && known {
			return nil
		}
		o.Problem = text("Branch names must match %s%s, and Sluice merges into %s by %s.", rule.Pattern.String(), rule.where(), into, own.Name)
		if !known {
			o.Remedy = "If the pattern does not let it pass, add the App to the bypass list of that rule."
			return []Obstacle{o}
		}
	case "update", "pull_request":
		if r == roleFinish {
			return nil // nothing is put on top of what was approved
		}
		how := "Only bypass actors may update %s%s"
		if rule.Type == "pull_request" {
			how = "%s takes changes by pull request only%s"
		}
		o.Problem = text(how+", so that a conflict cannot be resolved on it, nor can what is new in %s be merged in.", own.Name, rule.where(), into)
		o.Remedy = "Leave such names out of that rule, or add the App and those who resolve conflicts to its bypass list."
		return []Obstacle{o}
	case "required_status_checks":
		switch {
		case rule.OnCreate:
			o.Problem = text("%s may only be made at a commit where the required checks have passed%s.", own.Name, rule.where())
		case r == roleBackmerge:
			o.Problem = text("%s takes only commits where the required checks have passed%s, so that a conflict cannot be resolved by a push to it.", own.Name, rule.where())
		default:
			return nil
		}
		o.Remedy = "Leave such names out of that rule, or add the App to its bypass list."
		return []Obstacle{o}
	case "deletion":
		o.Step = "delete"
		o.Problem = text("%s may not be deleted%s; it will stay.", own.Name, rule.where())
		o.Remedy = "Add the App to the bypass list of that rule, or delete such branches by hand."
		return []Obstacle{o}
	default:
		return nil
	}
	o.Fatal = r == roleBackmerge
	o.Remedy = "Add the App to the bypass list of that rule, or leave such names out of it."
	return []Obstacle{o}
}

// nameRule judges a pattern that a name must match which is to be made.
func (f PreflightFacts) nameRule(name string, rule RuleFact, one func(fatal bool, problem, remedy Text) []Obstacle) []Obstacle {
	switch fits, known := rule.Pattern.allows(name); {
	case fits && known:
		return nil
	case known:
		return one(true, text("%s is no name that the rules allow: it must match %s%s.", name, rule.Pattern.String(), rule.where()),
			"Add the App to the bypass list of that rule, or change the names in .github/sluice.yml.")
	}
	return one(false, text("The name %s must match %s%s.", name, rule.Pattern.String(), rule.where()),
		"If the pattern does not let it pass, add the App to the bypass list of that rule.")
}

// NamePattern is what a rule demands of names or messages. Operator is starts_with, ends_with, contains or regex (RE2);
// Negate turns it round. The zero NamePattern: not known.
type NamePattern struct {
	Operator, Text string
	Negate         bool
}

// String is the pattern for people.
func (p NamePattern) String() string {
	out := strings.ReplaceAll(p.Operator, "_", " ") + " " + p.Text
	if p.Negate {
		return "not: " + out
	}
	return out
}

// allows tells whether a name passes; known is false for a pattern that cannot be judged here.
func (p NamePattern) allows(name string) (fits, known bool) {
	switch p.Operator {
	case "starts_with":
		fits = strings.HasPrefix(name, p.Text)
	case "ends_with":
		fits = strings.HasSuffix(name, p.Text)
	case "contains":
		fits = strings.Contains(name, p.Text)
	case "regex":
		re, err := regexp.Compile(p.Text)
		if err != nil {
			return false, false
		}
		fits = re.MatchString(name)
	default:
		return false, false
	}
	return fits != p.Negate, true
}

// maxUnsigned is how many unsigned commits are named.
const maxUnsigned = 5

// unsigned names the commits whose signatures could not be verified.
func (f PreflightFacts) unsigned() Text {
	var named []Text
	for i, c := range f.Unsigned {
		if i == maxUnsigned {
			named = append(named, text("%d more", len(f.Unsigned)-i))
			break
		}
		named = append(named, text("%s by %s", Text(short(c.SHA)), c.Author))
	}
	return join(named)
}
