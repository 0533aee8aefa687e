package githubapp

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/test/fakegithub"
)

func TestCheckRun(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	run := forge.CheckRun{
		Name: "sluice/pipeline", SHA: w.dev, ExternalID: "ex-1", DetailsURL: "https://sluice.test/ex-1", Status: "in_progress",
		Title: "Stage build", Summary: "**building**", Text: "details", StartedAt: noon,
		Buttons: []forge.Button{{Label: "Cancel this very long one", Description: "Stop this pipeline, whatever it does just now", Identifier: "cancel"}, {Label: "b", Description: "b", Identifier: "b"},
			{Label: "c", Description: "c", Identifier: "c"}, {Label: "d", Description: "d", Identifier: "d"}},
	}
	id, err := w.gh.SaveCheckRun(w.ctx(), run)
	w.must(err)
	got, ok := w.repo.Check(w.dev, "sluice/pipeline")
	if !ok || got.ID != id || got.AppID != w.appID {
		t.Fatalf("no run of ours: %+v", got)
	}
	equal(t, []any{"in_progress", "", "Stage build", "**building**", "details", "ex-1", "https://sluice.test/ex-1", noon},
		[]any{got.Status, got.Conclusion, got.Title, got.Summary, got.Text, got.ExternalID, got.DetailsURL, got.StartedAt.UTC()})
	equal(t, []fakegithub.CheckAction{{Label: "Cancel this very lo…", Description: "Stop this pipeline, whatever it does ju…", Identifier: "cancel"},
		{Label: "b", Description: "b", Identifier: "b"}, {Label: "c", Description: "c", Identifier: "c"}}, got.Actions)

	run.ID, run.Status, run.Conclusion, run.Buttons, run.CompletedAt = id, "completed", forge.Success, nil, noon.Add(time.Minute)
	again, err := w.gh.SaveCheckRun(w.ctx(), run)
	w.must(err)
	equal(t, id, again)
	got, _ = w.repo.Check(w.dev, "sluice/pipeline")
	equal(t, []any{"completed", "success", noon.Add(time.Minute), 0}, []any{got.Status, got.Conclusion, got.CompletedAt.UTC(), len(got.Actions)})

	runs, err := w.gh.CheckRuns(w.ctx(), w.dev)
	w.must(err)
	run.AppID, run.Buttons = w.appID, nil
	equal(t, []forge.CheckRun{run}, runs)

	_, err = w.gh.SaveCheckRun(w.ctx(), forge.CheckRun{Name: "x", SHA: "0000000000000000000000000000000000000001", Status: "queued"})
	w.fails(err, forge.ErrNotFound)
	_, err = w.gh.CheckRuns(w.ctx(), "0000000000000000000000000000000000000001")
	w.fails(err, forge.ErrNotFound)
}

func TestLongCheckTexts(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		same bool
	}{
		"as long as GitHub takes":            {strings.Repeat("a", maxOutput), true},
		"as long, in characters":             {strings.Repeat("漢", maxOutput), true},
		"one too many":                       {strings.Repeat("a", maxOutput+1), false},
		"one too many, of four bytes":        {strings.Repeat("🚀", maxOutput+1), false},
		"much too long":                      {strings.Repeat("ä", 3*maxOutput), false},
		"a block of code that is cut":        {"```\n" + strings.Repeat("line\n", maxOutput) + "```\n", false},
		"broken bytes":                       {strings.Repeat("\xff\xfe", maxOutput), false},
		"a block of code closed before that": {"```\nx\n```\n" + strings.Repeat("line\n", maxOutput), false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakegithub.Options{})
			_, err := w.gh.SaveCheckRun(w.ctx(), forge.CheckRun{Name: "x", SHA: w.dev, Status: "queued", Title: strings.Repeat("漢", 300), Summary: tc.text, Text: tc.text})
			w.must(err)
			got, _ := w.repo.Check(w.dev, "x")
			equal(t, 255, utf8.RuneCountInString(got.Title))
			for _, text := range []string{got.Summary, got.Text} {
				if !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxOutput || (text == tc.text) != tc.same {
					t.Errorf("%d characters, valid %v, uncut %v", utf8.RuneCountInString(text), utf8.ValidString(text), text == tc.text)
				}
				if !tc.same && (!strings.HasSuffix(text, cutMark) || strings.Count(text, "```")%2 != 0) {
					t.Errorf("ends in %q", text[len(text)-100:])
				}
			}
		})
	}
}

