// Command sluice is a GitHub App that runs git-flow releases, and the command line around it.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run(os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr, wiring{})) }

// run is main with everything that is global handed in, so that a test starts the program the way a shell does. Tests
// change the wiring; the program itself never does.
func run(args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer, w wiring) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return dispatch(ctx, args, getenv, stdin, stdout, stderr, w)
}
