package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/dashboard"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/store"
)

// actionLogs has the logs of actions: those that executors keep on this host, else the ends that are in the database.
type actionLogs struct{ executors *executor.Registry }

// inReport begins the places in the end of a log that is in the database.
const inReport = "end."

// Log implements dashboard.Logs.
func (l actionLogs) Log(ctx context.Context, run store.ActionRun, from string, most int) (dashboard.LogPart, error) {
	var r executor.Request
	if err := json.Unmarshal(run.Request, &r); err != nil {
		return dashboard.LogPart{}, fmt.Errorf("request of %s: %w", run.ID, err)
	}
	e, err := l.executors.Lookup(r.Uses)
	if err != nil {
		return dashboard.LogPart{}, err
	}
	logged, keeps := e.(executor.Logged)
	if keeps && !strings.HasPrefix(from, inReport) {
		place, _ := executor.ParseLogPlace(from) // what is no place is the beginning
		part, err := logged.ReadLog(ctx, r, place, most)
		switch {
		case err == nil:
			ended := part.Ended || run.Final && len(part.Text) == 0 // who gave an action up hears nothing more of it
			return dashboard.LogPart{Text: part.Text, LeftOut: part.LeftOut, Next: part.Next.String(), Ended: ended}, nil
		case !errors.Is(err, executor.ErrNoLog):
			return dashboard.LogPart{}, err
		case place.Offset > 0 || place.Section > 1:
			return dashboard.LogPart{}, dashboard.ErrLogElsewhere
		}
	}
	return reportedLog(run, from, keeps)
}

// reportedLog is the end of a log that was reported. keeps tells whether there is, or was, a whole one somewhere.
func reportedLog(run store.ActionRun, from string, keeps bool) (dashboard.LogPart, error) {
	var report executor.Report
	if len(run.Report) > 0 {
		if err := json.Unmarshal(run.Report, &report); err != nil {
			return dashboard.LogPart{}, fmt.Errorf("report of %s: %w", run.ID, err)
		}
	}
	part := dashboard.LogPart{Next: from, Ended: run.Final}
	switch {
	case keeps && run.Final && run.TriedAt.IsZero():
		part.Note = "It never began."
	case keeps && run.Final:
		part.Note = "Only the end of the log is here: it was written on another replica, or removed since."
	case keeps && run.Handle != "":
		part.Note = "The log is on the replica that runs the action. Its end is here when the action has ended."
	case run.Final && report.Log == "":
		part.Note = "uses: " + usesOf(run) + " writes no log here."
	}
	if !run.Final { // what is reported meanwhile has no places
		return part, nil
	}
	text, ok := strings.CutPrefix(from, inReport)
	at, err := strconv.Atoi(text)
	if !ok || err != nil || at < 0 {
		at = 0
	}
	rest := report.Log[min(at, len(report.Log)):]
	if rest != "" && !strings.HasSuffix(rest, "\n") {
		rest += "\n"
	}
	part.Text, part.Next = []byte(rest), inReport+strconv.Itoa(len(report.Log))
	return part, nil
}

func usesOf(run store.ActionRun) string {
	var r executor.Request
	if json.Unmarshal(run.Request, &r) != nil {
		return "?"
	}
	return r.Uses
}
