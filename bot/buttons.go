package bot

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/forge"
)

// Identifiers of the buttons, which GitHub sends back.
const (
	buttonRetry   = "retry"
	buttonStart   = "start"
	buttonCancel  = "cancel"
	buttonApprove = "approve"
	buttonReject  = "reject"
	buttonMerge   = "backmerge"
	buttonBase    = "retarget"
)

// Button is a command that a check run offers: who presses it gives the command, with their own rights.
type Button struct {
	forge.Button
	// Check is where it is, and When in which case: words for a table.
	Check, When string
	Command     Command
}

// Buttons lists the buttons of all checks; their Identifier is told by no other one.
func Buttons() []Button {
	return []Button{
		{forge.Button{Label: "Approve", Description: "Approve exactly this digest", Identifier: buttonApprove},
			"`sluice/promotion`; `sluice/pipeline` of what is no release", "an approval is waited for", Command{Name: "approve"}},
		{forge.Button{Label: "Reject", Description: "Reject this candidate", Identifier: buttonReject},
			"`sluice/promotion`; `sluice/pipeline` of what is no release", "an approval is waited for", Command{Name: "reject", Args: []string{"rejected by button"}}},
		{forge.Button{Label: "Merge production in", Description: "Take over the commits that are missing", Identifier: buttonMerge},
			"`sluice/promotion`", "the candidate lacks commits of production", Command{Name: "backmerge"}},
		{forge.Button{Label: "Cancel", Description: "Stop this pipeline", Identifier: buttonCancel},
			"`sluice/pipeline`", "it runs", Command{Name: "cancel"}},
		{forge.Button{Label: "Retry", Description: "Run what failed again", Identifier: buttonRetry},
			"`sluice/pipeline`", "it failed or was stopped", Command{Name: "retry"}},
		{forge.Button{Label: "Start", Description: "Start the pipeline", Identifier: buttonStart},
			"`sluice/pipeline`", "no pipeline ran for the commit yet", Command{Name: "retry"}},
		{forge.Button{Label: "Change base", Description: "Merge it where it belongs", Identifier: buttonBase},
			"`sluice/branch`", "the pull request may go into another branch", Command{Name: "retarget"}},
	}
}

// offered are the buttons with the identifiers, for a check run.
func offered(identifiers ...string) []forge.Button {
	var out []forge.Button
	for _, b := range Buttons() {
		if slices.Contains(identifiers, b.Identifier) {
			out = append(out, b.Button)
		}
	}
	return out
}

// judging are the buttons to judge what waits, the last of it since a time. That of an approval carries the time: who presses it
// means what the check told, and nothing that began to wait afterwards.
func judging(since time.Time) []forge.Button {
	out := offered(buttonApprove, buttonReject)
	for i := range out {
		if out[i].Identifier == buttonApprove {
			out[i].Identifier += "-" + strconv.FormatInt(since.UnixMicro(), 36)
		}
	}
	return out
}

// pressed is the command of the button with an identifier, and the time it carries; zero: none. Name is empty where there is no
// such button.
func pressed(identifier string) (c Command, since time.Time) {
	name, mark, _ := strings.Cut(identifier, "-")
	for _, b := range Buttons() {
		if b.Identifier != name {
			continue
		}
		if at, err := strconv.ParseInt(mark, 36, 64); err == nil {
			since = time.UnixMicro(at)
		}
		return b.Command, since
	}
	return Command{}, time.Time{}
}
