package gitflow

import (
	"fmt"
	"slices"
	"strings"
)

// Plan is what remains and what was done, in order. It is computed from facts only, so the same facts give the same plan.
type Plan struct {
	// Name is start, promote, finish, backmerge, abandon or rollback.
	Name  string
	Steps []Step
	// Refused says why the whole plan cannot be begun or continued; empty: it can. Nothing of a refused plan is done.
	Refused Text
	// Notes are facts people should know about the outcome, such as commits that are not in the release.
	Notes []Text
}

// Step is one effect, or one thing that must be so before the next effect.
type Step struct {
	// ID is unique within the plan and stable between computations: "tag", "merge:production", "backmerge:development".
	// Together with repository, version, SHA, Digest and Pull it is the key of the effect: a production tip that moved is
	// merged again.
	ID   string
	Kind StepKind
	// Title says in a few words what the step does: `tag "v1.4.0"`.
	Title Text
	// After are the IDs of earlier steps that must be done before this one.
	After []string
	// Before says in sentences what must hold before the step is done; for people, After and Blocked enforce it. Gates have none.
	Before []Text
	// Probe tells how to see in the world that the step is done. Look before doing, and again after any doubt.
	Probe Probe
	// Done is true when the facts show it.
	Done bool
	// Blocked is why a person must act before this step can be done; empty: nobody must.
	Blocked Text
	// Waiting is what the step waits for without anybody being asked: a deployment under way, a window. Empty: nothing.
	Waiting Text
	// Commands do the step, or clear what blocks it, by hand.
	Commands []string

	// Inputs of the effect. Which are set depends on Kind; see StepKind.
	SHA     string // the commit that is tagged, merged, cut from or expected
	Branch  string // the branch that is made, deleted, merged from (for the message), or the head of a pull request
	Target  string // the branch that is merged into, or the base of a pull request
	Tag     string // git tag, short
	Version string
	Digest  string // image digest, sha256:…
	Pull    int    // number of the pull request that is merged, brought up to date, closed or retargeted
	Onto    string // the commit that Branch is at when something is merged into it
	// Environment is the environment that is deployed to or held.
	Environment string
	// Message is the merge commit's message or the pull request's title. It contains branch names: untrusted.
	Message string
	// Files are the conflicting files, where known; untrusted.
	Files []string
	// Conflict is true when pull request Pull conflicts with Target: people resolve it on Branch.
	Conflict bool
}

// Into is the branch that the step merges into; Target unless it brings a pull request's own branch up to date.
func (s Step) Into() string {
	if s.Kind == StepUpdatePull {
		return s.Branch
	}
	return s.Target
}

// StepKind says what a step does and which inputs it has.
type StepKind string

// The kinds of steps.
const (
	// StepGate does nothing: it must be so before later steps. Its Blocked or Waiting says what is missing.
	StepGate StepKind = "gate"
	// StepCutBranch makes Branch at SHA. Create only, never move.
	StepCutBranch StepKind = "cut-branch"
	// StepOpenPull opens a pull request of Branch (head) into Target, titled Message. SHA is the commit Branch is at.
	StepOpenPull StepKind = "open-pull"
	// StepRetargetPull changes the base of pull request Pull to Target.
	StepRetargetPull StepKind = "retarget-pull"
	// StepClosePull closes pull request Pull without merging it.
	StepClosePull StepKind = "close-pull"
	// StepCopyImage copies the image Digest to the production registry as Version and reads it back.
	StepCopyImage StepKind = "copy-image"
	// StepDeploy starts the pipeline of Environment with Digest (of commit SHA, Version) and waits for its end.
	StepDeploy StepKind = "deploy"
	// StepTag makes the git tag Tag at SHA. Create only, never move.
	StepTag StepKind = "tag"
	// StepMergePull merges pull request Pull into Target by a merge commit, guarded by its head being SHA.
	StepMergePull StepKind = "merge-pull"
	// StepEnqueue puts pull request Pull into the merge queue of Target, guarded by its head being SHA. The queue merges it.
	StepEnqueue StepKind = "enqueue"
	// StepMergeSHA merges commit SHA into branch Target by the merges API, with Message. 204 means it is done.
	StepMergeSHA StepKind = "merge-sha"
	// StepUpdatePull merges commit SHA of Target into Branch, the head of pull request Pull, which is at Onto, with Message.
	StepUpdatePull StepKind = "update-pull"
	// StepRepair makes Branch at a new commit whose tree is that of Target's head and whose parents are Target's head and
	// SHA, in this order: no difference, only the ancestry that a squash or rebase lost. Ask compare(Target...SHA) first:
	// when it is 0 ahead there is nothing to repair.
	StepRepair StepKind = "repair"
	// StepReleasePage makes the GitHub release of Tag. The tag must exist: GitHub would make it otherwise.
	StepReleasePage StepKind = "release-page"
	// StepDeleteBranch deletes Branch if its head is still SHA.
	StepDeleteBranch StepKind = "delete-branch"
	// StepHold holds Environment: nothing is promoted over it until it is unpinned.
	StepHold StepKind = "hold"
	// StepMarkBad marks Version as bad in the release log.
	StepMarkBad StepKind = "mark-bad"
	// StepStopExecutions stops what runs for Branch and voids its approvals.
	StepStopExecutions StepKind = "stop-executions"
)

