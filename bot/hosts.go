package bot

import (
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/executor"
)

// maxHosts is how many rows a table of hosts has.
const maxHosts = 50

// hostsTable shows where a deployment to several hosts stands; empty for every other action.
func hostsTable(action string, hosts []executor.Host) string {
	if len(hosts) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Hosts of %s:\n\n| Host | Batch | Status | Event | Revision | |\n|---|---|---|---|---|---|\n", code(action))
	cell := func(s string) string {
		if s == "" {
			return ""
		}
		return strings.ReplaceAll(code(s), "|", "\\|")
	}
	for i, h := range hosts {
		if i == maxHosts {
			fmt.Fprintf(&b, "\nand %d more hosts\n", len(hosts)-i)
			break
		}
		batch := ""
		if h.Batch > 0 {
			batch = fmt.Sprint(h.Batch)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", cell(h.Name), batch, h.Status, h.Event, cell(h.Revision), cell(h.Message))
	}
	return b.String() + "\n"
}

// lastBatch is how far a deployment has come.
func lastBatch(hosts []executor.Host) (n int) {
	for _, h := range hosts {
		n = max(n, h.Batch)
	}
	return n
}
