package description

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bradleyfalzon/ghinstallation/v2"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// witness keeps the calls that pass through a stand-in.
type witness struct {
	mu   sync.Mutex
	last *fakegithub.Exchange
}

// CheckCall implements fakegithub.Checker.
func (w *witness) CheckCall(e fakegithub.Exchange) iter.Seq2[string, error] {
	w.mu.Lock()
	defer w.mu.Unlock()
	e.Request = e.Request.Clone(context.Background())
	w.last = &e
	return func(func(string, error) bool) {}
}

// CheckHook implements fakegithub.Checker.
func (w *witness) CheckHook(string, string, []byte) error { return nil }

// witnessed is a stand-in with a repository, whose calls are kept.
type witnessed struct {
	*witness
	t      *testing.T
	hub    *fakegithub.Server
	app    fakegithub.App
	branch string
	issue  int
}

func newWitnessed(t *testing.T) *witnessed {
	t.Helper()
	w := &witnessed{witness: &witness{}, t: t}
	var err error
	must := func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w.hub, err = fakegithub.New(fakegithub.Options{Dir: t.TempDir(), OpenAPI: w.witness})
	must()
	t.Cleanup(func() {
		if err := w.hub.Close(); err != nil {
			t.Error(err)
		}
	})
	_, err = w.hub.Start("127.0.0.1:0")
	must()
	w.hub.AddOrg("acme", "boss")
	repo, err := w.hub.AddRepo("acme/shop", fakegithub.RepoConfig{DefaultBranch: "main"})
	must()
	repo.Grant("boss", fakegithub.RoleAdmin)
	w.branch, err = repo.Seed("main", "first", map[string]string{"README.md": "# shop\n"})
	must()
	repo.AddRuleset(fakegithub.Ruleset{Name: "moon", Include: []string{"~ALL"}, Rules: []fakegithub.Rule{{Type: "moon_phase"}}})
	w.app, err = w.hub.AddApp(fakegithub.AppConfig{})
	must()
	_, err = w.hub.Install(w.app.ID, "acme")
	must()
	w.issue, err = w.hub.As("boss").OpenIssue(t.Context(), "acme/shop", "It breaks", "")
	must()
	return w
}

// call makes a call as an administrator, whatever becomes of it, and returns what passed through.
func (w *witnessed) call(method, path string, body any) fakegithub.Exchange {
	w.t.Helper()
	_ = w.hub.As("boss").Do(w.t.Context(), method, path, body, nil) // some are to be refused
	return w.kept()
}

func (w *witnessed) kept() fakegithub.Exchange {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == nil {
		w.t.Fatal("no call came")
	}
	return *w.last
}

// send makes a GET with a client of its own and an Accept header.
func (w *witnessed) send(client *http.Client, path, accept string) fakegithub.Exchange {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.hub.URL()+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	res, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		w.t.Fatal(err)
	}
	return w.kept()
}

// appsClient calls as the App.
func (w *witnessed) appsClient() *http.Client {
	w.t.Helper()
	transport, err := ghinstallation.NewAppsTransport(http.DefaultTransport, w.app.ID, w.app.PrivateKey)
	if err != nil {
		w.t.Fatal(err)
	}
	return &http.Client{Transport: transport}
}

// Nothing is left out of the comparison for nothing: without an exemption the call that it was made for is objected to, and
// with it it passes.
func TestExemptionsAreNeeded(t *testing.T) {
	const repo = "/repos/acme/shop"
	examples := map[string]func(*witnessed) fakegithub.Exchange{
		"GET /repositories/{repository_id} operation": func(w *witnessed) fakegithub.Exchange {
			var of struct{ ID int64 }
			if err := w.hub.As("boss").Do(w.t.Context(), "GET", repo, nil, &of); err != nil {
				w.t.Fatal(err)
			}
			return w.call("GET", "/repositories/"+text(of.ID), nil)
		},
		"GET /app/installations answer": func(w *witnessed) fakegithub.Exchange {
			return w.send(w.appsClient(), "/app/installations", "application/json")
		},
		"POST /repos/{owner}/{repo}/issues/{issue_number}/labels request": func(w *witnessed) fakegithub.Exchange {
			return w.call("POST", repo+"/issues/"+text(int64(w.issue))+"/labels", []string{"bug"})
		},
		"PUT /repos/{owner}/{repo}/issues/{issue_number}/labels request": func(w *witnessed) fakegithub.Exchange {
			return w.call("PUT", repo+"/issues/"+text(int64(w.issue))+"/labels", []string{"bug"})
		},
		"GET /repos/{owner}/{repo}/rules/branches/{branch} answer with a rule of the future": func(w *witnessed) fakegithub.Exchange {
			return w.call("GET", repo+"/rules/branches/main", nil)
		},
		"GET /repos/{owner}/{repo}/rulesets/{ruleset_id} answer with a rule of the future": func(w *witnessed) fakegithub.Exchange {
			var all []struct{ ID int64 }
			if err := w.hub.As("boss").Do(w.t.Context(), "GET", repo+"/rulesets", nil, &all); err != nil || len(all) != 1 {
				w.t.Fatal(all, err)
			}
			return w.call("GET", repo+"/rulesets/"+text(all[0].ID), nil)
		},
		"GET /repos/{owner}/{repo}/contents/{path} path of the root folder": func(w *witnessed) fakegithub.Exchange {
			return w.call("GET", repo+"/contents/", nil)
		},
		"status that is not listed": func(w *witnessed) fakegithub.Exchange {
			return w.call("POST", "/repos/acme/nowhere/git/refs", map[string]any{"ref": "refs/heads/x", "sha": w.branch})
		},
		"answer in another format": func(w *witnessed) fakegithub.Exchange {
			return w.send(http.DefaultClient, repo+"/contents/README.md", "application/vnd.github.raw+json")
		},
		"error of several shapes": func(w *witnessed) fakegithub.Exchange {
			return w.call("PUT", repo+"/contents/README.md", map[string]any{"message": "m", "content": "aGk=", "sha": strings.Repeat("a", 40)})
		},
		"unknown field that is null": func(w *witnessed) fakegithub.Exchange {
			return w.call("POST", repo+"/issues/"+text(int64(w.issue))+"/comments", map[string]any{"body": "hello", "mood": nil})
		},
	}
	d, err := LoadAPI("../../node_modules")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the description is not installed: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range d.exemptions {
		name := strings.TrimSpace(x.Method + " " + x.Path + " " + string(x.Gap))
		if x.Path == "" {
			name = string(x.Gap)
		}
		example := examples[name]
		delete(examples, name)
		t.Run(name, func(t *testing.T) {
			if example == nil || x.Why == "" {
				t.Fatal("no example shows what it is needed for, or no reason is given")
			}
			e := example(newWitnessed(t))
			without := &Description{doc: d.doc, graph: d.graph, exemptions: slices.Delete(slices.Clone(d.exemptions), i, i+1)}
			if got := objections(without, e); got == nil {
				t.Errorf("%s %s: nothing would be objected to without it: it is not needed", e.Request.Method, e.Request.URL)
			}
			if got := objections(d, e); got != nil {
				t.Errorf("%s %s: it does not cover %q", e.Request.Method, e.Request.URL, got)
			}
		})
	}
	for name := range examples {
		t.Errorf("an example shows what is not exempt: %s", name)
	}
}

func objections(d *Description, e fakegithub.Exchange) (out []string) {
	for kind, err := range d.CheckCall(e) {
		out = append(out, kind+": "+err.Error())
	}
	return out
}

func text(id int64) string { return strconv.FormatInt(id, 10) }
