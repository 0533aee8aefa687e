package dashboard

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/sluicehq/sluice/pipeline"
)

// pickedAction is an attempt of an action. Its ID is empty where it has not begun.
type pickedAction struct {
	stage      string
	definition pipeline.Action
	attempt    pipeline.Attempt
}

// pickAction finds the action that is meant: by its name, by STAGE/NAME, or by its ID; "" is the one that runs, else the
// one that failed, else the last one that ran. number is the attempt, 0 for the latest.
func pickAction(s pipeline.State, name string, number int) (pickedAction, error) {
	if name == "" {
		name = defaultAction(s)
	}
	if d, a, ok := s.Action(name); ok {
		_, stage, _, _, _ := pipeline.ParseActionID(name)
		return pickedAction{stage: s.Stages[stage-1].Name, definition: d, attempt: attemptOf(s, a, name, 0)}, nil
	}
	var found []pickedAction
	var all, same []string
	for i, stage := range s.Stages {
		for j, a := range stage.Actions {
			full := stage.Name + "/" + a.Name
			all = append(all, full)
			if strings.EqualFold(name, a.Name) || strings.EqualFold(name, full) {
				same = append(same, full)
				found = append(found, pickedAction{stage: stage.Name, definition: s.Definition.Stages[i].Actions[j], attempt: attemptOf(s, a, "", number)})
			}
		}
	}
	switch {
	case len(found) == 0:
		return pickedAction{}, notFound(fmt.Sprintf("The execution has no action %q. It has %s.", name, strings.Join(all, ", ")))
	case len(found) > 1:
		return pickedAction{}, &problem{
			status: http.StatusUnprocessableEntity, title: "Several actions have this name",
			text: "Name one with its stage: " + strings.Join(same, ", ") + ".",
		}
	case number > 0 && found[0].attempt.Number != number:
		return pickedAction{}, notFound(fmt.Sprintf("%s had no attempt %d.", same[0], number))
	}
	return found[0], nil
}

// attemptOf is the attempt with an ID, with a number, or the latest that has begun or is about to.
func attemptOf(s pipeline.State, a pipeline.ActionState, id string, number int) pipeline.Attempt {
	begun := a.Attempt
	if a.Status == pipeline.Waiting || a.Status == pipeline.Skipped || a.AwaitsRequest {
		begun.ID = "" // it may have one already, and has not begun
	}
	for _, e := range a.Earlier {
		if e.ID == id && id != "" || e.Number == number && number > 0 {
			return e
		}
	}
	if n := len(a.Earlier); n > 0 && begun.ID == "" && s.Status.Final() {
		return a.Earlier[n-1]
	}
	return begun
}

// defaultAction names the action whose log is looked for when none is named.
func defaultAction(s pipeline.State) string {
	runs, failed, last := "", "", ""
	for i, stage := range s.Stages {
		for j, a := range stage.Actions {
			full := stage.Name + "/" + a.Name
			switch {
			case s.Definition.Stages[i].Actions[j].IsApproval() || a.Status == pipeline.Waiting || a.Status == pipeline.Skipped:
				continue
			case a.Status == pipeline.InProgress && runs == "":
				runs = full
			case a.Status == pipeline.Failed && failed == "":
				failed = full
			}
			last = full
		}
	}
	for _, name := range []string{runs, failed, last} {
		if name != "" {
			return name
		}
	}
	if len(s.Stages) > 0 && len(s.Stages[0].Actions) > 0 {
		return s.Stages[0].Name + "/" + s.Stages[0].Actions[0].Name
	}
	return ""
}
