package description_test

import (
	"os"
	"testing"

	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/test/fakegithub/description"
)

func TestEveryRouteIsGitHubs(t *testing.T) {
	d, err := description.Load("../../node_modules/@octokit/openapi/generated/api.github.com.json")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the description is not installed: %v", err)
	}
	seen := map[string]bool{}
	for _, r := range fakegithub.Routes() {
		key := r.Method + " " + r.Path
		if seen[key] {
			t.Errorf("%s is in the table twice", key)
		}
		seen[key] = true
		if described := d.Has(r.Method, r.Path); described == r.Undescribed {
			t.Errorf("%s: described by GitHub is %v, the table says undescribed is %v", key, described, r.Undescribed)
		}
	}
}
