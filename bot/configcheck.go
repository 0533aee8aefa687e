package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
)

// configFinding is what was found about the configuration that a pull request proposes; stored with it as JSON.
type configFinding struct {
	Touched bool `json:"touched"`
	// Problems are the errors in the pull request's own files; Elsewhere those in files that it does not have.
	Problems  []forge.Annotation `json:"problems,omitempty"`
	Elsewhere []string           `json:"elsewhere,omitempty"`
	// Tests is how many tests of the configuration there are; Unmet tells that the problems are theirs.
	Tests  int    `json:"tests,omitempty"`
	Unmet  bool   `json:"unmet,omitempty"`
	Impact impact `json:"impact"`
}

// wrong tells whether the proposed configuration cannot be used.
func (f configFinding) wrong() bool { return len(f.Problems)+len(f.Elsewhere) > 0 }

// touchesConfig tells whether a change of files concerns the configuration.
func (s *session) touchesConfig(files []string) bool {
	return slices.ContainsFunc(files, func(f string) bool {
		return f == config.FileName || f == config.TestsFileName || s.organizationRepo() && isYAML(f)
	})
}

func isYAML(path string) bool {
	return strings.HasSuffix(path, ".yml") || strings.HasSuffix(path, ".yaml")
}

// findConfig looks at the configuration a pull request proposes: what is wrong with it, and what would change with it. It
// is never used from there.
func (s *session) findConfig(ctx context.Context, pr forge.PullRequest) (configFinding, error) {
	if s.organizationRepo() {
		return s.findOrganization(ctx, pr)
	}
	f := configFinding{Touched: true}
	data, problem, err := readFile(ctx, s.gh, config.FileName, pr.Head.SHA)
	if err != nil {
		return f, err
	}
	if problem != "" {
		f.Problems = []forge.Annotation{{Path: config.FileName, StartLine: 1, EndLine: 1, Level: "failure", Title: "not a file", Message: problem}}
		return f, nil
	}
	source, err := s.organizationSource(ctx)
	if err != nil {
		return f, err
	}
	org, problem, err := source.read(ctx, data)
	if err != nil {
		return f, err
	}
	if problem != "" {
		f.Elsewhere = append(f.Elsewhere, problem)
		return f, nil
	}
	names, err := s.branchNames(ctx)
	if err != nil {
		return f, err
	}
	context := s.b.configContext(s.repo.Owner, s.repo.Name, names)
	context.Organization = org
	proposed, problems := config.Load(data, context)
	f.take(problems)
	if len(problems) > 0 {
		return f, nil
	}
	if err := s.testConfig(ctx, &f, proposed, pr.Head.SHA); err != nil {
		return f, err
	}
	f.Impact, err = s.impact(ctx, proposed)
	return f, err
}

// testConfig runs the tests that the proposed commit has of its configuration.
func (s *session) testConfig(ctx context.Context, f *configFinding, proposed *config.Repo, sha string) error {
	data, problem, err := readFile(ctx, s.gh, config.TestsFileName, sha)
	switch {
	case err != nil:
		return err
	case problem != "":
		f.Problems = append(f.Problems, forge.Annotation{
			Path: config.TestsFileName, StartLine: 1, EndLine: 1, Level: "failure", Title: "not a file", Message: problem,
		})
	case data != nil:
		var failures []*config.Error
		f.Tests, failures = config.RunTests(data, config.TestsFileName, proposed, AllowedCommands)
		f.Unmet = f.Tests > 0 && len(failures) > 0
		f.take(failures)
	}
	return nil
}

// take sorts errors into those that stand in the pull request's files and others.
func (f *configFinding) take(problems []*config.Error) {
	for _, p := range problems {
		message := p.Problem
		if p.Hint != "" {
			message += "\n" + p.Hint
		}
		if path, local := strings.CutPrefix(p.File, localPrefix); local || p.File == config.FileName || p.File == config.TestsFileName {
			line := max(p.Line, 1)
			f.Problems = append(f.Problems, forge.Annotation{
				Path: path, StartLine: line, EndLine: line, Level: "failure", Title: p.Field, Message: message,
			})
			continue
		}
		f.Elsewhere = append(f.Elsewhere, p.Error())
	}
}

// localPrefix marks, in errors about an organization's files, those of the pull request's own repository.
const localPrefix = "./"

// findOrganization looks at the defaults and models that a pull request in the organization's repository proposes, by
// themselves and for each repository of the organization.
func (s *session) findOrganization(ctx context.Context, pr forge.PullRequest) (configFinding, error) {
	f := configFinding{Touched: true}
	proposed := organizationSource{name: s.repo.Owner + "/" + config.OrganizationRepo, gh: s.gh, sha: pr.Head.SHA}
	users, cut, err := s.organizationUsers(ctx)
	if err != nil {
		return f, err
	}
	var files [][]byte // what they extend is read and checked too
	for _, u := range users {
		files = append(files, u.Config)
	}
	org, problem, err := proposed.read(ctx, files...)
	if err != nil {
		return f, err
	}
	if problem != "" {
		f.Problems = []forge.Annotation{{Path: config.FileName, StartLine: 1, EndLine: 1, Level: "failure", Title: "not a file", Message: problem}}
		return f, nil
	}
	local := *org
	local.Prefix = localPrefix
	f.take(config.CheckOrganization(local))
	if !f.wrong() {
		f.Impact, err = s.organizationImpact(ctx, users, org)
		f.Impact.cut(cut)
	}
	return f, err
}

