package bot

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

func TestStatusText(t *testing.T) {
	l := newLab(t, "")
	l.write(func(tx *store.Tx) error {
		for _, e := range []store.Environment{
			{RepoID: 42, Name: "production", Version: "1.3.0", Digest: digest, Hold: "rolled back by ann: @acme/all | <b>"},
			{RepoID: 42, Name: "staging", SHA: head, Digest: ""},
		} {
			if err := tx.SaveEnvironment(t.Context(), e); err != nil {
				return err
			}
		}
		if _, _, err := tx.LockEnvironment(t.Context(), 42, "staging", "x1"); err != nil {
			return err
		}
		return tx.SaveRelease(t.Context(), store.Release{ID: "r1", RepoID: 42, Kind: "release", Version: "1.4.0", Status: store.ReleaseOpen, Pull: 5})
	})
	l.built("x1", "feature/`@all`", head, begun(), pipeline.ActionProgress{At: noon, ID: pipeline.ActionID("x1", 1, 1, 1), Summary: "going"})
	got, err := l.statusText(t.Context(), "")
	must(t, err)
	want := strings.Join([]string{
		"| Environment | Runs | Digest | |",
		"|---|---|---|---|",
		"| `production` | `1.3.0` | `sha256:aaaaaaaaaaaa` | held: rolled back by ann: @\u200bacme/all \\| &lt;b&gt; |",
		"| `staging` | `2222222` |  | a deployment is under way |",
		"",
		"- release `1.4.0` is open in #5",
		"- the feature pipeline of `` feature/`@all` `` at 2222222: it waits for Test/unit (0s so far).",
	}, "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	only, err := l.statusText(t.Context(), "staging")
	if err != nil || strings.Contains(only, "production") {
		t.Errorf("of staging alone: %q, %v", only, err)
	}
	var no *userError
	if _, err := l.statusText(t.Context(), "moon"); !errors.As(err, &no) || !strings.Contains(no.text, "`moon`") {
		t.Errorf("of a place that is not there: %v", err)
	}
}

// Where nothing was deployed there is no table without rows.
func TestStatusTextAtFirst(t *testing.T) {
	l := newLab(t, "")
	l.write(func(tx *store.Tx) error {
		return tx.SaveRelease(t.Context(), store.Release{ID: "r1", RepoID: 42, Kind: "release", Version: "1.4.0", Status: store.ReleaseOpen, Pull: 5})
	})
	got, err := l.statusText(t.Context(), "")
	must(t, err)
	if diff := cmp.Diff("Nothing was deployed yet.\n\n- release `1.4.0` is open in #5", got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// pressOf is ann pressing a button of a check run.
func pressOf(app int64, externalID, identifier string) event.CheckAction {
	return event.CheckAction{
		Origin: event.Origin{Sender: person(1, "ann")}, CheckRunID: 77, SHA: head, ExternalID: externalID, AppID: app, Identifier: identifier,
	}
}

// One button, one answer; another answer is said again.
func TestButtonsAnswer(t *testing.T) {
	l := newLab(t, "")
	l.asks(store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: head, BaseBranch: "development"}, good)
	l.built("x1", "feature/x", head, begun(), settled("x1", pipeline.Failed))
	press := func(appOf int64, external, identifier string) {
		t.Helper()
		must(t, l.buttonPressed(t.Context(), pressOf(appOf, external, identifier)))
	}
	press(99, head+" sluice/pipeline", buttonRetry) // another App's
	press(appID, "something else", buttonRetry)     // not one of ours
	press(appID, head+" sluice/pipeline", "dance")
	if len(l.gh.Said) > 0 {
		t.Fatalf("answered %+v", l.gh.Said)
	}
	press(appID, head+" sluice/pipeline", buttonRetry)
	press(appID, head+" sluice/pipeline", buttonRetry)
	if len(l.gh.Said) != 1 || !strings.Contains(l.gh.Said[0].Body, "needs the role write") {
		t.Fatalf("a stranger pressed twice: %+v", l.gh.Said)
	}
	l.gh.Roles = map[string]forge.Role{"ann": "write"}
	press(appID, head+" sluice/pipeline", buttonApprove)
	if len(l.gh.Said) != 2 || !strings.Contains(l.gh.Said[1].Body, "pull request of a release") {
		t.Errorf("approved a feature: %+v", l.gh.Said)
	}
}

func TestCandidatesOfAnEnvironment(t *testing.T) {
	l, _, _ := candidate(t, namedKeepers)
	got, err := l.candidates(t.Context(), "production")
	must(t, err)
	var logins []string
	for _, u := range got {
		logins = append(logins, u.Login)
	}
	if diff := cmp.Diff([]string{"dev", "quinn", "uma"}, logins); diff != "" {
		t.Errorf("named (-want +got):\n%s", diff)
	}
}
