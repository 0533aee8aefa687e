package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sluicehq/sluice/internal/pgtest"
)

// The scripts of test/scripts tell what people do and what they see then. Each has a world of its own: GitHub's stand-in,
// two registries, and the real server in a process of its own, so that killing it is killing it. What a command is for
// stands beside its name in flowCommands.

const flowScripts = "../../test/scripts"

// TestFlow plays every script on SQLite.
func TestFlow(t *testing.T) {
	playFlows(t, testscript.Params{Dir: flowScripts}, func(testing.TB) string { return "" })
}

// TestFlowPostgres plays some scripts on Postgres: there is one server and one set of queries, and what differs is below.
func TestFlowPostgres(t *testing.T) {
	var files []string
	for _, name := range []string{"feature", "release", "hotfix", "case_39_deliveries_twice"} {
		files = append(files, filepath.Join(flowScripts, name+".txtar"))
	}
	playFlows(t, testscript.Params{Files: files}, pgtest.URL)
}

func playFlows(t *testing.T, p testscript.Params, database func(testing.TB) string) {
	if testing.Short() {
		t.Skip("scripts start servers")
	}
	t.Parallel()
	p.RequireExplicitExec = true
	p.Setup = func(env *testscript.Env) error {
		f := newFlow(env.T().(testing.TB), database(env.T().(testing.TB)))
		env.Values[flowKey{}] = f
		for name, value := range map[string]string{"DEVELOPMENT": f.dev, "PRODUCTION": f.prod, "HUB": f.hub.URL(), "DATA": filepath.Join(f.dir, "data"), raceVariable: endSoon} {
			env.Setenv(name, value)
		}
		return nil
	}
	p.Condition = func(cond string) (bool, error) {
		if cond != "root" {
			return false, fmt.Errorf("there is no condition [%s]", cond)
		}
		return os.Geteuid() == 0, nil
	}
	p.Cmds = map[string]func(*testscript.TestScript, bool, []string){}
	for name, c := range flowCommands() {
		p.Cmds[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			s := &scripted{ts: ts, flow: ts.Value(flowKey{}).(*flow), neg: neg, name: name}
			s.flags = flag.NewFlagSet(name, flag.ContinueOnError)
			s.flags.SetOutput(ts.Stdout())
			if err := c.run(s, args); err != nil {
				ts.Fatalf("%s: %v", name, err)
			}
			if neg && !s.asked {
				ts.Fatalf("%s takes no !, so it has looked whether it is so", name)
			}
		}
	}
	testscript.Run(t, p)
}

type flowKey struct{}

// scripted is one command of a script on its way.
type scripted struct {
	*flow
	ts    *testscript.TestScript
	neg   bool // a ! stands before it; not tells of it
	asked bool // whether
	name  string
	flags *flag.FlagSet
}

// not tells whether a ! stands before the command. A command that never asks takes none.
func (s *scripted) not() bool {
	s.asked = true
	return s.neg
}

// flowCommand is a command of scripts.
type flowCommand struct {
	usage string // behind the name
	run   func(*scripted, []string) error
}

// args parses flags and checks the number of arguments; atMost < 0: any number.
func (s *scripted) args(args []string, atLeast, atMost int) ([]string, error) {
	if err := s.flags.Parse(args); err != nil {
		return nil, err
	}
	rest := s.flags.Args()
	if len(rest) < atLeast || atMost >= 0 && len(rest) > atMost {
		return nil, fmt.Errorf("usage: %s %s", s.name, flowCommands()[s.name].usage)
	}
	return rest, nil
}

// set gives a variable to the script.
func (s *scripted) set(name string, value any) { s.ts.Setenv(name, fmt.Sprint(value)) }

// files reads files for a commit: name=text, or the name of a file of the script, in which variables are replaced.
func (s *scripted) files(names []string) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range names {
		if name, text, ok := strings.Cut(name, "="); ok {
			out[name] = text + "\n"
			continue
		}
		text, err := os.ReadFile(s.ts.MkAbs(name))
		if err != nil {
			return nil, err
		}
		out[name] = strings.NewReplacer("$DEVELOPMENT", s.dev, "$PRODUCTION", s.prod).Replace(string(text))
	}
	return out, nil
}