// organizationPull reports sluice/config on a pull request of the organization's repository where Sluice is otherwise not
// active, which it mostly is not there.
func (b *Bot) organizationPull(ctx context.Context, e event.PullRequest) error {
	if !strings.EqualFold(e.From().Repo.Name, config.OrganizationRepo) {
		return nil
	}
	s, err := b.meetRepo(ctx, e.From().Repo.ID, e.From())
	if errors.Is(err, errInactive) || err == nil && s.cfg.Active {
		return nil
	}
	if err != nil {
		return err
	}
	pr, err := s.gh.Pull(ctx, e.Number)
	if err != nil || !pr.Open {
		return ignoreNotFound(err)
	}
	files, known, err := s.gh.PullFiles(ctx, pr.Number)
	if err != nil {
		return err
	}
	org, err := s.storedOrganization()
	if err != nil {
		return err
	}
	var f finding
	if !known || s.touchesConfig(files) {
		if f.Config, err = s.findConfig(ctx, pr); err != nil {
			return err
		}
	} else if org == nil || org.File == nil {
		return nil // nothing of ours is here
	}
	return s.reportCheck(ctx, s.configCheck(&atSHA{sha: pr.Head.SHA, findings: []finding{f}}))
}

// configCheck tells whether the configuration a pull request proposes can be used, and what would change with it.
func (s *session) configCheck(at *atSHA) forge.CheckRun {
	run := forge.CheckRun{Name: CheckConfig, SHA: at.sha, Title: "The configuration is not touched"}
	touched, changes, tests, unmet := false, 0, 0, false
	var elsewhere []string
	var text strings.Builder
	for _, f := range at.findings {
		if f.Unknown != "" {
			run.Title = f.Unknown
			return completed(run, forge.Failure)
		}
		touched = touched || f.Config.Touched
		run.Annotations = append(run.Annotations, f.Config.Problems...)
		elsewhere = append(elsewhere, f.Config.Elsewhere...)
		changes += f.Config.Impact.changes()
		tests += f.Config.Tests
		unmet = unmet || f.Config.Unmet
		text.WriteString(f.Config.Impact.markdown())
	}
	run.Summary = s.configNotice()
	switch {
	case s.repo.ConfigProblem != "":
		run.Title = "The newest configuration cannot be used; the last good one is in force"
	case s.repo.ConfigMisfit != "":
		run.Title = "The configuration names a branch that there is not"
	}
	if !touched {
		return completed(run, forge.Success)
	}
	if said := s.organizationNotice(); said != "" {
		run.Summary = strings.TrimPrefix(run.Summary+"\n\n"+said, "\n\n")
	}
	if n := len(run.Annotations) + len(elsewhere); n > 0 {
		run.Title = fmt.Sprintf("%d problem(s) in the configuration", n)
		if unmet {
			run.Title = fmt.Sprintf("The configuration does not do what %s expects: %d expectation(s) are not met", config.TestsFileName, n)
		}
		var list strings.Builder
		for _, a := range run.Annotations {
			fmt.Fprintf(&list, "- %s, line %d: %s %s\n", code(a.Path), a.StartLine, code(a.Title), prose(a.Message))
		}
		for _, e := range elsewhere {
			fmt.Fprintf(&list, "- %s\n", prose(e))
		}
		run.Text = list.String() + "\n" + text.String()
		return completed(run, forge.Failure)
	}
	run.Title = "The configuration is valid; it takes effect once it is on the default branch"
	if changes > 0 {
		run.Title = fmt.Sprintf("The configuration is valid; %d thing(s) would change once it is on the default branch", changes)
	}
	if tests > 0 {
		run.Summary = strings.TrimPrefix(fmt.Sprintf("%s\n\n%d test(s) of %s pass.", run.Summary, tests, code(config.TestsFileName)), "\n\n")
	}
	run.Text = text.String()
	return completed(run, forge.Success)
}

// cmdConfigCheck answers /config check: the check's own text, found anew.
func (s *session) cmdConfigCheck(ctx context.Context, q *request) (string, error) {
	if q.pr == nil {
		return "", &userError{"`/config check` belongs on a pull request."}
	}
	pr, err := s.gh.Pull(ctx, q.pr.Number)
	if err != nil {
		return "", notThere(err, "GitHub does not know this pull request any more.")
	}
	files, known, err := s.gh.PullFiles(ctx, pr.Number)
	if err != nil {
		return "", err
	}
	if known && !s.touchesConfig(files) {
		return s.finishWith(ctx, q, fmt.Sprintf("This pull request does not touch %s.", code(config.FileName)))
	}
	found, err := s.findConfig(ctx, pr)
	if err != nil {
		return "", err
	}
	run := s.configCheck(&atSHA{sha: pr.Head.SHA, findings: []finding{{Config: found}}})
	text := "**" + run.Title + ".**\n\n" + run.Summary + "\n\n" + run.Text
	if !found.wrong() && found.Impact.changes() == 0 {
		text += "No open pull request, branch or pending promotion would be judged differently."
	}
	return s.finishWith(ctx, q, text)
}
