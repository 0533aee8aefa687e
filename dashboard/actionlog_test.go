package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// growing is a log that somebody writes, one for every action.
type growing struct {
	mu    sync.Mutex
	text  string
	ended bool
	away  bool
	asked int
}

func (g *growing) Log(_ context.Context, _ store.ActionRun, from string, most int) (LogPart, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	at, _ := strconv.Atoi(from)
	if g.away && at > 0 {
		return LogPart{}, ErrLogElsewhere
	}
	rest := g.text[min(at, len(g.text)):]
	rest = rest[:min(len(rest), most)]
	return LogPart{Text: []byte(rest), Next: strconv.Itoa(at + len(rest)), Ended: g.ended && at+len(rest) == len(g.text)}, nil
}

func (g *growing) write(text string, ended bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.text, g.ended = g.text+text, ended
}

func TestActionLog(t *testing.T) {
	g := &growing{text: hostileLog + "\n", ended: true}
	w := newWorld(t, func(o *Options) { o.Logs = g })
	token := w.token("qa", store.ScopeRead)
	at := "/repos/acme/shop/executions/exfailed/log"
	read := func(query string) (log ActionLog) {
		t.Helper()
		r := w.api(token, http.MethodGet, at+query, "")
		if err := json.Unmarshal([]byte(r.body), &log); err != nil || r.status != http.StatusOK {
			t.Fatalf("%s: %d %v %s", query, r.status, err, r.body)
		}
		return log
	}
	plain := read("")
	if want := "red\nclick\ndone\n</pre><script>document.title='owned'</script>\\u202egnp.exe\n"; plain.Text != want {
		t.Errorf("text %q, want %q", plain.Text, want)
	}
	if plain.ID != "exfailed-1-1-1" || plain.Status != pipeline.Failed || !plain.Ended || plain.Next != strconv.Itoa(len(g.text)) {
		t.Errorf("%+v", plain)
	}
	if coloured := read("?colors=1"); !strings.HasPrefix(coloured.Text, "\x1b[31mred\x1b[0m\nclick\n") {
		t.Errorf("with colours %q", coloured.Text)
	}
	if rest := read("?action=exfailed-1-1-1&from=" + plain.Next); rest.Text != "" || !rest.Ended {
		t.Errorf("after the end: %+v", rest)
	}
	page := w.get(w.signedIn("qa"), "/acme/shop/executions/exfailed/log?colors=1&action="+url.QueryEscape(plain.Stage+"/"+plain.Action))
	if page.status != http.StatusOK || strings.Contains(page.body, "<script>document") || strings.ContainsAny(page.body, "\x1b\u202e") ||
		!strings.Contains(page.body, "red\nclick\ndone\n") || strings.Contains(page.body, "log.js") {
		t.Errorf("page %d:\n%s", page.status, page.body)
	}
	for query, status := range map[string]int{
		"?action=nothing": http.StatusNotFound, "?attempt=0": http.StatusBadRequest, "?attempt=7": http.StatusNotFound, "?action=exrival-1-1-1": http.StatusNotFound,
	} {
		if r := w.api(token, http.MethodGet, at+query, ""); r.status != status {
			t.Errorf("%s: %d, want %d", query, r.status, status)
		}
	}
	g.mu.Lock()
	g.away = true
	g.mu.Unlock()
	if r := w.api(token, http.MethodGet, at+"?from=3", ""); r.status != http.StatusServiceUnavailable || !strings.Contains(r.body, "another replica") {
		t.Errorf("on another replica: %d %s", r.status, r.body)
	}
	if r := w.api(w.token("mallory", store.ScopeRead), http.MethodGet, at, ""); r.status != http.StatusNotFound {
		t.Errorf("somebody who may not read the repository: %d", r.status)
	}
}

