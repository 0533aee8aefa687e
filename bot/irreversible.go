package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// maxChoices is how many versions a refused rollback offers.
const maxChoices = 10

// noWayBack is the first of some commits that deploying an earlier version does not undo, in words; empty: there is none.
func noWayBack(commits []forge.Commit) string {
	for _, c := range commits {
		if why := gitflow.Irreversible(c.Message); why != "" {
			return fmt.Sprintf("%s %s is irreversible: %s", short(c.SHA), code(firstLine(c.Message)), code(why))
		}
	}
	return ""
}

// oneWay is why an environment cannot go from one commit back to another; empty: it can. A commit that GitHub does not have any
// more holds no rollback up.
func (s *session) oneWay(ctx context.Context, from, to string) (string, error) {
	if from == "" || to == "" || from == to {
		return "", nil
	}
	c, err := s.compare(ctx, to, from)
	if errors.Is(err, forge.ErrNotFound) {
		s.log.WarnContext(ctx, "what a rollback would take back is not known", "from", from, "to", to, "err", err)
		return "", nil
	}
	return noWayBack(c.Commits), err
}

// wayBack refuses a rollback that would leave behind what cannot be undone, as after a migration that dropped a column: what ran
// before does not know the world any more.
func (s *session) wayBack(ctx context.Context, way retreat, history []store.Deployment, bad map[string]bool, to store.Deployment) error {
	i := slices.IndexFunc(history, func(d store.Deployment) bool { return d.Version == way.FromVersion })
	if i < 0 {
		return nil
	}
	why, err := s.oneWay(ctx, history[i].SHA, to.SHA)
	if err != nil || why == "" {
		return err
	}
	var targets []string
	seen := map[string]bool{way.FromVersion: true}
	for _, d := range history {
		if d.Status != pipeline.Succeeded || seen[d.Version] || bad[d.Version] || len(targets) == maxChoices {
			continue
		}
		seen[d.Version] = true
		no, err := s.oneWay(ctx, history[i].SHA, d.SHA)
		if err != nil {
			return err
		}
		if no != "" {
			break // and nothing older
		}
		targets = append(targets, code(d.Version))
	}
	choices := "There is no version to go back to: mend it by a hotfix."
	if len(targets) > 0 {
		choices = "These can be gone back to: " + strings.Join(targets, ", ") + "."
	}
	return &userError{fmt.Sprintf("%s cannot be gone back to from %s: %s. %s", code(to.Version), code(way.FromVersion), why, choices)}
}
