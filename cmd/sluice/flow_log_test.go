package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/internal/logkeys"
)

// unlisted are the lines of the server's log with keys that docs/operations.md does not list, and which these are.
func (f *flow) unlisted() ([]string, error) {
	text, err := os.ReadFile(f.logFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // no server was started
	}
	if err != nil {
		return nil, err
	}
	operations, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		return nil, err
	}
	return unlistedIn(text, slices.Concat(logkeys.Documented(string(operations)))), nil
}

// unlistedIn is unlisted for a log and the keys that are listed. What is no line of the log's is passed over: reports of the race
// detector, and what a server that was killed wrote last.
func unlistedIn(log []byte, listed []string) (out []string) {
	for line := range bytes.Lines(log) {
		var fields map[string]any
		if json.Unmarshal(line, &fields) != nil {
			continue
		}
		if keys := logkeys.Undocumented(fields, listed); len(keys) > 0 {
			out = append(out, fmt.Sprintf("%q in %s", keys, bytes.TrimSpace(line)))
		}
	}
	return out
}

func TestUnlistedKeysOfTheLog(t *testing.T) {
	log := `{"time":"t","level":"INFO","msg":"ready","listen":"a"}
WARNING: DATA RACE
{"time":"t","level":"INFO","msg":"River client started","client_id":"a","river":{"mode":"b"}}
{"time":"t","level":"WARN","msg":"attempt fai`
	want := []string{`["client_id"] in {"time":"t","level":"INFO","msg":"River client started","client_id":"a","river":{"mode":"b"}}`}
	if diff := cmp.Diff(want, unlistedIn([]byte(log), []string{"listen", "river"})); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
