package gitflow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// allClear is a repository in which nothing stands in the way.
func allClear() PreflightFacts {
	return PreflightFacts{Names: standard, Version: "1.4.0", Branch: "release/1.4.0", Tag: "v1.4.0", MergeCommits: true, AppID: 7, Reviews: -1,
		Pull: Pull{Number: 10, Head: "release/1.4.0", Base: "master", Open: true, Mergeable: Yes}, Checks: []CheckFact{},
		Finish: OwnBranch{Name: "sluice/finish-1.4.0"}, Backmerge: OwnBranch{Name: "backmerge/3f9c2ab-to-development"}}
}

func TestPreflight(t *testing.T) {
	required := func(context string, app int64) []RuleFact {
		return []RuleFact{{Type: "required_status_checks", Ruleset: "main rules", Checks: []RequiredCheck{{Context: context, AppID: app}}}}
	}
	named := func(kind, operator, pattern string) []RuleFact {
		return []RuleFact{{Type: kind, Ruleset: "names", Pattern: NamePattern{Operator: operator, Text: pattern}}}
	}
	const fatal, later, noted = "fatal", "later", "noted"
	for name, c := range map[string]struct {
		change func(*PreflightFacts)
		want   []string // weight, rule, step
	}{
		"nothing in the way": {func(f *PreflightFacts) {}, nil},
		"archived":           {func(f *PreflightFacts) { f.Archived = true }, []string{fatal + " archived tag"}},
		"no merge commits":   {func(f *PreflightFacts) { f.MergeCommits = false }, []string{fatal + " allow_merge_commit merge:production"}},
		"a conflict":         {func(f *PreflightFacts) { f.Pull.Mergeable = No }, []string{fatal + " mergeable merge:production"}},
		"a conflict of a pull request merged already": {func(f *PreflightFacts) { f.Pull.Mergeable, f.Pull.Merged = No, true }, nil},
		"mergeability not known yet":                  {func(f *PreflightFacts) { f.Pull.Mergeable = Unknown }, nil},
		"linear history on production":                {func(f *PreflightFacts) { f.Production = []RuleFact{{Type: "required_linear_history"}} }, []string{fatal + " required_linear_history merge:production"}},
		"linear history on development":               {func(f *PreflightFacts) { f.Development = []RuleFact{{Type: "required_linear_history"}} }, []string{fatal + " required_linear_history backmerge:development"}},
		"linear history that the App may bypass":      {func(f *PreflightFacts) { f.Production = []RuleFact{{Type: "required_linear_history", Bypass: true}} }, nil},
		"a merge queue on production":                 {func(f *PreflightFacts) { f.Production = []RuleFact{{Type: "merge_queue"}} }, []string{fatal + " merge_queue merge:production"}},
		"a merge queue on development":                {func(f *PreflightFacts) { f.Development = []RuleFact{{Type: "merge_queue"}} }, []string{noted + " merge_queue backmerge:development"}},
		"pull requests required":                      {func(f *PreflightFacts) { f.Production = []RuleFact{{Type: "pull_request"}} }, nil},
		"squash only": {func(f *PreflightFacts) {
			f.Production = []RuleFact{{Type: "pull_request", MergeMethods: []string{"squash", "rebase"}}}
		}, []string{fatal + " pull_request merge:production"}},
		"squash only on development": {func(f *PreflightFacts) {
			f.Development = []RuleFact{{Type: "pull_request", MergeMethods: []string{"squash"}}}
		}, []string{fatal + " pull_request backmerge:development"}},
		"merge among the methods": {func(f *PreflightFacts) {
			f.Production = []RuleFact{{Type: "pull_request", MergeMethods: []string{"squash", "merge"}}}
		}, nil},
		"a review is missing": {func(f *PreflightFacts) {
			f.Production, f.Reviews = []RuleFact{{Type: "pull_request", Reviews: 2}}, 1
		}, []string{later + " pull_request merge:production"}},
		"reviews are there": {func(f *PreflightFacts) {
			f.Production, f.Reviews = []RuleFact{{Type: "pull_request", Reviews: 2}}, 2
		}, nil},
		"somebody requests changes": {func(f *PreflightFacts) {
			f.Production, f.Reviews, f.ChangesBy = []RuleFact{{Type: "pull_request", Reviews: 1}}, 1, "eve"
		}, []string{later + " pull_request merge:production"}},
		"reviews of back-merges are told":  {func(f *PreflightFacts) { f.Development = []RuleFact{{Type: "pull_request", Reviews: 1}} }, []string{noted + " pull_request backmerge:development"}},
		"reviews were not asked for":       {func(f *PreflightFacts) { f.Production = []RuleFact{{Type: "pull_request", Reviews: 2}} }, nil},
		"our own check is required":        {func(f *PreflightFacts) { f.Production = required("sluice/promotion", 7) }, nil},
		"our own check from anyone":        {func(f *PreflightFacts) { f.Production = required("sluice/promotion", 0) }, nil},
		"our own check from another App":   {func(f *PreflightFacts) { f.Production = required("sluice/promotion", 8) }, []string{fatal + " required_status_checks merge:production"}},
		"a foreign check has not reported": {func(f *PreflightFacts) { f.Production = required("ci", 0) }, []string{later + " required_status_checks merge:production"}},
		"a foreign check runs":             {func(f *PreflightFacts) { f.Production, f.Checks = required("ci", 0), []CheckFact{{Context: "ci"}} }, []string{later + " required_status_checks merge:production"}},
		"a foreign check failed": {func(f *PreflightFacts) {
			f.Production, f.Checks = required("ci", 0), []CheckFact{{Context: "ci", Failed: true}}
		}, []string{fatal + " required_status_checks merge:production"}},
		"a foreign check passed": {func(f *PreflightFacts) {
			f.Production, f.Checks = required("ci", 0), []CheckFact{{Context: "ci", Passed: true}}
		}, nil},
		"a check passed in the wrong App": {func(f *PreflightFacts) {
			f.Production, f.Checks = required("ci", 3), []CheckFact{{Context: "ci", AppID: 4, Passed: true}}
		}, []string{later + " required_status_checks merge:production"}},
		"checks before there is a release": {func(f *PreflightFacts) { f.Production, f.Checks, f.Pull = required("ci", 0), nil, Pull{} }, nil},
		"checks required for development":  {func(f *PreflightFacts) { f.Development = required("ci", 0) }, nil},
		"the check of promotions is required for development": {func(f *PreflightFacts) {
			f.Development = required("sluice/promotion", 7)
		}, []string{fatal + " required_status_checks backmerge:development"}},
		"the check of promotions is required for candidates": {func(f *PreflightFacts) {
			f.Releases = append(required("sluice/promotion", 0), required("sluice/branch", 0)...)
		}, []string{noted + " required_status_checks branch"}},
		"other checks of ours are required everywhere": {func(f *PreflightFacts) {
			f.Development, f.Releases = required("sluice/pipeline", 0), required("sluice/config", 7)
		}, nil},
		"updates restricted":           {func(f *PreflightFacts) { f.Production = []RuleFact{{Type: "update"}} }, []string{fatal + " update merge:production"}},
		"updates of the candidate":     {func(f *PreflightFacts) { f.Releases = []RuleFact{{Type: "update"}} }, []string{noted + " update merge:production"}},
		"creation of release branches": {func(f *PreflightFacts) { f.Pull, f.Releases = Pull{}, []RuleFact{{Type: "creation"}} }, []string{fatal + " creation branch"}},
		"creation of tags":             {func(f *PreflightFacts) { f.Tags = []RuleFact{{Type: "creation"}} }, []string{fatal + " creation tag"}},
		"tags that never move are welcome": {func(f *PreflightFacts) {
			f.Tags = []RuleFact{{Type: "update"}, {Type: "deletion"}, {Type: "non_fast_forward"}}
		}, nil},
		"creation of production is old": {func(f *PreflightFacts) {
			f.Production = []RuleFact{{Type: "creation"}, {Type: "deletion"}, {Type: "non_fast_forward"}}
		}, nil},
		"deletion of release branches": {func(f *PreflightFacts) { f.Releases = []RuleFact{{Type: "deletion"}} }, []string{noted + " deletion delete"}},
		"signatures":                   {func(f *PreflightFacts) { f.Production = []RuleFact{{Type: "required_signatures"}} }, []string{noted + " required_signatures merge:production"}},
		"deployments required": {func(f *PreflightFacts) {
			f.Production = []RuleFact{{Type: "required_deployments", Environments: []string{"production"}}}
		}, []string{noted + " required_deployments merge:production"}},
		"deployments required before merge": {func(f *PreflightFacts) {
			f.Order = MergeThenDeploy
			f.Production = []RuleFact{{Type: "required_deployments", Environments: []string{"production"}}}
		}, []string{fatal + " required_deployments merge:production"}},
		"workflows required": {func(f *PreflightFacts) { f.Production = []RuleFact{{Type: "workflows"}} }, []string{noted + " workflows merge:production"}},
		"a message pattern": {func(f *PreflightFacts) {
			f.Production = []RuleFact{{Type: "commit_message_pattern", Pattern: NamePattern{Operator: "regex", Text: "^JIRA"}}}
		}, []string{noted + " commit_message_pattern merge:production"}},
		"a tag name pattern that passes":  {func(f *PreflightFacts) { f.Tags = named("tag_name_pattern", "regex", "^v") }, nil},
		"a tag name pattern that refuses": {func(f *PreflightFacts) { f.Tags = named("tag_name_pattern", "starts_with", "release-") }, []string{fatal + " tag_name_pattern tag"}},
		"a tag name pattern of tomorrow":  {func(f *PreflightFacts) { f.Tags = named("tag_name_pattern", "sounds_like", "v") }, []string{noted + " tag_name_pattern tag"}},
		"a name for release branches": {func(f *PreflightFacts) {
			f.Pull, f.Releases = Pull{}, named("branch_name_pattern", "contains", "feature/")
		}, []string{fatal + " branch_name_pattern branch"}},
		"a release branch that is there": {func(f *PreflightFacts) {
			f.Releases = append(named("branch_name_pattern", "contains", "feature/"), RuleFact{Type: "creation"})
		}, nil},
		"back-merge branches may not be made": {func(f *PreflightFacts) {
			f.Backmerge.Rules = []RuleFact{{Type: "creation"}}
		}, []string{fatal + " creation backmerge:development"}},
		"names of back-merge branches": {func(f *PreflightFacts) {
			f.Backmerge.Rules = named("branch_name_pattern", "ends_with", "-to-main")
		}, []string{fatal + " branch_name_pattern backmerge:development"}},
		"names of back-merge branches pass": {func(f *PreflightFacts) { f.Backmerge.Rules = named("branch_name_pattern", "starts_with", "backmerge/") }, nil},
		"back-merge branches do not move": {func(f *PreflightFacts) {
			f.Backmerge.Rules = []RuleFact{{Type: "update"}, {Type: "pull_request"}, {Type: "required_status_checks"}}
		}, []string{noted + " update backmerge:development", noted + " pull_request backmerge:development", noted + " required_status_checks backmerge:development"}},
		"back-merge branches begin where checks passed": {func(f *PreflightFacts) {
			f.Backmerge.Rules = []RuleFact{{Type: "required_status_checks", OnCreate: true}}
		}, []string{noted + " required_status_checks backmerge:development"}},
		"finish branches do not move": {func(f *PreflightFacts) {
			f.Finish.Rules = []RuleFact{{Type: "update"}, {Type: "pull_request"}, {Type: "required_status_checks"}}
		}, nil},
		"finish branches begin where checks passed": {func(f *PreflightFacts) {
			f.Finish.Rules = []RuleFact{{Type: "required_status_checks", OnCreate: true}}
		}, []string{noted + " required_status_checks merge:production"}},
		"a rule that cannot be read": {func(f *PreflightFacts) {
			f.Production = []RuleFact{{Type: "required_linear_history"}, {Type: "pull_request", Unread: true}}
		}, []string{fatal + " required_linear_history merge:production", noted + " pull_request merge:production"}},
		"back-merge branches stay": {func(f *PreflightFacts) {
			f.Backmerge.Rules = []RuleFact{{Type: "deletion"}, {Type: "non_fast_forward"}}
		}, []string{noted + " deletion delete"}},
		"finish branches may not be made": {func(f *PreflightFacts) {
			f.Finish.Rules = []RuleFact{{Type: "creation"}}
		}, []string{noted + " creation merge:production"}},
		"commits without a signature": {func(f *PreflightFacts) {
			f.Production, f.Unsigned = []RuleFact{{Type: "required_signatures"}}, []Commit{{SHA: "abc", Author: "dev"}}
		}, []string{fatal + " required_signatures merge:production"}},
		"commits without a signature for the candidate": {func(f *PreflightFacts) {
			f.Releases, f.Unsigned = []RuleFact{{Type: "required_signatures"}}, []Commit{{SHA: "abc", Author: "dev"}}
		}, []string{noted + " required_signatures branch"}},
		"a rule of tomorrow":                {func(f *PreflightFacts) { f.Production = []RuleFact{{Type: "quantum_review"}} }, []string{noted + " quantum_review merge:production"}},
		"workflow files without permission": {func(f *PreflightFacts) { f.WorkflowFiles = []string{".github/workflows/ci.yml"} }, []string{fatal + " workflows permission merge:production"}},
		"workflow files with permission": {func(f *PreflightFacts) {
			f.WorkflowFiles, f.MayWriteWorkflows = []string{".github/workflows/ci.yml"}, true
		}, nil},
		"too many files to tell": {func(f *PreflightFacts) { f.FilesTruncated = true }, []string{noted + " workflows permission merge:production"}},
		"the fatal ones come first": {func(f *PreflightFacts) {
			f.FilesTruncated = true
			f.Production = append(required("ci", 0), RuleFact{Type: "required_linear_history"})
		}, []string{fatal + " required_linear_history merge:production", later + " required_status_checks merge:production", noted + " workflows permission merge:production"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := allClear()
			c.change(&f)
			var got []string
			for _, o := range Preflight(f) {
				got = append(got, strings.Join([]string{[...]string{fatal, later, noted}[o.weight()], o.Rule, o.Step}, " "))
				if !strings.HasSuffix(o.Problem.String(), ".") || !strings.HasSuffix(o.Remedy.String(), ".") {
					t.Errorf("%s: problem and remedy are sentences, got %q and %q", o.Rule, o.Problem, o.Remedy)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("obstacles (-want +got):\n%s", diff)
			}
		})
	}
}
