package bot

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
)

// silentApp cannot be asked for the delivery log.
type silentApp struct{ *FakeApp }

func (silentApp) HookDeliveries(context.Context, time.Time) ([]forge.HookDelivery, error) {
	return nil, errors.New("no answer")
}

// What GitHub says was answered and is not in the database shows that a backup was restored; what failed does not.
func TestLookBack(t *testing.T) {
	for name, c := range map[string]struct {
		app   App
		doubt bool
	}{
		"nothing was delivered":         {app: &FakeApp{}},
		"all that was answered is here": {app: &FakeApp{Log: []forge.HookDelivery{{GUID: "D1", StatusCode: 202}}}},
		"one was not answered":          {app: &FakeApp{Log: []forge.HookDelivery{{GUID: "d2", StatusCode: 503}, {GUID: "d1", StatusCode: 202}}}},
		"one was answered and is lost":  {app: &FakeApp{Log: []forge.HookDelivery{{GUID: "d1", StatusCode: 202}, {GUID: "d2", StatusCode: 202}}}, doubt: true},
		"GitHub does not say":           {app: silentApp{}, doubt: true},
		"one came since it listens":     {app: &FakeApp{Log: []forge.HookDelivery{{GUID: "now", StatusCode: 202, DeliveredAt: noon.Add(-time.Second)}}}},
		"and was answered long before": {app: &FakeApp{Log: []forge.HookDelivery{
			{GUID: "now", StatusCode: 202, DeliveredAt: noon}, {GUID: "now", StatusCode: 202, DeliveredAt: noon.Add(-time.Hour)},
		}}, doubt: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			for id, at := range map[string]time.Time{"d1": noon.Add(-time.Hour), "now": noon} {
				if _, err := l.b.Store.Accept(t.Context(), event.Delivery{ID: id, Name: "ping", Body: []byte("{}"), ReceivedAt: at}); err != nil {
					t.Fatal(err)
				}
			}
			l.b.App = c.app
			l.b.LookBack(t.Context(), noon)
			if got := l.b.doubt.Load(); got != c.doubt {
				t.Errorf("doubt is %t, want %t", got, c.doubt)
			}
		})
	}
}

// In doubt an effect is looked for before it is done for the first time, else only after an attempt.
func TestDoubtLooksFirst(t *testing.T) {
	for _, doubt := range []bool{false, true} {
		l := newLab(t, "")
		l.b.doubt.Store(doubt)
		looked, acted := 0, 0
		_, err := do(t.Context(), l.session, effect[nothing]{
			kind: effectComment, key: "k", probe: func(context.Context) (nothing, bool, error) { looked++; return nothing{}, true, nil },
			act: func(context.Context) (nothing, error) { acted++; return nothing{}, nil },
		})
		must(t, err)
		if want := map[bool][2]int{false: {0, 1}, true: {1, 0}}[doubt]; want != [2]int{looked, acted} {
			t.Errorf("doubt %t: looked %d times, acted %d times, want %v", doubt, looked, acted, want)
		}
	}
}
