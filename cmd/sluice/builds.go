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
	"github.com/sluicehq/sluice/executor/supervise"
)

// builds makes the executor of buildspecs.
func (s *server) builds(gh gitHub, artifacts *artifact.Store, bell *executor.Bell, w wiring) (*buildspec.Executor, error) {
	o := buildspec.Options{
		Dir: filepath.Join(s.cfg.Data, "builds"), Allowed: s.cfg.LocalExecutors.Match, Cloner: cloner{app: gh.App}, Artifacts: artifacts,
		Log: s.log, Caches: filepath.Join(s.cfg.Data, "caches"), Ring: bell.Ring, Path: w.buildPath, Secrets: s.secrets(), Runtimes: s.cfg.BuildRuntimes, Region: s.cfg.AWSRegion,
		Page: func(r executor.Request) string {
			return strings.TrimSuffix(s.cfg.PublicURL.String(), "/") + "/" + r.Owner + "/" + r.Repo + "/executions/" + r.ExecutionID
		},
	}
	if s.cfg.BuildSandbox != "off" {
		o.Sandbox = buildspec.SandboxMode(s.cfg.BuildSandbox)
	}
	o.Hide = append([]string{s.cfg.Data, s.cfg.BuildSecrets}, s.cfg.SecretFiles...)
	if filepath.IsAbs(s.cfg.Artifacts.URL) {
		o.Hide = append(o.Hide, s.cfg.Artifacts.URL)
	}
	if file, ok := strings.CutPrefix(s.cfg.Database.Reveal(), "sqlite:"); ok {
		file, _, _ = strings.Cut(file, "?")
		o.Hide = append(o.Hide, file, file+"-wal", file+"-shm")
	}
	l := s.cfg.BuildLimits
	o.Limits = supervise.Limits{Memory: l.Memory, Disk: l.Disk, Output: l.Output, Processes: l.Processes}
	o.BatchAtOnce = l.Batch
	o.GitToken = func(ctx context.Context, r executor.Request) (string, error) {
		return gh.ReadToken(ctx, r.InstallationID, r.RepoID)
	}
	users, err := buildUsers(s.cfg)
	if err != nil {
		return nil, err
	}
	as := "the server"
	for i, u := range users {
		if i == 0 {
			o.User, o.Users, as = &u.User, map[string]supervise.User{}, u.name
		}
		o.Users[u.name] = u.User
	}
	if s.cfg.BuildSecrets != "" {
		source := &lookup.Source{File: s.cfg.BuildSecrets, Getenv: os.Getenv, AWS: lookup.NewAmazon(s.cfg.AWSRegion)}
		if err := source.Check(); err != nil {
			return nil, fmt.Errorf("--build-secrets: %w", err)
		}
		o.Lookup = buildSecrets{source}
	}
	e, err := buildspec.New(o)
	if err != nil {
		return nil, err
	}
	s.log.Info("builds", "isolation", "run as "+as+"; "+e.Isolation())
	if s.cfg.LocalExecutors.String() != "" {
		if err := refusedCredentials(users); err != nil {
			s.log.Warn("builds with a network reach "+cloudCredentials+", where clouds hand out the host's credentials, as the host does: "+credentialsRemedy, "err", err)
		}
	}
	return e, nil
}

// buildSecrets is the source of secrets as builds see it.
type buildSecrets struct{ source *lookup.Source }

// Find implements buildspec.Secrets.
func (b buildSecrets) Find(ctx context.Context, owner, repo string, l buildspec.Lookup) (string, error) {
	return b.source.Find(ctx, owner, repo, lookup.Ref{Parameter: l.Parameter, Secret: l.Secret, Stage: l.Stage, Version: l.Version})
}
