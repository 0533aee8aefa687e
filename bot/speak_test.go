package bot

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

const componentsWait = `version: 1
environments: { development: { approve: { users: [quinn, ann] } }, staging: { approve: { users: [boss] } } }
components: [{ name: api, paths: ["api/**"] }, { name: orders, paths: ["orders/**"] }, { name: web, paths: ["web/**"] }]
pipelines: { feature: { stages: [{ name: Deploy, actions: [{ name: d, uses: deploy, with: { environment: development } }] }] } }
`

// monorepo is a lab with a feature of dev's, #8, at whose head pipelines of api and orders wait to enter development, and one of
// web to enter staging.
func monorepo(t *testing.T) *lab {
	t.Helper()
	l, _, _ := candidate(t, componentsWait)
	sha := strings.Repeat("8", 40)
	l.gh.Heads = map[string]string{"feature/x": sha, "development": cut, "master": cut}
	l.gh.Comparisons[cut+"..."+sha] = forge.Comparison{AheadBy: 1, Commits: []forge.Commit{{SHA: sha, Author: l.gh.Users["dev"], Message: "x"}}}
	l.gh.Pulls = map[int]forge.PullRequest{8: {
		Number: 8, Open: true, Head: forge.Side{Branch: "feature/x", SHA: sha, RepoID: 42}, Base: forge.Side{Branch: "development", SHA: cut, RepoID: 42},
	}}
	l.write(func(tx *store.Tx) error {
		for component, environment := range map[string]string{"api": "development", "orders": "development", "web": "staging"} {
			def := pipeline.Definition{Kind: pipeline.KindFeature, Stages: []pipeline.Stage{
				{Name: "Approval", Actions: []pipeline.Action{{Name: "approval", Uses: pipeline.UsesApproval, Environment: environment}}},
			}}
			id := "x-" + component
			state, _ := pipeline.Start(pipeline.Input{ID: id, Definition: def, SHA: sha, ConfigHash: l.in(component).cfg.ApprovalHash(pipeline.KindFeature)}, noon)
			x := store.Execution{
				ID: id, RepoID: 42, Kind: pipeline.KindFeature, Component: component, Branch: "feature/x", SHA: sha, State: state, Status: state.Status,
				ConfigHash: state.ConfigHash, StartedBy: l.gh.Users["dev"], CreatedAt: noon,
			}
			if err := tx.CreateExecution(t.Context(), &x); err != nil {
				return err
			}
		}
		return tx.SavePull(t.Context(), store.Pull{
			RepoID: 42, Number: 8, Open: true, HeadBranch: "feature/x", HeadSHA: sha, HeadRepoID: 42, BaseBranch: "development", Author: l.gh.Users["dev"],
		})
	})
	return l
}

// spoken are the components about which the audit log says something, by what it says.
func (l *lab) spoken(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) error {
		all, err := tx.AuditLog(t.Context(), 42, 0, 500)
		for _, e := range all {
			var evidence struct{ Component, Execution string }
			if err := json.Unmarshal(e.Evidence, &evidence); err == nil && evidence.Component != "" {
				out[evidence.Component] += e.Action + " " + evidence.Execution + ";"
			}
		}
		return err
	}))
	return out
}

// Where pipelines of several components wait at one head, a verdict reaches all that somebody may judge, or the one that is named;
// it says which, and each has an entry in the audit log.
func TestVerdictOnComponents(t *testing.T) {
	for name, c := range map[string]struct {
		who, line, page, button string
		ok                      bool
		says                    []string
		spoken                  map[string]string
	}{
		"all that one may": {who: "quinn", line: "/approve", ok: true,
			says:   []string{"- `api`: approved for `api/development`", "- `orders`: approved for `orders/development`", "- `web`: not by you. You are not among"},
			spoken: map[string]string{"api": "approve x-api;", "orders": "approve x-orders;"}},
		"one, by its name":         {who: "quinn", line: "/approve --component orders in haste", ok: true, says: []string{"`orders`: approved"}, spoken: map[string]string{"orders": "approve x-orders;"}},
		"one, by its environment":  {who: "quinn", line: "/approve api/development tried it", ok: true, says: []string{"`api`: approved"}, spoken: map[string]string{"api": "approve x-api;"}},
		"those of an environment":  {who: "boss", line: "/approve staging", ok: true, says: []string{"`web`: approved for `web/staging`"}, spoken: map[string]string{"web": "approve x-web;"}},
		"somebody else's":          {who: "boss", line: "/approve --component api", says: []string{"not among those"}, spoken: map[string]string{}},
		"of who wrote it":          {who: "dev", line: "/approve", says: []string{"not among those"}, spoken: map[string]string{}},
		"one that is not there":    {who: "quinn", line: "/approve --component docs", says: []string{"no component `docs`"}, spoken: map[string]string{}},
		"a rejection of all":       {who: "ann", line: "/reject slow", ok: true, says: []string{"`api`: rejected", "`orders`: rejected", "`web`: not by you"}, spoken: map[string]string{"api": "reject x-api;", "orders": "reject x-orders;"}},
		"a rejection of one":       {who: "ann", line: "/reject slow --component api", ok: true, says: []string{"`api`: rejected"}, spoken: map[string]string{"api": "reject x-api;"}},
		"only asked":               {who: "quinn", line: "/approve --dry-run", ok: true, says: []string{"Dry run", "`api`: approved", "`web`: not by you"}, spoken: map[string]string{}},
		"on the page of one":       {who: "quinn", line: "/approve", page: "x-orders", ok: true, says: []string{"`orders`: approved"}, spoken: map[string]string{"orders": "approve x-orders;"}},
		"on the page of another's": {who: "quinn", line: "/approve", page: "x-web", says: []string{"not among those"}, spoken: map[string]string{}},
		"by the check's button":    {who: "quinn", button: buttonApprove, ok: true, says: []string{"`api`: approved", "`orders`: approved"}, spoken: map[string]string{"api": "approve x-api;", "orders": "approve x-orders;"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := monorepo(t)
			sha := strings.Repeat("8", 40)
			var reply string
			ok := true
			switch {
			case c.button != "":
				must(t, newSession(l).buttonPressed(t.Context(), buttonOf(l, c.who, sha, c.button)))
				reply = l.gh.Said[len(l.gh.Said)-1].Body
			case c.page != "":
				o := store.Operation{ID: store.NewID(), RepoID: 42, By: l.gh.Users[c.who], Command: c.line, ExecutionID: c.page, Via: "dashboard", Status: store.OperationWaiting, CreatedAt: noon}
				l.write(func(tx *store.Tx) error { _, err := tx.CreateOperation(t.Context(), o); return err })
				must(t, newSession(l).operate(t.Context(), o.ID))
				l.write(func(tx *store.Tx) (err error) {
					o, err = tx.Operation(t.Context(), o.ID)
					return err
				})
				reply, ok = o.Reply, o.Status == store.OperationDone
			default:
				line, wrong, _ := parseLine(c.line, "", false)
				if wrong != nil {
					t.Fatal(wrong)
				}
				q := &request{Command: line, by: l.gh.Users[c.who], issue: 8, pull: true, via: "comment", comment: 1, done: func(*store.Tx) error { return nil }}
				var err error
				reply, ok, err = newSession(l).carry(t.Context(), q)
				must(t, err)
			}
			if ok != c.ok {
				t.Errorf("done is %t: %s", ok, reply)
			}
			for _, says := range c.says {
				if !strings.Contains(reply, says) {
					t.Errorf("it says\n%s\nwant %q", reply, says)
				}
			}
			if diff := cmp.Diff(c.spoken, l.spoken(t)); diff != "" {
				t.Errorf("the audit log (-want +got):\n%s", diff)
			}
		})
	}
}