func notes(n int) []forge.Annotation {
	var out []forge.Annotation
	for i := range n {
		out = append(out, forge.Annotation{Path: "a.txt", StartLine: i + 1, EndLine: i + 1, Level: "warning", Message: fmt.Sprint("line ", i+1)})
	}
	return out
}

func TestAnnotations(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	run := forge.CheckRun{Name: "sluice/config", SHA: w.dev, Status: "in_progress", Title: "t", Summary: "s", Annotations: notes(120)}
	mark := w.s.LastCall()
	id, err := w.gh.SaveCheckRun(w.ctx(), run)
	w.must(err)
	count := func() int { got, _ := w.repo.Check(w.dev, "sluice/config"); return len(got.Annotations) }
	equal(t, []int{120, 3}, []int{count(), len(w.calls(mark, "", ""))})

	// Again with more: only the new ones go out, in whatever place they are.
	run.ID, run.Status, run.Conclusion = id, "completed", forge.Failure
	run.Annotations = append([]forge.Annotation{{Path: "b.txt", Message: "no line and no level"}}, notes(125)...)
	_, err = w.gh.SaveCheckRun(w.ctx(), run)
	w.must(err)
	_, err = w.gh.SaveCheckRun(w.ctx(), run)
	w.must(err)
	equal(t, 126, count())
	got, _ := w.repo.Check(w.dev, "sluice/config")
	equal(t, []any{"completed", "failure"}, []any{got.Status, got.Conclusion})

	// Interrupted half-way: the rest follows with the next attempt.
	run = forge.CheckRun{Name: "other", SHA: w.dev, Status: "in_progress", Title: "t", Summary: "s", Annotations: notes(120)}
	w.s.Inject(fakegithub.Fault{Kind: fakegithub.LoseReply, Method: "PATCH", Skip: 1})
	id, err = w.gh.SaveCheckRun(w.ctx(), run)
	if err == nil || id == 0 {
		t.Fatalf("got %d, %v; want the ID and an error", id, err)
	}
	run.ID = id
	_, err = w.gh.SaveCheckRun(w.ctx(), run)
	w.must(err)
	got, _ = w.repo.Check(w.dev, "other")
	equal(t, 120, len(got.Annotations))
}

func TestMoreAnnotationsThanAreShown(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	_, err := w.gh.SaveCheckRun(w.ctx(), forge.CheckRun{Name: "x", SHA: w.dev, Status: "queued", Summary: strings.Repeat("ü", 70000), Annotations: notes(2000)})
	w.must(err)
	got, _ := w.repo.Check(w.dev, "x")
	equal(t, []any{500, true, true, "x"}, []any{len(got.Annotations), strings.HasSuffix(got.Summary, "(1500 more remarks are not shown.)"),
		utf8.RuneCountInString(got.Summary) <= maxOutput, got.Title})
}

func TestForeignChecksAndStatuses(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	for i := range 130 {
		_, err := w.repo.SetCheck(77, w.dev, fmt.Sprint("ci ", i), "skipped")
		w.must(err)
	}
	for i := range 103 {
		w.must(w.s.As("ann").Status(w.ctx(), "acme/shop", w.dev, fmt.Sprint("status ", i), "pending"))
	}
	w.must(w.s.As("ann").Status(w.ctx(), "acme/shop", w.dev, "status 5", "success"))
	runs, err := w.gh.CheckRuns(w.ctx(), w.dev)
	w.must(err)
	statuses, err := w.gh.Statuses(w.ctx(), w.dev)
	w.must(err)
	equal(t, []any{130, 103, int64(77), forge.Conclusion("skipped")}, []any{len(runs), len(statuses), runs[0].AppID, runs[0].Conclusion})
	for _, s := range statuses {
		if want := map[bool]string{true: "success", false: "pending"}[s.Context == "status 5"]; s.State != want {
			t.Errorf("%s is %s", s.Context, s.State)
		}
	}
	_, err = w.gh.Statuses(w.ctx(), "0000000000000000000000000000000000000001")
	w.fails(err, forge.ErrNotFound)
}
