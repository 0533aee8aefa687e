package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// TestExamples sends every sample payload that GitHub publishes through the whole server: intake, queue, bot. Each is
// acknowledged, stored and handled. The repositories of the samples are not the stand-in's, where the App is installed on none of
// them: what is asked about them is refused, as GitHub does, and they end quietly.
func TestExamples(t *testing.T) {
	events := sampleEvents(t)
	n := newNear(t, "")         // whose repository none of the samples is about
	sent := map[string]string{} // delivery ID to event
	for _, e := range events {
		for _, body := range e.Examples {
			id := fmt.Sprintf("00000000-0000-4000-8000-%012x", len(sent)+1)
			if status, err := (parcel{n.public, e.Name, id, body}).post(t.Context()); err != nil || status != http.StatusAccepted {
				t.Errorf("%s %s: answered %d, %v", e.Name, id, status, err)
			}
			sent[id] = e.Name
		}
	}
	if len(sent) < 300 {
		t.Fatalf("only %d payloads were found", len(sent))
	}
	for id, why := range waitHandled(t, n.srv, sent) {
		t.Errorf("%s %s was given up: %s", sent[id], id, why)
	}
	// What followed from them: first looks at repositories that an installation's samples name.
	if err := n.srv.store.Read(t.Context(), func(tx *store.Tx) error {
		items, err := tx.DeadItems(t.Context(), 1000)
		for _, i := range items {
			if i.Kind != queue.KindDelivery {
				t.Errorf("given up in lane %s: %s: %s", i.Lane, i.Kind, i.Problem)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// sampleEvent is an event with the payloads of it that GitHub publishes.
type sampleEvent struct {
	Name     string            `json:"name"`
	Examples []json.RawMessage `json:"examples"`
}

func sampleEvents(t *testing.T) (events []sampleEvent) {
	t.Helper()
	file := filepath.Join("..", "..", "test", "node_modules", "@octokit", "webhooks-examples", "api.github.com", "index.json")
	raw, err := os.ReadFile(file)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("GitHub's sample payloads are missing; npm ci in test/ installs them: %v", err)
		}
		t.Skipf("GitHub's sample payloads are missing; npm ci in test/ installs them: %v", err)
	}
	if err := json.Unmarshal(raw, &events); err != nil {
		t.Fatal(err)
	}
	return events
}

// "sluice plan" says of every sample payload what it leads to, whatever repository it is about.
func TestPlanTakesExamples(t *testing.T) {
	for _, e := range sampleEvents(t) {
		for i, body := range e.Examples {
			status, out, problems := shell(t, string(body), "plan", "--event", e.Name, "--payload", "-", "--json")
			var report planReport
			err := json.Unmarshal([]byte(out), &report)
			if status != exitDone || err != nil || report.Event != e.Name || len(report.Decisions) == 0 {
				t.Errorf("%s[%d]: status %d, %v: %s%s", e.Name, i, status, err, out, problems)
			}
		}
	}
}

// waitHandled waits until every delivery is handled or given up, and returns those that were given up, by ID with the reason.
func waitHandled(t *testing.T, srv *server, sent map[string]string) (dead map[string]string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		waiting := map[string]string{}
		dead = map[string]string{}
		err := srv.store.Read(ctx, func(tx *store.Tx) error {
			for id, name := range sent {
				d, err := tx.Delivery(ctx, id)
				if err != nil {
					return fmt.Errorf("%s %s is lost: %w", name, id, err)
				}
				switch d.State {
				case store.DeliveryWaiting:
					waiting[id] = name
				case store.DeliveryDone:
				default:
					dead[id] = name + ": " + d.Problem
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(waiting) == 0 {
			return dead
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not handled: %v", waiting)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
