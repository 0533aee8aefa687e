package tagging

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ReleaseRecord is one release in a Log.
type ReleaseRecord struct {
	Version Version
	Tag     string // git tag, short name
	SHA     string // the commit that was released
	// HotfixID is the ID of the hotfix that made this release, under HotfixPatch too, where Version does not hold it.
	// Empty for other releases, and where it is not known because the tag was adopted.
	HotfixID string
}

// Log is the releases of one repository or component in the order they happened. It is what decides which of two
// releases came later. The zero Log is empty and ready to use; a Log never changes, Append returns a new one.
type Log struct {
	records []ReleaseRecord
	at      map[Version]int
}

// NewLog makes a Log of records in their order. A version stands in it once.
func NewLog(records ...ReleaseRecord) (Log, error) {
	l := Log{records: slices.Clone(records), at: make(map[Version]int, len(records))}
	for i, r := range records {
		if j, twice := l.at[r.Version]; twice {
			return Log{}, fmt.Errorf("release log: version %s is there twice, at %s and at %s", r.Version, records[j].SHA, r.SHA)
		}
		l.at[r.Version] = i
	}
	return l, nil
}

// Append is l with one more release behind the others. It copies l; make a long Log with one call of NewLog.
func (l Log) Append(r ReleaseRecord) (Log, error) {
	return NewLog(append(slices.Clip(l.records), r)...)
}

// Releases are the records in their order. The slice is the caller's.
func (l Log) Releases() []ReleaseRecord { return slices.Clone(l.records) }

// Len is the number of releases.
func (l Log) Len() int { return len(l.records) }

// Find is the record of a version.
func (l Log) Find(v Version) (ReleaseRecord, bool) {
	i, found := l.at[v]
	if !found {
		return ReleaseRecord{}, false
	}
	return l.records[i], true
}

// Compare tells which of two versions is later: -1 when a is earlier than b, 0 when they are the same, 1 when a is
// later. Numbers come first; a hotfix is later than the release whose numbers it keeps; hotfixes of one release are in
// the order of the log, and those the log does not know yet are later than those it knows.
func (l Log) Compare(a, b Version) int {
	if c := a.CompareCore(b); c != 0 || a == b {
		return c
	}
	if a.Hotfix == "" || b.Hotfix == "" {
		return cmp.Compare(len(a.Hotfix), len(b.Hotfix))
	}
	i, aKnown := l.at[a]
	j, bKnown := l.at[b]
	switch {
	case aKnown && bKnown:
		return cmp.Compare(i, j)
	case aKnown:
		return -1
	case bKnown:
		return 1
	}
	return compareNatural(a.Hotfix, b.Hotfix)
}

// Highest is the latest release of a line as Compare orders them; of Trunk, the latest of all.
func (l Log) Highest(line Line) (ReleaseRecord, bool) {
	var high ReleaseRecord
	found := false
	for _, r := range l.records {
		if line.Holds(r.Version) && (!found || l.Compare(r.Version, high.Version) > 0) {
			high, found = r, true
		}
	}
	return high, found
}

// Previous is the release before v: the latest known one that is earlier than v. Release notes tell what changed since.
func (l Log) Previous(v Version) (ReleaseRecord, bool) {
	var high ReleaseRecord
	found := false
	for _, r := range l.records {
		if l.Compare(r.Version, v) < 0 && (!found || l.Compare(r.Version, high.Version) > 0) {
			high, found = r, true
		}
	}
	return high, found
}

// GitTag is a git tag as found in a repository.
type GitTag struct {
	Name string // short name
	SHA  string // the commit, annotated tags peeled
	// Time is when it was tagged, or when the commit was made. It orders the hotfixes of one release, which their names
	// do not.
	Time time.Time
}

// IgnoredTag is a git tag that is no release.
type IgnoredTag struct {
	Name   string
	Reason string
}

// Adopt makes the first Log of a repository from its git tags. Tags that the pattern did not write are returned with the
// reason; they may be anything and are no error.
func Adopt(tags []GitTag, pattern TagPattern) (Log, []IgnoredTag) {
	type adopted struct {
		ReleaseRecord
		time time.Time
	}
	var releases []adopted
	var ignored []IgnoredTag
	seen := make(map[Version]bool, len(tags))
	for _, t := range tags {
		v, err := pattern.Parse(t.Name)
		if err != nil {
			ignored = append(ignored, IgnoredTag{Name: t.Name, Reason: err.Error()})
			continue
		}
		if !seen[v] { // the same tag listed twice: a version has one tag only
			seen[v] = true
			releases = append(releases, adopted{ReleaseRecord{Version: v, Tag: t.Name, SHA: t.SHA, HotfixID: v.Hotfix}, t.Time})
		}
	}
	slices.SortFunc(releases, func(a, b adopted) int {
		v, w := a.Version, b.Version
		return cmp.Or(v.CompareCore(w), cmp.Compare(min(len(v.Hotfix), 1), min(len(w.Hotfix), 1)),
			a.time.Compare(b.time), compareNatural(v.Hotfix, w.Hotfix))
	})
	l := Log{at: make(map[Version]int, len(releases))}
	for i, r := range releases {
		l.records = append(l.records, r.ReleaseRecord)
		l.at[r.Version] = i
	}
	return l, ignored
}

// compareNatural compares IDs with their numbers as numbers: 9 before 17. Different IDs never compare as the same.
func compareNatural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		var p, q string
		p, x = chunk(x)
		q, y = chunk(y)
		if isDigit(p[0]) && isDigit(q[0]) {
			m, n := strings.TrimLeft(p, "0"), strings.TrimLeft(q, "0")
			if c := cmp.Or(cmp.Compare(len(m), len(n)), cmp.Compare(m, n)); c != 0 {
				return c
			}
			continue
		}
		if c := cmp.Compare(p, q); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(a, b))
}

// chunk splits off the digits, or the other characters, that s begins with.
func chunk(s string) (head, tail string) {
	i := 1
	for i < len(s) && isDigit(s[i]) == isDigit(s[0]) {
		i++
	}
	return s[:i], s[i:]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
