package buildspec

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor/supervise"
)

// progressFile, in the folder shared with the server, says in a line what runs.
const progressFile = "progress"

// Runners are what the hidden subcommand must be given for builds.
func Runners() map[string]supervise.Runner {
	return map[string]supervise.Runner{runnerName: runBuild}
}

// runBuild runs the phases. It is the body of the supervisor.
func runBuild(ctx context.Context, s *supervise.Session, payload []byte) ([]byte, int, error) {
	var p plan
	if err := json.Unmarshal(payload, &p); err != nil {
		return nil, -1, fmt.Errorf("the plan of the build: %w", err)
	}
	b := &build{s: s, plan: p, sh: newShell(s, p)}
	files, err := sources(p.Spec, p.Src)
	if err != nil {
		return nil, -1, fmt.Errorf("the files of the revision: %w", err)
	}
	if err := b.all(ctx); err != nil && ctx.Err() == nil {
		return nil, -1, err
	}
	b.sh.close()
	if ctx.Err() == nil && !b.out.Retry {
		b.save()
		b.out.Tests = readReports(p.Spec, p.Src, b.out.Values, files)
	}
	b.out.masked(s.Mask)
	out, err := json.Marshal(b.out)
	if err != nil {
		return nil, -1, err
	}
	code := 0
	if b.out.failed() != nil {
		code = 1
	}
	return out, code, nil
}

// build is a build under way.
type build struct {
	s    *supervise.Session
	plan plan
	sh   *shell
	out  outcome

	cache *caches // nil: none is used
}

// all runs the phases as CodeBuild does. An error means that a shell could not be run, or the context's end.
func (b *build) all(ctx context.Context) error {
	if b.plan.Isolation != "" {
		b.s.Logf("Isolation: %s", b.plan.Isolation)
	}
	for _, remark := range b.plan.Spec.Remarks {
		b.s.Logf("%s:%d: %s", b.plan.Spec.File, remark.Line, remark.Text)
	}
	for _, said := range b.plan.Runtimes {
		b.s.Logf("%s", said)
	}
	if err := b.restore(ctx); err != nil {
		return err
	}
	over := false // no further phase runs
	b.out.Upload = true
	for _, p := range b.plan.Spec.Phases {
		if over {
			b.out.Phases = append(b.out.Phases, phaseResult{Name: p.Name, Status: PhaseSkipped})
			continue
		}
		r, err := b.phase(ctx, p)
		b.out.Phases = append(b.out.Phases, r)
		if err != nil {
			b.out.Upload = false
			return err
		}
		if r.Status == PhaseFailed {
			over = b.afterFailure(p, r)
		}
	}
	if b.out.Retry {
		return nil
	}
	return b.export(ctx)
}

// afterFailure decides what a failed phase means for the rest; over ends the build.
func (b *build) afterFailure(p Phase, r phaseResult) (over bool) {
	switch f := p.OnFailure; {
	case f.Action == Continue:
		return false
	case f.Action == Abort:
		b.out.Upload = false
		return true
	case f.Action == Retry && b.plan.Try < f.Retries && matches(f.Pattern, r.Message):
		b.s.Logf("The build is tried again (%d of %d)", b.plan.Try+1, f.Retries)
		b.out.Retry, b.out.Upload = true, false
		return true
	case p.Name == Install || p.Name == PreBuild:
		b.out.Upload = false
		return true
	}
	return false // a failed build phase still gets its post_build
}

func matches(pattern, text string) bool {
	re, err := regexp.Compile(pattern)
	return err == nil && re.MatchString(text)
}

// phase runs the commands of a phase up to the first that fails, then its finally.
func (b *build) phase(ctx context.Context, p Phase) (phaseResult, error) {
	r := phaseResult{Name: p.Name, Status: PhaseSucceeded, Started: time.Now()}
	b.s.Logf("Entering phase %s", strings.ToUpper(p.Name))
	b.sh.as(b.plan.userOf(p))
	for _, list := range []struct {
		name     string
		commands []Command
	}{{"command", p.Commands}, {"finally command", p.Finally}} {
		for i, c := range list.commands {
			b.progress("phase %s, %s %d of %d", p.Name, list.name, i+1, len(list.commands))
			code, err := b.command(ctx, c)
			if err != nil {
				r.Status, r.Message, r.Line, r.Finished = PhaseFailed, "ended while it ran: "+c.title(), c.Line, time.Now()
				return r, err
			}
			if code == 0 {
				continue
			}
			b.s.Logf("Command did not exit successfully: %s: exit status %d", c.title(), code)
			if r.Status == PhaseSucceeded {
				r.Status, r.Line, r.Code = PhaseFailed, c.Line, code
				r.Message = fmt.Sprintf("COMMAND_EXECUTION_ERROR: Error while executing command: %s. Reason: exit status %d", c.title(), code)
				if err := b.fails(ctx); err != nil {
					return r, err
				}
			}
			break
		}
	}
	r.Finished = time.Now()
	b.s.Logf("Phase complete: %s %s", strings.ToUpper(p.Name), r.Status)
	return r, nil
}

