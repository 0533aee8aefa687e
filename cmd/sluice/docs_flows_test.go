package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
)

// flowParts are the generated parts of docs/flows.md: what the rules allow, what runs, and the plans, step by step.
func flowParts(t *testing.T) map[string]string {
	t.Helper()
	release := gitflow.State{
		Names: gitflow.DefaultNames(nil), Kind: gitflow.KindRelease, Version: "1.4.0", Branch: "release/1.4.0", Tag: "v1.4.0",
		Start:       gitflow.StartFacts{From: "3f2a9c1", Green: gitflow.Yes, OnLine: gitflow.Yes, Changes: 1},
		Production:  gitflow.Line{Branch: "master", SHA: "5d1e7b0"},
		Development: gitflow.Line{Branch: "development", SHA: "3f2a9c1"},
		Releases:    []gitflow.Line{{Branch: "release/1.5.0", SHA: "9b0c4d2"}},
		Candidate:   gitflow.Candidate{SHA: "8c4f1a6", Digest: "sha256:…"},
		Approvals:   gitflow.Approvals{Needed: 1, Eligible: 1},
		Environment: gitflow.Environment{Name: "production"},
	}
	hotfix := release
	hotfix.Kind, hotfix.Version, hotfix.Branch, hotfix.Tag = gitflow.KindHotfix, "1.4.0-hotfix-17", "hotfix/17", "v1.4.0-hotfix-17"
	hotfix.Start.From = "5d1e7b0"
	back := release
	back.Environment.Runs = gitflow.Deployed{Version: "1.4.0", SHA: "8c4f1a6", Digest: "sha256:…", Succeeded: true}
	back.Environment.History = []gitflow.Deployed{back.Environment.Runs, {Version: "1.3.0", SHA: "5d1e7b0", Digest: "sha256:…", Succeeded: true}}
	back.Rollback = gitflow.RollbackFacts{Reason: "wrong totals"}
	other := release
	other.Order = gitflow.MergeThenDeploy
	return map[string]string{
		"rules":             mergeRules(),
		"pipelines":         defaultPipelines(t),
		"release":           planDiagram(gitflow.PlanStart(release)) + planDiagram(gitflow.PlanPromote(release)) + planDiagram(gitflow.PlanFinish(release)),
		"hotfix":            planDiagram(gitflow.PlanStart(hotfix)) + planDiagram(gitflow.PlanFinish(hotfix)),
		"merge-then-deploy": planDiagram(gitflow.PlanPromote(other)) + planDiagram(gitflow.PlanFinish(other)),
		"rollback":          planDiagram(gitflow.PlanRollback(back)),
	}
}

// mergeRules asks the rules about each kind of branch into each other one.
func mergeRules() string {
	heads := []string{"issue-543", "bugfix/totals", "development", "release/1.4.0", "hotfix/17", "backmerge/production-5d1e7b0", "support/1.3"}
	bases := []string{"master", "development", "release/1.5.0", "hotfix/18", "support/1.4"}
	names := gitflow.DefaultNames(nil)
	title := func(branch string) string { return fmt.Sprintf("%s `%s`", names.Classify(branch).Kind, branch) }
	heading := "from \\ into"
	for _, b := range bases {
		heading += "|" + title(b)
	}
	var rows [][]string
	for _, h := range heads {
		row := []string{title(h)}
		for _, b := range bases {
			facts := gitflow.PullFacts{Number: 1, Open: true, Head: h, Base: b, HeadSHA: "8c4f1a6", OpenReleases: []string{"release/1.4.0", "release/1.5.0"}}
			verdict := gitflow.CheckPull(names, facts)
			answer := "yes"
			// Where the names are in order the rules ask for commits next, which are not given here.
			if slices.ContainsFunc(verdict.Violations, func(v gitflow.Violation) bool { return v.Rule != gitflow.RuleUnknown }) {
				answer = "–"
			}
			row = append(row, answer)
		}
		rows = append(rows, row)
	}
	return table(heading, rows)
}

// defaultPipelines are the pipelines of a repository without a file.
func defaultPipelines(t *testing.T) string {
	t.Helper()
	outline := func(kind string, local bool) string {
		c := config.Default(config.Context{Owner: "acme", RepoName: "orders", Branches: []string{"master", "development"}, LocalExecutors: local})
		d, ok := c.Pipeline(kind, config.Revision{Buildspec: "buildspec.yml"})
		if !ok {
			t.Fatalf("no pipeline for %s", kind)
		}
		var stages []string
		for _, s := range d.Stages {
			var actions []string
			for _, a := range s.Actions {
				action := "`" + a.Uses + "`"
				if a.Environment != "" {
					action += " " + a.Environment
				}
				actions = append(actions, action)
			}
			stages = append(stages, s.Name+": "+strings.Join(actions, ", "))
		}
		return strings.Join(stages, " → ")
	}
	var rows [][]string
	for _, kind := range []string{
		pipeline.KindFeature, pipeline.KindBugfix, pipeline.KindDevelopment, pipeline.KindRelease,
		pipeline.KindHotfix, pipeline.KindSupport, pipeline.KindProduction,
	} {
		rows = append(rows, []string{kind, string(pipeline.DefaultMode(kind)), outline(kind, false), outline(kind, true)})
	}
	return table("Branch|Mode|With the repository's own checks|With a `buildspec.yml`, where builds may run on Sluice's host", rows)
}

// planDiagram draws a plan: gates as hexagons in one box, effects as boxes, an arrow for what must be done before.
func planDiagram(p gitflow.Plan) string {
	id := func(s string) string {
		return strings.NewReplacer(":", "_", "/", "_", ".", "_", "-", "_").Replace(p.Name + "_" + s)
	}
	label := func(s string) string { return strings.NewReplacer(`"`, "'", "#", "no. ").Replace(s) }
	var gates, steps, arrows strings.Builder
	isGate := map[string]bool{}
	for _, s := range p.Steps {
		if s.Kind == gitflow.StepGate {
			isGate[s.ID] = true
			fmt.Fprintf(&gates, "    %s{{\"%s\"}}\n", id(s.ID), label(s.Title.String()))
			continue
		}
		fmt.Fprintf(&steps, "  %s[\"%s\"]\n", id(s.ID), label(s.Title.String()))
		drawn := map[string]bool{}
		for _, a := range s.After {
			from := id(a)
			if isGate[a] {
				from = id("gates") // a step asks for all of them
			}
			if _, there := p.Step(a); there && !drawn[from] {
				drawn[from] = true
				fmt.Fprintf(&arrows, "  %s --> %s\n", from, id(s.ID))
			}
		}
	}
	must := ""
	if gates.Len() > 0 {
		must = fmt.Sprintf("  subgraph %s [\"must be so\"]\n%s  end\n", id("gates"), gates.String())
	}
	return fmt.Sprintf("The plan `%s`:\n\n```mermaid\nflowchart TB\n%s%s%s```\n\n", p.Name, must, steps.String(), arrows.String())
}
