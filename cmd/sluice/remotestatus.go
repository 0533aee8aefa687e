package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sluicehq/sluice/dashboard"
)

// statusCmd is "sluice status": what runs where, what is open, and what waits for whom.
type statusCmd struct {
	remoteFlags
}

// Run prints the status of the repository.
func (c *statusCmd) Run(e *env) error {
	r, err := c.connect(e)
	if err != nil {
		return err
	}
	var status dashboard.Repo
	err = patiently(e.ctx, 3, func() (bool, error) { return true, r.ask(e.ctx, http.MethodGet, "", nil, &status) })
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, status)
	}
	return printStatus(e.stdout, status)
}

func printStatus(out io.Writer, s dashboard.Repo) error {
	fmt.Fprintf(out, "%s/%s\n", s.Owner, s.Name)
	for _, note := range []struct{ text, says string }{
		{s.Gone, "Not active: "}, {s.ConfigProblem, "The newest configuration cannot be used: "},
	} {
		if note.text != "" {
			fmt.Fprintln(out, note.says+cell(note.text))
		}
	}
	if s.Waits != "" {
		fmt.Fprintf(out, "Waits until %s and goes on by itself: %s\n", moment(s.WaitsUntil), cell(s.Waits))
	}
	if s.Observe {
		fmt.Fprintln(out, "Sluice reports here, and changes nothing.")
	}
	if len(s.Environments) == 0 {
		fmt.Fprintln(out, "Nothing was deployed yet.")
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(s.Environments) > 0 {
		fmt.Fprintln(w, "\nENVIRONMENT\tVERSION\tREVISION\tSINCE\tSTATE")
	}
	for _, v := range s.Environments {
		fmt.Fprintln(w, row(v.Name, dash(v.Version), dash(shortRevision(v.SHA)), moment(v.DeployedAt), environmentState(v)))
	}
	if len(s.Open) > 0 {
		fmt.Fprintln(w, "\nOPEN\tSTATUS\tPULL REQUEST\tBY\tNEXT")
	}
	for _, l := range s.Open {
		pull := "-"
		if l.Pull != 0 {
			pull = fmt.Sprintf("#%d", l.Pull)
		}
		fmt.Fprintln(w, row(l.Kind+" "+l.Version, string(l.Status), pull, dash(l.StartedBy), l.Next))
	}
	if len(s.Running) > 0 {
		fmt.Fprintln(w, "\nRUNNING\tKIND\tREVISION\tBY\tSTATE")
	}
	for _, x := range s.Running {
		fmt.Fprintln(w, row(x.Branch, x.Kind, shortRevision(x.SHA), dash(x.StartedBy), x.Why))
	}
	return w.Flush()
}

func environmentState(v dashboard.Environment) string {
	if v.Stranded != "" {
		again := fmt.Sprintf("%s Try it again: sluice do retry %s", v.Stranded, v.Name)
		v.Stranded = ""
		if rest := environmentState(v); rest != "-" {
			again += "; " + rest
		}
		return again
	}
	switch {
	case v.Hold != "" && v.HoldBy != "":
		return fmt.Sprintf("held by %s: %s", v.HoldBy, v.Hold)
	case v.Hold != "":
		return "held: " + v.Hold
	case v.DeployingFor != "":
		return "deploying"
	}
	return "-"
}

// row is one line of a table.
func row(cells ...string) string {
	for i, c := range cells {
		cells[i] = cell(c)
	}
	return strings.Join(cells, "\t")
}

// cell is text for one place of a table.
func cell(s string) string { return strings.Join(strings.Fields(plainText(s)), " ") }

func dash(s string) string { return firstOf(s, "-") }

func shortRevision(sha string) string { return sha[:min(7, len(sha))] }

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}
