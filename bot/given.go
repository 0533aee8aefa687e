package bot

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/store"
)

// maxGivenShown is how much of a value that was given is shown beside others, in characters. The page and the audit log have it whole.
const maxGivenShown = 80

// givenText are the values that somebody gave for variables of an execution's pipeline, which may change what it tests and builds;
// empty: nobody gave any.
func givenText(x *store.Execution) string {
	if x == nil || len(x.State.Given) == 0 {
		return ""
	}
	values := make([]string, 0, len(x.State.Given))
	for _, name := range slices.Sorted(maps.Keys(x.State.Given)) {
		value := []rune(x.State.Given[name])
		if len(value) > maxGivenShown {
			value = append(value[:maxGivenShown:maxGivenShown], '…')
		}
		values = append(values, code(name+"="+string(value)))
	}
	return fmt.Sprintf("%s, given by %s", strings.Join(values, ", "), code(x.StartedBy.Login))
}
