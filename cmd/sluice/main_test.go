package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/internal/pgtest"
	"github.com/sluicehq/sluice/test/fakegithub/description"
)

// TestMain runs the tests, or, started under the name sluice, is the program: so tests start real processes, and may kill
// them.
func TestMain(m *testing.M) {
	testscript.Main(program{m}, map[string]func(){
		"gh": func() { os.Exit(runGH(os.Args[1:], os.Stdout, os.Stderr)) },
		"sluice": func() {
			status := run(os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr, testWiring())
			if len(os.Args) > 1 && os.Args[1] == supervise.Subcommand { // whose environment is empty
				syscall.Exit(status) // not os.Exit, which sleeps for a second under the race detector
			}
			os.Exit(status)
		},
	})
}

// program runs the tests and stops what they started.
type program struct{ m *testing.M }

// Run implements testscript.TestingM. What a test leaves running fails it all.
func (p program) Run() int {
	_ = os.Setenv(raceVariable, endSoon) // for the programs that tests start
	// Tests wait for those, for builds and for leases: with one more of them at a time no processor waits too.
	_ = flag.Set("test.parallel", strconv.Itoa(runtime.GOMAXPROCS(0)+1)) // -parallel still has the last word
	ignore := goleak.IgnoreCurrent()
	status := pgtest.Main(p.m)
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(ignore); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = max(status, 1)
	}
	return status
}

// A program with the race detector waits for a second at its end, unless the first of these says otherwise. What was found is
// written when it is found.
const (
	raceVariable = "GORACE"
	endSoon      = "atexit_sleep_ms=20"
	// collectVariable says how much garbage may come together; the servers of tests are told what the tests are.
	collectVariable = "GOGC"
)

// Variables that only this test binary knows.
const (
	// sparedVariable lists places, separated by commas: at each that is not among them the process kills itself, once. They are
	// those that placeOf gives: "create-tag:act vN.N.N". Without the variable it does not.
	sparedVariable = "SLUICE_TEST_SPARED"
	// passedVariable names a file to which each point that is passed is appended; a point that stands there with a mark is
	// one at which an earlier process died, and is passed.
	passedVariable = "SLUICE_TEST_PASSED"
	// tiedVariable has a server end with the test that started it.
	tiedVariable = "SLUICE_TEST_TIED"
	// descriptionVariable names the folder with GitHub's descriptions of its API, which the demo's stand-in is to keep to.
	descriptionVariable = "SLUICE_TEST_DESCRIPTION"
	// killMark stands before the name of a point at which a process died.
	killMark = "killed "
)

// testWiring is the server as tests want it: writes to the stand-in are not paced, and it may be told where to die.
func testWiring() wiring {
	w := wiring{unpaced: true}
	if file := os.Getenv(clockVariable); file != "" {
		w.now = movedClock(file).now
	}
	listenToStandIn(&w)
	if modules := os.Getenv(descriptionVariable); modules != "" {
		d, err := description.LoadAPI(modules)
		if err != nil {
			panic(err)
		}
		w.openAPI = d
	}
	if os.Getenv(tiedVariable) != "" && len(os.Args) > 1 && os.Args[1] == "serve" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(exitFailed) // the test that started it is gone
		}()
	}
	if file := os.Getenv(passedVariable); file != "" {
		spared := func(string) bool { return true }
		if list, ok := os.LookupEnv(sparedVariable); ok {
			spared = func(place string) bool { return slices.Contains(strings.Split(list, ","), place) }
		}
		w.failpoint = deadly(file, spared)
	}
	return w
}

// TestScripts runs the program as a shell does: testdata/script/*.txtar, each a command line and its effect.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, Setup: func(env *testscript.Env) error {
		env.Setenv(raceVariable, endSoon)
		return nil
	}})
}
