package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/test/fakegithub"
)

var updateDocs = flag.Bool("update", false, "write the generated parts of docs/ anew") //nolint:gochecknoglobals // a flag

// The tables of the documents are made from what the program does.
func TestDocs(t *testing.T) {
	for name, parts := range map[string]map[string]string{
		"commands.md":    {"commands": commandTable(), "buttons": buttonTable(), "command line": commandLineTable(t)},
		"permissions.md": {"permissions": permissionTable(), "events": eventTable()},
		"flows.md":       flowParts(t),
	} {
		path := filepath.Join("..", "..", "docs", name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		have, want := string(data), string(data)
		for _, part := range slices.Sorted(maps.Keys(parts)) {
			mark := regexp.MustCompile(`(?s)(<!-- generated: ` + part + ` -->\n).*?(<!-- end -->)`)
			if n := len(mark.FindAllString(want, -1)); n != 1 {
				t.Fatalf("%s: %d places for %q, want 1", name, n, part)
			}
			want = mark.ReplaceAllStringFunc(want, func(string) string {
				return "<!-- generated: " + part + " -->\n\n" + parts[part] + "\n<!-- end -->"
			})
		}
		if *updateDocs {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(have, "\n")); diff != "" {
			t.Errorf("docs/%s is not what the program does; make docs writes it (-want +got):\n%s", name, diff)
		}
	}
}

// table makes a Markdown table; heads are separated by bars.
func table(heads string, rows [][]string) string {
	columns := strings.Split(heads, "|")
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String()
}

func commandTable() string {
	var rows [][]string
	for _, c := range bot.Commands() {
		changes := ""
		if c.Changes {
			changes = "changes"
		}
		rows = append(rows, []string{"`" + strings.ReplaceAll(c.Usage, "|", `\|`) + "`", c.Help, c.Who, changes})
	}
	return table("Command|What it does|Who|", rows)
}

func buttonTable() string {
	var rows [][]string
	for _, b := range bot.Buttons() {
		rows = append(rows, []string{"*" + b.Label + "*", b.Check, b.When, "`/" + b.Command.Name + "`"})
	}
	return table("Button|On the check|When|Is the command", rows)
}

func commandLineTable(t *testing.T) string {
	t.Helper()
	parser, err := kong.New(&cli{}, kong.Name("sluice"))
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for _, leaf := range parser.Model.Leaves(true) {
		rows = append(rows, []string{"`" + leaf.FullPath() + "`", leaf.Help})
	}
	return table("Command|What it does", rows)
}

func permissionTable() string {
	var rows [][]string
	for _, p := range bot.Permissions() {
		where, access := "repository", p.Access
		if p.Organization {
			where = "organization"
		}
		if p.Optional {
			access += ", optional"
		}
		rows = append(rows, []string{"`" + p.Name + "`", where, access, p.Why})
	}
	return table("Permission|Of the|Access|Why", rows)
}

func eventTable() string {
	var rows [][]string
	for _, s := range bot.Subscriptions() {
		with := "`" + s.Permission + "`"
		if s.Permission == "" {
			with = "always"
		}
		rows = append(rows, []string{"`" + s.Event + "`", with, s.Why})
	}
	return table("Event|Offered with|Why", rows)
}

// The stand-in GitHub's App is what the documents ask for, so everything else is tested with exactly these permissions.
func TestStandInHasTheDocumentedApp(t *testing.T) {
	want := map[string]string{}
	for _, p := range bot.Permissions() {
		if !p.Optional {
			want[p.Name] = p.Access
		}
	}
	if diff := cmp.Diff(want, fakegithub.SluicePermissions()); diff != "" {
		t.Errorf("permissions (-documented +stand-in):\n%s", diff)
	}
	var events []string
	for _, s := range bot.Subscriptions() {
		if s.Permission != "" {
			events = append(events, s.Event)
		}
	}
	have := fakegithub.SluiceEvents()
	slices.Sort(have)
	if diff := cmp.Diff(events, have); diff != "" {
		t.Errorf("events (-documented +stand-in):\n%s", diff)
	}
}
