package promote

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/pipeline"
)

// Executor promotes. Start does all of it and may take as long as the copy does; the caller's context bounds it.
type Executor struct {
	// Registry makes the client of one action, which tells in lines what it writes.
	Registry func(tell func(line string)) Registry
	actiondir.Journals
}

var (
	_ executor.Executor = (*Executor)(nil)
	_ executor.Logged   = (*Executor)(nil)
	_ executor.AtOnce   = (*Executor)(nil)
)

// parameters are `with:`. The caller fills in source and destination; a person writes none of them.
type parameters struct {
	source, destination string
	keys                []string // public keys, PEM, one of which must have signed
}

func read(with map[string]any) (parameters, error) {
	p := executor.Read(with)
	p.String("environment")
	q := parameters{source: p.String("source"), destination: p.String("destination"), keys: p.Strings("keys")}
	return q, p.Err()
}

// Check accepts what Sluice itself fills in.
func (e *Executor) Check(with map[string]any) error {
	_, err := read(with)
	return err
}

// Start copies, or finds it done. The handle says what was promoted.
func (e *Executor) Start(ctx context.Context, r executor.Request) (string, error) {
	q, err := read(r.With)
	if err != nil {
		return "", err
	}
	return e.Keep(r.ID, func(tell func(string)) (string, error) { return promote(ctx, r, q, e.Registry(tell), tell) })
}

func promote(ctx context.Context, r executor.Request, q parameters, images Registry, tell func(line string)) (string, error) {
	if q.source == "" && q.destination == "" {
		if len(q.keys) > 0 {
			return "", executor.Permanentf("only a signed image is promoted, and there is no image: set registries in .github/sluice.yml, and push one")
		}
		return promoteBundle(r, tell)
	}
	repository, digest, ok := strings.Cut(q.source, "@")
	switch {
	case !ok || repository == "" || q.destination == "":
		return "", executor.Permanentf("with.source %q and with.destination %q: want host/repository@digest and host/repository:tag",
			q.source, q.destination)
	case digest != r.Digest:
		return "", executor.Permanentf("with.source is %s, but %q was approved", q.source, r.Digest)
	}
	if len(q.keys) > 0 {
		key, problem, err := images.Signed(ctx, q.source, q.keys)
		if err != nil {
			return "", classify(ctx, fmt.Errorf("signatures of %s: %w", q.source, err))
		}
		if problem != "" {
			return "", executor.Permanentf("%s; only what a key of environments.production.verify signed is promoted: sign it "+
				"(cosign sign --key cosign.key %s), then /retry", problem, q.source)
		}
		tell("signed by key " + key)
	}
	tell("copy " + q.source + " to " + q.destination)
	if err := images.Promote(ctx, q.source, q.destination); err != nil {
		return "", classify(ctx, fmt.Errorf("promote %s to %s: %w", q.source, q.destination, err))
	}
	got, err := images.Resolve(ctx, q.destination)
	if err != nil {
		return "", classify(ctx, fmt.Errorf("read back %s: %w", q.destination, err))
	}
	if got != digest {
		return "", executor.Permanentf("%s is %s after the copy, want %s; somebody else writes this tag", q.destination, got, digest)
	}
	tell(q.destination + " is " + digest)
	return q.destination + "@" + digest, nil
}

// promoteBundle proves that the artifacts are those that were approved.
func promoteBundle(r executor.Request, tell func(line string)) (string, error) {
	if got := pipeline.BundleDigest(r.Inputs); got != r.Digest {
		return "", executor.Permanentf("the artifacts are %q, but %q was approved", got, r.Digest)
	}
	if r.Digest == "" {
		tell("nothing was built: there is nothing to copy")
		return "revision@" + r.SHA, nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.Inputs)) {
		tell("artifact " + name + " is " + r.Inputs[name].Digest)
	}
	tell("they are what was approved, " + r.Digest + ", and stay where they are")
	return "artifacts@" + r.Digest, nil
}

// Status is Succeeded: there is a handle only for what is done.
func (e *Executor) Status(_ context.Context, r executor.Request, handle string) (executor.Report, error) {
	what, digest, ok := cutLast(handle)
	if !ok {
		return executor.Report{}, executor.Permanentf("handle %q of %s is none of this executor's", handle, r.ID)
	}
	log, err := e.End(r.ID)
	if err != nil {
		return executor.Report{}, err
	}
	report := executor.Report{Status: pipeline.Succeeded, ExternalID: handle, Log: log}
	switch what {
	case "revision":
		report.Summary = fmt.Sprintf("nothing was built; revision %s is promoted as it stands", digest)
	case "artifacts":
		report.Summary = fmt.Sprintf("no registries are configured; the artifacts %s are promoted as they stand", digest)
		report.Variables = map[string]string{"digest": digest}
	default:
		report.Summary = fmt.Sprintf("%s is %s", what, digest)
		report.Variables = map[string]string{"image": repositoryOf(what) + "@" + digest, "tag": what, "digest": digest}
	}
	return report, nil
}

// AtOnce implements executor.AtOnce: who calls a promotion off does not wait for the copy. What was copied is no image without its tag,
// and is found by the next.
func (e *Executor) AtOnce() {}

// Stop does nothing: what has a handle is done.
func (e *Executor) Stop(context.Context, executor.Request, string) error { return nil }

func cutLast(handle string) (what, digest string, ok bool) {
	i := strings.LastIndexByte(handle, '@')
	if i <= 0 || i == len(handle)-1 {
		return "", "", false
	}
	return handle[:i], handle[i+1:], true
}

// repositoryOf takes the tag off a reference. A colon before the last slash belongs to the host.
func repositoryOf(reference string) string {
	if i := strings.LastIndexByte(reference, ':'); i > strings.LastIndexByte(reference, '/') {
		return reference[:i]
	}
	return reference
}

// classify marks what no retry mends. While the context has ended nothing is known.
func classify(ctx context.Context, err error) error {
	var t interface{ Temporary() bool }
	if ctx.Err() == nil && errors.As(err, &t) && !t.Temporary() {
		return executor.Permanent(err)
	}
	return err
}
