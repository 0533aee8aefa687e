package appspec

import (
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/appspec/rollout"
)

// phase is a part of a deployment. Each goes over the hosts in batches.
type phase string

// The phases, in their order.
const (
	deploying phase = "deploy"   // the revision is brought to the hosts
	shifting  phase = "traffic"  // blue/green: traffic is let to the new side
	baking    phase = "bake"     // it is watched
	returning phase = "rollback" // the hosts that were touched go back
)

// Status is where an event stands, in CodeDeploy's words.
type Status string

// The statuses.
const (
	InProgress Status = "InProgress"
	Succeeded  Status = "Succeeded"
	Failed     Status = "Failed"
	Skipped    Status = "Skipped" // there is nothing to run
	Unknown    Status = "Unknown" // it was cut off
)

// eventResult is how an event went on a host.
type eventResult struct {
	Phase   phase     `json:"phase"`
	Side    sideName  `json:"side"`
	Event   Event     `json:"event"`
	Status  Status    `json:"status"`
	Message string    `json:"message,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
}

// hostProgress is what has happened on a host.
type hostProgress struct {
	Name string `json:"name"`
	// Unhealthy and Revision are as the deployment found it; From is the revision's name.
	Unhealthy bool             `json:"unhealthy,omitempty"`
	Revision  rollout.Revision `json:"revision,omitempty"`
	From      string           `json:"from,omitempty"`
	Live      sideName         `json:"live"` // which side was live
	// Outcomes are those of the phases.
	Outcomes map[phase]rollout.Outcome `json:"outcomes,omitempty"`
	Events   []eventResult             `json:"events,omitempty"`
	Message  string                    `json:"message,omitempty"` // why it failed
	// Asked is how many probes of the bake time it was asked by, and Errors how many of the answers were errors, or late.
	Asked  int `json:"asked,omitempty"`
	Errors int `json:"errors,omitempty"`
}

// round is one batch.
type round struct {
	Phase phase    `json:"phase"`
	Hosts []string `json:"hosts"`
}

// progress is what has happened in a deployment. The supervisor writes it, the server reads it, and so does the next
// supervisor when the first was killed.
type progress struct {
	Hosts  []*hostProgress `json:"hosts"`
	Rounds []round         `json:"rounds,omitempty"`
	// Before is the deployment of the revision that was good when this one began; empty: none.
	Before string `json:"before,omitempty"`
	// Now says in a line what is done.
	Now string `json:"now,omitempty"`
	// BakeUntil is when the bake time ends; zero before it begins.
	BakeUntil time.Time `json:"bake_until,omitzero"`
	// Problem is why the deployment failed, once that is certain, and Good that it succeeded. Problem, Stopped and Good do not
	// change any more, whoever asks for an end and whatever alarm is raised.
	Problem string `json:"problem,omitempty"`
	Stopped bool   `json:"stopped,omitempty"`
	Good    bool   `json:"good,omitempty"`
	// Remarks are on lines of the appspec.yml.
	Remarks []executor.Annotation `json:"remarks,omitempty"`
	// Ended: nothing more happens. Summary is one sentence about it.
	Ended   bool   `json:"ended,omitempty"`
	Summary string `json:"summary,omitempty"`
}

// notes is progress that several goroutines write down.
type notes struct {
	mu   sync.Mutex
	path string
	progress
}

// change changes progress and writes it down.
func (n *notes) change(do func(p *progress)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	do(&n.progress)
	return actiondir.WriteJSON(n.path, n.progress)
}

// fleet is what rollout is told in a phase, of the hosts given.
func (n *notes) fleet(ph phase, hosts []int) []rollout.Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]rollout.Host, len(hosts))
	for i, at := range hosts {
		h := n.Hosts[at]
		out[i] = rollout.Host{Name: h.Name, Unhealthy: h.Unhealthy, Revision: h.Revision, Outcome: h.Outcomes[ph]}
	}
	return out
}

// done finds how an event of a host went before; nil: it was not begun.
func (n *notes) done(host int, ph phase, s sideName, e Event) *eventResult {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, r := range n.Hosts[host].Events {
		if r.Phase == ph && r.Side == s && r.Event == e {
			found := n.Hosts[host].Events[i]
			return &found
		}
	}
	return nil
}

// note writes down where an event stands.
func (n *notes) note(host int, r eventResult) error {
	return n.change(func(p *progress) {
		h := p.Hosts[host]
		for i, was := range h.Events {
			if was.Phase == r.Phase && was.Side == r.Side && was.Event == r.Event {
				h.Events[i] = r
				return
			}
		}
		h.Events = append(h.Events, r)
	})
}

// settle writes down how a phase ended on a host.
func (n *notes) settle(host int, ph phase, o rollout.Outcome, message string) error {
	return n.change(func(p *progress) {
		h := p.Hosts[host]
		if h.Outcomes == nil {
			h.Outcomes = map[phase]rollout.Outcome{}
		}
		h.Outcomes[ph] = o
		if message != "" {
			h.Message = message
		}
	})
}

// hosts is the progress as it is reported. to is what is deployed.
func (p progress) hosts(kind, to string) []executor.Host {
	var out []executor.Host
	last := deploying // the phase after which a host serves the revision
	if kind == blueGreen {
		last = shifting
	}
	for _, h := range p.Hosts {
		r := executor.Host{Name: h.Name, Status: "Pending", Revision: h.From, Message: h.Message}
		n := 0
		for _, round := range p.Rounds {
			if round.Phase != deploying {
				break
			}
			if n++; slices.Contains(round.Hosts, h.Name) {
				r.Batch, r.Status = n, string(InProgress)
			}
		}
		for _, e := range h.Events {
			if e.Status != Skipped {
				r.Event = string(e.Event)
			}
		}
		switch {
		case h.Outcomes[returning] == rollout.Succeeded:
			r.Status = "RolledBack"
		case h.Outcomes[deploying] == rollout.Failed, h.Outcomes[shifting] == rollout.Failed, h.Outcomes[baking] == rollout.Failed:
			r.Status = string(Failed)
		case h.Outcomes[last] == rollout.Succeeded:
			r.Status, r.Revision = string(Succeeded), to
		case p.Ended && r.Status == string(InProgress):
			r.Status = "Pending" // installed beside what is live, and never switched to
		}
		out = append(out, r)
	}
	return out
}

func progressFile(dir string) string { return filepath.Join(dir, "progress.json") }
