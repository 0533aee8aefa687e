package tagging

import (
	"fmt"
	"slices"
)

// Request is what Next goes by. All of it is fact; Next asks nobody.
type Request struct {
	Log Log
	// Line is Trunk for development and what leads into it, else the line of a support branch.
	Line Line
	// Commits are those of the branch that are neither in the line's highest release nor in an open release branch, oldest
	// first. Those of an open release already raised the version of that release.
	Commits []Commit
	// Elsewhere are commits of the same span that change nothing of the component whose version this is. They do not count; that a
	// Release-As trailer among them does not either is told.
	Elsewhere []Commit
	// Floor is versioning.next: the least that rises. Defaults to Minor. On a support line only Patch ever rises.
	Floor Bump
	// Open are the versions of open release and hotfix branches. Whoever asks for a branch leaves out that branch's own.
	Open []Held
	// Taken are versions that exist elsewhere though the log does not know them: a git tag, an image in the production
	// registry.
	Taken []Held
	// Set is the version that a person asked for; nil where nobody did.
	Set *Override
	// Incomplete says why Log or Commits may lack something, as one sentence; empty where they are known to be whole.
	Incomplete string
}

// Held is a version that cannot be given away again.
type Held struct {
	Version Version
	// Where says by what: "branch release/1.4.0", "image tag 1.4.0 in the production registry".
	Where string
}

// Override is a version that a person asked for.
type Override struct {
	Version Version
	// By says how: "/release start 2.0.0 by octocat".
	By string
}

// Source says where a version came from.
type Source string

// The sources of a version.
const (
	Computed  Source = "computed"   // counted from the highest release by Conventional Commits
	Initial   Source = "initial"    // the first of its line
	SetBy     Source = "set"        // a person asked for it: Request.Set
	ReleaseAs Source = "release-as" // a Release-As trailer asked for it
	Named     Source = "named"      // the branch carries it in its name
)

// Result is a version and why it is that one.
type Result struct {
	Version Version
	// From is the version it was counted from; zero for the first.
	From Version
	// Bump is what the commits and the floor raised; empty unless Source is Computed.
	Bump        Bump
	Source      Source
	Explanation Explanation
}

// RefusedError says that a version or hotfix that somebody asked for cannot be given, and what can be done.
type RefusedError struct {
	Version Version // zero where the text is no version
	// Reason and Remedy are one sentence each, without a full stop.
	Reason, Remedy string
	// Explanation is the reasoning up to the refusal.
	Explanation Explanation
}

// Error is reason and remedy.
func (e *RefusedError) Error() string { return e.Reason + "; " + e.Remedy }

// Next is the version of the next release of a line. A version that was asked for (Set, else the latest Release-As
// trailer) is given as it is or refused with a *RefusedError; it is never passed over.
func Next(r Request) (Result, error) {
	if r.Floor == "" {
		r.Floor = Minor
	}
	if r.Floor.rank() == 0 {
		return Result{}, fmt.Errorf("next version: floor %q: want patch, minor or major", clip(string(r.Floor)))
	}
	n := next{Request: r}
	n.history()
	n.tally = tallyOf(r.Commits)
	n.why = append(n.why, n.tally.explain(n.hasBase)...)
	n.why = append(n.why, elsewhere(n.Elsewhere)...)
	res, err := n.decide()
	if err != nil {
		return Result{}, err
	}
	res.Explanation = n.why
	return res, nil
}

// next is one run of Next.
type next struct {
	Request
	highest  ReleaseRecord // the line's, where released
	released bool
	base     Version // the version to count from, where hasBase
	hasBase  bool
	tally    tally
	why      Explanation
}

// history finds the version to count from.
func (n *next) history() {
	if n.Incomplete != "" {
		n.why.warn(n.Incomplete)
	}
	n.highest, n.released = n.Log.Highest(n.Line)
	if n.released {
		n.base, n.hasBase = n.highest.Version.Core(), true
		n.why.because(fmt.Sprintf("The release log knows %s; the highest%s is %s.",
			count(n.Log.Len(), "release"), n.ofLine(), n.highest.Version), "tag", n.highest.Tag, "commit", n.highest.SHA)
	} else {
		n.why.because(fmt.Sprintf("The release log knows no release%s.", n.ofLine()))
	}
	for _, o := range n.Open {
		if n.Line.Holds(o.Version) && (!n.hasBase || o.Version.CompareCore(n.base) > 0) {
			n.base, n.hasBase = o.Version.Core(), true
		}
	}
	if n.hasBase && (!n.released || n.base != n.highest.Version.Core()) {
		n.why.because(fmt.Sprintf("Version %s is open, so the next one is counted from it.", n.base), "held by", n.openAt(n.base))
	}
}

