package bot

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// watched is an executor that takes alarms.
type watched struct {
	executor.Executor
	reasons []string
}

func (w *watched) Alarm(_ context.Context, r executor.Request, reason string) error {
	w.reasons = append(w.reasons, r.ID+": "+reason)
	return nil
}

// What is heard of an alarm, one thing after the other, and what comes of it.
func TestAlarms(t *testing.T) {
	// A deployment to production began at noon.
	before, begin, later := noon.Add(-time.Minute), noon.Add(time.Second), noon.Add(time.Hour)
	fact := func(state event.AlarmState, at time.Time) alarmFact {
		return alarmFact{Environment: "production", Source: "arn:p99", Name: "p99", State: state, Reason: "Threshold Crossed", At: at}
	}
	staging := fact(event.AlarmRaised, begin)
	staging.Environment = "staging"
	const ended = "a1: alarm p99: Threshold Crossed"
	for name, c := range map[string]struct {
		facts  []alarmFact
		uses   string
		told   []string // the executor
		stands []string // environments
		audit  string
	}{
		"raised":                       {facts: []alarmFact{fact(event.AlarmRaised, begin)}, told: []string{ended}, stands: []string{"production"}, audit: "alarm.raised"},
		"raised before it began":       {facts: []alarmFact{fact(event.AlarmRaised, before)}, stands: []string{"production"}, audit: "alarm.raised"},
		"raised twice":                 {facts: []alarmFact{fact(event.AlarmRaised, begin), fact(event.AlarmRaised, begin)}, told: []string{ended}, stands: []string{"production"}, audit: "alarm.raised"},
		"raised and over":              {facts: []alarmFact{fact(event.AlarmRaised, begin), fact(event.AlarmCleared, later)}, told: []string{ended}, audit: "alarm.raised alarm.cleared"},
		"over, and raised comes late":  {facts: []alarmFact{fact(event.AlarmCleared, later), fact(event.AlarmRaised, begin)}},
		"never raised":                 {facts: []alarmFact{fact(event.AlarmCleared, begin)}},
		"too few data":                 {facts: []alarmFact{fact(event.AlarmUnknown, begin)}},
		"too few data while it stands": {facts: []alarmFact{fact(event.AlarmRaised, begin), fact(event.AlarmUnknown, later)}, told: []string{ended}, stands: []string{"production"}, audit: "alarm.raised"},
		"of an environment where nothing is deployed": {facts: []alarmFact{staging}, stands: []string{"staging"}, audit: "alarm.raised"},
		"of one whose executor takes no alarms":       {facts: []alarmFact{fact(event.AlarmRaised, begin)}, uses: "deaf", stands: []string{"production"}, audit: "alarm.raised"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			takes := &watched{}
			l.b.Executors = executor.NewRegistry(map[string]executor.Executor{"appspec": takes, "deaf": executor.RecordOnly{}})
			uses := "appspec"
			if c.uses != "" {
				uses = c.uses
			}
			request, err := json.Marshal(executor.Request{ID: "a1", Uses: uses})
			must(t, err)
			l.write(func(tx *store.Tx) error {
				if err := tx.SaveActionRun(t.Context(), store.ActionRun{ID: "a1", ExecutionID: "x1", RepoID: 42, Request: request}); err != nil {
					return err
				}
				return tx.SaveDeployment(t.Context(), store.Deployment{ID: "a1", RepoID: 42, Environment: "production", ExecutionID: "x1", Status: pipeline.InProgress, StartedAt: noon})
			})
			for _, f := range c.facts {
				must(t, l.alarmChanged(t.Context(), f))
			}
			if diff := cmp.Diff(c.told, takes.reasons); diff != "" {
				t.Errorf("the executor was told (-want +got):\n%s", diff)
			}
			var stands, audit []string
			must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) error {
				raised, err := tx.Stops(t.Context(), 42)
				for _, x := range raised {
					environment, _, _ := x.Target.Alarm()
					stands = append(stands, environment)
				}
				entries, _ := tx.AuditLog(t.Context(), 42, 0, 10)
				for _, e := range entries {
					audit = append(audit, e.Action)
				}
				return err
			}))
			if diff := cmp.Diff(c.stands, stands); diff != "" {
				t.Errorf("what stands (-want +got):\n%s", diff)
			}
			if got := strings.Join(audit, " "); got != c.audit {
				t.Errorf("audit %q, want %q", got, c.audit)
			}
		})
	}
}

// An alarm goes to the lanes of the repositories that it is about, and to no other's; one that is about none is done with.
func TestAlarmHeard(t *testing.T) {
	l := newLab(t, "")
	heard := event.Alarm{ARN: "arn:p99", Topic: "arn:topic", Name: "p99", Description: "of the shop", State: event.AlarmRaised, Reason: strings.Repeat("é", 600), At: noon}
	must(t, l.b.alarmHeard(t.Context(), heard)) // nobody said what alarms are about
	var asked [][]string
	l.b.Alarms = func(arns []string, description string) []config.AlarmPlace {
		asked = append(asked, append(arns, description))
		return []config.AlarmPlace{{Owner: "acme", Repo: "gone", Environment: "production"}, {Owner: "ACME", Repo: "shop", Environment: "production"}}
	}
	must(t, l.b.alarmHeard(t.Context(), heard))
	if diff := cmp.Diff([][]string{{"arn:p99", "arn:topic", "of the shop"}}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	var got alarmFact
	items := 0
	l.b.Queue.Handle(func(_ context.Context, i queue.Item) queue.Outcome {
		if items++; i.Lane != laneOf(42) || i.Kind != itemAlarm || i.Decode(&got) != nil {
			t.Errorf("an item %s in lane %s", i.Kind, i.Lane)
		}
		return queue.Done()
	})
	must(t, l.b.Queue.Start(t.Context()))
	must(t, l.b.Queue.Idle(t.Context()))
	must(t, l.b.Queue.Stop(t.Context()))
	want := alarmFact{Environment: "production", Source: "arn:p99", Name: "p99", State: event.AlarmRaised, Reason: strings.Repeat("é", maxAlarmReason) + "…", At: noon}
	if diff := cmp.Diff(want, got); diff != "" || items != 1 {
		t.Errorf("%d items; -want +got\n%s", items, diff)
	}
}
