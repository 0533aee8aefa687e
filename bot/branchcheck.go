package bot

import (
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
)

// branchCheck tells whether the pull requests at a SHA keep to the flow.
func (s *session) branchCheck(at *atSHA) forge.CheckRun {
	run := forge.CheckRun{Name: CheckBranch, SHA: at.sha}
	offer := "" // the base that the only pull request could have instead
	var text strings.Builder
	conclusion := forge.Success
	for i, p := range at.pulls {
		f := at.findings[i]
		if len(at.pulls) > 1 {
			fmt.Fprintf(&text, "## #%d: %s into %s\n\n", p.Number, code(p.HeadBranch), code(p.BaseBranch))
		}
		if o := at.overriding(CheckBranch, p); o != nil && (f.Unknown != "" || !f.Verdict.Pass) {
			if run.Title == "" {
				run.Title = "Overridden by " + o.By.Login
			}
			text.WriteString(overriddenText(o))
			writeVerdict(&text, f.Verdict)
			continue
		}
		if f.Unknown != "" {
			conclusion, run.Title = forge.Failure, f.Unknown
			continue
		}
		if run.Title == "" || !f.Verdict.Pass {
			run.Title = f.Verdict.Title.String()
		}
		if !f.Verdict.Pass {
			conclusion = forge.Failure
		}
		for _, why := range s.stopped(at.stops, p, p.BaseBranch) {
			if f.Verdict.Pass { // what is wrong with it for good comes first
				run.Title = why
			}
			conclusion = forge.Failure
			fmt.Fprintf(&text, "### %s\n\n", prose(why))
		}
		writeVerdict(&text, f.Verdict)
		if base := otherBase(f.Verdict); base != "" && len(at.pulls) == 1 {
			offer = base
		}
	}
	run.Summary = text.String()
	if offer != "" {
		run.Summary += fmt.Sprintf("The button **Change base** makes %s the base; so does `/retarget`.\n", code(offer))
		run.Buttons = offered(buttonBase)
	}
	return s.secretsCheck(completed(run, conclusion), at)
}

// writeVerdict writes what was found about one pull request: what is wrong and how to mend it first, then what passed.
func writeVerdict(b *strings.Builder, v gitflow.Verdict) {
	for _, x := range v.Violations {
		fmt.Fprintf(b, "### %s\n\n%s\n\n", x.Problem.Markdown(code), x.Remedy.Markdown(code))
		if len(x.Commands) > 0 {
			b.WriteString(codeBlock("sh", strings.Join(x.Commands, "\n")) + "\n")
		}
		writeCommits(b, x.Commits)
	}
	mark := map[gitflow.Outcome]string{gitflow.Passed: "passed", gitflow.Failed: "**failed**", gitflow.Noted: "note", gitflow.Skipped: "does not apply"}
	if len(v.Sections) > 0 {
		b.WriteString("| Rule | Result | |\n|---|---|---|\n")
		for _, sec := range v.Sections {
			fmt.Fprintf(b, "| %s | %s | %s |\n", sec.Rule, mark[sec.Outcome], strings.ReplaceAll(sec.Text.Markdown(code), "|", "\\|"))
		}
		b.WriteString("\n")
	}
}

// writeCommits names the commits that a rule has something against.
func writeCommits(b *strings.Builder, commits []gitflow.Commit) {
	if len(commits) == 0 {
		return
	}
	b.WriteString("Commits that do not belong here:\n\n")
	for i, c := range commits {
		if i == 20 {
			fmt.Fprintf(b, "- and %d more\n", len(commits)-i)
			break
		}
		fmt.Fprintf(b, "- %s %s (%s)\n", short(c.SHA), code(c.Subject), code(c.Author))
	}
	b.WriteString("\n")
}