// A stream goes on with what comes, and where it stopped after a lost connection, without losing or repeating a line.
func TestFollowingALog(t *testing.T) {
	g := &growing{text: "one\n"}
	w := newWorld(t, func(o *Options) { o.Logs = g })
	ctx := context.Background()
	if err := w.store.Write(ctx, func(tx *store.Tx) error {
		return tx.SaveActionRun(ctx, store.ActionRun{ID: "exlive-1-1-1", ExecutionID: "exlive", RepoID: shopID, StartedAt: noon})
	}); err != nil {
		t.Fatal(err)
	}
	live := begin(t, "exlive", pipeline.KindFeature, "", sha("e"), noon)
	save := func(create bool) {
		t.Helper()
		x := store.Execution{ID: "exlive", RepoID: shopID, Kind: pipeline.KindFeature, Branch: "feature/x", SHA: sha("e"), Status: live.Status, State: live, CreatedAt: noon}
		if err := w.store.Write(ctx, func(tx *store.Tx) error {
			if create {
				return tx.CreateExecution(ctx, &x)
			}
			was, err := tx.Execution(ctx, x.ID)
			if err != nil {
				return err
			}
			x.Rev = was.Rev
			return tx.SaveExecution(ctx, &x)
		}); err != nil {
			t.Fatal(err)
		}
	}
	save(true)
	browser := w.signedIn("qa")
	var got strings.Builder
	last := ""
	read := func(lines <-chan string, event string) ActionLog {
		t.Helper()
		var log ActionLog
		if line, ok := until(t, lines, "id: "); ok {
			last = strings.TrimPrefix(line, "id: ")
		}
		until(t, lines, "event: "+event)
		data, _ := until(t, lines, "data: ")
		if err := json.Unmarshal([]byte(strings.TrimPrefix(data, "data: ")), &log); err != nil {
			t.Fatal(err)
		}
		got.WriteString(log.Text)
		return log
	}
	path := "/acme/shop/executions/exlive/log/events?action=exlive-1-1-1"
	lines, hangUp, status := w.listenTo(browser, path)
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	read(lines, "log")
	g.write("two\n", false)
	read(lines, "log")
	hangUp()
	g.write("three\n", false)
	lines, hangUp, _ = w.listenTo(browser, path+"&from=0", "Last-Event-ID", last)
	defer hangUp()
	read(lines, "log")
	g.write("four\n", true)
	read(lines, "log") // the action has not ended yet
	live = advance(t, live, settled("exlive-1-1-1", noon, pipeline.Succeeded, "4 lines", ""))
	save(false)
	end := read(lines, "end")
	if diff := cmp.Diff("one\ntwo\nthree\nfour\n", got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !end.Ended || end.Status != pipeline.Succeeded || end.Summary != "4 lines" {
		t.Errorf("the end: %+v", end)
	}
	if line, open := until(t, lines, "event: "); open {
		t.Errorf("after the end comes %q", line)
	}
	if _, hangUp, status := w.listenTo(w.signedIn("mallory"), path); status != http.StatusNotFound {
		hangUp()
		t.Errorf("somebody who may not read the repository: %d", status)
	} else {
		hangUp()
	}
}

func TestPickAction(t *testing.T) {
	s, _ := pipeline.Start(pipeline.Input{ID: "ex", SHA: sha("a"), Definition: pipeline.Definition{Kind: "feature", Mode: pipeline.ModeParallel, Stages: []pipeline.Stage{
		{Name: "Test", Actions: []pipeline.Action{{Name: "unit", Uses: "buildspec"}, {Name: "lint", Uses: "buildspec", OnFailure: pipeline.OnFailureRetry, Retries: 2}}},
		{Name: "Deploy", Actions: []pipeline.Action{{Name: "unit", Uses: "appspec"}}},
	}}}, noon)
	begun := s
	s = advance(t, s, settled("ex-1-1-1", noon, pipeline.Succeeded, "", ""), settled("ex-1-2-1", noon, pipeline.Failed, "first", ""))
	over := advance(t, s, settled("ex-1-2-2", noon, pipeline.Failed, "", ""), settled("ex-1-2-3", noon, pipeline.Failed, "third", ""))
	for name, c := range map[string]struct {
		state  pipeline.State
		action string
		number int
		want   string // the attempt's ID, or what the problem says
	}{
		"the one that runs":           {begun, "", 0, "ex-1-1-1"},
		"the one that failed":         {over, "", 0, "ex-1-2-3"},
		"a name":                      {s, "LINT", 0, "ex-1-2-2"},
		"with its stage":              {s, "test/unit", 0, "ex-1-1-1"},
		"a name that repeats":         {s, "unit", 0, "Test/unit, Deploy/unit"},
		"by its ID":                   {s, "ex-1-2-1", 0, "ex-1-2-1"},
		"an ID that is none":          {s, "ex-9-9-9", 0, "Test/unit, Test/lint, Deploy/unit"},
		"an earlier attempt":          {s, "lint", 1, "ex-1-2-1"},
		"an attempt that never was":   {s, "lint", 4, "no attempt 4"},
		"one that has not begun":      {s, "Deploy/unit", 0, ""},
		"one that was never reached":  {over, "Deploy/unit", 0, ""},
		"an attempt of what is other": {s, "other-1-1-1", 0, "It has"},
	} {
		got, err := pickAction(c.state, c.action, c.number)
		text := got.attempt.ID
		var p *problem
		if errors.As(err, &p) {
			text = p.text
		}
		if c.want != text && (err == nil || !strings.Contains(text, c.want)) {
			t.Errorf("%s: %q, want %q", name, text, c.want)
		}
	}
}
