package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// maxChoices is how many versions a refused rollback looks at for those that it offers.
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

// notBack is why an environment cannot go back to what was deployed there, though it was good: what cannot be undone was shipped
// since, as with a migration that dropped a column, and what ran before does not know the world any more; or the registry does
// not have the image. Empty: it can. A registry that does not answer holds no rollback up: the deployment will tell.
func (s *session) notBack(ctx context.Context, way retreat, history []store.Deployment, d store.Deployment) (string, error) {
	if i := slices.IndexFunc(history, func(d store.Deployment) bool { return d.Version == way.FromVersion }); i >= 0 {
		why, err := s.oneWay(ctx, history[i].SHA, d.SHA)
		if err != nil || why != "" {
			return fmt.Sprintf("%s cannot be gone back to from %s: %s.", code(d.Version), code(way.FromVersion), why), err
		}
	}
	if d.Image == "" {
		return "", nil
	}
	digest, err := s.b.Images.Find(ctx, d.Image)
	switch {
	case err != nil:
		s.log.WarnContext(ctx, "registry does not tell whether an image is there", "digest", d.Digest, "err", err)
	case digest == "":
		return fmt.Sprintf("The image of %s is no longer in the registry: %s.", code(d.Version), code(d.Image)), nil
	case digest != d.Digest:
		return fmt.Sprintf("The image %s is %s now, and %s was deployed as %s.", code(d.Image), code(digest), code(d.Version), code(d.Digest)), nil
	}
	return "", nil
}

// choices names the versions that an environment can go back to, newest first.
func (s *session) choices(ctx context.Context, way retreat, history []store.Deployment, bad map[string]bool) (string, error) {
	var targets []string
	seen := map[string]bool{way.FromVersion: true}
	for _, d := range history {
		if d.Status != pipeline.Succeeded || seen[d.Version] || bad[d.Version] {
			continue
		}
		if len(seen) > maxChoices {
			targets = append(targets, "and older ones")
			break
		}
		seen[d.Version] = true
		why, err := s.notBack(ctx, way, history, d)
		if err != nil {
			return "", err
		}
		if why == "" {
			targets = append(targets, d.Version)
		}
	}
	if len(targets) == 0 {
		return "There is nothing else to go back to.", nil
	}
	return "These can be gone back to: " + codes(targets) + ".", nil
}
