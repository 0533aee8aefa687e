package githubactions

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
)

func TestInputs(t *testing.T) {
	f := newFake(true)
	r := f.request("ex-1-1-1")
	r.With["inputs"] = map[string]any{"target": "https://staging.test/$(id)"}
	if _, err := f.executor().Start(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	want := []map[string]string{{"SLUICE_ACTION_ID": "ex-1-1-1", "SLUICE_SHA": "aaa", "target": "https://staging.test/$(id)"}}
	if diff := cmp.Diff(want, f.inputs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeDispatched(t *testing.T) {
	many := &strings.Builder{}
	many.WriteString(workflowFile[:strings.Index(workflowFile, "jobs")])
	for range 300 {
		many.WriteString("      {[")
	}
	for want, change := range map[string]func(*fake, *executor.Request){
		"there is no .github/workflows/other.yml on main": func(_ *fake, r *executor.Request) { r.With["workflow"] = "other.yml" },
		"there is no .github/workflows/load.yml on v1":    func(_ *fake, r *executor.Request) { r.With["ref"] = "v1" },
		"does not declare the input speed":                func(_ *fake, r *executor.Request) { r.With["inputs"] = map[string]any{"speed": 3} },
		"requires the input who": func(f *fake, _ *executor.Request) {
			f.files[".github/workflows/load.yml@main"] = strings.Replace(workflowFile, "target: {}", "who: { required: true }", 1)
		},
		"cannot be dispatched; add workflow_dispatch": func(f *fake, _ *executor.Request) {
			f.files[".github/workflows/load.yml@main"] = "on: [push]"
		},
		"declare the input SLUICE_ACTION_ID": func(f *fake, _ *executor.Request) {
			f.files[".github/workflows/load.yml@main"] = "on: workflow_dispatch"
		},
		"carry it in the run's name": func(f *fake, _ *executor.Request) {
			f.files[".github/workflows/load.yml@main"] = strings.Replace(workflowFile, "run-name", "title", 1)
		},
		"load.yml cannot be read": func(f *fake, _ *executor.Request) { f.files[".github/workflows/load.yml@main"] = "on: {" },
		"nested deeper":           func(f *fake, _ *executor.Request) { f.files[".github/workflows/load.yml@main"] = many.String() },
		"larger than": func(f *fake, _ *executor.Request) {
			f.files[".github/workflows/load.yml@main"] = strings.Repeat("# x\n", 1<<17)
		},
		"it must be on the default branch too": func(f *fake, _ *executor.Request) { f.refuse = forge.ErrNotFound },
		"GitHub refused (403)":                 func(f *fake, _ *executor.Request) { f.refuse = &forge.RefusedError{Status: 403} },
	} {
		t.Run(want, func(t *testing.T) {
			f := newFake(true)
			r := f.request("ex-1-1-1")
			change(f, &r)
			_, err := f.executor().Start(t.Context(), r)
			if !executor.IsPermanent(err) || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want a permanent one with %q", err, want)
			}
			if len(f.runs) > 0 {
				t.Error("something was dispatched")
			}
		})
	}
}

func TestConclusions(t *testing.T) {
	for conclusion, want := range map[string]pipeline.Status{
		"success": pipeline.Succeeded, "neutral": pipeline.Succeeded, "cancelled": pipeline.Stopped,
		"failure": pipeline.Failed, "timed_out": pipeline.Failed, "skipped": pipeline.Failed, "startup_failure": pipeline.Failed,
		"action_required": pipeline.Failed, "stale": pipeline.Failed, "": pipeline.Failed,
	} {
		got := reportOf(forge.WorkflowRun{ID: 5, Status: "completed", Conclusion: conclusion})
		if got.Status != want || got.Summary == "" || got.Variables["run_id"] != "5" {
			t.Errorf("%q: %+v, want %s", conclusion, got, want)
		}
	}
}

// Nothing is dispatched while it is unknown whether an earlier dispatch took effect.
func TestNoSecondDispatchWhileUnknown(t *testing.T) {
	f := newFake(false)
	r := f.request("ex-1-1-1")
	r.StartTried = noon
	f.pass(listed - time.Second)
	if _, err := f.executor().Start(t.Context(), r); err == nil || executor.IsPermanent(err) || len(f.runs) > 0 {
		t.Fatalf("error %v with %d runs, want a temporary error and none", err, len(f.runs))
	}
	f.pass(time.Second)
	if _, err := f.executor().Start(t.Context(), r); err != nil || len(f.runs) != 1 {
		t.Errorf("error %v with %d runs: GitHub would have listed it by now", err, len(f.runs))
	}
}

// The same in one process, when the caller does not say that it tried.
func TestOwnTriesAreRemembered(t *testing.T) {
	f := newFake(false)
	f.lose = true
	e, r := f.executor(), f.request("ex-1-1-1")
	for range 3 {
		if _, err := e.Start(t.Context(), r); err == nil {
			t.Fatal("the answer was not lost")
		}
	}
	f.pass(lag)
	if handle, err := e.Start(t.Context(), r); err != nil || handle != r.ID || len(f.runs) != 1 {
		t.Errorf("handle %q, %v, %d runs", handle, err, len(f.runs))
	}
}

func TestBranchThatMoved(t *testing.T) {
	start := func(t *testing.T, change func(*executor.Request)) (*fake, executor.Report) {
		t.Helper()
		f := newFake(true)
		f.head["main"] = "bbb"
		r := f.request("ex-1-1-1")
		change(&r)
		e := f.executor()
		handle, err := e.Start(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		report, err := e.Status(t.Context(), r, handle)
		if err != nil {
			t.Fatal(err)
		}
		return f, report
	}
	t.Run("a test of another revision", func(t *testing.T) {
		f, report := start(t, func(*executor.Request) {})
		if report.Status != pipeline.Failed || f.runs[0].Conclusion != "cancelled" || !strings.Contains(report.Summary, "moved to bbb") {
			t.Errorf("%+v; run %+v", report, f.runs[0])
		}
	})
	t.Run("a deployment goes by its inputs", func(t *testing.T) {
		if _, report := start(t, func(r *executor.Request) { r.Environment = "staging" }); report.Status != pipeline.InProgress {
			t.Errorf("%+v", report)
		}
	})
	t.Run("a ref was named", func(t *testing.T) {
		if _, report := start(t, func(r *executor.Request) { r.With["ref"] = "main" }); report.Status != pipeline.InProgress {
			t.Errorf("%+v", report)
		}
	})
}

func TestRunThatNeverAppears(t *testing.T) {
	f := newFake(false)
	e, r := f.executor(), f.request("ex-1-1-1")
	handle, err := e.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	f.runs = nil
	if err := e.Stop(t.Context(), r, handle); err == nil || executor.IsPermanent(err) {
		t.Errorf("Stop while it may still come: %v", err)
	}
	f.pass(appears + time.Second)
	report, err := e.Status(t.Context(), r, handle)
	if err != nil || report.Status != pipeline.Failed {
		t.Errorf("%+v, %v", report, err)
	}
	if err := e.Stop(t.Context(), r, handle); err != nil {
		t.Errorf("Stop of what never came: %v", err)
	}
}

func TestForeignHandle(t *testing.T) {
	f := newFake(true)
	if _, err := f.executor().Status(t.Context(), f.request("a"), "b"); !executor.IsPermanent(err) {
		t.Errorf("%v is not permanent", err)
	}
}

func TestCarries(t *testing.T) {
	for name, want := range map[string]bool{
		"load ex-1-1-1": true, "ex-1-1-1": true, "(ex-1-1-1)": true, "ex-1-1-12 ex-1-1-1": true,
		"load ex-1-1-12": false, "load an-ex-1-1-1": false, "": false, "ex-1-1": false,
	} {
		if got := carries(name, "ex-1-1-1"); got != want {
			t.Errorf("carries(%q) = %v", name, got)
		}
	}
	if carries("anything", "") {
		t.Error("an empty token is in everything")
	}
}

func TestMemoryForgets(t *testing.T) {
	var m memory
	m.learn("old", 1, noon)
	m.learn("new", 2, noon.Add(49*time.Hour))
	if m.run("old") != 0 || m.run("new") != 2 {
		t.Errorf("old %d, new %d", m.run("old"), m.run("new"))
	}
}

// FuzzParse: whatever is in a workflow file, it is read quickly or refused for good, and what is accepted carries the
// token.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{workflowFile, "", "on: push", "on: {workflow_dispatch: {inputs: []}}", "- - - -", "a: &a [*a]", "on: {"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := parse("x.yml", data)
		if err != nil {
			if !executor.IsPermanent(err) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q", err)
			}
			return
		}
		if _, ok := w.inputs[tokenInput]; !ok || !strings.Contains(w.runName, tokenInput) {
			t.Errorf("accepted without the token: %+v", w)
		}
	})
}