// ofLine completes "the highest" and "no release".
func (n *next) ofLine() string {
	if n.Line.Support {
		return " of the " + n.Line.String()
	}
	return ""
}

func (n *next) openAt(core Version) string {
	for _, o := range n.Open {
		if o.Version.Core() == core {
			return o.Where
		}
	}
	return ""
}

func (n *next) decide() (Result, error) {
	computed, err := n.computed()
	asked := n.tally.releaseAs
	if n.Set == nil && len(asked) == 0 {
		if err != nil {
			return Result{}, err
		}
		n.why = append(n.why, computed.Explanation...)
		n.explainComputed(computed)
		return computed, nil
	}
	set, source := n.Set, SetBy
	if set == nil {
		last := asked[len(asked)-1]
		v, err := ParseReleaseVersion(last.value)
		by := "Release-As trailer in commit " + short(last.sha)
		if err != nil {
			return Result{}, &RefusedError{Reason: by + ": " + err.Error(), Explanation: n.why,
				Remedy: "push a commit with a corrected Release-As trailer, or give the version to /release start"}
		}
		set, source, asked = &Override{Version: v, By: by}, ReleaseAs, asked[:len(asked)-1]
	}
	for _, a := range asked {
		n.why.warn("A Release-As trailer does not count, because a later one or a command asks for another version.",
			"commit", a.sha, "asked for", a.value)
	}
	if err := n.checkOverride(*set); err != nil {
		return Result{}, err
	}
	n.explainOverride(*set, computed)
	return Result{Version: set.Version, From: n.base, Source: source}, nil
}

// computed is the version that nobody had to ask for. Its Explanation holds what was passed over, and no more.
func (n *next) computed() (Result, error) {
	res := Result{From: n.base, Bump: n.part(), Source: Computed}
	var err error
	switch {
	case n.hasBase:
		res.Version, err = n.base.Bump(res.Bump)
	case n.Line.Support:
		res = Result{Version: Version{Major: n.Line.Major, Minor: n.Line.Minor}, Bump: Patch, Source: Initial}
	default:
		res = Result{Version: First(), Bump: Minor, Source: Initial}
	}
	for err == nil { // each version passed over is held by something of its own, so this ends
		where := n.heldAt(res.Version)
		if where == "" {
			break
		}
		res.Explanation.warn(fmt.Sprintf("Version %s exists already, so it is passed over.", res.Version), "held by", where)
		res.Version, err = res.Version.Bump(res.Bump)
	}
	if res.Source == Initial {
		res.Bump = ""
	}
	if err != nil {
		return Result{}, fmt.Errorf("next version: %w", err)
	}
	return res, nil
}

// part is what rises.
func (n *next) part() Bump {
	if n.Line.Support {
		return Patch
	}
	part := larger(n.Floor, n.tally.largest)
	if part == Major && n.base.Major == 0 {
		return Minor // 1.0.0 is a promise that only a person makes
	}
	return part
}

// heldAt says what holds a version of three numbers; empty when it is free. A hotfix with an ID holds its own version
// only.
func (n *next) heldAt(v Version) string {
	if r, found := n.Log.Find(v); found {
		return "release " + r.Tag
	}
	return heldBy(v, n.Taken, n.Open)
}

func heldBy(v Version, lists ...[]Held) string {
	for _, list := range lists {
		if i := slices.IndexFunc(list, func(h Held) bool { return h.Version == v }); i >= 0 {
			return nonEmpty(list[i].Where, v.String())
		}
	}
	return ""
}

// checkOverride refuses what must not be given.
func (n *next) checkOverride(set Override) error {
	v := set.Version
	refuse := func(reason string) error {
		e := &RefusedError{Version: v, Reason: nonEmpty(set.By, "version "+v.String()) + ": " + reason, Explanation: n.why}
		e.Remedy = "ask for a version that is not in use yet"
		if free, err := n.computed(); err == nil {
			e.Remedy = fmt.Sprintf("the next free version is %s", free.Version)
		}
		return e
	}
	switch {
	case v.Hotfix != "":
		return refuse("a release has no hotfix ID")
	case max(v.Major, v.Minor, v.Patch) > maxNumber:
		return refuse(fmt.Sprintf("a number has more than %d digits", maxDigits))
	case v.IsZero():
		return refuse("0.0.0 is no version of a release")
	case !n.Line.Holds(v):
		return refuse(fmt.Sprintf("%s is not on the %s", v, n.Line))
	}
	if where := n.heldAt(v); where != "" {
		return refuse(fmt.Sprintf("%s exists already (%s)", v, where))
	}
	if n.released && v.CompareCore(n.highest.Version) <= 0 {
		return refuse(fmt.Sprintf("%s is not higher than %s, the highest release%s", v, n.highest.Version, n.ofLine()))
	}
	return nil
}
