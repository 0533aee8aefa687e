package promote

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/executortest"
	"github.com/sluicehq/sluice/pipeline"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	to      = "registry.test:5000/prod/shop:1.4.0"
)

// fake is a registry that holds tags.
type fake struct {
	mu        sync.Mutex
	tags      map[string]string
	copies    map[string]int
	disturbed bool
	lose      bool
	lie       string // what Resolve says
	unsigned  string // why no signature holds
	asked     []string
	during    func() // is called while a copy is under way
}

func (f *fake) Signed(ctx context.Context, image string, keys []string) (key, problem string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, image+" by "+strings.Join(keys, ", "))
	if f.disturbed {
		return "", "", &registryError{temporary: true}
	}
	return "key", f.unsigned, ctx.Err()
}

type registryError struct{ temporary bool }

func (e *registryError) Error() string {
	return fmt.Sprintf("registry error, temporary %v", e.temporary)
}
func (e *registryError) Temporary() bool { return e.temporary }

// executor promotes by the fake, and keeps its logs in a folder.
func (f *fake) executor(dir string) *Executor {
	return &Executor{
		Registry: func(tell func(string)) Registry { return telling{f, tell} },
		Journals: actiondir.Journals{Dir: dir, Secrets: []string{"hush-hush"}},
	}
}

// telling is the client of one action.
type telling struct {
	*fake
	tell func(string)
}

func (t telling) Promote(ctx context.Context, source, destination string) error {
	t.tell("blob of hush-hush: copied")
	if t.during != nil {
		t.during()
	}
	return t.fake.Promote(ctx, source, destination)
}

func (f *fake) Promote(ctx context.Context, source, destination string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, digest, _ := strings.Cut(source, "@")
	switch has := f.tags[destination]; {
	case ctx.Err() != nil:
		return ctx.Err()
	case f.disturbed:
		return &registryError{temporary: true}
	case has == digest:
		return nil
	case has != "":
		return &registryError{temporary: false}
	}
	f.tags[destination] = digest
	f.copies[destination]++
	if f.lose {
		f.lose = false
		return errors.New("connection reset by peer")
	}
	return nil
}

func (f *fake) Resolve(ctx context.Context, reference string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case f.disturbed:
		return "", &registryError{temporary: true}
	case f.lie != "":
		return f.lie, nil
	}
	return f.tags[reference], nil
}

func newFake() *fake { return &fake{tags: map[string]string{}, copies: map[string]int{}} }

func request(id, destination string) executor.Request {
	return executor.Request{ID: id, Uses: "promote", Digest: digestA,
		With: map[string]any{"source": "registry.test:5000/dev/shop@" + digestA, "destination": destination}}
}

func TestSuite(t *testing.T) {
	executortest.Run(t, executortest.Harness{
		Instant: true,
		Wrong:   map[string]map[string]any{"sauce": {"sauce": "x"}},
		World: func(t *testing.T) *executortest.World {
			f := newFake()
			dir := t.TempDir()
			tag := func(id string) string { return "registry.test/prod:" + id }
			return &executortest.World{
				Executor: func(*executor.Bell) executor.Executor { return f.executor(dir) },
				Request: func(s executortest.Scenario, id string) executor.Request {
					if s != executortest.Succeeds { // the tag is taken
						f.mu.Lock()
						defer f.mu.Unlock()
						f.tags[tag(id)], f.copies[tag(id)] = digestB, 1
					}
					return request(id, tag(id))
				},
				Starts: func(id string) int {
					f.mu.Lock()
					defer f.mu.Unlock()
					return f.copies[tag(id)]
				},
				Disturb: func() func() {
					set := func(v bool) {
						f.mu.Lock()
						defer f.mu.Unlock()
						f.disturbed = v
					}
					set(true)
					return func() { set(false) }
				},
				LoseAnswer: func() {
					f.mu.Lock()
					defer f.mu.Unlock()
					f.lose = true
				},
			}
		},
	})
}

