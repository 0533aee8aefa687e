package webhooks

import (
	"bytes"
	"encoding/json"

	"github.com/sluicehq/sluice/event"
)

// kindless refuses a payload that does not say what it tells of, an activity or a kind of ref, and names all that it lacks.
// One that says so is no error: nothing follows from that activity.
func kindless(d event.Delivery, payload any) error {
	key, kind := "action", ""
	switch p := payload.(type) {
	case interface{ GetRefType() string }:
		key, kind = "ref_type", p.GetRefType()
	case interface{ GetAction() string }:
		kind = p.GetAction()
	}
	if kind != "" {
		return nil
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(d.Body, &given); err != nil {
		return err
	}
	var w want
	w.text(key, kind)
	for _, part := range parts(d.Name) {
		value, ok := given[part]
		w.that(part, ok && !bytes.Equal(value, []byte("null")))
	}
	return w.err()
}

// parts are what GitHub puts into every payload of an event, beside the activity, and decisions about it need.
func parts(name string) []string {
	switch name {
	case "create", "delete":
		return []string{"repository", "ref"}
	case "installation", "installation_repositories":
		return []string{"installation"}
	case "issue_comment":
		return []string{"repository", "issue", "comment"}
	case "membership", "team":
		return []string{"organization", "team"}
	case "pull_request":
		return []string{"repository", "number", "pull_request"}
	case "pull_request_review":
		return []string{"repository", "pull_request", "review"}
	case "repository":
		return []string{"repository"}
	}
	return []string{"repository", name} // check_run, check_suite, member, merge_group, release, workflow_run
}
