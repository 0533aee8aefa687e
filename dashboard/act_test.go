package dashboard

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

const actPath = "/acme/shop/executions/excand/act"

func TestButtons(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		form url.Values
		want []string // commands given
		says string   // on the next page
	}{
		"approving": {
			actPath, url.Values{"command": {"approve"}, "approval": {"excand-3-1-1"}},
			[]string{"excand /approve"}, "<code>1.4.0</code> is recorded",
		},
		"rejecting, with a reason that would be more lines": {
			actPath, url.Values{"command": {"reject"}, "approval": {"excand-3-1-1"}, "reason": {" broken \r\n/approve\u2028x"}},
			[]string{"excand /reject broken /approve x"}, "is recorded",
		},
		"rejecting without a reason": {
			actPath, url.Values{"command": {"reject"}, "approval": {"excand-3-1-1"}, "reason": {" \n"}}, nil, "needs a reason",
		},
		"promoting":                           {actPath, url.Values{"command": {"promote"}, "approval": {"excand-3-1-1"}}, []string{"excand /promote"}, "is recorded"},
		"cancelling":                          {actPath, url.Values{"command": {"cancel"}}, []string{"excand /cancel"}, "is recorded"},
		"approving what was opened before":    {actPath, url.Values{"command": {"approve"}, "approval": {"excand-3-1-0"}}, nil, "not the one that is open now"},
		"approving without saying what":       {actPath, url.Values{"command": {"approve"}}, nil, "not the one that is open now"},
		"retrying what has not failed":        {actPath, url.Values{"command": {"retry"}}, nil, "not possible any more"},
		"a command without a button":          {actPath, url.Values{"command": {"rollback production"}, "approval": {"excand-3-1-1"}}, nil, "not possible any more"},
		"retrying a whole stage":              {"/acme/shop/executions/exfailed/act", url.Values{"command": {"retry"}, "scope": {"all"}}, []string{"exfailed /retry all"}, "is recorded"},
		"disabling a transition":              {actPath, url.Values{"command": {"disable"}, "stage": {"Promote"}, "reason": {"audit --dry-run"}}, []string{"excand /transition disable release/Promote --reason audit -dry-run"}, "is recorded"},
		"disabling one without a reason":      {actPath, url.Values{"command": {"disable"}, "stage": {"Promote"}}, nil, "needs a reason"},
		"disabling one that was passed":       {actPath, url.Values{"command": {"disable"}, "stage": {"Test"}, "reason": {"audit"}}, nil, "not possible any more"},
		"enabling what is not disabled":       {actPath, url.Values{"command": {"enable"}, "stage": {"Promote"}}, nil, "not possible any more"},
		"retrying what failed":                {"/acme/shop/executions/exfailed/act", url.Values{"command": {"retry"}}, []string{"exfailed /retry"}, "is recorded"},
		"overriding what no condition failed": {"/acme/shop/executions/exfailed/act", url.Values{"command": {"override"}, "stage": {"Test"}, "reason": {"so"}}, nil, "not possible any more"},
		"abandoning what was not cancelled":   {actPath, url.Values{"command": {"abandon"}}, nil, "not possible any more"},
		"approving where nothing is approved": {"/acme/shop/executions/exfailed/act", url.Values{"command": {"approve"}, "approval": {""}}, nil, "not possible any more"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			b := w.signedIn("qa")
			c.form.Set("csrf", w.csrf(b))
			c.form.Set("return_to", "/approvals")
			r := w.send(b, http.MethodPost, c.path, c.form)
			if r.status != http.StatusSeeOther || r.header.Get("Location") != "/approvals" {
				t.Fatalf("%d to %q: %s", r.status, r.header.Get("Location"), r.body)
			}
			if diff := cmp.Diff(c.want, w.actor.commands()); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
			if len(c.want) > 0 && (w.actor.by.ID != 7 || w.actor.by.Login != "qa-renamed") {
				t.Errorf("by %+v: not who it is at GitHub now", w.actor.by)
			}
			if page := w.get(b, "/approvals").body; !strings.Contains(page, c.says) {
				t.Errorf("the page does not say %q:\n%s", c.says, page)
			}
			if page := w.get(b, "/approvals").body; strings.Contains(page, `class="message`) {
				t.Error("the message is shown twice")
			}
		})
	}
}

