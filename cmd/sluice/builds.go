package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/buildspec"
	"github.com/sluicehq/sluice/executor/lookup"
)

// builds makes the executor of buildspecs.
func (s *server) builds(gh gitHub, artifacts *artifact.Store, bell *executor.Bell, w wiring) (*buildspec.Executor, error) {
	o := buildspec.Options{
		Dir: filepath.Join(s.cfg.Data, "builds"), Allowed: s.cfg.LocalExecutors.Match, Cloner: cloner{app: gh.App}, Artifacts: artifacts,
		Ring: bell.Ring, Path: w.buildPath, Secrets: s.secrets(), Runtimes: s.cfg.BuildRuntimes, Region: s.cfg.AWSRegion,
		Page: func(r executor.Request) string {
			return strings.TrimSuffix(s.cfg.PublicURL.String(), "/") + "/" + r.Owner + "/" + r.Repo + "/executions/" + r.ExecutionID
		},
	}
	if s.cfg.BuildSecrets != "" {
		source := &lookup.Source{File: s.cfg.BuildSecrets, Getenv: os.Getenv, AWS: lookup.NewAmazon(s.cfg.AWSRegion)}
		if err := source.Check(); err != nil {
			return nil, fmt.Errorf("--build-secrets: %w", err)
		}
		o.Lookup = buildSecrets{source}
	}
	return buildspec.New(o)
}

// buildSecrets is the source of secrets as builds see it.
type buildSecrets struct{ source *lookup.Source }

// Find implements buildspec.Secrets.
func (b buildSecrets) Find(ctx context.Context, owner, repo string, l buildspec.Lookup) (string, error) {
	return b.source.Find(ctx, owner, repo, lookup.Ref{Parameter: l.Parameter, Secret: l.Secret, Stage: l.Stage, Version: l.Version})
}
