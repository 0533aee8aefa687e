package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// AlarmRules say which alarms of AWS are about which environments of which repositories. The zero AlarmRules: none is about any.
type AlarmRules struct{ rules []alarmRule }

// alarmRule is one of them. Without an environment, or with a pattern as repository, the alarm says in its description what it is
// about, and the rule says what it may name.
type alarmRule struct {
	source            *regexp.Regexp // of an ARN
	repo, environment string
}

// AlarmPlace is what an alarm is about.
type AlarmPlace struct{ Owner, Repo, Environment string }

var (
	topicARN = lazyregexp.New(`^arn:(aws|aws-cn|aws-us-gov):sns:[a-z0-9-]{2,32}:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$`)
	// described is how an alarm says in its description what it is about: sluice:owner/repo:environment, between blanks.
	described       = lazyregexp.New(`(?:^|\s)sluice:([A-Za-z0-9_.-]+)/([A-Za-z0-9_.-]+):([A-Za-z0-9_./-]*[A-Za-z0-9_-])`)
	environmentName = lazyregexp.New(`^[A-Za-z0-9_./-]{1,100}$`)
)

// ParseAlarmRules reads comma separated rules of the form ARN=owner/repo:environment. In the ARN, of alarms or of a topic, *
// stands for any text; the repository may be a glob, and the environment left out. Every bad rule is an error (Problem and Hint only).
func ParseAlarmRules(list string) (AlarmRules, []*Error) {
	rules, errs := readRules(list, "write it like arn:aws:cloudwatch:eu-west-1:111122223333:alarm:payments-*=acme/payments:production", readAlarm)
	return AlarmRules{rules}, errs
}

func readAlarm(item string) (rule alarmRule, problem string) {
	source, about, ok := strings.Cut(item, "=")
	repo, environment, named := strings.Cut(strings.TrimSpace(about), ":")
	source = strings.TrimSpace(source)
	switch {
	case !ok:
		return rule, fmt.Sprintf("%.80q has no =", item)
	case !strings.HasPrefix(source, "arn:") || len(source) > maxGlob:
		return rule, fmt.Sprintf("%.80q is no ARN", source)
	case badRepoGlob(repo) != "":
		return rule, badRepoGlob(repo)
	case named && !environmentName.MatchString(environment):
		return rule, fmt.Sprintf("%.80q is not the name of an environment", environment)
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(source), `\*`, `.*`)
	return alarmRule{regexp.MustCompile(`\A(?s:` + pattern + `)\z`), strings.ToLower(repo), environment}, ""
}

// IsZero tells whether there are no rules.
func (g AlarmRules) IsZero() bool { return len(g.rules) == 0 }

// Places tells what an alarm is about, by the ARNs it is known by (its own, that of its topic) and its description.
func (g AlarmRules) Places(arns []string, description string) []AlarmPlace {
	var out []AlarmPlace
	add := func(p AlarmPlace) {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	for _, r := range g.rules {
		if !slices.ContainsFunc(arns, r.source.MatchString) {
			continue
		}
		if owner, repo, _ := strings.Cut(r.repo, "/"); r.environment != "" && !strings.ContainsAny(r.repo, `*?[{\`) {
			add(AlarmPlace{owner, repo, r.environment})
			continue
		}
		for _, m := range described.FindAllStringSubmatch(description, -1) {
			if matchRepo(r.repo, m[1], m[2]) && (r.environment == "" || r.environment == m[3]) {
				add(AlarmPlace{strings.ToLower(m[1]), strings.ToLower(m[2]), m[3]})
			}
		}
	}
	return out
}
