package buildspec

import (
	"path/filepath"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/sarif"
	"github.com/sluicehq/sluice/executor/supervise"
)

// runnerName is the Runner's name in supervise.Spec.
const runnerName = "buildspec"

// plan is what the supervisor is told to run.
type plan struct {
	Spec *Spec  `json:"spec"`
	Work string `json:"work"` // its folders are in it
	Try  int    `json:"try"`  // counts from 0; on-failure: RETRY allows more
	// Owners are whose files may be handed on under several names; see artifact.OpenTree.
	Owners []int `json:"owners,omitempty"`
	// Users are those that phases run as, by name, besides who the build runs as.
	Users map[string]supervise.User `json:"users,omitempty"`
	// Isolation says for the log how the build is kept from the host.
	Isolation string `json:"isolation,omitempty"`
	// Credentials says for the log whether it reaches the host's credentials.
	Credentials string `json:"credentials,omitempty"`
	// Cache is where caches are.
	Cache cachePlan `json:"cache,omitzero"`
	// Sarif are globs for files of analysers, Threshold what of their results is let pass.
	Sarif     []string        `json:"sarif,omitempty"`
	Threshold sarif.Threshold `json:"threshold,omitzero"`
	// Runtimes says for the log which versions of languages are used.
	Runtimes []string `json:"runtimes,omitempty"`
}

// path is that of something in one of the build's folders.
func (p plan) path(folder string, names ...string) string {
	return filepath.Join(append([]string{p.Work, folder}, names...)...)
}

// userOf is who a phase runs as; nil is who the build runs as.
func (p plan) userOf(ph Phase) *supervise.User {
	if ph.RunAs == nil {
		return nil
	}
	if u, other := p.Users[ph.RunAs.Text]; other {
		return &u
	}
	return nil
}

// PhaseStatus says how a phase went.
type PhaseStatus string

// Statuses of phases, in CodeBuild's words.
const (
	PhaseSucceeded PhaseStatus = "SUCCEEDED"
	PhaseFailed    PhaseStatus = "FAILED"
	PhaseSkipped   PhaseStatus = "SKIPPED"
)

// phaseResult is how a phase went.
type phaseResult struct {
	Name     string      `json:"name"`
	Status   PhaseStatus `json:"status"`
	Started  time.Time   `json:"started,omitzero"`
	Finished time.Time   `json:"finished,omitzero"`
	// Message, Line and Code tell which command failed.
	Message string `json:"message,omitempty"`
	Line    int    `json:"line,omitempty"`
	Code    int    `json:"code,omitempty"`
}

// outcome is what the supervisor tells of a build.
type outcome struct {
	Phases   []phaseResult     `json:"phases"`
	Exported map[string]string `json:"exported,omitempty"`
	// Upload says that the build got so far that its artifacts count.
	Upload bool `json:"upload"`
	// Retry says that the build is to be tried again from the beginning.
	Retry bool `json:"retry,omitempty"`
	// Names are the evaluated names of artifacts, by identifier; "" is the primary one.
	Names map[string]string `json:"names,omitempty"`
	// Values are the variables in paths, as they were at the end.
	Values map[string]string `json:"values,omitempty"`
	// Tests are the build's reports.
	Tests []executor.TestReport `json:"tests,omitempty"`
	// Analysis is what analysers found; nil when nobody has looked.
	Analysis *analysed `json:"analysis,omitempty"`
}

// failed is the first phase that failed, nil when none did.
func (o *outcome) failed() *phaseResult {
	for i, p := range o.Phases {
		if p.Status == PhaseFailed {
			return &o.Phases[i]
		}
	}
	return nil
}

// masked takes secrets out of everything that leaves the supervisor.
func (o *outcome) masked(mask func(string) string) {
	for i := range o.Phases {
		o.Phases[i].Message = mask(o.Phases[i].Message)
	}
	maskTests(o.Tests, mask)
	for _, m := range []map[string]string{o.Exported, o.Names, o.Values} {
		for k, v := range m {
			m[k] = mask(v)
		}
	}
}