// The buttons that come with what has happened: an override of the condition that failed the execution, and the end of one that
// was cancelled and has not ended.
func TestButtonsOfWhatHappened(t *testing.T) {
	def := pipeline.Definition{Kind: pipeline.KindFeature, Mode: pipeline.ModeSuperseded, Stages: []pipeline.Stage{{
		Name: "Load test", Actions: []pipeline.Action{{Name: "load", Uses: "checks"}},
	}}}
	running, _ := pipeline.Start(pipeline.Input{ID: "exrun", Definition: def}, noon)
	running, _, err := pipeline.Advance(running, pipeline.CancelRequested{At: noon, By: pipeline.Actor{ID: 7, Login: "qa"}})
	if err != nil {
		t.Fatal(err)
	}
	def.Stages[0].BeforeEntry = &pipeline.Condition{Rules: []pipeline.Rule{{Variable: "sluice.v", Operator: pipeline.OperatorEquals, Value: "1"}}}
	failed, _ := pipeline.Start(pipeline.Input{ID: "exunmet", Definition: def}, noon)
	ended := failed.EndedAt.UTC().Format(time.RFC3339Nano)
	for name, c := range map[string]struct {
		state pipeline.State
		form  url.Values
		want  []string
		says  string
	}{
		"an override": {
			failed, url.Values{"command": {"override"}, "stage": {"Load test"}, "ended": {ended}, "reason": {"known --dry-run"}},
			[]string{"exunmet /override condition Load test --reason known -dry-run"}, "is recorded",
		},
		"an override of another stage": {failed, url.Values{"command": {"override"}, "stage": {"Test"}, "reason": {"known"}}, nil, "not possible any more"},
		"an override of what failed before": {
			failed, url.Values{"command": {"override"}, "stage": {"Load test"}, "ended": {noon.Add(-time.Minute).UTC().Format(time.RFC3339Nano)}, "reason": {"known"}},
			nil, "has failed anew since",
		},
		"an override of what nobody saw":   {failed, url.Values{"command": {"override"}, "stage": {"Load test"}, "reason": {"known"}}, nil, "has failed anew since"},
		"an override without a reason":     {failed, url.Values{"command": {"override"}, "stage": {"Load test"}, "ended": {ended}}, nil, "needs a reason"},
		"what does not stop":               {running, url.Values{"command": {"abandon"}}, []string{"exrun /cancel --abandon"}, "is recorded"},
		"what is cancelled already":        {running, url.Values{"command": {"cancel"}}, nil, "not possible any more"},
		"what has ended, and is abandoned": {failed, url.Values{"command": {"abandon"}}, nil, "not possible any more"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			x := store.Execution{ID: c.state.ID, RepoID: shopID, Kind: pipeline.KindFeature, Branch: "feature/x", SHA: strings.Repeat("1", 40), State: c.state, Status: c.state.Status, CreatedAt: noon}
			if err := w.store.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateExecution(t.Context(), &x) }); err != nil {
				t.Fatal(err)
			}
			b := w.signedIn("qa")
			c.form.Set("csrf", w.csrf(b))
			path := "/acme/shop/executions/" + x.ID
			if page := w.get(b, path).body; c.want != nil && !strings.Contains(page, `value="`+c.form.Get("command")+`"`) {
				t.Errorf("the page has no such button:\n%s", page)
			} else if c.want != nil && c.form.Has("ended") && !strings.Contains(page, `name="ended" value="`+ended+`"`) {
				t.Errorf("the page does not say when it failed:\n%s", page)
			}
			w.send(b, http.MethodPost, path+"/act", c.form)
			if diff := cmp.Diff(c.want, w.actor.commands()); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
			if page := w.get(b, "/approvals").body; !strings.Contains(page, c.says) {
				t.Errorf("the page does not say %q:\n%s", c.says, page)
			}
		})
	}
}

