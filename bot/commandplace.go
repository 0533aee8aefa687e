package bot

import "github.com/sluicehq/sluice/gitflow"

// place is where a command is given: a set of the places below. A command whose own set is empty can be given anywhere.
type place uint

// The places.
const (
	onPull    place = 1 << iota // any pull request
	onRelease                   // the pull request of a release or hotfix
	onMerged                    // a pull request that was merged
	onFork                      // an open pull request of a fork
)

// String says in words where it is, for help.
func (p place) String() string {
	switch {
	case p&onPull != 0:
		return "on any pull request"
	case p&onRelease != 0 && p&onMerged != 0:
		return "on the pull request of a release or hotfix, and on one that was merged"
	case p&onRelease != 0:
		return "on the pull request of a release or hotfix"
	case p&onMerged != 0:
		return "on a pull request that was merged"
	case p&onFork != 0:
		return "on an open pull request of a fork"
	}
	return "on any issue or pull request"
}

// takes tells whether a command that belongs to p can be given at a place.
func (p place) takes(at place) bool { return p == 0 || p&at != 0 }

// placeOf is where a command was given.
func (s *session) placeOf(q *request) place {
	var at place
	if q.pull {
		at |= onPull
	}
	if q.release != nil {
		at |= onRelease
	}
	if q.pr != nil && q.pr.Merged {
		at |= onMerged
	}
	if q.pr != nil && q.pr.Open && !s.ownHead(q.pr) {
		at |= onFork
	}
	return at
}

// headOf classifies the head of a pull request: a fork's branch is never one of ours, whatever its name.
func (s *session) headOf(branch string, own bool) gitflow.Branch {
	if own {
		return s.classify(branch)
	}
	return s.names().ClassifyFork(branch)
}