func TestReport(t *testing.T) {
	artifacts := map[string]pipeline.Artifact{"app": {Name: "app", Digest: digestB}}
	bundle := pipeline.BundleDigest(artifacts)
	for name, tc := range map[string]struct {
		r    executor.Request
		want executor.Report
	}{
		"image": {request("a", to), executor.Report{
			Status: pipeline.Succeeded, ExternalID: to + "@" + digestA, Summary: to + " is " + digestA,
			Variables: map[string]string{"image": "registry.test:5000/prod/shop@" + digestA, "tag": to, "digest": digestA},
			Log:       "copy registry.test:5000/dev/shop@" + digestA + " to " + to + "\nblob of ***: copied\n" + to + " is " + digestA + "\n",
		}},
		"artifacts": {executor.Request{Digest: bundle, Inputs: artifacts}, executor.Report{
			Status: pipeline.Succeeded, ExternalID: "artifacts@" + bundle,
			Summary:   "no registries are configured; the artifacts " + bundle + " are promoted as they stand",
			Variables: map[string]string{"digest": bundle},
			Log:       "artifact app is " + digestB + "\nthey are what was approved, " + bundle + ", and stay where they are\n",
		}},
		"nothing built": {executor.Request{SHA: "0123"}, executor.Report{
			Status: pipeline.Succeeded, ExternalID: "revision@0123", Summary: "nothing was built; revision 0123 is promoted as it stands",
			Log: "nothing was built: there is nothing to copy\n",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newFake().executor(t.TempDir())
			handle, err := e.Start(t.Context(), tc.r)
			if err != nil {
				t.Fatal(err)
			}
			got, err := e.Status(t.Context(), tc.r, handle)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	change := func(do func(*executor.Request)) executor.Request {
		r := request("a", to)
		do(&r)
		return r
	}
	for want, tc := range map[string]struct {
		r   executor.Request
		lie string
	}{
		"but \"" + digestB + "\" was approved": {r: change(func(r *executor.Request) { r.Digest = digestB })},
		"want host/repository@digest":          {r: change(func(r *executor.Request) { r.With["source"] = "registry.test/dev:latest" })},
		"and host/repository:tag":              {r: change(func(r *executor.Request) { delete(r.With, "destination") })},
		"somebody else writes this tag":        {r: request("a", to), lie: digestB},
		"the artifacts are": {r: executor.Request{Digest: digestA,
			Inputs: map[string]pipeline.Artifact{"app": {Digest: digestB}}}},
	} {
		t.Run(want, func(t *testing.T) {
			f := newFake()
			f.lie = tc.lie
			_, err := f.executor(t.TempDir()).Start(t.Context(), tc.r)
			if !executor.IsPermanent(err) || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want a permanent one with %q", err, want)
			}
			if tc.lie == "" && len(f.tags) > 0 {
				t.Errorf("something was written: %v", f.tags)
			}
		})
	}
}

func TestStrangeHandle(t *testing.T) {
	for _, handle := range []string{"", "x", "@", "@" + digestA} {
		if _, err := (&Executor{}).Status(t.Context(), executor.Request{}, handle); !executor.IsPermanent(err) {
			t.Errorf("%q: %v is not permanent", handle, err)
		}
	}
}

// Where keys are configured, the registry is asked for a signature before each copy, and without one nothing is copied.
func TestSigned(t *testing.T) {
	signed := func() executor.Request {
		r := request("a", to)
		r.With["keys"] = []any{"k1", "k2"}
		return r
	}
	f := newFake()
	e := f.executor(t.TempDir())
	if err := e.Check(signed().With); err != nil {
		t.Fatal(err)
	}
	f.unsigned = digestA + " is not signed"
	_, err := e.Start(t.Context(), signed())
	if !executor.IsPermanent(err) || !strings.Contains(err.Error(), digestA+" is not signed; only what a key of environments.production.verify signed") ||
		!strings.Contains(err.Error(), "cosign sign --key cosign.key registry.test:5000/dev/shop@"+digestA) || len(f.tags) > 0 {
		t.Errorf("not signed: %v, the registry has %v", err, f.tags)
	}
	f.unsigned, f.disturbed = "", true
	if _, err := e.Start(t.Context(), signed()); err == nil || executor.IsPermanent(err) || len(f.tags) > 0 {
		t.Errorf("nobody can tell: %v, the registry has %v", err, f.tags)
	}
	f.disturbed = false
	if _, err := e.Start(t.Context(), signed()); err != nil || f.tags[to] != digestA {
		t.Errorf("signed: %v, the registry has %v", err, f.tags)
	}
	asked := "registry.test:5000/dev/shop@" + digestA + " by k1, k2"
	if diff := cmp.Diff([]string{asked, asked, asked}, f.asked); diff != "" {
		t.Errorf("asked (-want +got)\n%s", diff)
	}
	r := executor.Request{ID: "b", Uses: "promote", With: map[string]any{"keys": []any{"k1"}}}
	if _, err := e.Start(t.Context(), r); !executor.IsPermanent(err) || !strings.Contains(err.Error(), "there is no image") {
		t.Errorf("artifacts without an image: %v", err)
	}
}

// What a promotion does is read while it does it, by whoever shares its folder, and how it ended afterwards.
func TestLog(t *testing.T) {
	f, dir := newFake(), t.TempDir()
	r := request("a", to)
	read := func() (string, bool) {
		t.Helper()
		part, err := f.executor(dir).ReadLog(t.Context(), r, executor.LogPlace{}, 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		return string(part.Text), part.Ended
	}
	begun := "copy registry.test:5000/dev/shop@" + digestA + " to " + to + "\nblob of ***: copied\n"
	f.during = func() {
		if got, ended := read(); got != begun || ended {
			t.Errorf("while it is copied, ended %v:\n%s", ended, got)
		}
	}
	f.tags[to] = digestB
	if _, err := f.executor(dir).Start(t.Context(), r); !executor.IsPermanent(err) {
		t.Fatal(err)
	}
	want := begun + "[sluice] failed: promote registry.test:5000/dev/shop@" + digestA + " to " + to + ": registry error, temporary false\n"
	if diff := cmp.Diff(want, first(read())); diff != "" {
		t.Errorf("at the end (-want +got)\n%s", diff)
	}
}

func first(text string, _ bool) string { return text }
