package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/dashboard"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// logServer has one log, of which each connection gives some lines before it is lost.
func logServer(t *testing.T, lines []string, each int, end pipeline.Status) *remoteServer {
	s := newRemoteServer(t)
	part := func(from, to int) dashboard.ActionLog {
		log := dashboard.ActionLog{
			Execution: "ex", Stage: "Test", Action: "unit", ID: "ex-1-1-1", Attempt: 1, Uses: "buildspec", Status: pipeline.InProgress,
			Text: strings.Join(lines[from:to], ""), Next: strconv.Itoa(to),
		}
		if to == len(lines) {
			log.Status, log.Summary, log.Ended = end, "it is over", true
		}
		return log
	}
	s.answer = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		q := r.URL.Query()
		from, _ := strconv.Atoi(q.Get("from"))
		switch {
		case r.URL.Path == "/api/v1/repos/acme/shop":
			_ = json.NewEncoder(w).Encode(dashboard.Repo{Branches: []dashboard.ExecutionRow{{ID: "ex", Branch: "feature/x"}}})
		case !strings.HasPrefix(r.URL.Path, "/api/v1/repos/acme/shop/executions/ex/"):
			return problemAnswer(http.StatusNotFound, "Not found", "")(0, w, r)
		case strings.HasSuffix(r.URL.Path, "/log"):
			to := len(lines)
			if each > 0 {
				to = min(from, 1)
			}
			_ = json.NewEncoder(w).Encode(part(min(from, to), to))
		default:
			w.Header().Set("Content-Type", "text/event-stream")
			for ; from < len(lines) && each > 0; from++ {
				raw, err := json.Marshal(part(from, from+1))
				if err != nil {
					t.Error(err)
				}
				fmt.Fprintf(w, ": still here\n\nid: %d\nevent: log\ndata: %s\n\n", from+1, raw)
				if (from+1)%each == 0 && from+1 < len(lines) {
					fmt.Fprintf(w, "id: 99\nevent: log\ndata: {\"text\": \"cut o")
					w.(http.Flusher).Flush()
					panic(http.ErrAbortHandler)
				}
			}
		}
		return true
	}
	return s
}

func TestLogs(t *testing.T) {
	lines := []string{"one\n", "\x1b[31mtwo\x1b[0m \x1b[2J\x1b]0;title\x07\n", "three\n", "fo\u202eur\r\n", "five\n"}
	want := "one\ntwo [2J]0;title\nthree\nfour\nfive\n"
	for name, c := range map[string]struct {
		each   int
		end    pipeline.Status
		args   []string
		status int
	}{
		"all there":                {0, pipeline.Succeeded, []string{"ex", "unit"}, exitDone},
		"one that failed":          {0, pipeline.Failed, []string{"ex"}, exitFailed},
		"followed":                 {10, pipeline.Succeeded, []string{"ex", "unit", "-f"}, exitDone},
		"followed, often lost":     {1, pipeline.Succeeded, []string{"ex", "Test/unit", "-f"}, exitDone},
		"followed to a bad end":    {2, pipeline.Stopped, []string{"ex", "-f"}, exitFailed},
		"of a branch":              {2, pipeline.Succeeded, []string{"feature/x", "-f"}, exitDone},
		"all there, and followed":  {0, pipeline.Succeeded, []string{"ex", "-f"}, exitDone},
		"with the colours no more": {0, pipeline.Succeeded, []string{"ex"}, exitDone},
	} {
		t.Run(name, func(t *testing.T) {
			s := logServer(t, lines, c.each, c.end)
			status, out, wrong := s.sluice(t.Context(), append([]string{"logs", "--repo", "acme/shop"}, c.args...)...)
			if out != want || status != c.status {
				t.Errorf("status %d, want %d; out %q, want %q; %s", status, c.status, out, want, wrong)
			}
			if last := fmt.Sprintf("Test/unit: %s: it is over\n", c.end); !strings.HasSuffix(wrong, last) {
				t.Errorf("it says %q, want %q", wrong, last)
			}
		})
	}
}

func TestLogsThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"no such execution":  {[]string{"nothing"}, exitFailed, "Not found"},
		"no such attempt":    {[]string{"ex", "--attempt=-1"}, exitUsage, "--attempt"},
		"a name that is two": {[]string{"ex", "unit"}, exitUsage, "Several actions"},
	} {
		s := logServer(t, []string{"one\n"}, 0, pipeline.Succeeded)
		if name == "a name that is two" {
			s.answer = problemAnswer(http.StatusUnprocessableEntity, "Several actions have this name", "")
		}
		if status, _, wrong := s.sluice(t.Context(), append([]string{"logs", "--repo", "acme/shop"}, c.args...)...); status != c.status || !strings.Contains(wrong, c.says) {
			t.Errorf("%s: %d %q", name, status, wrong)
		}
	}
}