// Probe is a question to the world whose answer shows that a step is done.
type Probe struct {
	Kind ProbeKind
	// Ref is a full ref name: refs/heads/… or refs/tags/….
	Ref string
	SHA string
	// Head and Base are short names of a pull request's branches; Pull its number where known.
	Head, Base  string
	Pull        int
	Version     string
	Digest      string
	Environment string
	Tag         string
}

// ProbeKind says what a probe asks.
type ProbeKind string

// The kinds of probes.
const (
	ProbeNone        ProbeKind = ""             // the step is a gate: compute the plan again
	ProbeRefIs       ProbeKind = "ref-is"       // Ref exists and points at SHA (annotated tags peeled)
	ProbeRefExists   ProbeKind = "ref-exists"   // Ref exists
	ProbeRefGone     ProbeKind = "ref-gone"     // Ref does not exist
	ProbeContains    ProbeKind = "contains"     // compare(Ref...SHA).ahead_by is 0
	ProbePullOpen    ProbeKind = "pull-open"    // an open pull request of Head into Base exists
	ProbePullBase    ProbeKind = "pull-base"    // the base of Pull is Base
	ProbePullClosed  ProbeKind = "pull-closed"  // Pull is not open
	ProbeImage       ProbeKind = "image"        // the production registry has Version with Digest
	ProbeRuns        ProbeKind = "runs"         // Environment runs Digest
	ProbeReleasePage ProbeKind = "release-page" // a GitHub release of Tag exists
	ProbeHeld        ProbeKind = "held"         // Environment is held
	ProbeMarkedBad   ProbeKind = "marked-bad"   // Version is marked bad
	ProbePromoted    ProbeKind = "promoted"     // the release log has Version as promoted, at SHA
	ProbeNothingRuns ProbeKind = "nothing-runs" // no execution of Head is under way
)

// Next is the first step that is not done, whose earlier steps are done, and that nothing blocks or makes wait. False
// when there is none: the plan is done, refused, or what is left needs somebody.
func (p Plan) Next() (Step, bool) {
	if p.Refused != "" {
		return Step{}, false
	}
	for _, s := range p.Steps {
		if s.free() && p.ready(s) {
			return s, true
		}
	}
	return Step{}, false
}

// Done tells whether every step is done.
func (p Plan) Done() bool {
	return p.Refused == "" && !slices.ContainsFunc(p.Steps, func(s Step) bool { return !s.Done })
}

// Blocked lists the steps that could be done now, were it not for their Blocked or Waiting.
func (p Plan) Blocked() []Step {
	var out []Step
	for _, s := range p.Steps {
		if !s.Done && !s.free() && p.ready(s) {
			out = append(out, s)
		}
	}
	return out
}

// Step finds a step by ID.
func (p Plan) Step(id string) (Step, bool) {
	for _, s := range p.Steps {
		if s.ID == id {
			return s, true
		}
	}
	return Step{}, false
}

// free tells whether the step is not done and nothing of its own keeps it from being done.
func (s Step) free() bool {
	return !s.Done && s.Blocked == "" && s.Waiting == "" && s.Kind != StepGate
}

// ready tells whether what the step comes after is done. A step that is not in the plan is.
func (p Plan) ready(s Step) bool {
	for _, id := range s.After {
		if before, ok := p.Step(id); ok && !before.Done {
			return false
		}
	}
	return true
}

// String shows the plan for people, one line a step, as /plan and the golden files do: [x] done, [!] blocked, [~] waiting,
// [>] next, [ ] later.
func (p Plan) String() string {
	var b strings.Builder
	b.WriteString(p.Name)
	if p.Refused != "" {
		b.WriteString(": refused: " + p.Refused.String())
	}
	b.WriteString("\n")
	next, _ := p.Next()
	for _, s := range p.Steps {
		mark, why := "[ ]", Text("")
		switch {
		case s.Done:
			mark = "[x]"
		case s.Blocked != "":
			mark, why = "[!]", s.Blocked
		case s.Waiting != "":
			mark, why = "[~]", s.Waiting
		case s.ID == next.ID:
			mark = "[>]"
		}
		fmt.Fprintf(&b, "  %s %-24s %s", mark, s.ID, s.Title)
		if why != "" {
			b.WriteString(": " + why.String())
		}
		b.WriteString("\n")
		for _, c := range s.Commands {
			b.WriteString("        $ " + c + "\n")
		}
	}
	for _, n := range p.Notes {
		b.WriteString("  note: " + n.String() + "\n")
	}
	return b.String()
}
