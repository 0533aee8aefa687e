package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"strconv"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// runCommands are about runs of workflows.
func runCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"workflow": {"file in_progress|conclusion: moves the run of a workflow on that has not ended, once there is one; sets $RUN and $TITLE, its name", cmdWorkflow},
		"uploads":  {"name [file…]: the run $RUN has an artifact of files of the script's folder", cmdUploads},
		"again":    {"who run: re-runs a workflow run that has ended", cmdAgain},
	}
}

func cmdWorkflow(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	var run fakegithub.WorkflowRun
	err = s.until("a run of "+args[0], func() (string, bool) {
		for _, w := range s.repo.WorkflowRuns() {
			if w.Workflow == args[0] && w.Status != "completed" {
				run = w
			}
		}
		return "there is none", run.ID != 0
	})
	if err != nil {
		return err
	}
	s.set("RUN", run.ID)
	s.set("TITLE", run.Title)
	if args[1] == "in_progress" {
		return s.repo.SetRun(run.ID, args[1], "")
	}
	return s.repo.SetRun(run.ID, "completed", args[1])
}

func cmdUploads(s *scripted, args []string) error {
	args, err := s.args(args, 1, len(args))
	if err != nil {
		return err
	}
	run, err := strconv.ParseInt(s.ts.Getenv("RUN"), 10, 64)
	if err != nil {
		return fmt.Errorf("$RUN: %w; workflow sets it", err)
	}
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for _, name := range args[1:] {
		text, err := os.ReadFile(s.ts.MkAbs(name))
		if err != nil {
			return err
		}
		f, err := z.Create(name)
		if err != nil {
			return err
		}
		if _, err := f.Write(text); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	s.repo.AddArtifact(run, args[0], archive.Bytes())
	return nil
}

func cmdAgain(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	return s.hub.As(args[0]).Do(s.tb.Context(), "POST", "/repos/"+s.flow.name+"/actions/runs/"+args[1]+"/rerun", map[string]any{}, nil)
}
