package webhooks

import (
	"encoding/json"
	"strconv"
)

// remember notes a key of the outer two levels, given with its quotes.
func (s *scanner) remember(quoted []byte, escaped bool) {
	name := quoted[1 : len(quoted)-1]
	if escaped {
		var plain string
		if json.Unmarshal(quoted, &plain) != nil {
			plain = ""
		}
		name = []byte(plain)
	}
	if s.depth == 2 {
		s.isID = string(name) == "id"
		return
	}
	switch string(name) {
	case "installation":
		s.field = installationField
	case "repository":
		s.field = repositoryField
	default:
		s.field = otherField
	}
}

// forget is called where a value begins. A value replaces what an earlier one under the same key has said.
func (s *scanner) forget() {
	if s.depth == 1 || s.depth == 2 && s.isID && s.inObject() {
		s.set(0)
	}
}

func (s *scanner) set(id int64) {
	switch s.field {
	case installationField:
		s.ids.Installation = id
	case repositoryField:
		s.ids.Repository = id
	case otherField:
	}
}

// numeral takes a number, and keeps it if it is one of the IDs.
func (s *scanner) numeral() bool {
	start := s.pos
	if !s.number() {
		return false
	}
	if s.depth == 2 && s.isID && s.field != otherField && s.inObject() {
		// An error means a fraction, an exponent or a number too large: no ID. 0 then is what is set already.
		if id, err := strconv.ParseInt(string(s.data[start:s.pos]), 10, 64); err == nil && id > 0 {
			s.set(id)
		}
	}
	return true
}