// What was said is taken back from all, or from one.
func TestVerdictOnComponentsTakenBack(t *testing.T) {
	for name, c := range map[string]struct {
		line string
		left []string // components whose approval stands
		says string
	}{
		"all":                     {"/approve cancel", nil, "- `api`: 1 word(s) taken back\n- `orders`: 1 word(s) taken back"},
		"one":                     {"/approve cancel --component api", []string{"orders"}, "- `api`: 1 word(s) taken back"},
		"one, by its environment": {"/approve orders/development cancel", []string{"api"}, "- `orders`: 1 word(s) taken back"},
	} {
		t.Run(name, func(t *testing.T) {
			l := monorepo(t)
			for _, line := range []string{"/approve", c.line} {
				parsed, _, _ := parseLine(line, "", false)
				q := &request{Command: parsed, by: l.gh.Users["quinn"], issue: 8, pull: true, via: "comment", comment: 1, done: func(*store.Tx) error { return nil }}
				reply, ok, err := newSession(l).carry(t.Context(), q)
				must(t, err)
				if !ok || line == c.line && !strings.HasPrefix(reply, c.says) {
					t.Errorf("%s: %t %s", line, ok, reply)
				}
			}
			var left []string
			must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) error {
				for _, component := range []string{"api", "orders", "web"} {
					said, err := tx.Approvals(t.Context(), "x-"+component)
					if err != nil {
						return err
					}
					for _, a := range said {
						if a.VoidedAt.IsZero() {
							left = append(left, component)
						}
					}
				}
				return nil
			}))
			if diff := cmp.Diff(c.left, left); diff != "" {
				t.Errorf("what stands (-want +got):\n%s", diff)
			}
		})
	}
}

// A kind of branch asks for approvals where the pipeline of any component does.
func TestComponentAsksApproval(t *testing.T) {
	l := newLab(t, `version: 1
environments: { staging: { approve: { count: 1 } } }
components:
  - { name: api, paths: ["api/**"] }
  - name: web
    paths: ["web/**"]
    pipelines: { feature: { stages: [{ name: Deploy, actions: [{ name: d, uses: deploy, with: { environment: staging } }] }] } }
`)
	if d, ok := l.cfg.Pipeline(pipeline.KindFeature, config.Revision{}); ok && d.HasApproval() {
		t.Fatal("the repository's own pipeline asks for one")
	}
	if !l.asksApproval(pipeline.KindFeature) {
		t.Error("who pushes to a feature is not written down")
	}
}

// buttonOf is a button that somebody presses on the pipelines' check of a commit.
func buttonOf(l *lab, who, sha, button string) event.CheckAction {
	return event.CheckAction{
		Origin: event.Origin{Sender: l.gh.Users[who]}, CheckRunID: 1, AppID: appID, SHA: sha, ExternalID: sha + " " + CheckPipeline, Identifier: button,
	}
}

// Who asks what a verdict would do that is not theirs is told so, once.
func TestPlanOfAVerdictThatIsNotYours(t *testing.T) {
	l := monorepo(t)
	line, _, _ := parseLine("/plan approve --component api", "", false)
	q := &request{Command: line, by: l.gh.Users["boss"], issue: 8, pull: true, via: "comment", comment: 1, done: nothingElse}
	reply, ok, err := newSession(l).carry(t.Context(), q)
	must(t, err)
	if !ok || !strings.HasPrefix(reply, "You may not give this command. ") || strings.Count(reply, "among those whom the configuration names") != 1 {
		t.Errorf("%t: %s", ok, reply)
	}
}