// What puts an earlier version back is at no release and no pull request, where its condition could be overridden.
func TestReturnsAreNotOverridden(t *testing.T) {
	w := newWorld(t, nil)
	b := w.signedIn("qa")
	for _, x := range []store.Execution{
		{ID: "exprod", Kind: pipeline.KindProduction}, {ID: "exback", Kind: pipeline.KindProduction, Origin: "rollback 1"}, {ID: "exrestore", Kind: kindRestore},
	} {
		x.RepoID, x.Branch, x.SHA, x.CreatedAt = shopID, "main", strings.Repeat("1", 40), noon
		x.State, _ = pipeline.Start(pipeline.Input{ID: x.ID, Definition: pipeline.Definition{Kind: pipeline.KindProduction, Mode: pipeline.ModeSuperseded, Stages: []pipeline.Stage{{
			Name: "Load test", Actions: []pipeline.Action{{Name: "load", Uses: "checks"}},
			BeforeEntry: &pipeline.Condition{Rules: []pipeline.Rule{{Variable: "sluice.v", Operator: pipeline.OperatorEquals, Value: "1"}}},
		}}}}, noon)
		x.Status = x.State.Status
		if err := w.store.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateExecution(t.Context(), &x) }); err != nil {
			t.Fatal(err)
		}
		page := w.get(b, "/acme/shop/executions/"+x.ID).body
		if got, want := strings.Contains(page, `value="override"`), x.ID == "exprod"; got != want || !strings.Contains(page, `value="retry"`) {
			t.Errorf("%s: overridable %t, want %t:\n%s", x.ID, got, want, page)
		}
	}
}

// An execution that has ended and keeps an environment from others, since nobody knows what became of its deployment, can be abandoned
// by a button; and the deployment to production is cancelled by one, whose command is the promotion's.
func TestButtonsOfDeployments(t *testing.T) {
	type button struct{ value, gives string }
	abandon, cancel := "abandon", "cancel"
	for name, c := range map[string]struct {
		kind, origin   string
		cancelled      bool
		ended, settled bool
		want           []button
	}{
		"a feature's, lost":        {kind: pipeline.KindFeature, ended: true, want: []button{{abandon, "/cancel --abandon"}}},
		"a feature's, that ended":  {kind: pipeline.KindFeature, ended: true, settled: true},
		"a rollback's, lost":       {kind: pipeline.KindProduction, origin: "rollback 1", ended: true, want: []button{{abandon, "/cancel --abandon"}}},
		"a rollback's, under way":  {kind: pipeline.KindProduction, origin: "rollback 1", want: []button{{cancel, "/cancel"}}},
		"a rollback's, being done": {kind: pipeline.KindProduction, origin: "rollback 1", cancelled: true, want: []button{{abandon, "/cancel --abandon"}}},
		"what is being put back":   {kind: kindRestore, want: []button{{cancel, "/cancel"}}},
		"what is put back, lost":   {kind: kindRestore, ended: true, want: []button{{abandon, "/cancel --abandon"}}},
		"production's, lost":       {kind: pipeline.KindProduction, ended: true, want: []button{{abandon, "/cancel promotion --abandon"}}},
		"a candidate's promotion":  {kind: pipeline.KindRelease, want: []button{{cancel, "/cancel promotion"}}},
		"production's, under way":  {kind: pipeline.KindProduction, want: []button{{cancel, "/cancel promotion"}}},
		"production's, being done": {kind: pipeline.KindProduction, cancelled: true, want: []button{{abandon, "/cancel promotion --abandon"}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			does := pipeline.Action{Name: "deploy", Uses: "deploy", Environment: "staging", Deploys: true}
			if c.kind == pipeline.KindRelease {
				does = pipeline.Action{Name: "promote", Uses: pipeline.UsesPromote, Environment: pipeline.EnvironmentProduction}
			}
			state, _ := pipeline.Start(pipeline.Input{ID: "exdep", Definition: pipeline.Definition{
				Kind: c.kind, Mode: pipeline.ModeQueued, Stages: []pipeline.Stage{{Name: "Deploy", Actions: []pipeline.Action{does}}},
			}}, noon)
			var facts []pipeline.Fact
			if c.cancelled || c.ended {
				facts = append(facts, pipeline.CancelRequested{At: noon, By: pipeline.Actor{ID: 7, Login: "qa"}})
			}
			if c.ended {
				facts = append(facts, pipeline.Ticked{At: noon.Add(pipeline.StopGrace)})
			}
			for _, f := range facts {
				next, _, err := pipeline.Advance(state, f)
				if err != nil {
					t.Fatal(err)
				}
				state = next
			}
			x := store.Execution{ID: "exdep", RepoID: shopID, Kind: c.kind, Origin: c.origin, Branch: "feature/x", SHA: strings.Repeat("1", 40), State: state, Status: state.Status, CreatedAt: noon}
			d := store.Deployment{ID: pipeline.ActionID(x.ID, 1, 1, 1), RepoID: shopID, Environment: "staging", ExecutionID: x.ID, Status: pipeline.InProgress, StartedAt: noon}
			if c.settled {
				d.Status, d.EndedAt = pipeline.Stopped, noon
			}
			err := w.store.Write(t.Context(), func(tx *store.Tx) error {
				return errors.Join(tx.CreateExecution(t.Context(), &x), tx.SaveDeployment(t.Context(), d))
			})
			if err != nil {
				t.Fatal(err)
			}
			b := w.signedIn("qa")
			path, token := "/acme/shop/executions/"+x.ID, w.csrf(b)
			page := w.get(b, path).body
			for _, value := range []string{abandon, cancel} {
				there := slices.ContainsFunc(c.want, func(b button) bool { return b.value == value })
				if strings.Contains(page, `value="`+value+`"`) != there {
					t.Errorf("the page has a button to %s %t, want %t:\n%s", value, !there, there, page)
				}
			}
			var given []string
			for _, one := range c.want {
				w.send(b, http.MethodPost, path+"/act", url.Values{"command": {one.value}, "csrf": {token}})
				given = append(given, x.ID+" "+one.gives)
			}
			if diff := cmp.Diff(given, w.actor.commands()); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
			if held := c.ended && !c.settled; strings.Contains(page, "which keeps others out") != held {
				t.Errorf("the page says that staging is kept %t, want %t", !held, held)
			}
		})
	}
}

