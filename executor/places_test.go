package executor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/executor"
)

// However many come at once, no more work than there are places, in the order in which they came, and all come to their end.
func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const width, all = 3, 80
		p := executor.NewPlaces(width)
		start := time.Now()
		var mu sync.Mutex
		var told []string
		began := make([]time.Duration, all)
		now, most, ended := 0, 0, 0
		for i := range all {
			go func() {
				leave, err := p.Take(executor.OnWait(t.Context(), func(line string) { told = append(told, line) }))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				began[i], now = time.Since(start), now+1
				most = max(most, now)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				now, ended = now-1, ended+1
				mu.Unlock()
				leave()
			}()
			synctest.Wait() // it has its place, or waits
		}
		time.Sleep(all * time.Second)
		synctest.Wait()
		if most != width || ended != all {
			t.Errorf("%d worked at once and %d came to their end, want %d and %d", most, ended, width, all)
		}
		for i, after := range began { // in their order, and no place stands empty
			if want := time.Duration(i/width) * time.Second; after != want {
				t.Errorf("the one that came as number %d began after %s, want %s", i, after, want)
			}
		}
		if len(told) != all-width || !strings.Contains(told[0], "3 at a time; 0 wait") || !strings.Contains(told[5], "; 5 wait") {
			t.Errorf("%d were told that they wait: %q", len(told), told)
		}
	})
}

// Who is called off while waiting leaves the queue, and no place is lost, also where it is handed over at that very moment.
func TestPlacesCalledOff(t *testing.T) {
	p := executor.NewPlaces(1)
	for range 200 {
		leave, err := p.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		waits := make(chan struct{})
		go func() {
			other, err := p.Take(executor.OnWait(ctx, func(string) { close(waits) }))
			if err == nil {
				other()
			}
			ended <- err
		}()
		<-waits
		go cancel()
		leave()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	late, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	leave, err := p.Take(late)
	if err != nil {
		t.Fatal("the place was lost: ", err)
	}
	leave()
}

// Nil places bound nothing.
func ExamplePlaces_none() {
	var p *executor.Places
	leave, err := p.Take(context.Background())
	leave()
	fmt.Println(err)
	// Output: <nil>
}
