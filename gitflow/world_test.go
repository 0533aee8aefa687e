package gitflow

import (
	"fmt"
	"slices"
	"strings"
)

// world is a model of GitHub, registry and production for one release: state reads it, do acts on it as package bot
// would. It counts effects, so that a test sees what was done twice.
type world struct {
	*graph
	names   Names
	kind    Kind
	version string
	branch  string
	order   Order

	candidate string // approved commit
	digest    string
	tags      map[string]string
	pulls     []*Pull
	registry  map[string]string
	env       Environment
	pages     map[string]bool
	approvals Approvals
	from      string // cut from; empty: cut already
	bad       map[string]bool

	// strict are branches that take only pull requests with all of them.
	strict map[string]bool
	// refuses are branches that take no direct merge; conflicts map a branch to the commit it conflicts with until people
	// resolve it.
	refuses   map[string]bool
	conflicts map[string]bool
	tried     map[string]Line
	detours   []Backmerge
	updates   []string // merges that brought a branch up to date
	effects   []string
}

func newWorld(kind Kind, version, branch string) *world {
	return &world{graph: shop(), names: standard, kind: kind, version: version, branch: branch,
		tags: map[string]string{}, registry: map[string]string{}, pages: map[string]bool{}, bad: map[string]bool{},
		strict: map[string]bool{}, refuses: map[string]bool{}, conflicts: map[string]bool{}, tried: map[string]Line{},
		env: Environment{Name: "production"}, approvals: Approvals{Needed: 1, Given: 1, Eligible: 1, Wanted: true}}
}

func (w *world) tag() string { return "v" + w.version }

func (w *world) line(branch string) Line {
	l := Line{Branch: branch, SHA: w.heads[branch]}
	if l.SHA == "" {
		return l
	}
	l.HasCandidate = w.contains(l.SHA, w.candidate)
	l.HasProduction = w.contains(l.SHA, w.heads["master"])
	if t, ok := w.tried[branch]; ok {
		l.Answer, l.TriedSHA, l.Files = t.Answer, t.TriedSHA, t.Files
	}
	return l
}

// pullOf is the newest pull request of a branch into another.
func (w *world) pullOf(head, base string) Pull {
	for _, p := range slices.Backward(w.pulls) {
		if p.Head == head && (base == "" || p.Base == base) {
			now := *p
			if now.Open {
				now.HeadSHA = w.heads[head]
				now.Mergeable = Yes
				if w.conflicts[p.Base] && !w.contains(now.HeadSHA, w.heads[p.Base]) {
					now.Mergeable = No
				}
				now.Behind = w.strict[p.Base] && !w.contains(now.HeadSHA, w.heads[p.Base])
			}
			return now
		}
	}
	return Pull{}
}

func (w *world) state() State {
	s := State{
		Names: w.names, Kind: w.kind, Version: w.version, Branch: w.branch, Tag: w.tag(), Order: w.order,
		Production: w.line("master"), Development: w.line("development"),
		Head: w.heads[w.branch], Pull: w.pullOf(w.branch, "master"),
		Candidate:   Candidate{SHA: w.candidate, Digest: w.digest, Tested: w.digest != "", Status: "building", OfPromoted: w.registry[w.version] != ""},
		Approvals:   w.approvals,
		Published:   w.registry[w.version],
		Environment: w.env,
		TagSHA:      w.tags[w.tag()],
		ReleasePage: w.pages[w.tag()],
	}
	if w.candidate == "" {
		s.Candidate.SHA = s.Head
	}
	if s.Head != "" {
		s.HeadAhead = w.compare(CompareRequest{Base: "master", Head: s.Head}).AheadBy
	}
	for b := range w.heads {
		if w.names.kind(b).Kind == KindRelease && b != w.branch {
			s.Releases = append(s.Releases, w.line(b))
		}
	}
	for _, p := range w.pulls {
		if p.Open && p.Base == w.branch {
			s.Children = append(s.Children, *p)
		}
	}
	if s.Candidate.SHA != "" {
		s.Lacks = LacksProduction(w.compare(CompareRequest{Base: s.Candidate.SHA, Head: "master"}), Comparison{}, nil)
	}
	finish := s.Names.FinishBranch(w.version)
	s.FinishHead, s.FinishPull = w.heads[finish], w.pullOf(finish, "master")
	s.FinishPull.Fault = w.finishFault(s.FinishPull)
	if head := s.FinishPull.HeadSHA; OnlyUpdated(w.compare(CompareRequest{Base: "master", Head: head}), head, w.candidate, w.updates) {
		s.FinishSound = head
	}
	s.FinishLacks = s.FinishPull.HeadSHA != "" && !w.contains(s.FinishPull.HeadSHA, w.candidate)
	s.RepairHead, s.RepairPull = w.heads[RepairBranch(finish)], w.pullOf(RepairBranch(finish), "master")
	s.RepairSound = s.RepairHead
	for _, d := range w.detours {
		d.Head, d.Pull = w.heads[d.Branch], w.pullOf(d.Branch, d.Target)
		s.Backmerges = append(s.Backmerges, d)
	}
	if w.from != "" {
		s.Start = StartFacts{From: w.from, Green: Yes, OnLine: Yes, Changes: 1}
	}
	return s
}

