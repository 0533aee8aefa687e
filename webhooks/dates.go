package webhooks

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/event"
)

// decode is the payload as package github has it. That refuses a payload for any date of another form than its own, which
// GitHub documents for the dates of Apps in checks ("2018-04-25 20:42:10"). Nothing follows from a date there, so such a payload is
// read without them.
func decode(d event.Delivery) (any, error) {
	payload, err := github.ParseWebHook(d.Name, d.Body)
	var date *time.ParseError
	if !errors.As(err, &date) || d.Name != "check_run" && d.Name != "check_suite" {
		return payload, err
	}
	body, problem := withoutDates(d.Body)
	if problem != nil {
		return nil, err
	}
	return github.ParseWebHook(d.Name, body)
}

// withoutDates is a JSON object without the members that are dates by their names.
func withoutDates(body []byte) ([]byte, error) {
	in := json.NewDecoder(bytes.NewReader(body))
	in.UseNumber()
	var all map[string]any
	if err := in.Decode(&all); err != nil {
		return nil, err
	}
	dropDates(all)
	return json.Marshal(all)
}

func dropDates(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if strings.HasSuffix(name, "_at") {
				delete(v, name)
				continue
			}
			dropDates(member)
		}
	case []any:
		for _, element := range v {
			dropDates(element)
		}
	}
}
