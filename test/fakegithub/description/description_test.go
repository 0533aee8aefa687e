package description_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/test/fakegithub/description"
)

func TestEveryRouteIsGitHubs(t *testing.T) {
	d, err := description.LoadAPI("../../node_modules")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the description is not installed: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	undescribed := map[string]bool{}
	for _, x := range fakegithub.Exemptions() {
		if x.Gap == fakegithub.GapOperation {
			undescribed[x.Method+" "+x.Path] = true
		}
	}
	seen := map[string]bool{}
	for _, r := range fakegithub.Routes() {
		key := r.Method + " " + r.Path
		if seen[key] {
			t.Errorf("%s is in the table twice", key)
		}
		seen[key] = true
		if described := d.Has(r.Method, r.Path); described == undescribed[key] {
			t.Errorf("%s: described by GitHub is %v, and the exemptions say %v", key, described, !undescribed[key])
		}
	}
}