// finishFault is what the rule of resolutions has against a pull request into production.
func (w *world) finishFault(p Pull) *Violation {
	if !p.Open {
		return nil
	}
	facts := PullFacts{Number: p.Number, Head: p.Head, Base: p.Base, HeadSHA: p.HeadSHA, Open: true, ByBot: true, FinishSHA: w.candidate}
	facts.Comparisons = w.answers(FinishNeeds(w.names, facts))
	return CheckFinish(w.names, facts)
}

// do performs a step. An effect that would contradict the world, or repeat itself, panics.
func (w *world) do(s Step) {
	effect := strings.Join(strings.Fields(fmt.Sprint(s.Kind, " ", s.Branch, " ", s.Tag, " ", s.Version)), " ")
	if s.Kind == StepMergeSHA || s.Kind == StepMergePull {
		effect = fmt.Sprintf("merge into %s", s.Target)
	}
	must := func(ok bool, problem string) {
		if !ok {
			panic(fmt.Sprintf("%s: %s (%+v)", effect, problem, s))
		}
	}
	switch s.Kind {
	case StepCutBranch:
		must(w.heads[s.Branch] == "", "the branch exists")
		must(s.SHA != "", "no commit")
		w.heads[s.Branch] = s.SHA
		if strings.HasPrefix(s.Branch, BackmergePrefix) {
			w.detours = append(w.detours, Backmerge{Target: s.Target, Branch: s.Branch, Tip: s.SHA})
		}
	case StepRepair:
		must(!w.contains(w.heads[s.Target], s.SHA), "nothing to repair")
		w.heads[s.Branch] = w.add("Repair "+s.Target, w.heads[s.Target], s.SHA)
		if strings.HasPrefix(s.Branch, BackmergePrefix) {
			w.detours = append(w.detours, Backmerge{Target: s.Target, Branch: s.Branch, Tip: s.SHA, Repair: true})
		}
	case StepOpenPull:
		there := w.pullOf(s.Branch, s.Target)
		must(there.Number == 0 || there.Merged && !w.contains(there.HeadSHA, w.candidate), "the pull request exists")
		w.open(s.Branch, s.Target)
	case StepMergePull:
		if w.conflicts[s.Target] && !w.contains(s.SHA, w.heads[s.Target]) {
			w.tried[s.Target] = Line{Answer: MergeConflict, TriedSHA: s.SHA, Files: []string{"go.mod"}}
			w.effects = append(w.effects, "conflict: "+effect)
			return
		}
		must(!w.strict[s.Target] || w.contains(s.SHA, w.heads[s.Target]), "the pull request is not up to date")
		w.mergePull(s)
	case StepMergeSHA:
		switch {
		case w.refuses[s.Target]:
			w.tried[s.Target] = Line{Answer: MergeRefused, TriedSHA: s.SHA}
			w.effects = append(w.effects, "refused: "+effect)
			return
		case w.conflicts[s.Target]:
			w.tried[s.Target] = Line{Answer: MergeConflict, TriedSHA: s.SHA, Files: []string{"go.mod"}}
			w.effects = append(w.effects, "conflict: "+effect)
			return
		}
		must(!w.contains(w.heads[s.Target], s.SHA), "merged already")
		w.merge(s.Target, s.SHA)
		w.settle()
	case StepUpdatePull:
		must(w.heads[s.Branch] == s.Onto && !w.contains(s.Onto, s.SHA), "it is up to date, or at another commit")
		w.updates = append(w.updates, w.merge(s.Branch, s.SHA))
		w.settle()
	case StepCopyImage:
		must(w.registry[s.Version] == "", "the tag exists")
		w.registry[s.Version] = s.Digest
	case StepDeploy:
		must(w.env.Runs.Version != s.Version, "it runs")
		w.env.Runs = Deployed{Version: s.Version, SHA: s.SHA, Digest: s.Digest, Succeeded: true}
		w.env.History = append([]Deployed{w.env.Runs}, w.env.History...)
	case StepTag:
		must(w.tags[s.Tag] == "" && s.SHA == w.candidate, "the tag exists or is for another commit")
		w.tags[s.Tag] = s.SHA
	case StepReleasePage:
		must(w.tags[s.Tag] != "" && !w.pages[s.Tag], "the page exists, or its tag does not")
		w.pages[s.Tag] = true
	case StepRetargetPull:
		w.find(s.Pull).Base = s.Target
	case StepClosePull:
		w.find(s.Pull).Open = false
	case StepDeleteBranch:
		must(w.heads[s.Branch] == s.SHA && s.SHA != "", "the branch moved")
		must(!slices.ContainsFunc(w.pulls, func(p *Pull) bool { return p.Open && (p.Base == s.Branch || p.Head == s.Branch) && !w.landed(p) }), "an open pull request needs the branch")
		delete(w.heads, s.Branch)
	case StepHold:
		w.env.Held = Hold{By: "ada", Reason: s.Message}
	case StepMarkBad:
		w.bad[s.Version] = true
	default:
		panic("no such effect: " + effect)
	}
	w.effects = append(w.effects, effect)
}

