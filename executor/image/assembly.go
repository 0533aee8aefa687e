package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
)

// Annotations and labels that every image gets.
const (
	annotationCreated    = "org.opencontainers.image.created"
	annotationRevision   = "org.opencontainers.image.revision"
	annotationSource     = "org.opencontainers.image.source"
	annotationVersion    = "org.opencontainers.image.version"
	annotationBaseName   = "org.opencontainers.image.base.name"
	annotationBaseDigest = "org.opencontainers.image.base.digest"
)

// assembly is an image in the making.
type assembly struct {
	e        *Executor
	registry Registry
	tell     func(line string)
	r        executor.Request
	p        params
	base     pinned
	dir      string
	open     map[string]*os.Root // unpacked artifacts by name
	// layers are what was added, by platform.
	layers map[string]*layer
}

// whole is an image or an index.
type whole interface {
	remote.Taggable
	Digest() (v1.Hash, error)
}

// build makes the image; an index when several platforms are wanted.
func (a *assembly) build(ctx context.Context) (whole, error) {
	if err := a.unpack(ctx); err != nil {
		return nil, err
	}
	defer func() {
		for _, root := range a.open {
			root.Close()
		}
	}()
	switch len(a.p.platforms) {
	case 0: // whatever the base is for
		img, _, err := a.one(ctx, v1.Platform{OS: "linux", Architecture: "amd64"})
		return img, err
	case 1:
		img, err := a.just(ctx, a.p.platforms[0])
		return img, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range a.p.platforms {
		img, err := a.just(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &p}})
	}
	return mutate.Annotations(index, a.annotations()).(v1.ImageIndex), nil
}

// unpack unpacks the artifacts that are used.
func (a *assembly) unpack(ctx context.Context) error {
	a.open, a.layers = map[string]*os.Root{}, map[string]*layer{}
	if len(a.p.from) == 0 && len(a.r.Inputs) == 1 { // no question which
		for name := range a.r.Inputs {
			to := a.p.workdir
			if to == "" {
				to = "/"
			}
			a.p.from = []source{{artifact: name, path: ".", to: to}}
		}
	}
	if len(a.p.from) == 0 {
		return executor.Permanentf("with.from: nothing goes into the image; name an artifact of the action's inputs (%s)", a.inputs())
	}
	for _, s := range a.p.from {
		if a.open[s.artifact] != nil {
			continue
		}
		input, ok := a.r.Inputs[s.artifact]
		if !ok {
			return executor.Permanentf("with.from: %q is not among the action's inputs (%s)", s.artifact, a.inputs())
		}
		dir := filepath.Join(a.dir, fmt.Sprintf("artifact-%d", len(a.open)))
		err := a.e.o.Artifacts.Extract(ctx, input, dir)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, artifact.ErrChanged) {
			return executor.Permanent(err)
		}
		if err != nil {
			return err
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			return err
		}
		a.open[s.artifact] = root
		a.tell(fmt.Sprintf("artifact %s: unpacked, %d bytes", s.artifact, input.Size))
	}
	return nil
}

func (a *assembly) inputs() string {
	if len(a.r.Inputs) == 0 {
		return "it has none"
	}
	return strings.Join(slices.Sorted(maps.Keys(a.r.Inputs)), ", ")
}

// just makes the image for a platform and no other.
func (a *assembly) just(ctx context.Context, want v1.Platform) (v1.Image, error) {
	img, is, err := a.one(ctx, want)
	if err == nil && (is.OS != want.OS || is.Architecture != want.Architecture) {
		err = executor.Permanentf("with.base: %s is for %s, not for %s", a.base.name, is, want)
	}
	return img, err
}

// one makes the image for a platform and returns it with the platform it is for: a base that is no index is for one
// only.
func (a *assembly) one(ctx context.Context, want v1.Platform) (v1.Image, v1.Platform, error) {
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if a.base.ref != "" {
		base, err := a.registry.Image(ctx, a.base.ref, want)
		if err != nil {
			return nil, want, err
		}
		img = mutate.ConfigMediaType(mutate.MediaType(base, types.OCIManifestSchema1), types.OCIConfigJSON)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, want, err
	}
	config = config.DeepCopy()
	if a.base.ref == "" {
		config.OS, config.Architecture, config.Variant = want.OS, want.Architecture, want.Variant
	}
	is := v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}

	var files []file
	for _, s := range a.p.from {
		some, err := list(a.open[s.artifact], s.on(is), s.to)
		if err != nil {
			return nil, is, executor.Permanentf("with.from: %s: %w", s.artifact, err)
		}
		files = append(files, some...)
	}
	layer, err := a.pack(ctx, filepath.Join(a.dir, "layer-"+is.OS+"-"+is.Architecture+is.Variant), files)
	if err != nil {
		return nil, is, err
	}
	a.layers[is.String()] = layer
	a.tell(fmt.Sprintf("layer %s: %s, %d files, %d bytes", layer.digest, is, len(files), layer.size))
	created := v1.Time{Time: a.created()}
	config.Created, config.Author, config.Container, config.DockerVersion = created, "", "", ""
	a.configure(&config.Config)
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return nil, is, err
	}
	img, err = mutate.Append(img, mutate.Addendum{Layer: layer, History: v1.History{
		Created: created, CreatedBy: "sluice image", Comment: a.r.SHA,
	}})
	if err != nil {
		return nil, is, err
	}
	return mutate.Annotations(img, a.annotations()).(v1.Image), is, nil
}

// pack writes a layer while it holds one of the host's places, whatever becomes of it. What the context ended can be tried again.
func (a *assembly) pack(ctx context.Context, path string, files []file) (*layer, error) {
	leave, err := a.e.o.Places.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	l, err := newLayer(ctx, path, files, a.created())
	if err != nil && ctx.Err() == nil {
		err = executor.Permanentf("with.from: %w", err)
	}
	return l, err
}

// created is the commit's time, to the second; 1970 when it is not known.
func (a *assembly) created() time.Time {
	if a.r.CommitTime.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return a.r.CommitTime.UTC().Truncate(time.Second)
}

// configure sets what the parameters say over what the base has.
func (a *assembly) configure(c *v1.Config) {
	if a.p.workdir != "" {
		c.WorkingDir = a.p.workdir
	}
	if a.p.user != "" {
		c.User = a.p.user
	}
	if len(a.p.entrypoint) > 0 { // the base's arguments were meant for the base's program
		c.Entrypoint, c.Cmd = a.p.entrypoint, nil
	}
	if len(a.p.cmd) > 0 {
		c.Cmd = a.p.cmd
	}
	for _, name := range slices.Sorted(maps.Keys(a.p.env)) {
		c.Env = slices.DeleteFunc(c.Env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
		c.Env = append(c.Env, name+"="+a.p.env[name])
	}
	for _, port := range a.p.expose {
		if c.ExposedPorts == nil {
			c.ExposedPorts = map[string]struct{}{}
		}
		c.ExposedPorts[port] = struct{}{}
	}
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	maps.Copy(c.Labels, a.p.labels)
	maps.Copy(c.Labels, a.annotations())
}

// annotations say where the image comes from.
func (a *assembly) annotations() map[string]string {
	out := map[string]string{
		annotationCreated:  a.created().Format(time.RFC3339),
		annotationRevision: a.r.SHA,
	}
	if source := a.source(); source != "" {
		out[annotationSource] = source
	}
	if version := a.r.Env["SLUICE_VERSION"]; version != "" {
		out[annotationVersion] = version
	}
	if a.base.ref != "" {
		out[annotationBaseName], out[annotationBaseDigest] = a.base.name, a.base.digest
	}
	return out
}
