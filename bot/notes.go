package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/tagging"
)

// releasePage publishes the GitHub release of a tag that exists.
func (s *session) releasePage(ctx context.Context, r *store.Release, step gitflow.Step) error {
	_, err := do(ctx, s, effect[int64]{
		kind: effectRelease, key: step.Tag, intent: step.SHA, planned: true,
		probe: func(ctx context.Context) (int64, bool, error) {
			p, err := s.gh.ReleaseByTag(ctx, step.Tag)
			if errors.Is(err, forge.ErrNotFound) {
				return 0, false, nil
			}
			return p.ID, err == nil, err
		},
		act: func(ctx context.Context) (int64, error) {
			notes, latest, err := s.notes(ctx, r)
			if err != nil {
				return 0, err
			}
			p, err := s.gh.CreateRelease(ctx, step.Tag, r.Name(), notes, false, latest)
			return p.ID, err
		},
	})
	return err
}

// notes are the release notes: the pull requests and commits since the release before. latest tells whether no other
// release is later; one of a support line never is the latest.
func (s *session) notes(ctx context.Context, r *store.Release) (text string, latest bool, err error) {
	v, err := tagging.ParseVersion(r.Version)
	if err != nil {
		return "", false, err
	}
	log, _, err := s.history(ctx, r.ID)
	if err != nil {
		return "", false, err
	}
	high, any := log.Highest(tagging.Trunk())
	latest = r.Line == "" && (!any || log.Compare(v, high.Version) >= 0)
	n := tagging.Notes{Version: v, RepoURL: s.htmlURL(), Current: r.Tag}
	if r.ProductionImage != "" {
		n.Image = r.ProductionImage + "@" + r.ProductionDigest
	}
	previous, ok := log.Previous(v)
	if !ok {
		return n.Markdown(), latest, nil
	}
	n.Previous = previous.Tag
	_, err = s.noted(ctx, &n, previous.SHA, r.SHA)
	return n.Markdown(), latest, ignoreNotFound(err)
}

// noted fills notes with what head has that base lacks. GitHub's ErrNotFound: one of the two is not there any more.
func (s *session) noted(ctx context.Context, n *tagging.Notes, base, head string) (forge.Comparison, error) {
	c, err := s.compare(ctx, base, head)
	if err != nil {
		return c, err
	}
	whole := c.Commits
	if c.Commits, _, err = s.own(ctx, head, whole); err != nil {
		return c, err
	}
	n.Commits = versionCommits(c.Commits)
	if c.Truncated {
		n.Incomplete = fmt.Sprintf("GitHub lists %d of %d commits; the comparison below has all.", len(whole), c.AheadBy)
	}
	if err := s.notedPulls(ctx, n, c.Commits); err != nil {
		return c, err
	}
	return c, s.newcomers(ctx, n, base)
}

// maxNewcomers is how many authors are asked about, of one release.
const maxNewcomers = 30

// newcomers marks the pull requests of people of whom base has no commit.
func (s *session) newcomers(ctx context.Context, n *tagging.Notes, base string) error {
	known := map[string]bool{}
	for i, p := range n.PullRequests {
		if p.Bot || p.Author == "" {
			continue
		}
		wrote, asked := known[p.Author]
		if !asked {
			if len(known) == maxNewcomers {
				return nil
			}
			var err error
			if wrote, err = s.gh.Wrote(ctx, base, p.Author); err != nil {
				return fmt.Errorf("commits of %s: %w", p.Author, err)
			}
			known[p.Author] = wrote
		}
		n.PullRequests[i].First = !wrote
	}
	return nil
}

// maxNoted is of how many commits of one release GitHub is asked which pull requests brought them: forty calls.
const maxNoted = 1000

// notedPulls finds the pull requests that brought commits, however they were merged. Of more commits than GitHub is asked about,
// merges come first and then those whose subject names a pull request, as squashed ones' does; that the rest was left out is said.
func (s *session) notedPulls(ctx context.Context, n *tagging.Notes, commits []forge.Commit) error {
	asked := make([]string, len(commits))
	for i, c := range slices.SortedStableFunc(slices.Values(commits), func(a, b forge.Commit) int { return telling(a) - telling(b) }) {
		asked[i] = c.SHA
	}
	if len(asked) > maxNoted {
		asked = asked[:maxNoted]
		n.Incomplete = strings.TrimSpace(n.Incomplete + fmt.Sprintf(" Of %d commits GitHub was asked about %d, which pull requests brought them; the others are listed by themselves.",
			len(commits), maxNoted))
	}
	brought, err := s.gh.PullsBringing(ctx, asked)
	if err != nil {
		return fmt.Errorf("pull requests of %d commits: %w", len(asked), err)
	}
	seen := map[int]bool{}
	for i, c := range commits {
		for _, p := range brought[c.SHA] {
			if !p.Merged || s.classify(p.Head.Branch).Kind == gitflow.KindBackmerge || s.classify(p.Head.Branch).Kind.Ships() {
				continue
			}
			n.Commits[i].PullRequest = p.Number
			if !seen[p.Number] {
				seen[p.Number] = true
				n.PullRequests = append(n.PullRequests, tagging.NotedPull{
					Number: p.Number, Title: p.Title, Body: p.Body, Branch: p.Head.Branch, Author: p.Author.Login, Bot: p.Author.Bot,
				})
			}
		}
	}
	return nil
}

// telling is in which turn GitHub is asked about a commit, by how much its pull request may bring besides.
func telling(c forge.Commit) int {
	switch {
	case len(c.Parents) > 1:
		return 0
	case namesPull(firstLine(c.Message)):
		return 1
	}
	return 2
}

// namesPull tells whether a subject ends with the number of a pull request, as GitHub writes it when it squashes one.
func namesPull(subject string) bool {
	rest, closed := strings.CutSuffix(strings.TrimSpace(subject), ")")
	_, number, opened := strings.Cut(rest[strings.LastIndexByte(rest, '(')+1:], "#")
	_, err := strconv.Atoi(number)
	return closed && opened && err == nil
}

// htmlURL is the repository's page.
func (s *session) htmlURL() string { return s.b.GitHubURL + "/" + s.repo.Owner + "/" + s.repo.Name }