func (b *build) command(ctx context.Context, c Command) (int, error) {
	b.s.Logf("Running command %s", c.title())
	return b.sh.run(ctx, c.Text)
}

// fails lets the commands that follow know.
func (b *build) fails(ctx context.Context) error {
	_, err := b.sh.run(ctx, "export CODEBUILD_BUILD_SUCCEEDING=0")
	return err
}

// progress tells the server what runs. It is a convenience: an error is no matter.
func (b *build) progress(format string, args ...any) {
	_ = os.WriteFile(filepath.Join(b.s.Dir(), progressFile), fmt.Appendf(nil, format, args...), 0o600)
}

// maxExported is how long an exported value may be, as in CodeBuild.
const maxExported = 10 << 10

// export reads the exported variables and evaluates the names of artifacts, in the build's shell: exported is only what
// is in the environment of a program that it starts.
func (b *build) export(ctx context.Context) error {
	spec := b.plan.Spec
	b.out.Exported, b.out.Names = map[string]string{}, map[string]string{}
	var script strings.Builder
	file := func(kind, name string) string { return filepath.Join(b.plan.State, "out", kind+"-"+name) }
	if err := os.MkdirAll(filepath.Join(b.plan.State, "out"), 0o777); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(b.plan.State, "out"), 0o777); err != nil { //nolint:gosec // in a folder of the build's own
		return err
	}
	exported := spec.Exported
	if !b.out.Upload {
		exported = nil // the build did not get so far that they count
	}
	for _, v := range exported {
		fmt.Fprintf(&script, "[ \"${%s+x}\" = x ] && printf '%%s' \"$%s\" >| %s\n", v.Text, v.Text, quote(file("variable", v.Text)))
	}
	names := map[string]string{}
	if b.out.Upload && spec.Primary != nil && spec.Primary.Name != "" {
		names[""] = spec.Primary.Name
	}
	for id, a := range spec.Secondary {
		if b.out.Upload && a.Name != "" {
			names[id] = a.Name
		}
	}
	for id, text := range names {
		end := "sluice" + rand.Text()
		fmt.Fprintf(&script, "/bin/cat >| %s <<%s\n%s\n%s\n", quote(file("name", id)), end, text, end)
	}
	paths := spec.pathVariables()
	for _, v := range paths {
		fmt.Fprintf(&script, "[ \"${%s+x}\" = x ] && printf '%%s' \"$%s\" >| %s\n", v, v, quote(file("path", v)))
	}
	if script.Len() == 0 {
		return nil
	}
	path := filepath.Join(b.plan.State, "export")
	if err := os.WriteFile(path, []byte(script.String()), 0o644); err != nil {
		return err
	}
	if _, err := b.sh.run(ctx, "/bin/sh "+quote(path)); err != nil {
		return err
	}
	for _, v := range exported {
		if text, ok := b.readBack(file("variable", v.Text)); ok {
			b.out.Exported[v.Text] = text
		} else {
			b.s.Logf("exported-variables: %s is not set in the environment, or is too long", v.Text)
		}
	}
	b.out.Values = map[string]string{}
	for _, v := range paths {
		if text, ok := b.readBack(file("path", v)); ok {
			b.out.Values[v] = text
		}
	}
	for id := range names {
		text, _ := b.readBack(file("name", id))
		b.out.Names[id] = strings.TrimSpace(text)
	}
	return nil
}

// readBack reads a small regular file that the build wrote.
func (b *build) readBack(path string) (string, bool) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxExported {
		return "", false
	}
	text, err := os.ReadFile(path)
	return strings.ToValidUTF8(string(text), "\uFFFD"), err == nil
}

// quote makes one word of text for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
