package store_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/slogtest"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/internal/logkeys"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/store/storetest"
)

func TestRiverLog(t *testing.T) {
	for name, test := range map[string]struct {
		write func(*slog.Logger)
		want  map[string]any
	}{
		"its keys": {
			func(l *slog.Logger) { l.Info("River client started", "client_id", "a", "kind", "drain") },
			map[string]any{"level": "INFO", "msg": "River client started", "river": map[string]any{"client_id": "a", "kind": "drain"}},
		},
		"an error by its long name": {
			func(l *slog.Logger) { l.Error("failed", "error", errors.New("no room"), "job_id", 3) },
			map[string]any{"level": "ERROR", "msg": "failed", "err": "no room", "river": map[string]any{"job_id": 3.0}},
		},
		"an error by its short name": {
			func(l *slog.Logger) { l.Warn("failed", "err", "no room") },
			map[string]any{"level": "WARN", "msg": "failed", "err": "no room"},
		},
		"nothing but words": {
			func(l *slog.Logger) { l.Info("stopped") },
			map[string]any{"level": "INFO", "msg": "stopped"},
		},
		"attributes and groups of the log": {
			func(l *slog.Logger) {
				a := l.With("queue", "lanes")
				b := a.WithGroup("g").With("x", 1)
				a.WithGroup("h").Info("of another")
				b.WithGroup("h").Info("here", "error", "inner")
			},
			map[string]any{"level": "INFO", "msg": "here", "river": map[string]any{
				"queue": "lanes", "g": map[string]any{"x": 1.0, "h": map[string]any{"error": "inner"}},
			}},
		},
		"a level that is not written": {
			func(l *slog.Logger) { l.Info("first"); l.Debug("second") },
			map[string]any{"level": "INFO", "msg": "first"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			test.write(store.RiverLog(slog.New(slog.NewJSONHandler(&out, nil))))
			lines := linesOf(t, &out)
			got := lines[len(lines)-1]
			delete(got, "time")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
		})
	}
}

// Beneath its group it keeps what slog promises of a handler.
func TestRiverLogIsAHandler(t *testing.T) {
	var out bytes.Buffer
	err := slogtest.TestHandler(store.RiverLog(slog.New(slog.NewJSONHandler(&out, nil))).Handler(), func() []map[string]any {
		lines := linesOf(t, &out)
		for _, line := range lines {
			if inner, ok := line["river"].(map[string]any); ok {
				for key, value := range inner {
					line[key] = value
				}
				delete(line, "river")
			}
		}
		return lines
	})
	if err != nil {
		t.Error(err)
	}
}

// What is logged while a database is made has no key that operators are not told of, and River speaks in its group.
func TestLogOfANewDatabase(t *testing.T) {
	operations, err := os.ReadFile(filepath.Join("..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := slices.Concat(logkeys.Documented(string(operations)))
	var out bytes.Buffer
	// A file that is not there yet: what storetest hands out has its schema already.
	storetest.Open(t, "sqlite:"+filepath.Join(t.TempDir(), "sluice.db"), store.Options{Log: slog.New(slog.NewJSONHandler(&out, nil))})
	var river bool
	for _, line := range linesOf(t, &out) {
		if unknown := logkeys.Undocumented(line, documented); len(unknown) > 0 {
			t.Errorf("keys %q of line %v", unknown, line)
		}
		river = river || line["river"] != nil
	}
	if !river {
		t.Error("River has said nothing: does this test look at the right log?")
	}
}

func linesOf(t *testing.T, log *bytes.Buffer) (out []map[string]any) {
	t.Helper()
	for line := range bytes.Lines(log.Bytes()) {
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatal(err)
		}
		out = append(out, fields)
	}
	return out
}
