package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/registry"
)

// An image waits for a place of the host before its layer is packed and says so in its log; waiting, it can be stopped, and is no failure.
// However many come at once, all come to their end.
func TestImagesTakePlaces(t *testing.T) {
	w := newWorld(t)
	places := executor.NewPlaces(1)
	e, err := New(Options{
		Dir: filepath.Join(w.dir, "images"), Artifacts: w.store, Places: places, Allowed: func(string, string, string) bool { return true },
		Registry: func(tell func(string)) Registry { return registry.New(registry.Options{Attempts: 1}).Telling(tell) },
	})
	if err != nil {
		t.Fatal(err)
	}
	request := func(n int) executor.Request {
		r := w.request(map[string]any{"base": "scratch"})
		r.ID, r.Env["SLUICE_IMAGE"] = fmt.Sprintf("ex-%d-1-1", n), fmt.Sprintf("%s/shop:1.4.%d", w.host, n)
		return r
	}
	leave, err := places.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := e.Start(ctx, request(0))
		ended <- err
	}()
	told := func(id string) bool {
		text, err := e.End(id)
		return err == nil && strings.Contains(text, "waits for other work of this host, which does 1 at a time")
	}
	late := time.After(90 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !told("ex-0-1-1") {
		select {
		case err := <-ended:
			t.Fatal("it did not wait: ", err)
		case <-late:
			t.Fatal("its log does not tell that it waits")
		case <-tick.C:
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) || executor.IsPermanent(err) {
		t.Errorf("stopped while it waits: %v", err)
	}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			if _, err := e.Start(t.Context(), request(n)); err != nil {
				t.Errorf("image %d: %v", n, err)
			}
		})
	}
	leave()
	all.Wait()
}

// A layer that panics while it is packed leaves its place to others. One whose context ends is not failed by that: it is tried again.
func TestPackingLeavesItsPlace(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	places := executor.NewPlaces(1)
	a := &assembly{e: &Executor{o: Options{Places: places}}}
	pack := func(ctx context.Context, name string, files ...file) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		_, err = a.pack(ctx, filepath.Join(root.Name(), name), files)
		return err
	}
	stopped, stop := context.WithCancel(t.Context())
	for name, c := range map[string]struct {
		ctx       context.Context
		root      *os.Root
		want      string
		permanent bool
	}{
		"a panic":                  {t.Context(), nil, "panic: ", false},
		"a file that is not there": {t.Context(), root, "with.from: /b: ", true},
		"the context's end":        {endsLater{stopped, stop}, root, "/b: ", false},
	} {
		err := pack(c.ctx, name, file{root: c.root, path: "a", name: "b"})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || executor.IsPermanent(err) != c.permanent {
			t.Errorf("%s: %v, permanent %t; want %q", name, err, executor.IsPermanent(err), c.want)
		}
		soon, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		leave, err := places.Take(soon)
		cancel()
		if err != nil {
			t.Fatalf("%s kept its place", name)
		}
		leave()
	}
}

// endsLater is a context that ends when it is asked a second time whether it has.
type endsLater struct {
	context.Context
	end func()
}

func (e endsLater) Err() error {
	defer e.end()
	return e.Context.Err()
}