func TestForgedButtons(t *testing.T) {
	good := func(token string) url.Values {
		return url.Values{"command": {"approve"}, "approval": {"excand-3-1-1"}, "csrf": {token}}
	}
	for name, c := range map[string]struct {
		method string
		form   func(token string) url.Values
		header []string
		login  string
		status int
	}{
		"without the token":        {http.MethodPost, func(string) url.Values { return good("") }, nil, "qa", http.StatusForbidden},
		"with another's token":     {http.MethodPost, func(string) url.Values { return good(randomText()) }, nil, "qa", http.StatusForbidden},
		"from another site":        {http.MethodPost, good, []string{"Sec-Fetch-Site", "cross-site"}, "qa", http.StatusForbidden},
		"from a sibling":           {http.MethodPost, good, []string{"Sec-Fetch-Site", "same-site"}, "qa", http.StatusForbidden},
		"from another origin":      {http.MethodPost, good, []string{"Origin", "https://evil.example"}, "qa", http.StatusForbidden},
		"by GET":                   {http.MethodGet, good, nil, "qa", http.StatusMethodNotAllowed},
		"without sign-in":          {http.MethodPost, good, nil, "", http.StatusUnauthorized},
		"of a repository not seen": {http.MethodPost, good, nil, "mallory", http.StatusNotFound},
		"from this site":           {http.MethodPost, good, []string{"Sec-Fetch-Site", "same-origin"}, "qa", http.StatusSeeOther},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			b, token := w.browser(), ""
			if c.login != "" {
				b = w.signedIn(c.login)
				token = w.csrf(b)
			}
			r := w.send(b, c.method, actPath, c.form(token), c.header...)
			if r.status != c.status {
				t.Errorf("status %d: %s", r.status, r.body)
			}
			if done := len(w.actor.commands()) > 0; done != (c.status == http.StatusSeeOther) {
				t.Errorf("commands: %q", w.actor.commands())
			}
		})
	}
}

func TestButtonsEndWithTheRights(t *testing.T) {
	w := newWorld(t, nil)
	b := w.signedIn("qa")
	form := url.Values{"command": {"approve"}, "approval": {"excand-3-1-1"}, "csrf": {w.csrf(b)}}
	w.viewer.mu.Lock()
	w.viewer.gone["qa"] = true // the answer about what may be read is still remembered
	w.viewer.mu.Unlock()
	if r := w.send(b, http.MethodPost, actPath, form); r.status != http.StatusUnauthorized {
		t.Errorf("status %d", r.status)
	}
	if len(w.actor.commands()) > 0 {
		t.Errorf("commands: %q", w.actor.commands())
	}
	if r := w.get(b, "/"); r.status != http.StatusUnauthorized {
		t.Errorf("the session is still there: %d", r.status)
	}
}

func TestNoButtons(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"nobody to act":       func(o *Options) { o.Actor = nil },
		"the repository left": func(o *Options) { leave(t, o.Store) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, change)
			b := w.signedIn("qa")
			for _, path := range []string{"/acme/shop/executions/excand", "/acme/shop/executions/exfailed", "/acme/shop/releases/1.4.0"} {
				if page := w.get(b, path); page.status != http.StatusOK || strings.Contains(page.body, `name="command"`) {
					t.Errorf("%s: %d, with a button: %t", path, page.status, strings.Contains(page.body, `name="command"`))
				}
			}
			w.send(b, http.MethodPost, actPath, url.Values{"command": {"approve"}, "approval": {"excand-3-1-1"}, "csrf": {w.csrf(b)}})
			if len(w.actor.commands()) > 0 {
				t.Errorf("commands: %q", w.actor.commands())
			}
		})
	}
}

