package actiondir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// Journals are the logs of actions that the server itself carries out, within Start. Each action has a folder, in which each
// attempt at it is a try.
type Journals struct {
	Dir     string   // of the folders
	Secrets []string // values that never reach a log
}

var _ executor.Logged = Journals{}

// Keep makes an attempt at an action and keeps the lines that it tells, of which each can be read at once. tell may be called by
// several goroutines. How the attempt ended is its last line.
func (j Journals) Keep(id string, attempt func(tell func(line string)) (handle string, err error)) (handle string, err error) {
	d := Of(j.Dir, id)
	if err := errors.Join(d.Make(), d.SetID(id)); err != nil {
		return "", fmt.Errorf("log of the action: %w", err)
	}
	if err := os.Remove(d.Path("report.json")); err != nil && !errors.Is(err, os.ErrNotExist) { // an attempt whose end nobody heard of
		return "", fmt.Errorf("log of the action: %w", err)
	}
	log, err := supervise.NewLog(d.Try(d.Current()+1), j.Secrets)
	if err != nil {
		return "", fmt.Errorf("log of the action: %w", err)
	}
	var mu sync.Mutex
	tell := func(line string) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.WriteString(log, line+"\n") // a log never fails
	}
	handle, err = attempt(tell)
	report := executor.Report{Status: pipeline.Succeeded}
	switch {
	case executor.IsPermanent(err):
		report.Status = pipeline.Failed
		tell("[sluice] failed: " + executor.OneLine(err.Error()))
	case err != nil:
		tell("[sluice] it is tried again: " + executor.OneLine(err.Error()))
	}
	if cerr := log.Close(); cerr != nil {
		return handle, errors.Join(err, cerr)
	}
	if err == nil || executor.IsPermanent(err) {
		if ferr := d.Finish(report); ferr != nil {
			return handle, errors.Join(err, ferr)
		}
	}
	return handle, err
}

// End is the end of the log of the last attempt, for a report; empty where this host has none.
func (j Journals) End(id string) (string, error) {
	d := Of(j.Dir, id)
	n := d.Current()
	if n == 0 {
		return "", nil
	}
	text, err := supervise.Log(d.Try(n), executor.MaxLog)
	return executor.LogEnd(text), err
}

// ReadLog implements executor.Logged.
func (j Journals) ReadLog(_ context.Context, r executor.Request, from executor.LogPlace, most int) (executor.LogPart, error) {
	return Of(j.Dir, r.ID).ReadLog(from, most)
}

// Prune removes the logs of actions that nothing was written about since a time, and returns how many.
func (j Journals) Prune(ctx context.Context, before time.Time) (n int, err error) {
	entries, err := os.ReadDir(j.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return n, err
		}
		if !info.ModTime().Before(before) {
			continue
		}
		if err := errors.Join(ctx.Err(), os.RemoveAll(filepath.Join(j.Dir, entry.Name()))); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
