package bot

import (
	"context"
	"fmt"

	"github.com/sluicehq/sluice/forge"
)

// seenOnce is GitHub as it was when something was asked first; asked again, the answer is the same. So two configurations are judged
// by the same facts, and what both rest on is asked once. It is for one look, in which nothing is changed.
type seenOnce struct {
	GitHub
	answers map[string]any
}

func newSeenOnce(gh GitHub) *seenOnce { return &seenOnce{gh, map[string]any{}} }

// answer is what GitHub said, an error too: a branch that there is not stays away.
type answer[T any] struct {
	said T
	err  error
}

func askOnce[T any](g *seenOnce, question string, ask func() (T, error)) (T, error) {
	if known, ok := g.answers[question].(answer[T]); ok {
		return known.said, known.err
	}
	said, err := ask()
	g.answers[question] = answer[T]{said, err}
	return said, err
}

func (g *seenOnce) Info(ctx context.Context) (forge.Repo, error) {
	return askOnce(g, "info", func() (forge.Repo, error) { return g.GitHub.Info(ctx) })
}

func (g *seenOnce) Permissions(ctx context.Context) (map[string]string, error) {
	return askOnce(g, "permissions", func() (map[string]string, error) { return g.GitHub.Permissions(ctx) })
}

func (g *seenOnce) Branch(ctx context.Context, name string) (forge.Branch, error) {
	return askOnce(g, "branch "+name, func() (forge.Branch, error) { return g.GitHub.Branch(ctx, name) })
}

func (g *seenOnce) Tag(ctx context.Context, name string) (forge.Tag, error) {
	return askOnce(g, "tag "+name, func() (forge.Tag, error) { return g.GitHub.Tag(ctx, name) })
}

func (g *seenOnce) Pull(ctx context.Context, number int) (forge.PullRequest, error) {
	return askOnce(g, fmt.Sprint("pull ", number), func() (forge.PullRequest, error) { return g.GitHub.Pull(ctx, number) })
}

func (g *seenOnce) Reviews(ctx context.Context, number int) ([]forge.Review, error) {
	return askOnce(g, fmt.Sprint("reviews ", number), func() ([]forge.Review, error) { return g.GitHub.Reviews(ctx, number) })
}

func (g *seenOnce) CheckRuns(ctx context.Context, sha string) ([]forge.CheckRun, error) {
	return askOnce(g, "check runs "+sha, func() ([]forge.CheckRun, error) { return g.GitHub.CheckRuns(ctx, sha) })
}

func (g *seenOnce) Statuses(ctx context.Context, sha string) ([]forge.CommitStatus, error) {
	return askOnce(g, "statuses "+sha, func() ([]forge.CommitStatus, error) { return g.GitHub.Statuses(ctx, sha) })
}
