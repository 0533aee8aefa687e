package bot

import (
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
)

// flowCommits turns GitHub's commits into gitflow's.
func flowCommits(in []forge.Commit) []gitflow.Commit {
	out := make([]gitflow.Commit, len(in))
	for i, c := range in {
		out[i] = flowCommit(c)
	}
	return out
}

func flowCommit(c forge.Commit) gitflow.Commit {
	subject, _, _ := strings.Cut(c.Message, "\n")
	author := c.Author.Login
	if author == "" {
		author = c.AuthorName
	}
	out := gitflow.Commit{SHA: c.SHA, Parents: c.Parents, Subject: subject, Author: author}
	out.Verified = c.Verified
	out.Reverts, out.Picks = gitflow.Trailers(c.Message)
	return out
}

// flowPull turns a pull request into gitflow's.
func flowPull(p forge.PullRequest) gitflow.Pull {
	mergeable := gitflow.Unknown
	if p.Mergeable != nil {
		mergeable = gitflow.No
		if *p.Mergeable {
			mergeable = gitflow.Yes
		}
	}
	return gitflow.Pull{
		Number: p.Number, Head: p.Head.Branch, Base: p.Base.Branch, HeadSHA: p.Head.SHA,
		Open: p.Open, Draft: p.Draft, Merged: p.Merged, MergeSHA: p.MergeSHA,
		Mergeable: mergeable, Behind: p.MergeableState == "behind",
	}
}

// flowRules turns GitHub's rules into gitflow's.
func flowRules(in []forge.Rule) []gitflow.RuleFact {
	out := make([]gitflow.RuleFact, len(in))
	for i, r := range in {
		f := gitflow.RuleFact{
			Type: r.Type, Ruleset: r.Ruleset, Reviews: r.RequiredReviews, MergeMethods: r.MergeMethods, Pattern: gitflow.NamePattern(r.Pattern), Environments: r.Environments, OnCreate: r.OnCreate, Strict: r.Strict,
			Unread: !r.Known,
			Bypass: r.Bypass == forge.BypassAlways, BypassByPull: r.Bypass == forge.BypassPulls,
		}
		for _, c := range r.RequiredChecks {
			f.Checks = append(f.Checks, gitflow.RequiredCheck{Context: c.Context, AppID: c.AppID})
		}
		out[i] = f
	}
	return out
}

// checkFacts turns foreign check runs and statuses into gitflow's: the newest of each name counts.
func checkFacts(runs []forge.CheckRun, statuses []forge.CommitStatus, ours int64) []gitflow.CheckFact {
	var out []gitflow.CheckFact
	for _, r := range runs {
		if r.AppID == ours {
			continue
		}
		f := gitflow.CheckFact{Context: r.Name, AppID: r.AppID}
		if r.Status == "completed" {
			switch r.Conclusion {
			case forge.Success, "neutral", "skipped":
				f.Passed = true
			default:
				f.Failed = true
			}
		}
		out = append(out, f)
	}
	for _, st := range statuses {
		out = append(out, gitflow.CheckFact{
			Context: st.Context, Passed: st.State == "success", Failed: st.State == "failure" || st.State == "error",
		})
	}
	return out
}

// branchNames lists the names.
func branchNames(in []forge.Branch) []string {
	out := make([]string, len(in))
	for i, b := range in {
		out[i] = b.Name
	}
	return out
}
