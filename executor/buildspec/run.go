package buildspec

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io/fs"
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
	folders, err := openAll(p.Work, p.Owners)
	if err != nil {
		return nil, -1, fmt.Errorf("the folders of the build: %w", err)
	}
	defer folders.close()
	defer folders.forget()
	b := &build{s: s, plan: p, openFolders: folders, sh: newShell(s, p, folders.state), credentials: folders.credentials()}
	files, err := sources(ctx, p.Spec, b.src, p.path(srcFolder))
	if err != nil {
		return nil, -1, fmt.Errorf("the files of the revision: %w", err)
	}
	if err := b.all(ctx); err != nil && ctx.Err() == nil {
		return nil, -1, err
	}
	b.sh.close()
	s.KillLeft()
	if ctx.Err() == nil && !b.result.Retry {
		b.save(ctx)
		b.result.Tests = b.readReports(ctx, files)
		b.result.Analysis = b.analyse(ctx)
	}
	b.result.masked(s.Mask)
	out, err := json.Marshal(b.result)
	if err != nil {
		return nil, -1, err
	}
	code := 0
	if b.result.failed() != nil {
		code = 1
	}
	return out, code, nil
}

// build is a build under way.
type build struct {
	*openFolders

	s      *supervise.Session
	plan   plan
	sh     *shell
	result outcome
	taken  int // bytes that were handed back

	cache       *caches     // nil: none is used
	credentials fs.FileInfo // nil: there are none; see openFolders.credentials
}

// all runs the phases as CodeBuild does. An error means that a shell could not be run, or the context's end.
func (b *build) all(ctx context.Context) error {
	if b.plan.Isolation != "" {
		b.s.Logf("Isolation: %s", b.plan.Isolation)
	}
	if b.plan.Credentials != "" {
		b.s.Logf("Credentials of the host: %s", b.plan.Credentials)
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
	b.result.Upload = true
	for _, p := range b.plan.Spec.Phases {
		if over {
			b.result.Phases = append(b.result.Phases, phaseResult{Name: p.Name, Status: PhaseSkipped})
			continue
		}
		r, err := b.phase(ctx, p)
		b.result.Phases = append(b.result.Phases, r)
		if err != nil {
			b.result.Upload = false
			return err
		}
		if r.Status == PhaseFailed {
			over = b.afterFailure(p, r)
		}
	}
	if b.result.Retry {
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
		b.result.Upload = false
		return true
	case f.Action == Retry && b.plan.Try < f.Retries && matches(f.Pattern, r.Message):
		b.s.Logf("The build is tried again (%d of %d)", b.plan.Try+1, f.Retries)
		b.result.Retry, b.result.Upload = true, false
		return true
	case p.Name == Install || p.Name == PreBuild:
		b.result.Upload = false
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

// How long an exported value may be, as in CodeBuild, and everything that is handed back.
const (
	maxExported = 10 << 10
	maxTaken    = 1 << 20
)

// export reads the exported variables and evaluates the names of artifacts, in the build's shell: exported is only what
// is in the environment of a program that it starts.
func (b *build) export(ctx context.Context) error {
	spec := b.plan.Spec
	b.result.Exported, b.result.Names = map[string]string{}, map[string]string{}
	var script strings.Builder
	file := func(kind, name string) string { return quote(b.plan.path(outFolder, kind+"-"+name)) }
	exported := spec.Exported
	if !b.result.Upload {
		exported = nil // the build did not get so far that they count
	}
	for _, v := range exported {
		fmt.Fprintf(&script, "[ \"${%s+x}\" = x ] && printf '%%s' \"$%s\" >| %s\n", v.Text, v.Text, file("variable", v.Text))
	}
	names := map[string]string{}
	if b.result.Upload && spec.Primary != nil && spec.Primary.Name != "" {
		names[""] = spec.Primary.Name
	}
	for id, a := range spec.Secondary {
		if b.result.Upload && a.Name != "" {
			names[id] = a.Name
		}
	}
	for id, text := range names {
		end := "sluice" + rand.Text()
		fmt.Fprintf(&script, "/bin/cat >| %s <<%s\n%s\n%s\n", file("name", id), end, text, end)
	}
	paths := spec.pathVariables()
	for _, v := range paths {
		fmt.Fprintf(&script, "[ \"${%s+x}\" = x ] && printf '%%s' \"$%s\" >| %s\n", v, v, file("path", v))
	}
	if script.Len() == 0 {
		return nil
	}
	path, err := b.sh.file("export", script.String())
	if err != nil {
		return err
	}
	if _, err := b.sh.run(ctx, "/bin/sh "+quote(path)); err != nil {
		return err
	}
	for _, v := range exported {
		if text, ok := b.takeBack("variable-" + v.Text); ok {
			b.result.Exported[v.Text] = text
		} else {
			b.s.Logf("exported-variables: %s is not set in the environment, or is too long", v.Text)
		}
	}
	b.result.Values = map[string]string{}
	for _, v := range paths {
		if text, ok := b.takeBack("path-" + v); ok {
			b.result.Values[v] = text
		}
	}
	for id := range names {
		text, _ := b.takeBack("name-" + id)
		b.result.Names[id] = strings.TrimSpace(text)
	}
	return nil
}

// takeBack reads a small file that the build's shell wrote into the folder for it. Whatever else is there by that name was
// put there by the build, and is nothing.
func (b *build) takeBack(name string) (string, bool) {
	text, err := b.out.ReadOwn(name, maxExported)
	if b.taken += len(text); err != nil || b.taken > maxTaken {
		return "", false
	}
	return strings.ToValidUTF8(string(text), "\uFFFD"), true
}

// quote makes one word of text for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
