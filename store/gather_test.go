package store

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/event"
)

// slowDisk is an engine of which every commit takes the same time; it notes how many deliveries each has.
type slowDisk struct {
	engine
	takes   time.Duration
	batches []int
}

func (d *slowDisk) accept(_ context.Context, batch []*parcel) ([]string, error) {
	<-time.After(d.takes)
	d.batches = append(d.batches, len(batch))
	for _, p := range batch {
		p.outcome = Accepted
	}
	return nil, nil
}

// Senders that come back when they were answered, one a little later than the other, share commits; nobody waits who is alone.
func TestGather(t *testing.T) {
	const takes, apart = 500 * time.Microsecond, 100 * time.Microsecond
	for name, c := range map[string]struct {
		senders, rounds int
		commits         int           // at most
		within          time.Duration // all of it
	}{
		"one alone": {1, 20, 20, 20 * takes},
		"two":       {2, 20, 24, 24 * (takes + 2*apart)},
		"eight":     {8, 20, 26, 26 * (takes + 8*apart)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := &slowDisk{takes: takes}
				s := &Store{opts: Options{}.withDefaults(), engine: disk}
				s.intake = startIntake(s)
				began := time.Now()
				var senders sync.WaitGroup
				for n := range c.senders {
					senders.Go(func() {
						for range c.rounds {
							<-time.After(time.Duration(n) * apart)
							if got, err := s.Accept(t.Context(), event.Delivery{ID: "a"}); got != Accepted || err != nil {
								t.Errorf("%v, %v", got, err)
							}
						}
					})
				}
				senders.Wait()
				if took := time.Since(began); took > c.within {
					t.Errorf("took %v, want at most %v", took, c.within)
				}
				s.intake.stop()
				if len(disk.batches) > c.commits {
					t.Errorf("%d commits, want at most %d: %v", len(disk.batches), c.commits, disk.batches)
				}
			})
		})
	}
}

// After a batch of several the next delivery, which comes alone, waits for the others for gatherTime and no longer, and the one
// after it not at all.
func TestGatherEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue, c := make(chan *parcel, 8), newCrowd()
		for _, step := range []struct {
			n    int
			want time.Duration
		}{{0, 0}, {3, gatherTime}, {0, 0}, {1, gatherTime}} {
			began := time.Now()
			c.wait(queue, step.n)
			if took := time.Since(began); took != step.want {
				t.Errorf("for %d: %v, want %v", step.n, took, step.want)
			}
		}
		go func() {
			<-time.After(gatherTime / 2)
			for range 3 {
				queue <- newParcel()
				c.grew(len(queue))
			}
		}()
		began := time.Now()
		if c.wait(queue, 3); time.Since(began) != gatherTime/2 {
			t.Errorf("the third came after %v, and the wait ended after %v", gatherTime/2, time.Since(began))
		}
	})
}
