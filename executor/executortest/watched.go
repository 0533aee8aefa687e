package executortest

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// watched looks at everything an executor says.
type watched struct {
	t       *testing.T
	secrets []string
	starts  func(id string) int
	e       executor.Executor
}

func (w *watched) Check(with map[string]any) error {
	err := w.e.Check(with)
	w.say("Check", "", err)
	return err
}

func (w *watched) Start(ctx context.Context, r executor.Request) (string, error) {
	handle, err := w.e.Start(ctx, r)
	w.say("Start", handle, err)
	if err != nil && handle != "" {
		w.t.Errorf("Start returned handle %q and error %v", handle, err)
	}
	if _, oneCall := w.e.(executor.OneCall); oneCall && r.StartTried.IsZero() && executor.IsPermanent(err) && w.starts(r.ID) > 0 {
		w.t.Errorf("Start was refused for good, by %v, and has begun the action: that is not OneCall", err)
	}
	return handle, err
}

func (w *watched) Status(ctx context.Context, r executor.Request, handle string) (executor.Report, error) {
	report, err := w.e.Status(ctx, r, handle)
	text, jsonErr := json.Marshal(report)
	if jsonErr != nil {
		w.t.Errorf("report is not JSON: %v", jsonErr)
	}
	w.say("Status", string(text), err)
	if err == nil {
		w.look(r, report)
	}
	return report, err
}

func (w *watched) Stop(ctx context.Context, r executor.Request, handle string) error {
	err := w.e.Stop(ctx, r, handle)
	w.say("Stop", "", err)
	return err
}

func (w *watched) say(call, text string, err error) {
	w.t.Helper()
	if err != nil {
		text += " " + err.Error()
	}
	for _, secret := range w.secrets {
		if strings.Contains(text, secret) {
			w.t.Errorf("%s tells a secret: %s", call, text)
		}
	}
}

var digestRE = regexp.MustCompile(`\Asha256:[0-9a-f]{64}\z`)

// look holds a report against the contract.
func (w *watched) look(r executor.Request, report executor.Report) {
	w.t.Helper()
	switch report.Status {
	case pipeline.InProgress, pipeline.Succeeded, pipeline.Failed, pipeline.Stopped:
	default:
		w.t.Errorf("status %q is not one that an executor reports", report.Status)
	}
	if len(report.Log) > executor.MaxLog {
		w.t.Errorf("the log has %d bytes, more than %d", len(report.Log), executor.MaxLog)
	}
	if strings.ContainsAny(report.Summary, "\r\n") {
		w.t.Errorf("the summary has several lines: %q", report.Summary)
	}
	if u := report.URL; u != "" && !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") {
		w.t.Errorf("URL %q is not a web address", u)
	}
	if report.PollAfter < 0 {
		w.t.Errorf("poll after %v", report.PollAfter)
	}
	for name, a := range report.Artifacts {
		if !slices.Contains(r.Outputs, name) {
			w.t.Errorf("artifact %q is not among the outputs %v", name, r.Outputs)
		}
		if !digestRE.MatchString(a.Digest) || a.Name != name || a.Location == "" {
			w.t.Errorf("artifact %q: %+v", name, a)
		}
	}
	if d := report.Image.Digest; d != "" && !digestRE.MatchString(d) {
		w.t.Errorf("image digest %q", d)
	}
	for _, a := range report.Annotations {
		if a.Path == "" || a.StartLine < 1 || a.EndLine < a.StartLine || !slices.Contains([]string{"notice", "warning", "failure"}, a.Level) {
			w.t.Errorf("annotation %+v", a)
		}
	}
}
