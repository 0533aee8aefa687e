package bot

import (
	"encoding/json"
	"fmt"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
)

// Decision is what Sluice would decide about one event, and do, as far as the event and the configuration tell. What
// only GitHub or the database know stands in Given and Asks. Names in the sentences are in double quotes and hold no
// control characters.
type Decision struct {
	// Event is what happened, in a line without a full stop.
	Event string `json:"event"`
	Repo  string `json:"repo,omitempty"` // owner/name
	// Nothing is why nothing is done; empty: something is.
	Nothing string `json:"nothing,omitempty"`
	// Given is what must be so for the rest to hold.
	Given []string `json:"given,omitempty"`
	// Branches are those the event is about, and what their names make of them.
	Branches []PlannedBranch `json:"branches,omitempty"`
	Verdict  *PlannedVerdict `json:"verdict,omitempty"`
	// Asks is what is asked of GitHub before anything is done.
	Asks     []string         `json:"asks,omitempty"`
	Does     []string         `json:"does,omitempty"`
	Pipeline *PlannedPipeline `json:"pipeline,omitempty"`
	// Components are the pipelines of a monorepo's components, each for the case that what is pushed changes that one.
	Components []PlannedPipeline `json:"components,omitempty"`
	Commands   []PlannedCommand  `json:"commands,omitempty"`
}

// PlannedBranch is a branch and its kind.
type PlannedBranch struct {
	Name string       `json:"name"`
	Kind gitflow.Kind `json:"kind"`
	// Flaws say what is wrong with the name.
	Flaws []string `json:"flaws,omitempty"`
}

// PlannedVerdict is what the rules of the flow say, as far as names tell.
type PlannedVerdict struct {
	// Pass is true when no rule is broken by the names. Commits may still break one: Decision.Asks says which
	// comparisons find out.
	Pass bool `json:"pass"`
	// Title is the check's title, if nothing else is found.
	Title string `json:"title"`
	// Problems are the broken rules, Remedies what to do about each, in the same order.
	Problems []string `json:"problems,omitempty"`
	Remedies []string `json:"remedies,omitempty"`
}

// PlannedPipeline is a pipeline that would start.
type PlannedPipeline struct {
	// Component is whose it is in a monorepo.
	Component string         `json:"component,omitempty"`
	Kind      string         `json:"kind"`
	Mode      pipeline.Mode  `json:"mode"`
	SHA       string         `json:"sha"`
	Stages    []PlannedStage `json:"stages"`
	// Image is the image the pipeline builds; parts that are not known yet stand in braces. ImageNote says what is
	// missing.
	Image     string `json:"image,omitempty"`
	ImageNote string `json:"image_note,omitempty"`
}

// PlannedStage is a stage and its actions, "name (uses)" each, in the order they are written.
type PlannedStage struct {
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// PlannedCommand is a slash command of a comment, or what a button stands for.
type PlannedCommand struct {
	Line    int    `json:"line,omitempty"` // of the comment, from 1; 0 for a button
	Command string `json:"command"`
	// Who says who may give it; Does what it does.
	Who    string `json:"who,omitempty"`
	Does   string `json:"does,omitempty"`
	DryRun bool   `json:"dry_run,omitempty"`
	// Problem is what is wrong with a command that is ours and cannot be understood. Then none of the comment runs.
	Problem string `json:"problem,omitempty"`
}

// PlanEvents says what Sluice would decide about events and do. It is pure: nothing is asked and nothing is done. cfg
// is the configuration of the events' repository. There is a decision for each event, in their order, and each says
// something.
func PlanEvents(cfg *config.Repo, events []event.Event) []Decision {
	out := make([]Decision, len(events))
	for i, e := range events {
		p := planner{cfg: cfg, names: cfg.Names}
		if from := e.From(); from.Repo.Owner != "" {
			p.Repo = from.Repo.FullName()
		}
		p.plan(e)
		out[i] = p.Decision
	}
	return out
}

// PlanDelivery is PlanEvents for a whole delivery and what came of its translation: it also has a decision where a
// delivery led to no event, or could not be understood.
func PlanDelivery(cfg *config.Repo, d event.Delivery, events []event.Event, err error) []Decision {
	name := fmt.Sprintf("delivery of %q", d.Name)
	var payload struct {
		Action     string `json:"action"`
		Repository struct {
			FullName string `json:"full_name"`
		} `json:"repository"`
	}
	if json.Unmarshal(d.Body, &payload) != nil {
		payload.Action = "" // of another type: not GitHub's
	}
	if payload.Action != "" {
		name += fmt.Sprintf(", activity %q", payload.Action)
	}
	none := Decision{Event: name, Repo: visible(payload.Repository.FullName)}
	switch {
	case err != nil:
		none.Nothing = "it is recorded and answered, and then kept as a dead letter, because it is not what GitHub documents: " + visible(err.Error())
	case len(events) > 0:
		return PlanEvents(cfg, events)
	case payload.Action != "" && takesPart(d.Name):
		none.Nothing = fmt.Sprintf("it is recorded and answered; nothing in the flow depends on this activity of %q", d.Name)
	default:
		none.Nothing = fmt.Sprintf("it is recorded and answered; nothing in the flow depends on %q", d.Name)
	}
	return []Decision{none}
}

// takesPart tells whether some deliveries of that name lead to an event.
func takesPart(name string) bool {
	for _, s := range Subscriptions() {
		if s.Event == name {
			return true
		}
	}
	return false
}

// planner makes one decision.
type planner struct {
	Decision

	cfg   *config.Repo
	names gitflow.Names
}

// plan is handleEvent without the doing.
func (p *planner) plan(e event.Event) {
	r, _ := reactionTo(e)
	if r.within == nil {
		r.plan(p)
		return
	}
	from := e.From()
	if from.Installation == 0 {
		p.given("the App is installed on the repository; the payload names no installation")
	}
	if !p.cfg.Active {
		p.given("the repository has the branches %q and %q; without both, and without %s, Sluice does nothing in it",
			p.names.Production, p.names.Development, config.FileName)
	}
	r.plan(p)
	if p.Nothing == "" && p.cfg.Mode == config.Observe {
		p.given("the configuration says mode: observe, so it is reported, no pipeline runs and no release is changed")
		p.Pipeline, p.Components = nil, nil
	}
}

func (p *planner) given(format string, args ...any) {
	p.Given = append(p.Given, fmt.Sprintf(format, args...))
}

func (p *planner) asks(format string, args ...any) {
	p.Asks = append(p.Asks, fmt.Sprintf(format, args...))
}

func (p *planner) does(format string, args ...any) {
	p.Does = append(p.Does, fmt.Sprintf(format, args...))
}

// branch notes a branch and returns it.
func (p *planner) branch(b gitflow.Branch) gitflow.Branch {
	planned := PlannedBranch{Name: b.Name, Kind: b.Kind}
	for _, f := range b.Flaws {
		planned.Flaws = append(planned.Flaws, f.Text.String())
	}
	p.Branches = append(p.Branches, planned)
	return b
}