// Ctrl-C ends the reading, with what was read so far.
func TestLogsStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newRemoteServer(t)
	s.answer = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		log := dashboard.ActionLog{ID: "ex-1-1-1", Status: pipeline.InProgress, Next: "1"}
		if strings.HasSuffix(r.URL.Path, "/log") {
			if r.URL.Query().Get("from") == "" {
				log.Text = "one\n"
			}
			_ = json.NewEncoder(w).Encode(log)
			return true
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
		return true
	}
	status, out, wrong := s.sluice(ctx, "logs", "--repo", "acme/shop", "-f", "ex")
	if status != exitFailed || out != "one\n" || wrong != "sluice: stopped reading; the action goes on\n" {
		t.Errorf("%d %q %q", status, out, wrong)
	}
}

func TestTerminalText(t *testing.T) {
	for in, want := range map[string][2]string{
		"plain\n":                      {"plain\n", "plain\n"},
		"\x1b[1;31mred\x1b[0m":         {"\x1b[1;31mred\x1b[0m", "red"},
		"\x1b[2Jx\x1b[?1049h\x1b]52;c": {"[2Jx[?1049h]52;c", "[2Jx[?1049h]52;c"},
		"\x1b\x1b[3mx\x1b[":            {"\x1b[3mx[", "x["},
		"a\rb\u202ec\u009b31m":         {"abc31m", "abc31m"},
	} {
		if got := [2]string{terminalText(in, true), terminalText(in, false)}; got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// withoutFolder is an executor whose folder is elsewhere.
type withoutFolder struct{ executor.RecordOnly }

func (withoutFolder) ReadLog(context.Context, executor.Request, executor.LogPlace, int) (executor.LogPart, error) {
	return executor.LogPart{}, fmt.Errorf("x: %w", executor.ErrNoLog)
}

// unended is an executor that has a log of one line, and hears of no end.
type unended struct{ executor.RecordOnly }

func (unended) ReadLog(_ context.Context, _ executor.Request, from executor.LogPlace, _ int) (executor.LogPart, error) {
	if from.Offset > 0 {
		return executor.LogPart{Next: from}, nil
	}
	return executor.LogPart{Text: []byte("one\n"), Next: executor.LogPlace{Section: 1, Offset: 4}}, nil
}

// The log of an action that was given up ends with what there is of it; while it runs more may come.
func TestLogsOfWhatWasGivenUp(t *testing.T) {
	logs := actionLogs{executor.NewRegistry(map[string]executor.Executor{"image": unended{}})}
	for _, final := range []bool{false, true} {
		run := store.ActionRun{ID: "x", Final: final, Request: []byte(`{"uses": "image"}`)}
		one, err := logs.Log(t.Context(), run, "", 100)
		rest, err2 := logs.Log(t.Context(), run, one.Next, 100)
		if err := errors.Join(err, err2); err != nil || string(one.Text) != "one\n" || one.Ended || len(rest.Text) > 0 || rest.Ended != final {
			t.Errorf("final %v: %+v, then %+v, %v", final, one, rest, err)
		}
	}
}

// Where the log is on another host its end comes from the database, once the action is over.
func TestLogsOfOtherHosts(t *testing.T) {
	logs := actionLogs{executor.NewRegistry(map[string]executor.Executor{"buildspec": withoutFolder{}, "deploy": executor.RecordOnly{}})}
	run := func(uses string, final bool, log string) store.ActionRun {
		r := store.ActionRun{ID: "x", Handle: "x", Final: final, Request: []byte(`{"uses": "` + uses + `"}`)}
		r.TriedAt = r.TriedAt.AddDate(2020, 0, 0)
		r.Report, _ = json.Marshal(executor.Report{Log: log})
		return r
	}
	for name, c := range map[string]struct {
		run  store.ActionRun
		from string
		want dashboard.LogPart
	}{
		"it runs elsewhere": {run("buildspec", false, "so far"), "", dashboard.LogPart{Note: "The log is on the replica that runs the action. Its end is here when the action has ended."}},
		"it ran elsewhere": {run("buildspec", true, "the end"), "", dashboard.LogPart{
			Text: []byte("the end\n"), Next: "end.7", Ended: true, Note: "Only the end of the log is here: it was written on another replica, or removed since.",
		}},
		"read again":    {run("buildspec", true, "the end\n"), "end.8", dashboard.LogPart{Next: "end.8", Ended: true, Note: "Only the end of the log is here: it was written on another replica, or removed since."}},
		"it has no log": {run("deploy", true, ""), "", dashboard.LogPart{Next: "end.0", Ended: true, Note: "uses: deploy writes no log here."}},
	} {
		got, err := logs.Log(t.Context(), c.run, c.from, 100)
		if err != nil || string(got.Text) != string(c.want.Text) || got.Next != c.want.Next || got.Ended != c.want.Ended || got.Note != c.want.Note {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	if _, err := logs.Log(t.Context(), run("buildspec", true, "the end"), "1.77", 100); err == nil {
		t.Error("a place in a log that is elsewhere was read")
	}
}
