package description

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
)

// Schemas of the answers of 300 and more that GitHub gives for any operation.
const (
	refusalSchema       = "basic-error"
	invalidSchema       = "validation-error"
	invalidSimpleSchema = "validation-error-simple"
)

// everywhere tells whether GitHub gives a status for operations that do not list it: it is about who asks, how often and
// what for, or about GitHub itself.
func everywhere(status int) bool {
	switch status {
	case http.StatusNotModified, http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusBadRequest, http.StatusUnauthorized,
		http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusTooManyRequests:
		return true
	}
	return status >= http.StatusInternalServerError
}

// refusal compares an answer whose status the operation does not list with the shape that GitHub gives such answers
// everywhere.
func (d *Description) refusal(status int, answer []byte) error {
	if status == http.StatusNotModified {
		if len(answer) > 0 {
			return fmt.Errorf("an answer of %d has a body", status)
		}
		return nil
	}
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
		return fmt.Errorf("an answer of %d is no JSON: %w", status, err)
	}
	o, _ := v.(map[string]any)
	if o["message"] == nil || o["message"] == "" {
		return fmt.Errorf("an answer of %d says nothing: it has no message", status)
	}
	if o["errors"] == nil {
		return d.doc.Components.Schemas[refusalSchema].Value.VisitJSON(v, openapi3.MultiErrors())
	}
	err := d.doc.Components.Schemas[invalidSchema].Value.VisitJSON(v, openapi3.MultiErrors())
	if err != nil && d.doc.Components.Schemas[invalidSimpleSchema].Value.VisitJSON(v, openapi3.FailFast()) == nil {
		return nil
	}
	return err
}
