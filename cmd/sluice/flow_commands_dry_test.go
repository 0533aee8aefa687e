package main

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/crane"

	"github.com/sluicehq/sluice/bot"
)

// TestDryRunsAreComplete: every command that changes something has its dry run in one of the scripts, which play them.
func TestDryRunsAreComplete(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join(flowScripts, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	played := map[string]bool{}
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^dry \S+ \S+ '(/[^']*)'`).FindAllSubmatch(text, -1) {
			commands, wrong := bot.ParseCommands(string(m[1])+" --dry-run", "sluice")
			if len(commands) == 1 && len(wrong) == 0 {
				played[commands[0].Name] = true
			} else {
				t.Errorf("%s is no command: %v", m[1], wrong)
			}
		}
	}
	changing := map[string]bool{}
	for _, c := range bot.Commands() {
		if c.Changes {
			changing[c.Name] = true
		}
	}
	if diff := cmp.Diff(changing, played); diff != "" {
		t.Errorf("commands that change something, and dry runs in scripts (-want +got):\n%s", diff)
	}
}

func dryCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"dry": {"who number command regexp: comments a command with --dry-run and waits for a reply that matches; fails when anything is different afterwards in " +
			"the database, on GitHub or in the registries, but for the comment and what answers it", cmdDry},
	}
}

func cmdDry(s *scripted, args []string) error {
	args, err := s.args(args, 4, 4)
	if err != nil {
		return err
	}
	n, err := s.number(args[1])
	if err != nil {
		return err
	}
	re, err := regexp.Compile(args[3])
	if err != nil {
		return err
	}
	if err := s.calm(); err != nil {
		return err
	}
	before, err := s.everything()
	if err != nil {
		return err
	}
	id, err := s.comment(args[0], n, args[2]+" --dry-run")
	if err != nil {
		return err
	}
	if err := s.idle(); err != nil {
		return err
	}
	after, err := s.everything()
	if err != nil {
		return err
	}
	if diff := cmp.Diff(before, after); diff != "" {
		return fmt.Errorf("%s --dry-run changed something (-before +after):\n%s", args[2], diff)
	}
	if reply := s.replyTo(n, id); !re.MatchString(reply) {
		return fmt.Errorf("%s --dry-run was answered: %q", args[2], reply)
	}
	return s.flow.reacted(id, "rocket")
}

// calm waits until no pipeline is under way and the server has nothing to do, so that what changes then is the command's.
func (f *flow) calm() error {
	err := f.until("all pipelines to end", func() (string, bool) {
		for _, c := range f.repo.CheckRuns("") {
			if c.Name == "sluice/pipeline" && c.Status != "completed" {
				return fmt.Sprintf("%s at %.7s: %s", c.Name, c.SHA, c.Title), false
			}
		}
		return "", true
	})
	if err != nil {
		return err
	}
	return f.idle()
}

// everything is what a command could change, one line for each thing, sorted: rows of the database, what GitHub keeps, and
// images. Deliveries and their jobs are not in it, nor comments and reactions.
func (f *flow) everything() ([]string, error) {
	lines, err := f.rows()
	if err != nil {
		return nil, err
	}
	for name, sha := range f.repo.Branches() {
		lines = append(lines, fmt.Sprintf("branch %s at %s", name, sha))
	}
	for name, sha := range f.repo.Tags() {
		lines = append(lines, fmt.Sprintf("tag %s at %s", name, sha))
	}
	for _, i := range f.repo.Issues() {
		pull := ""
		if i.Pull != nil {
			pull = fmt.Sprintf("%+v", *i.Pull)
		}
		lines = append(lines, fmt.Sprintf("issue %d open %v %q %q labels %v assignees %v pull %s reviews %+v", i.Number, i.Open, i.Title, i.Body, i.Labels, i.Assignees, pull, f.repo.Reviews(i.Number)))
	}
	for _, c := range f.repo.CheckRuns("") {
		lines = append(lines, fmt.Sprintf("check %+v", c))
	}
	for _, d := range f.repo.Deployments() {
		lines = append(lines, fmt.Sprintf("deployment %+v", d))
	}
	for _, r := range f.repo.Releases() {
		lines = append(lines, fmt.Sprintf("release %+v", r))
	}
	for _, r := range f.repo.WorkflowRuns() {
		lines = append(lines, fmt.Sprintf("workflow run %+v", r))
	}
	for _, x := range f.repo.Statuses("") {
		lines = append(lines, fmt.Sprintf("status %+v", x))
	}
	for _, registry := range []string{f.dev, f.prod} {
		images, err := f.catalog(registry)
		if err != nil {
			return nil, err
		}
		lines = append(lines, images...)
	}
	slices.Sort(lines)
	return lines, nil
}

// catalog lists what the tags of a registry name.
func (f *flow) catalog(registry string) (lines []string, err error) {
	repos, err := crane.Catalog(registry, crane.Insecure)
	if err != nil {
		return nil, err
	}
	for _, repo := range repos {
		tags, err := crane.ListTags(registry+"/"+repo, crane.Insecure)
		if err != nil {
			return nil, err
		}
		for _, tag := range tags {
			name := registry + "/" + repo + ":" + tag
			digest, err := crane.Digest(name, crane.Insecure)
			if err != nil {
				return nil, err
			}
			lines = append(lines, "image "+name+" "+digest)
		}
	}
	return lines, nil
}

// answering are the effects by which any comment is answered.
var answering = regexp.MustCompile(`^row of effects .* kind=(command|comment|reaction) `)

// intake matches the tables that every comment leaves something in: the delivery and its way through
// the queue, and which comments of ours there are.
var intake = regexp.MustCompile(`^(deliveries|lanes|lane_items|comments|counters|river_.*|sqlite_.*)$`)

// records opens the server's database, which is SQLite's, for reading.
func (f *flow) records() (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+url.PathEscape(filepath.Join(f.dir, "data", "sluice.db"))+"?mode=ro&_pragma=busy_timeout(10000)")
}

// rows are the rows of the server's database.
func (f *flow) rows() (lines []string, err error) {
	db, err := f.records()
	if err != nil {
		return nil, err
	}
	defer db.Close()
	tables, err := db.Query(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
	if err != nil {
		return nil, err
	}
	var names []string
	for tables.Next() {
		var name string
		if err := tables.Scan(&name); err != nil {
			return nil, err
		}
		if !intake.MatchString(name) {
			names = append(names, name)
		}
	}
	if err := tables.Err(); err != nil {
		return nil, err
	}
	for _, name := range names {
		of, err := rowsOf(db, name)
		if err != nil {
			return nil, err
		}
		lines = append(lines, of...)
	}
	return lines, nil
}

func rowsOf(db *sql.DB, table string) (lines []string, err error) {
	rows, err := db.Query(`SELECT * FROM "` + table + `"`) //nolint:gosec // a table of ours
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			return nil, err
		}
		var line strings.Builder
		line.WriteString("row of " + table)
		for i, c := range columns {
			if table == "pulls" && c == "cockpit" {
				continue // whether anybody spoke to us there
			}
			fmt.Fprintf(&line, " %s=%v", c, *values[i].(*any))
		}
		if !answering.MatchString(line.String()) {
			lines = append(lines, line.String())
		}
	}
	return lines, rows.Err()
}
