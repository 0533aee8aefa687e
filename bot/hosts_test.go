package bot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
)

func TestHostsTable(t *testing.T) {
	got := hostsTable("staging", []executor.Host{
		{Name: "web-1", Batch: 1, Status: "Succeeded", Event: "ValidateService", Revision: "1.5.0"},
		{Name: "web-2", Batch: 1, Status: "Failed", Event: "ValidateService", Revision: "1.4.0", Message: "it answers | 500"},
		{Name: "web-3", Status: "Pending"},
	})
	want := strings.Join([]string{
		"Hosts of `staging`:", "",
		"| Host | Batch | Status | Event | Revision | |", "|---|---|---|---|---|---|",
		"| `web-1` | 1 | Succeeded | ValidateService | `1.5.0` |  |",
		"| `web-2` | 1 | Failed | ValidateService | `1.4.0` | `it answers \\| 500` |",
		"| `web-3` |  | Pending |  |  |  |", "", "",
	}, "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := hostsTable("build", nil); got != "" {
		t.Errorf("no hosts: %q", got)
	}
}
