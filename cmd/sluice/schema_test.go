package main

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/config"
)

// TestSchemaNamesEveryExecutor: what deploys to an environment is one of the executors of this version, no more and no less.
func TestSchemaNamesEveryExecutor(t *testing.T) {
	text, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs struct {
			Environment struct {
				Properties struct {
					Deploy struct {
						Properties struct{ Uses struct{ Enum []string } }
					}
				}
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(slices.Values(schema.Defs.Environment.Properties.Deploy.Properties.Uses.Enum))
	if diff := cmp.Diff(checkOnly().Uses(), got); diff != "" {
		t.Errorf("-executors +schema\n%s", diff)
	}
}
