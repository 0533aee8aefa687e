package description

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// CheckHook compares a payload with the description of its event and activity.
func (d *Description) CheckHook(event, action string, body []byte) error {
	name := event
	if action != "" {
		name += "-" + action
	}
	item := d.doc.Webhooks[strings.ReplaceAll(name, "_", "-")]
	if item == nil || item.Post == nil {
		return fmt.Errorf("GitHub has no webhook %s", name)
	}
	media := item.Post.RequestBody.Value.Content.Get("application/json")
	if media == nil {
		return nil
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	if err := media.Schema.Value.VisitJSON(v, openapi3.MultiErrors()); err != nil {
		return short(err)
	}
	return nil
}
