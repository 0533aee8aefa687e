package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/appspec"
	"github.com/sluicehq/sluice/executor/buildspec"
	"github.com/sluicehq/sluice/executor/image"
	"github.com/sluicehq/sluice/executor/lookup"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/registry"
	"github.com/sluicehq/sluice/rehearse"
)

// keepRuns is how long logs and artifacts of earlier runs are kept.
const keepRuns = 24 * time.Hour

// runTools are the executors of a run.
type runTools struct {
	registry  *executor.Registry
	images    images
	artifacts *artifact.Store
	pruners   []pruner
	open      []io.Closer
}

// tools makes the server's executors, as far as they run on a machine of one's own.
func (r *rehearsal) tools(e *env, c *runCmd, artifacts *artifact.Store, bell *executor.Bell) (*runTools, error) {
	everything := func(string, string) bool { return true }
	path := e.getenv("PATH")
	o := buildspec.Options{
		Dir: filepath.Join(r.data, "builds"), Allowed: everything, Cloner: &r.source, Artifacts: artifacts, Ring: bell.Ring, Path: path,
		Caches: filepath.Join(r.data, "caches"), Region: cmp.Or(e.getenv("AWS_REGION"), e.getenv("AWS_DEFAULT_REGION")),
		Rehearsal: true,
	}
	if c.BuildRuntimes != "" {
		var err error
		if o.Runtimes, err = filepath.Abs(c.BuildRuntimes); err != nil {
			return nil, err
		}
	}
	if c.BuildSecrets != "" {
		secrets := &lookup.Source{File: c.BuildSecrets, Getenv: e.getenv, AWS: lookup.NewAmazon(o.Region)}
		if err := secrets.Check(); err != nil {
			return nil, &usageError{fmt.Errorf("--build-secrets: %w", err)}
		}
		o.Lookup = buildSecrets{secrets}
	}
	t := &runTools{images: images{registry.New(registry.Options{})}, artifacts: artifacts}
	build, err := buildspec.New(o)
	if err != nil {
		return nil, err
	}
	hosts, err := appspec.New(appspec.Options{
		Dir: filepath.Join(r.data, "hosts"), Allowed: everything, Artifacts: artifacts, Ring: bell.Ring, Path: path,
		Users: func(string, string) []string { return []string{appspec.AnyUser} },
	})
	if err != nil {
		return nil, errors.Join(err, build.Close())
	}
	t.open, t.pruners = []io.Closer{build, hosts}, []pruner{build, hosts}
	assemble, err := image.New(image.Options{
		Dir: filepath.Join(r.data, "images"), Registry: t.images.forImages, Artifacts: artifacts, Allowed: func(string, string, string) bool { return true },
	})
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	t.pruners = append(t.pruners, assemble)
	t.registry = executor.NewRegistry(map[string]executor.Executor{"buildspec": build, "appspec": hosts, "image": assemble})
	return t, nil
}

func (t *runTools) close() error {
	var errs []error
	for _, o := range t.open {
		errs = append(errs, o.Close())
	}
	return errors.Join(errs...)
}

// prune removes what earlier runs left and the next does not need.
func (t *runTools) prune(ctx context.Context, r *rehearsal) error {
	before := time.Now().Add(-keepRuns)
	var errs []error
	for _, p := range t.pruners {
		_, err := p.Prune(ctx, before)
		errs = append(errs, err)
	}
	last, err := r.last()
	if err == nil {
		_, err = t.artifacts.Prune(ctx, func(digest string) bool {
			for _, a := range last.Artifacts {
				if a.Digest == digest {
					return true
				}
			}
			return false
		}, before)
	}
	return errors.Join(append(errs, err)...)
}

// runFolder is where runs of the clone at root keep what they made: in the user's cache.
func runFolder(getenv func(string) string, root string) (string, error) {
	cache := getenv("XDG_CACHE_HOME")
	if cache == "" && getenv("HOME") != "" {
		cache = filepath.Join(getenv("HOME"), ".cache")
	}
	if !filepath.IsAbs(cache) {
		return "", errors.New("there is no folder for caches: set HOME, or XDG_CACHE_HOME, to an absolute path")
	}
	sum := sha256.Sum256([]byte(root))
	return filepath.Join(cache, "sluice", "run", fmt.Sprintf("%s-%x", filepath.Base(root), sum[:6])), nil
}

// lastRun is what later runs take from earlier ones.
type lastRun struct {
	Artifacts map[string]lastArtifact `json:"artifacts"`
	Variables map[string]string       `json:"variables"`
}

// lastArtifact is an artifact, when it was made, and of which commit.
type lastArtifact struct {
	pipeline.Artifact
	At  time.Time `json:"at"`
	SHA string    `json:"sha"`
}

const lastRunFile = "last.json"

func (r *rehearsal) last() (lastRun, error) {
	var last lastRun
	data, err := os.ReadFile(filepath.Join(r.data, lastRunFile))
	if errors.Is(err, fs.ErrNotExist) {
		return last, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &last)
	}
	return last, err
}

// recall takes from the last run what is needed and not made in this one.
func (r *rehearsal) recall() error {
	last, err := r.last()
	if err != nil {
		return err
	}
	needs := rehearse.Needs(r.whole, r.input.Definition)
	for _, n := range needs {
		a, ok := last.Artifacts[n.Name]
		switch {
		case n.Maker == "":
			return fmt.Errorf("%s takes the artifact %s, which no action makes", n.By, n.Name)
		case !ok && n.Optional:
			continue
		case !ok:
			return fmt.Errorf("%s takes the artifact %s, which %s makes: run that too, or run it first", n.By, n.Name, n.Maker)
		}
		if r.input.Artifacts == nil {
			r.input.Artifacts = map[string]pipeline.Artifact{}
		}
		r.input.Artifacts[n.Name] = a.Artifact
		r.notes = append(r.notes, fmt.Sprintf("Artifact %s is the one that %s made on %s at commit %.7s.", n.Name, n.Maker, a.At.Local().Format("2 Jan 15:04"), a.SHA))
	}
	for name, value := range last.Variables {
		if r.input.Variables == nil {
			r.input.Variables = map[string]string{}
		}
		if _, now := r.input.Variables[name]; !now {
			r.input.Variables[name] = value
		}
	}
	return nil
}

// remember keeps what was made for later runs.
func (r *rehearsal) remember(state pipeline.State) error {
	last, err := r.last()
	if err != nil {
		return err
	}
	if last.Artifacts == nil {
		last.Artifacts, last.Variables = map[string]lastArtifact{}, map[string]string{}
	}
	for name, a := range state.Artifacts {
		if _, before := r.input.Artifacts[name]; !before {
			last.Artifacts[name] = lastArtifact{a, time.Now(), r.source.sha}
		}
	}
	maps.Copy(last.Variables, state.Variables)
	maps.DeleteFunc(last.Variables, func(name, _ string) bool { return strings.HasPrefix(name, "sluice.") })
	data, err := json.Marshal(last)
	if err != nil {
		return err
	}
	file := filepath.Join(r.data, lastRunFile)
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