func leave(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	err := s.Write(ctx, func(tx *store.Tx) error {
		r, err := tx.Repo(ctx, shopID)
		r.Gone = "removed from the installation"
		return errors.Join(err, tx.SaveRepo(ctx, r))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOthersRepositories(t *testing.T) {
	w := newWorld(t, nil)
	b := w.signedIn("mallory")
	for _, path := range []string{
		"/acme/shop", "/acme/shop/executions/excand", "/acme/shop/releases/1.4.0", "/rival/secret-project/executions/excand",
		"/rival/secret-project/releases/1.4.0",
	} {
		r := w.get(b, path)
		if r.status != http.StatusNotFound || strings.Contains(r.body, "release/1.4.0") || strings.Contains(r.body, digest("c")) {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
	}
	for _, path := range []string{"/", "/approvals"} {
		if r := w.get(b, path); r.status != http.StatusOK || strings.Contains(r.body, "acme") {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
	}
	if r := w.get(b, "/rival/secret-project"); r.status != http.StatusOK {
		t.Errorf("their own: %d", r.status)
	}
	missing, hidden := w.get(b, "/acme/nothing").body, w.get(b, "/acme/shop").body
	if missing != hidden {
		t.Error("a repository that is hidden can be told from one that is not there")
	}
}

func TestPublicRepositories(t *testing.T) {
	w := newWorld(t, nil)
	w.viewer.public[shopID] = true
	b := w.signedIn("mallory")
	if r := w.get(b, "/acme/shop"); r.status != http.StatusOK {
		t.Errorf("a public repository: %d", r.status)
	}
}

func TestRightsAreAskedOnceAMinute(t *testing.T) {
	w := newWorld(t, nil)
	b := w.signedIn("qa")
	for range 5 {
		w.get(b, "/acme/shop")
	}
	w.viewer.mu.Lock()
	defer w.viewer.mu.Unlock()
	if w.viewer.asked != 1 {
		t.Errorf("asked %d times", w.viewer.asked)
	}
}

func TestDamagedExecution(t *testing.T) {
	w := newWorld(t, nil)
	ctx := context.Background()
	err := w.store.Write(ctx, func(tx *store.Tx) error {
		x, err := tx.Execution(ctx, "excand")
		if err != nil {
			return err
		}
		x.State.Stages = append(x.State.Stages, pipeline.StageState{Name: "extra", Actions: make([]pipeline.ActionState, 3)})
		return tx.SaveExecution(ctx, &x)
	})
	if err != nil {
		t.Fatal(err)
	}
	b := w.signedIn("qa")
	for path, want := range map[string]string{
		"/": "shop", "/acme/shop": "development", "/approvals": "Nothing waits", "/acme/shop/executions/excand": "is damaged", "/acme/shop/releases/1.4.0": "Audit log",
	} {
		if r := w.get(b, path); r.status != http.StatusOK || !strings.Contains(r.body, want) {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
	}
}

// Where a rollback failed, the environment says so, and the button there is for that execution.
func TestStrandedEnvironment(t *testing.T) {
	w := newWorld(t, nil)
	err := w.store.Write(t.Context(), func(tx *store.Tx) error {
		env, err := tx.Environment(t.Context(), shopID, "production")
		if err != nil {
			return err
		}
		env.ReturnBy = "exfailed"
		return tx.SaveEnvironment(t.Context(), env)
	})
	if err != nil {
		t.Fatal(err)
	}
	b := w.signedIn("qa")
	page := w.get(b, "/acme/shop").body
	if !strings.Contains(page, "Not put back") || !strings.Contains(page, `action="/acme/shop/executions/exfailed/act"`) {
		t.Errorf("the page of the repository does not say it, or has no button:\n%s", page)
	}
	if page := w.get(w.browser(), "/acme/shop").body; strings.Contains(page, "Retry what failed") {
		t.Error("a button for somebody who is not signed in")
	}
	if api := w.api(w.token("qa", store.ScopeRead), http.MethodGet, "/repos/acme/shop/environments", "").body; !strings.Contains(api, `"stranded_execution": "exfailed"`) {
		t.Errorf("the API does not say it:\n%s", api)
	}
}
