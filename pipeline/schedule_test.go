package pipeline

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSchedule(t *testing.T) {
	waiting := func(id string) Ticket { return Ticket{ID: id, Status: Waiting} }
	running := func(id string) Ticket { return Ticket{ID: id, Status: InProgress} }
	promoting := func(id string) Ticket { return Ticket{ID: id, Status: InProgress, Promoting: true} }
	people := func(id string) Ticket { return Ticket{ID: id, Status: InProgress, AwaitsPeople: true} }
	ended := func(id string) Ticket { return Ticket{ID: id, Status: Failed} }
	for name, tc := range map[string]struct {
		mode       Mode
		tickets    []Ticket
		start      []string
		superseded []Overtaken
	}{
		"nothing":                            {ModeSuperseded, nil, nil, nil},
		"superseded: the first":              {ModeSuperseded, []Ticket{ended("0"), waiting("1")}, []string{"1"}, nil},
		"superseded: the newest wins":        {ModeSuperseded, []Ticket{running("1"), waiting("2"), waiting("3")}, []string{"3"}, []Overtaken{{"1", "3"}, {"2", "3"}}},
		"superseded: it runs already":        {ModeSuperseded, []Ticket{running("1"), running("2")}, nil, []Overtaken{{"1", "2"}}},
		"superseded: the newest has ended":   {ModeSuperseded, []Ticket{running("1"), ended("2")}, nil, nil},
		"superseded: a promotion goes first": {ModeSuperseded, []Ticket{promoting("1"), waiting("2"), waiting("3")}, nil, []Overtaken{{"2", "3"}}},
		"superseded: the promotion is over":  {ModeSuperseded, []Ticket{ended("1"), waiting("3")}, []string{"3"}, nil},
		"queued: oldest first":               {ModeQueued, []Ticket{waiting("1"), waiting("2")}, []string{"1"}, nil},
		"queued: one at a time":              {ModeQueued, []Ticket{running("1"), waiting("2")}, nil, nil},
		"queued: an approval gives way":      {ModeQueued, []Ticket{people("1"), waiting("2"), waiting("3")}, []string{"2"}, []Overtaken{{"1", "2"}}},
		"queued: to nobody":                  {ModeQueued, []Ticket{people("1")}, nil, nil},
		"queued: a promotion does not":       {ModeQueued, []Ticket{{ID: "1", Status: InProgress, Promoting: true, AwaitsPeople: true}, waiting("2")}, nil, nil},
		"parallel: all":                      {ModeParallel, []Ticket{running("1"), waiting("2"), waiting("3")}, []string{"2", "3"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			start, superseded := Schedule(tc.mode, tc.tickets)
			if diff := cmp.Diff(tc.start, start) + cmp.Diff(tc.superseded, superseded); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTicketOf(t *testing.T) {
	d := atApproval(t, Options{})
	if diff := cmp.Diff(Ticket{ID: "ex-1", Status: InProgress, AwaitsPeople: true}, TicketOf(d.s)); diff != "" {
		t.Errorf("at the approval (-want +got):\n%s", diff)
	}
	d.approve("Approval/approval")
	if diff := cmp.Diff(Ticket{ID: "ex-1", Status: InProgress, Promoting: true}, TicketOf(d.s)); diff != "" {
		t.Errorf("promoting (-want +got):\n%s", diff)
	}
}

func TestProductionDeploymentIsNotSuperseded(t *testing.T) {
	def, _ := Default(KindProduction, Options{})
	d, _ := begin(t, def, Image{Reference: testRef, Digest: digestA})
	d.refused(SupersededBy{At: noon, ID: "ex-2"}, "promotion has started")
}