func (w *world) open(head, base string) *Pull {
	p := &Pull{Number: len(w.pulls) + 10, Head: head, Base: base, HeadSHA: w.heads[head], Open: true}
	w.pulls = append(w.pulls, p)
	return p
}

func (w *world) find(number int) *Pull {
	i := slices.IndexFunc(w.pulls, func(p *Pull) bool { return p.Number == number })
	return w.pulls[i]
}

// landed tells whether a pull request's head is in its base.
func (w *world) landed(p *Pull) bool { return w.contains(w.heads[p.Base], w.heads[p.Head]) }

func (w *world) mergePull(s Step) {
	p := w.find(s.Pull)
	if !p.Open || w.heads[p.Head] != s.SHA || p.Base != s.Target {
		panic(fmt.Sprintf("pull request #%d is not open at %s: %+v", s.Pull, s.SHA, p))
	}
	w.merge(p.Base, w.heads[p.Head])
	w.settle()
}

// human merges a pull request by squash, as people do.
func (w *world) human(p *Pull) {
	w.squash(p.Base, p.Head)
	p.Open, p.Merged, p.MergeSHA, p.HeadSHA = false, true, w.heads[p.Base], w.heads[p.Head]
}

// settle is GitHub noticing which open pull requests are merged.
func (w *world) settle() {
	for _, p := range w.pulls {
		if p.Open && w.heads[p.Head] != "" && w.landed(p) {
			p.Open, p.Merged, p.MergeSHA, p.HeadSHA = false, true, w.heads[p.Base], w.heads[p.Head]
		}
	}
}

// people do what a blocked step asks of them.
func (w *world) people(s Step) bool {
	if s.Kind != StepMergePull || s.Blocked == "" {
		return false
	}
	p := w.find(s.Pull)
	switch {
	case !p.Open:
		return false
	case !w.conflicts[p.Base] && strings.Contains(s.Blocked.String(), "nobody approved"):
		w.merge(p.Base, w.heads[p.Head]) // what they have made of the conflict is theirs to merge
		w.settle()
		return true
	case !w.conflicts[p.Base]:
		return false
	}
	w.heads[p.Head] = w.add("Resolve the conflict", w.heads[p.Head], w.heads[p.Base])
	delete(w.conflicts, p.Base)
	return true
}

// walk does a plan to its end: one step, look again. After each step crash may end the walk.
func (w *world) walk(plan func(State) Plan, crash func(*world) bool) Plan {
	for range 100 {
		p := plan(w.state())
		s, ok := p.Next()
		if !ok {
			moved := false
			for _, b := range p.Blocked() {
				moved = moved || w.people(b)
			}
			if !moved {
				return p
			}
			continue
		}
		w.look(s)
		if crash(w) {
			return p
		}
	}
	panic("the plan does not end")
}

func never(*world) bool { return false }

// approvedRelease is a world where release 1.4.0 is tested and approved, and its pull request is open.
func approvedRelease() *world {
	w := newWorld(KindRelease, "1.4.0", "release/1.4.0")
	w.cut("release/1.4.0", "development")
	w.candidate = w.commit("release/1.4.0", "candidate fix")
	w.digest = "sha256:cafe"
	w.commit("development", "later")
	w.open("release/1.4.0", "master")
	return w
}

// approvedHotfix is a world where hotfix 17 of what production runs is approved while release 1.4.0 is open.
func approvedHotfix() *world {
	w := newWorld(KindHotfix, "1.3.0-hotfix-17", "hotfix/17")
	w.cut("release/1.4.0", "development")
	w.commit("release/1.4.0", "candidate fix")
	w.cut("hotfix/17", "master")
	w.candidate = w.commit("hotfix/17", "urgent")
	w.digest = "sha256:beef"
	w.open("hotfix/17", "master")
	return w
}
