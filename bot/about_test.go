package bot

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

func TestAbout(t *testing.T) {
	l := newLab(t, "")
	must(t, l.b.Store.Write(t.Context(), func(tx *store.Tx) error {
		return tx.SaveActionRun(t.Context(), store.ActionRun{ID: "a1", ExecutionID: "x1", RepoID: 42, UpdatedAt: noon})
	}))
	shop := queue.About{Repo: "acme/shop", Installation: 7}
	of := func(execution string) queue.About {
		return queue.About{Repo: "acme/shop", Installation: 7, Execution: execution}
	}
	for name, test := range map[string]struct {
		item queue.Item
		want queue.About
	}{
		"delivery of a known repository": {
			queue.Item{Lane: "repo:42", Kind: itemDelivery, Delivery: &event.Delivery{RepoID: 42, InstallationID: 7, Body: []byte(`{"repository":{"full_name":"acme/old"}}`)}}, shop,
		},
		"delivery of an unknown repository": {
			queue.Item{Lane: "repo:43", Kind: itemDelivery, Delivery: &event.Delivery{RepoID: 43, InstallationID: 8, Body: []byte(`{"action":{},"repository":{"full_name":"acme/new"}}`)}},
			queue.About{Repo: "acme/new", Installation: 8},
		},
		"delivery of an installation": {
			queue.Item{Lane: "installation:7", Kind: itemDelivery, Delivery: &event.Delivery{InstallationID: 7, Body: []byte(`{}`)}}, queue.About{Installation: 7},
		},
		"delivery that cannot be read": {queue.Item{Lane: "repo:42", Kind: itemDelivery}, shop},
		"action in its lane":           {queue.Item{Lane: "repo:42", Kind: itemAction, Payload: []byte(`{"action":"a1"}`)}, of("x1")},
		"deadline":                     {queue.Item{Lane: "repo:42", Kind: itemTick, Payload: []byte(`{"execution":"x2"}`)}, of("x2")},
		"reconciliation":               {queue.Item{Lane: "repo:42", Kind: itemReconcile, Payload: []byte(`null`)}, shop},
		"job of an action":             {queue.Item{Lane: "job:action:a1", Kind: jobAction, Key: "a1", Payload: []byte(`{"action":"a1"}`)}, of("x1")},
		"job of an action that is gone": {
			queue.Item{Lane: "job:action:a2", Kind: jobAction, Key: "a2", Payload: []byte(`{"action":"a2"}`)}, queue.About{},
		},
		"job of an image":           {queue.Item{Lane: "job:resolve:x3", Kind: jobResolve, Key: "x3", Payload: []byte(`{"execution":"x3","repo":42}`)}, of("x3")},
		"job of a search":           {queue.Item{Lane: "job:secrets:42/a/b", Kind: jobSecrets, Payload: []byte(`{"repo":42}`)}, shop},
		"periodic job":              {queue.Item{Lane: "every:reconcile", Kind: "every", Key: "reconcile"}, queue.About{}},
		"payload that is not known": {queue.Item{Lane: "repo:42", Kind: "other", Payload: []byte(`[1]`)}, shop},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, l.b.about(t.Context(), test.item)); diff != "" {
				t.Errorf("about (-want +got):\n%s", diff)
			}
		})
	}
}
