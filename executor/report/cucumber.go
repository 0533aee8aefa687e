package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"
)

// feature is one of the list that Cucumber's JSON formatter writes:
// https://github.com/cucumber/cucumber-json-schema.
type feature struct {
	Name     string `json:"name"`
	URI      string `json:"uri"`
	Elements []struct {
		Name   string         `json:"name"`
		Type   string         `json:"type"` // scenario or background
		Line   int            `json:"line"`
		Steps  []cucumberStep `json:"steps"`
		Before []cucumberStep `json:"before"`
		After  []cucumberStep `json:"after"`
	} `json:"elements"`
}

type cucumberStep struct {
	Keyword string `json:"keyword"`
	Name    string `json:"name"`
	Line    int    `json:"line"`
	Result  struct {
		Status   string  `json:"status"`
		Duration float64 `json:"duration"` // nanoseconds
		Error    string  `json:"error_message"`
	} `json:"result"`
}

// readCucumber reads Cucumber's JSON: a scenario is a test. It is failed when one of its steps or hooks is, skipped when one
// was not carried out, and a background that failed is a test of its own.
func readCucumber(data []byte, r *Report) error {
	var features []feature
	if err := json.Unmarshal(data, &features); err != nil {
		return fmt.Errorf("want a list of features: %w", err)
	}
	for _, f := range features {
		for _, e := range f.Elements {
			c := Case{Suite: f.Name, Name: cmp.Or(e.Name, e.Type), Status: Passed, File: f.URI, Line: e.Line}
			for _, steps := range [][]cucumberStep{e.Before, e.Steps, e.After} {
				for _, s := range steps {
					c.step(s)
				}
			}
			if e.Type == "background" && c.Status == Passed {
				continue
			}
			r.Cases = append(r.Cases, c)
		}
	}
	return nil
}

// step adds how a step went.
func (c *Case) step(s cucumberStep) {
	if d := s.Result.Duration; d > 0 && d < 1e18 {
		c.Duration += time.Duration(d)
	}
	switch s.Result.Status {
	case "passed", "":
	case "failed", "ambiguous":
		if c.Status == Failed {
			return
		}
		c.Status, c.Trace = Failed, s.Result.Error
		if s.Name != "" {
			c.Message = s.Keyword + s.Name
		}
		if s.Line > 0 {
			c.Line = s.Line
		}
	case "undefined", "pending", "skipped", "unknown":
		if c.Status == Passed {
			c.Status, c.Message = Skipped, s.Result.Status+": "+s.Keyword+s.Name
		}
	}
}
