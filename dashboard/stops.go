package dashboard

import (
	"context"
	"slices"

	"github.com/sluicehq/sluice/store"
)

// stops reads what people said is not to go on now in the repository.
func (w scribe) stops(ctx context.Context, tx *store.Tx) ([]store.Stop, error) {
	all, err := tx.Stops(ctx, w.repo.ID)
	return slices.DeleteFunc(all, func(x store.Stop) bool { return x.Ended(w.now) }), err
}

// stopsOf are those that are about one thing.
func stopsOf(all []store.Stop, target store.StopTarget) []Stop {
	var out []Stop
	for _, x := range all {
		if x.Target == target {
			out = append(out, stopOf(x))
		}
	}
	return out
}

// alarmsIn are those that stand in an environment.
func alarmsIn(all []store.Stop, environment string) []Stop {
	var out []Stop
	for _, x := range all {
		if in, _, is := x.Target.Alarm(); is && in == environment {
			out = append(out, stopOf(x))
		}
	}
	return out
}

func stopOf(x store.Stop) Stop {
	_, name, _ := x.Target.Alarm()
	return Stop{Name: name, Kind: x.Kind, By: x.By.Login, Reason: x.Reason, At: x.At, Until: x.Until}
}
