package secretscan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/zricethezav/gitleaks/v8/config"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// passage is a piece of a file: the new side of a hunk, or all of it.
type passage struct {
	first int // number of its first line
	text  string
	// added are the lines that are new, by their index; nil: all.
	added map[int]bool
}

// adds tells whether one of the lines from to to, by index, is new.
func (p passage) adds(from, to int) bool {
	if p.added == nil {
		return true
	}
	for n := from; n <= to; n++ {
		if p.added[n] {
			return true
		}
	}
	return false
}

var hunkHeader = lazyregexp.New(`^@@ -[0-9]+(?:,[0-9]+)? \+([0-9]+)(?:,[0-9]+)? @@`)

// passages takes a patch apart. Hunks that add nothing are left out.
func passages(patch string) ([]passage, error) {
	var out []passage
	var text []string
	var now passage
	end := func() {
		if now.text = strings.Join(text, "\n"); len(now.added) > 0 {
			out = append(out, now)
		}
		text = nil
	}
	within := false
	for n, line := range strings.Split(patch, "\n") {
		if m := hunkHeader.FindStringSubmatch(line); m != nil {
			first, err := strconv.Atoi(m[1])
			if err != nil {
				return nil, fmt.Errorf("line %d: the number of a hunk's line is out of range", n+1)
			}
			end()
			now, within = passage{first: first, added: map[int]bool{}}, true
			continue
		}
		switch {
		case !within:
			return nil, fmt.Errorf("line %d: it does not begin with a hunk", n+1)
		case strings.HasPrefix(line, "+"):
			now.added[len(text)] = true
			text = append(text, line[1:])
		case strings.HasPrefix(line, " "):
			text = append(text, line[1:])
		case line == "" && n > 0: // some senders strip a context line's only blank
			text = append(text, "")
		case strings.HasPrefix(line, "-"), strings.HasPrefix(line, `\`):
		default:
			return nil, fmt.Errorf("line %d: neither added, removed nor context", n+1)
		}
	}
	end()
	return out, nil
}

// allowsPath tells of a list of exceptions whether it is for a path alone.
func allowsPath(path string) func(*config.Allowlist) bool {
	return func(a *config.Allowlist) bool {
		only := a.MatchCondition != config.AllowlistMatchAnd || len(a.Commits)+len(a.Regexes)+len(a.StopWords) == 0
		return only && a.PathAllowed(path)
	}
}
