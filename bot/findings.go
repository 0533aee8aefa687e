package bot

import (
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/executor"
)

// maxFindings is how many rows a table of findings has.
const maxFindings = 30

// findingsTable shows what analysers found; empty where they found nothing.
func findingsTable(found []executor.Finding) string {
	if len(found) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("| Analyser | Rule | Level | Found |\n|---|---|---|---|\n")
	for i, f := range found {
		if i == maxFindings {
			fmt.Fprintf(&b, "\nand %d more rules\n", len(found)-i)
			break
		}
		cell := func(s string) string { return strings.ReplaceAll(code(s), "|", "\\|") }
		fmt.Fprintf(&b, "| %s | %s | %s | %d |\n", cell(f.Tool), cell(f.Rule), cell(f.Level), f.Count)
	}
	return b.String() + "\n"
}
