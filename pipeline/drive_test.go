package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const (
	testSHA    = "0123456789012345678901234567890123456789"
	testConfig = "cfg1"
	testRef    = "registry.test/shop:1.4.0-candidate-0123456"
	digestA    = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB    = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

var (
	quinn = Actor{ID: 7, Login: "quinn"}
	rita  = Actor{ID: 8, Login: "rita"}
)

// drive is an execution under test: facts go in, commands come out as short lines.
type drive struct {
	t   *testing.T
	s   State
	now time.Time
}

// begin starts an execution of d and returns the commands.
func begin(t *testing.T, d Definition, image Image) (*drive, []string) {
	t.Helper()
	s, commands := Start(Input{ID: "ex-1", Definition: d, SHA: testSHA, ConfigHash: testConfig, Image: image}, noon)
	return &drive{t: t, s: s, now: noon}, lines(commands)
}

// after moves the time on.
func (d *drive) after(by time.Duration) *drive {
	d.now = d.now.Add(by)
	return d
}

func (d *drive) fact(f Fact) []string {
	d.t.Helper()
	s, commands, err := Advance(d.s, f)
	if err != nil {
		d.t.Fatalf("%T refused: %v", f, err)
	}
	d.s = s
	return lines(commands)
}

func (d *drive) refused(f Fact, want string) {
	d.t.Helper()
	s, commands, err := Advance(d.s, f)
	var refusal *RefusedError
	if !errors.As(err, &refusal) || !strings.Contains(refusal.Reason, want) {
		d.t.Errorf("%T: error %v, want a refusal with %q", f, err, want)
	}
	if len(commands) > 0 || s.Status != d.s.Status {
		d.t.Errorf("%T was refused, but has effects %v", f, commands)
	}
}

// id is the action execution ID of the latest attempt of "Stage/action".
func (d *drive) id(path string) string {
	d.t.Helper()
	return d.at(path).ID
}

func (d *drive) at(path string) ActionState {
	d.t.Helper()
	stage, action, _ := strings.Cut(path, "/")
	for _, st := range d.s.Stages {
		for _, a := range st.Actions {
			if st.Name == stage && a.Name == action {
				return a
			}
		}
	}
	d.t.Fatalf("no action %s", path)
	return ActionState{}
}

func (d *drive) settle(path string, status Status) []string {
	d.t.Helper()
	return d.fact(ActionSettled{At: d.now, ID: d.id(path), Status: status})
}

func (d *drive) approve(path string) []string {
	d.t.Helper()
	return d.fact(d.approval(path))
}

func (d *drive) approval(path string) Approved {
	d.t.Helper()
	return Approved{At: d.now, ID: d.id(path), By: []Actor{quinn}, SHA: testSHA, Digest: d.s.Digest(), ConfigHash: testConfig}
}

func (d *drive) tick() []string {
	d.t.Helper()
	return d.fact(Ticked{At: d.now})
}

// lines writes commands shortly; WakeAt is left out.
func lines(commands []Command) []string {
	var out []string
	for _, c := range commands {
		switch c := c.(type) {
		case StartAction:
			out = append(out, fmt.Sprintf("start %s/%s#%d", c.Stage, c.Name, c.Attempt))
		case StopAction:
			out = append(out, fmt.Sprintf("stop %s: %s", c.ID, c.Reason))
		case AbandonAction:
			out = append(out, fmt.Sprintf("abandon %s: %s", c.ID, c.Reason))
		case ResolveImage:
			out = append(out, "resolve "+c.Reference)
		case OpenApproval:
			out = append(out, fmt.Sprintf("open %s/%s for %s", c.Stage, c.Name, c.Environment))
		case VoidApproval:
			out = append(out, fmt.Sprintf("void %s: %s", c.ID, c.Reason))
		case Remind:
			out = append(out, "remind "+c.ID)
		case Escalate:
			out = append(out, "escalate "+c.ID+" for "+c.Environment)
		case AwaitRequest:
			out = append(out, fmt.Sprintf("await %s/%s", c.Stage, c.Name))
		case Settled:
			out = append(out, "settled "+string(c.Status))
		}
	}
	return out
}

// statuses writes where every action stands: "Test/unit Succeeded".
func (d *drive) statuses() []string {
	var out []string
	for _, st := range d.s.Stages {
		for _, a := range st.Actions {
			out = append(out, fmt.Sprintf("%s/%s %s", st.Name, a.Name, a.Status))
		}
	}
	return out
}

// release is the default release pipeline.
func release(o Options) Definition {
	d, _ := Default(KindRelease, o)
	return d
}

func single(actions ...Action) Definition {
	return Definition{Kind: KindFeature, Mode: ModeSuperseded, Stages: []Stage{{Name: "S", Actions: actions}}}
}
