package buildspec

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/executor/supervise"
)

// shell is the one shell that all commands of a build share. Commands arrive one by one through a pipe, as names of
// files, and are read by `.`; after each the shell answers through another pipe with its environment and folder and the
// command's status. A command that ends the shell (exit, set -e, exec, a syntax error) is judged by the shell's status,
// and the next one gets a new shell with the environment and folder of the last answer; functions are gone then.
//
// Commands do not have the two pipes: not even what they leave running in the background.
type shell struct {
	s     *supervise.Session
	plan  plan
	state *os.Root
	mark  string // begins the last line of an answer; not to be guessed
	env   string // as printed by export -p
	dir   string
	count int
	user  *supervise.User // nil: who the build runs as

	program *supervise.Program
	steps   *os.File
	answers chan answer
}

type answer struct {
	code     int
	env, dir string
}

func newShell(s *supervise.Session, p plan, state *os.Root) *shell {
	return &shell{s: s, plan: p, state: state, mark: "sluice:" + rand.Text(), dir: p.path(srcFolder)}
}

// start starts the shell where the last one has stopped.
func (sh *shell) start() error {
	before := sh.env
	if sh.dir != sh.plan.path(srcFolder) { // the shell itself goes there, if it can: it may see another folder there than the server
		before = "cd -- " + quote(sh.dir) + " 2>/dev/null\n" + before
	}
	driver, err := sh.file("driver", driverScript(sh.mark, before != ""))
	if err != nil {
		return err
	}
	files := make([]*os.File, 2, 3) // ends the shell gets: steps, answers, environment
	if before != "" {
		files = files[:3]
	}
	own := make([]*os.File, len(files))
	for i := range files {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		files[i], own[i] = r, w
		if i == 1 {
			files[i], own[i] = w, r
		}
		defer files[i].Close()
	}
	p, err := sh.s.Start(supervise.Command{
		Args: []string{sh.plan.Spec.Shell, driver}, Dir: sh.plan.path(srcFolder), Files: files, User: sh.user,
	})
	if err != nil {
		for _, f := range own {
			err = errors.Join(err, f.Close())
		}
		return err
	}
	sh.program, sh.steps, sh.answers = p, own[0], make(chan answer, 1)
	if before != "" {
		go func() { // the shell reads it first; when it dies, the write fails
			_, _ = own[2].WriteString(before)
			_ = own[2].Close()
		}()
	}
	go sh.listen(own[1], sh.answers)
	return nil
}

// driverScript is what the shell runs: it takes commands until there are no more, after the environment, if there is one that
// goes before them. Names begin with __sluice so that they are nobody else's.
func driverScript(mark string, before bool) string {
	script := "exec 8<&3 9>&4 3<&- 4>&-\n"
	if before {
		script += "eval \"$(/bin/cat <&5)\"\nexec 5<&-\n"
	}
	return script + `while IFS= read -r __sluice_step <&8; do
. "$__sluice_step" 8<&- 9>&-
__sluice_status=$?
{ export -p; printf '\n%s %s ' '` + mark + `' "$__sluice_status"; pwd || :; printf '\n'; } >&9 2>/dev/null
done
`
}

// listen reads answers until the shell ends.
func (sh *shell) listen(f *os.File, to chan<- answer) {
	defer f.Close()
	in := bufio.NewReader(f)
	var env strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		rest, last := strings.CutPrefix(line, sh.mark+" ")
		if !last {
			if env.Len() < 4<<20 {
				env.WriteString(line)
			}
			continue
		}
		code, dir, _ := strings.Cut(strings.TrimSuffix(rest, "\n"), " ")
		a := answer{env: env.String(), dir: dir}
		a.code, _ = strconv.Atoi(code)
		env.Reset()
		to <- a
	}
}

// run runs one command and returns its status. When the context ends it returns the context's error.
func (sh *shell) run(ctx context.Context, text string) (int, error) {
	if sh.program == nil {
		if err := sh.start(); err != nil {
			return 0, err
		}
	}
	sh.count++
	step, err := sh.file(fmt.Sprintf("command-%04d", sh.count), text+"\n")
	if err != nil {
		return 0, err
	}
	_, _ = sh.steps.WriteString(step + "\n") // a shell that is gone is seen below
	select {
	case a := <-sh.answers:
		sh.env, sh.dir = a.env, a.dir
		return a.code, ctx.Err()
	case <-sh.program.Done():
	}
	code, _ := sh.program.Wait()
	if code < 0 {
		code = 137
	}
	_ = sh.steps.Close()
	sh.program = nil
	return code, ctx.Err()
}

// file writes a file that the build reads, and returns its path.
func (sh *shell) file(name, text string) (path string, err error) {
	return sh.plan.path(stateFolder, name), sh.state.WriteFile(name, []byte(text), 0o644)
}

// as makes the commands that follow run as a user; nil is who the build runs as. Another user is another shell, with the
// environment and folder of the last one; functions are gone then.
func (sh *shell) as(u *supervise.User) {
	if u == nil && sh.user == nil || u != nil && sh.user != nil && *u == *sh.user {
		return
	}
	sh.close()
	sh.user = u
}

// close lets the shell end.
func (sh *shell) close() {
	if sh.program != nil {
		_ = sh.steps.Close()
		sh.program.Wait()
		sh.program = nil
	}
}
