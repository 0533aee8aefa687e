package gitflow

import "testing"

func TestIrreversible(t *testing.T) {
	for name, c := range map[string]struct{ message, want string }{
		"nothing":                 {"feat: drop totals", ""},
		"a trailer":               {"feat: drop totals\n\nNobody reads them.\n\nIrreversible: the column is gone\nReviewed-by: Ann", "the column is gone"},
		"in any case":             {"feat: drop totals\r\n\r\nIRREVERSIBLE:the column is gone\r\n", "the column is gone"},
		"in a squashed merge":     {"Totals (#7)\n\n* feat: drop totals\n\n* Irreversible: the column is gone", "the column is gone"},
		"without a reason":        {"feat: drop totals\n\nIrreversible:   ", ""},
		"in the subject":          {"Irreversible: a word in a subject", ""},
		"in the middle of a line": {"feat: x\n\nThis is not irreversible: it can be undone", ""},
		"another word":            {"feat: x\n\nIrreversibles: y", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Irreversible(c.message); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
