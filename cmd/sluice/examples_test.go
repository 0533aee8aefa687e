package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/test/fakegithub/fakegithubtest"
)

const exampleSecret = "of the samples"

// TestExamples sends every sample payload that GitHub publishes through the whole server: intake, queue, bot. Each is
// acknowledged, stored and handled. The repositories of the samples are not the stand-in's, so what the bot asks about them is
// refused as GitHub would; those that end as dead letters for it are named below, and no others do.
func TestExamples(t *testing.T) {
	file := filepath.Join("..", "..", "test", "node_modules", "@octokit", "webhooks-examples", "api.github.com", "index.json")
	raw, err := os.ReadFile(file)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("GitHub's sample payloads are missing; npm ci in test/ installs them: %v", err)
		}
		t.Skipf("GitHub's sample payloads are missing; npm ci in test/ installs them: %v", err)
	}
	var events []struct {
		Name     string            `json:"name"`
		Examples []json.RawMessage `json:"examples"`
	}
	if err := json.Unmarshal(raw, &events); err != nil {
		t.Fatal(err)
	}
	srv, url := exampleServer(t)
	sent := map[string]string{} // delivery ID to event
	for _, e := range events {
		for _, body := range e.Examples {
			id := fmt.Sprintf("00000000-0000-4000-8000-%012x", len(sent)+1)
			if status := deliver(t, exampleSecret, url, e.Name, id, body); status != http.StatusAccepted {
				t.Errorf("%s %s: answered %d", e.Name, id, status)
			}
			sent[id] = e.Name
		}
	}
	if len(sent) < 300 {
		t.Fatalf("only %d payloads were found", len(sent))
	}
	gaveUp := map[string]bool{}
	for id, why := range waitHandled(t, srv, sent) {
		what := mayBeGivenUp(sent[id], why)
		if what == "" {
			t.Errorf("%s %s was given up: %s", sent[id], id, why)
		}
		gaveUp[what] = true
	}
	for what := range samplesGivenUp {
		if !gaveUp[what] {
			t.Errorf("no sample of %s is given up any more: take it off the list", what)
		}
	}
	// What followed from them: first looks at repositories that an installation's samples name.
	if err := srv.store.Read(t.Context(), func(tx *store.Tx) error {
		items, err := tx.DeadItems(t.Context(), 1000)
		for _, i := range items {
			if i.Kind != queue.KindDelivery && !(i.Kind == "reconcile" && strings.Contains(i.Problem, notInstalled)) {
				t.Errorf("given up in lane %s: %s: %s", i.Lane, i.Kind, i.Problem)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// Why samples are given up. GitHub refuses everything about repositories and installations that it does not know: an
// operator should see that somebody's deliveries go nowhere.
const (
	notInstalled = "GitHub gives the App no access token for this installation: it was removed"
	noTime       = `cannot parse " 20:42:10\"" as "T"` // two samples have a time as GitHub never sends it
)

// samplesGivenUp are the events whose samples may end as dead letters, and why. Those of other events end well.
var samplesGivenUp = map[string][]string{
	"check_run":           {notInstalled, noTime},
	"check_suite":         {notInstalled},
	"installation":        {notInstalled},
	"issue_comment":       {notInstalled},
	"merge_group":         {notInstalled},
	"pull_request":        {notInstalled},
	"pull_request_review": {notInstalled},
	"push":                {notInstalled},
	"status":              {notInstalled},
}

// mayBeGivenUp is the event if its samples may be given up for that reason, else empty.
func mayBeGivenUp(event, why string) string {
	for _, reason := range samplesGivenUp[event] {
		if strings.Contains(why, reason) {
			return event
		}
	}
	return ""
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

// deliver posts a delivery as GitHub does and returns the status of the answer.
func deliver(t *testing.T, secret, url, event, id string, body []byte) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", event)
	req.Header.Set("X-GitHub-Delivery", id)
	req.Header.Set("X-Hub-Signature-256", fakegithub.Sign(secret, body))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// exampleServer is the real server, against a stand-in that knows none of the samples' repositories.
func exampleServer(t *testing.T) (*server, string) {
	t.Helper()
	hub := fakegithubtest.New(t, fakegithub.Options{RateLimit: -1})
	hub.AddOrg("acme", "ann")
	app, err := hub.AddApp(fakegithub.AppConfig{WebhookSecret: exampleSecret})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hub.Install(app.ID, "acme"); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "app.pem")
	if err := os.WriteFile(key, app.PrivateKey, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.ServerFlags{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", PublicURL: "http://sluice.test", Data: t.TempDir(),
		GitHubAppID: fmt.Sprint(app.ID), GitHubWebhookSecret: exampleSecret, GitHubAPIURL: hub.URL() + "/", GitHubURL: hub.URL() + "/",
	}.Resolve(func(name string) string {
		return map[string]string{"SLUICE_GITHUB_PRIVATE_KEY_FILE": key}[name]
	}, config.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan net.Addr, 1)
	srv, err := newServer(t.Context(), cfg, slog.New(slog.DiscardHandler), wiring{unpaced: true, ready: func(public, _ net.Addr) { ready <- public }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !strings.Contains(err.Error(), "closed") {
			t.Errorf("the server ended with %v", err)
		}
		if err := srv.close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case addr := <-ready:
		return srv, "http://" + addr.String() + "/webhooks/github"
	case err := <-done:
		t.Fatalf("the server did not start: %v", err)
		return nil, ""
	}
}
