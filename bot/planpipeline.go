package bot

import (
	"fmt"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/tagging"
)

// start plans the pipeline of a branch: of its component, or of each that may be changed, as startEach does.
func (p *planner) start(b gitflow.Branch, sha string) {
	if p.cfg.Mode == config.Observe {
		p.does("start no pipeline: the configuration says mode: observe")
		return
	}
	if !p.cfg.Configured {
		p.given("no buildspec.yml runs on Sluice's own host here; where --local-executors allows it, it is the stage before the deployment")
	}
	if len(p.names.Components) == 0 || b.Component != "" || b.Kind.Ships() || b.Kind == gitflow.KindSupport {
		p.Pipeline = p.pipeline(p.cfg.Component(b.Component), "", b, sha)
		return
	}
	since := "what it brings to " + p.names.Development
	if b.Kind == gitflow.KindDevelopment {
		since = "the push"
	}
	p.asks("which files change by %s", since)
	for _, name := range p.names.Components {
		on := fmt.Sprintf("if files of %s change, or it cannot be told which do: ", name)
		if plan := p.pipeline(p.cfg.Component(name), on, b, sha); plan != nil {
			p.Components = append(p.Components, *plan)
		}
	}
}

// pipeline is a branch's as a component sees it; nil where it has none. on says on what it depends that it starts.
func (p *planner) pipeline(cfg *config.Repo, on string, b gitflow.Branch, sha string) *PlannedPipeline {
	def, ok := cfg.Pipeline(string(b.Kind), config.Revision{SkipDeploy: !b.Deploys})
	if !ok {
		p.does("%sstart no pipeline: a %s branch has none", on, b.Kind)
		return nil
	}
	plan := &PlannedPipeline{Component: cfg.Names.Component, Kind: def.Kind, Mode: def.Mode, SHA: sha}
	for _, s := range def.Stages {
		stage := PlannedStage{Name: s.Name}
		for _, a := range s.Actions {
			stage.Actions = append(stage.Actions, plannedAction(a))
		}
		plan.Stages = append(plan.Stages, stage)
	}
	plan.Image, plan.ImageNote = plannedImage(cfg, b, sha)
	p.does("%sstart the %s pipeline of %q at %s", on, def.Kind, b.Name, short(sha))
	return plan
}

func plannedAction(a pipeline.Action) string {
	how := a.Uses
	if a.Uses == pipeline.UsesDeploy {
		how = "recorded only: the environment has no deploy"
	}
	if a.Environment != "" && a.Environment != a.Name {
		how += ", " + a.Environment
	}
	if a.Manual {
		how += ", once somebody says /promote"
	}
	return fmt.Sprintf("%s (%s)", a.Name, how)
}

// plannedImage is what imageTag would name, with braces around what only the release log tells.
func plannedImage(cfg *config.Repo, b gitflow.Branch, sha string) (reference, note string) {
	rev, err := tagging.Revision(sha, cfg.Versioning.RevisionLength)
	if err != nil {
		rev = short(sha)
	}
	var tag string
	switch b.Kind {
	case gitflow.KindDevelopment:
		tag = "{ReleaseVersion}-snapshot-" + rev
		note = "the version is counted from the release log and the commits since the last release"
	case gitflow.KindRelease, gitflow.KindSupport:
		tag = "{ReleaseVersion}-candidate-" + rev
		note = "the version is the recorded release's"
		if v, err := tagging.ParseReleaseVersion(b.Version); err == nil {
			if t, err := tagging.CandidateTag(v, rev); err == nil {
				tag, note = t.String(), ""
			}
		}
	case gitflow.KindHotfix:
		tag = "{ReleaseVersion}-hotfix-" + tagging.HotfixID(b.ID) + "-" + rev
		note = "the version is counted from what production runs"
	default:
		t, err := tagging.FeatureTag(b.Name, rev)
		if err != nil {
			return "", err.Error()
		}
		tag = t.String()
	}
	if cfg.Registries.Development == "" {
		if note != "" {
			note += "; "
		}
		name := cfg.ImageName
		if cfg.Names.Component != "" {
			name += "/" + cfg.Names.Component
		}
		return name + ":" + tag, note + "no registry is configured, so no image is pushed and the bundle of artifacts is promoted"
	}
	return cfg.Registries.Development + ":" + tag, note
}
