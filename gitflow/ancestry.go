package gitflow

import (
	"cmp"
	"slices"
)

// search is one question of ancestry: which commits that the pull request brings (In) are another branch's (Line)? Those are
// the commits on its first-parent line with what the merges there brought, and where the other branch is development, what a
// feature brought to it, even when the feature was merged into both. Commits that were merged into the other branch from here
// (a hotfix, a back-merge), and those of branches that may go into both, are nobody's fault; see arrivals.
type search struct {
	In, Line CompareRequest
	// Branch is the other branch, and Kind its kind.
	Branch string
	Kind   Kind
	// SinceCut looks only above the point where the head was cut from the line: a candidate's own share of development
	// is legitimate.
	SinceCut bool
	// Until, where set, ends the line at the first commit that is on this other line as well.
	Until *CompareRequest
}

// searches lists the questions for a pull request whose kinds are legal.
func searches(n Names, p PullFacts, head, base Branch) []search {
	in := func(from string) CompareRequest { return CompareRequest{Base: from, Head: p.headRef()} }
	development := CompareRequest{Base: n.Production, Head: n.Development}
	n.Component = cmp.Or(head.Component, base.Component)
	var out []search
	releases := func(seenFrom string, in CompareRequest) {
		for _, r := range OpenReleases(n, p.OpenReleases) {
			if r.Name != head.Name && r.Name != base.Name {
				out = append(out, search{In: in, Line: CompareRequest{Base: seenFrom, Head: r.Name}, Branch: r.Name, Kind: KindRelease})
			}
		}
	}

	switch head.Kind {
	case KindFeature, KindBugfix:
		brought := in(base.Name)
		switch base.Kind {
		case KindDevelopment:
			releases(n.Development, brought)
			out = append(out, search{In: brought, Line: CompareRequest{Base: n.Development, Head: n.Production}, Branch: n.Production, Kind: KindProduction})
		case KindRelease:
			out = append(out, search{In: brought, Line: CompareRequest{Base: base.Name, Head: n.Development}, Branch: n.Development, Kind: KindDevelopment})
			releases(base.Name, brought)
		case KindHotfix, KindSupport:
			out = append(out, search{In: brought, Line: development, Branch: n.Development, Kind: KindDevelopment})
			releases(n.Production, brought)
			if base.Kind == KindSupport {
				out = append(out, search{In: brought, Line: CompareRequest{Base: base.Name, Head: n.Production}, Branch: n.Production, Kind: KindProduction})
			}
		}
	case KindHotfix:
		brought := in(n.Production)
		if base.Kind == KindSupport {
			brought = in(base.Name)
			out = append(out, search{In: brought, Line: CompareRequest{Base: base.Name, Head: n.Production}, Branch: n.Production, Kind: KindProduction})
		}
		out = append(out, search{In: brought, Line: development, Branch: n.Development, Kind: KindDevelopment})
		releases(n.Production, brought)
	case KindRelease:
		brought := in(n.Production)
		out = append(out, search{In: brought, Line: development, Branch: n.Development, Kind: KindDevelopment, SinceCut: true})
		mine, _ := parseVersion(head.Version)
		for _, r := range OpenReleases(n, p.OpenReleases) {
			if theirs, _ := parseVersion(r.Version); r.Name != head.Name && compareVersions(theirs, mine) > 0 {
				out = append(out, search{In: brought, Line: CompareRequest{Base: n.Production, Head: r.Name}, Branch: r.Name, Kind: KindRelease, Until: &development})
			}
		}
	case KindBackmerge:
		switch base.Kind {
		case KindRelease, KindHotfix, KindSupport:
			out = append(out, search{In: in(base.Name), Line: development, Branch: n.Development, Kind: KindDevelopment})
		}
	}
	return out
}

// headRef names the head in comparisons: by SHA, so that a fork's branch and a moved branch are meant exactly.
func (p PullFacts) headRef() string {
	if p.HeadSHA != "" {
		return p.HeadSHA
	}
	return p.Head
}

// entire is the head of a hotfix. A branch that development merged there is the hotfix whole, whatever it was called: nothing that the
// hotfix does not stand for travels with it. A feature that was merged below the head would. A candidate stands for what it was cut
// from; of that, later features are no part.
func (p PullFacts) entire(n Names) string {
	if head, _ := p.branches(n); head.Kind != KindHotfix {
		return ""
	}
	return p.headRef()
}

// foreign answers a search: the commits at fault, newest first, and the tips of merged branches whose names would tell more.
// In is the answer to s.In and brought the set of its commits, which all searches of a pull request share. False when the
// comparisons do not suffice.
func (p PullFacts) foreign(n Names, s search, in Comparison, brought shaSet) (commits []Commit, tips []string, ok bool) {
	if in.AheadBy == 0 && len(in.Commits) == 0 {
		return nil, nil, true
	}
	other, ok := p.comparison(s.Line)
	if !ok || in.incomplete() || other.incomplete() {
		return nil, nil, false
	}
	shared := false
	for i := range other.Commits {
		shared = shared || brought.has(other.Commits[i].SHA)
	}
	if !shared && s.Until == nil {
		return nil, nil, true
	}
	line := other.line()
	var below []string // what stood there before the line began
	end := func(at int) {
		if at < len(line) {
			below = append(below, line[at].SHA)
			line = line[:at]
		}
	}
	if s.Until != nil {
		until, ok := p.comparison(*s.Until)
		if !ok || until.incomplete() {
			return nil, nil, false
		}
		shared := setOf(until.line())
		if i := slices.IndexFunc(line, func(c Commit) bool { return shared.has(c.SHA) }); i >= 0 {
			end(i)
		}
	}
	if s.SinceCut {
		end(p.cutIndex(in, brought, line))
		if p.Cut != "" {
			below = append(below, p.Cut)
		}
	}
	if s.Until != nil { // a later release that was cut from this one shares this one's own line
		line = without(line, setOf(collect(firstParents(in.Commits, p.headRef()), nil)))
	}
	commits = both(line, brought)
	if a := arrivalsOf(n, p.Merged, p.headRef(), p.entire(n), in, other, brought, line, below...); a != nil {
		commits, tips = a.foreign(line, a.lawful(in.Commits, p.headRef()), s.Kind == KindDevelopment), a.asked
	}
	return commits, tips, true
}

// cutIndex is where on the line (newest first) the candidate was cut: what stands before it came later.
func (p PullFacts) cutIndex(in Comparison, brought shaSet, line []Commit) int {
	cut := len(line)
	onLine := setOf(line)
	for c := range firstParents(in.Commits, p.headRef()) {
		if onLine.has(c.SHA) {
			cut = indexSHA(line, c.SHA)
			break
		}
	}
	if p.Cut == "" {
		return cut
	}
	if !brought.has(p.Cut) {
		return len(line) // the recorded cut is in production already: everything on the line came later
	}
	return max(cut, indexSHA(line, p.Cut))
}

// comparison finds the answer to a request. False when it is absent or GitHub knew no such branches.
func (p PullFacts) comparison(r CompareRequest) (Comparison, bool) { return find(p.Comparisons, r) }

func find(comparisons []Comparison, r CompareRequest) (Comparison, bool) {
	for _, c := range comparisons {
		if c.CompareRequest == r {
			return c, !c.Missing
		}
	}
	return Comparison{}, false
}

// incomplete is true when the list of commits is not whole.
func (c Comparison) incomplete() bool { return c.Truncated || len(c.Commits) < c.AheadBy }
