package storetest

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/store"
)

// ownerColumns are the columns by which rows belong to a repository, for tables without a repo_id: its number, or a text with
// it in place of %d.
func ownerColumns() map[string][2]string {
	return map[string][2]string{
		"repos":      {"id", "%d"},
		"lanes":      {"name", "repo:%d"},
		"lane_items": {"lane", "repo:%d"},
		"counters":   {"name", "tags:%d"},
		"settings":   {"name", "ship/%d/1/2"},
	}
}

// nobodys are the tables whose rows belong to no repository.
func nobodys(table string) bool {
	return slices.Contains([]string{"access_tokens", "schema_version", "sqlite_sequence"}, table) || strings.HasPrefix(table, "river_")
}

// deleteEverywhere writes a row for two repositories into every table that the schema has, and deletes one. A new table that
// has no repo_id is to be classified above.
func deleteEverywhere(t *testing.T, s suite) {
	db := openRaw(t, s.url)
	columns := schemaOf(t, db, s.url)
	if len(columns) < 20 {
		t.Fatalf("the schema has %d tables, which cannot be all", len(columns))
	}
	for table, of := range columns {
		if nobodys(table) {
			continue
		}
		owner, value := ownerOf(t, table, of)
		for _, repo := range []int{1, 2, 12} {
			var names []string
			var values []any
			for _, c := range of {
				names = append(names, c.name)
				values = append(values, c.example(repo))
				if c.name == owner {
					values[len(values)-1] = keyOf(value, repo)
				}
			}
			marks := make([]string, len(names))
			for i := range marks {
				marks[i] = fmt.Sprintf("$%d", i+1)
			}
			query := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(names, ", "), strings.Join(marks, ", "))
			if _, err := db.ExecContext(t.Context(), query, values...); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
		}
	}
	s.write(t, func(ctx context.Context, tx *store.Tx) error { return tx.DeleteRepo(ctx, 1) })
	for table, of := range columns {
		if nobodys(table) {
			continue
		}
		owner, value := ownerOf(t, table, of)
		for repo, want := range map[int]int{1: 0, 2: 1, 12: 1} {
			if table == "audit" { // which nothing removes
				want = 1
			}
			var n int
			query := fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = $1", table, owner)
			if err := db.QueryRowContext(t.Context(), query, keyOf(value, repo)).Scan(&n); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			if n != want {
				t.Errorf("%s has %d rows of repository %d, want %d", table, n, repo, want)
			}
		}
	}
}

// ownerOf is the column that says to which repository a row belongs, and the form of its value.
func ownerOf(t *testing.T, table string, of []rawColumn) (column, value string) {
	t.Helper()
	if slices.ContainsFunc(of, func(c rawColumn) bool { return c.name == "repo_id" }) {
		return "repo_id", "%d"
	}
	o := ownerColumns()[table]
	if o[0] == "" {
		t.Fatalf("table %s has no repo_id: how do its rows belong to a repository, and does DeleteRepo remove them?", table)
	}
	return o[0], o[1]
}

func keyOf(form string, repo int) any {
	if form == "%d" {
		return repo
	}
	return fmt.Sprintf(form, repo)
}

// rawColumn is a column as the database tells of it.
type rawColumn struct{ name, kind string }

// example is a value for a row of a repository.
func (c rawColumn) example(repo int) any {
	switch kind := strings.ToLower(c.kind); kind {
	case "bigint", "integer":
		return 100 + repo
	case "boolean":
		return true
	case "bytea":
		return []byte("{}")
	default:
		return fmt.Sprintf("of %d", repo)
	}
}

// openRaw opens a database beside the store.
func openRaw(t *testing.T, url string) *sql.DB {
	t.Helper()
	driver, name := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// schemaOf lists the columns of every table.
func schemaOf(t *testing.T, db *sql.DB, url string) map[string][]rawColumn {
	t.Helper()
	query := "SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
	if !strings.HasPrefix(url, "sqlite:") {
		query = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = current_schema()"
	}
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string][]rawColumn{}
	for rows.Next() {
		var table string
		var c rawColumn
		if err := rows.Scan(&table, &c.name, &c.kind); err != nil {
			t.Fatal(err)
		}
		out[table] = append(out[table], c)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, of := range out {
		slices.SortFunc(of, func(a, b rawColumn) int { return cmp.Compare(a.name, b.name) })
	}
	return out
}
