package description

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// maxPage is the greatest page that GitHub gives; of more it gives this many.
const maxPage = 100

// unknownParameters finds parameters of a query that the description does not have, which GitHub ignores, and pages that
// no list has. Types are validated with the rest of the request.
func unknownParameters(item *openapi3.PathItem, op *openapi3.Operation, query url.Values) error {
	var odd []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		p := op.Parameters.GetByInAndName(openapi3.ParameterInQuery, name)
		if p == nil {
			p = item.Parameters.GetByInAndName(openapi3.ParameterInQuery, name)
		}
		if p == nil {
			odd = append(odd, name+" is unknown")
			continue
		}
		values := query[name]
		if len(values) > 1 && !(p.Schema != nil && p.Schema.Value.Type.Is(openapi3.TypeArray)) {
			odd = append(odd, name+" is given more than once")
		}
		if name != "page" && name != "per_page" {
			continue
		}
		if n, err := strconv.Atoi(values[0]); err != nil || n < 1 || name == "per_page" && n > maxPage {
			odd = append(odd, fmt.Sprintf("%s is %q", name, values[0]))
		}
	}
	if odd == nil {
		return nil
	}
	return fmt.Errorf("the query has parameters that GitHub does not take: %s", strings.Join(odd, ", "))
}
