package supervise

import (
	"context"
	"io"
)

// Runner decides what a supervisor runs: several programs in turn, say. It gets a Shell to start them with, and ends
// early when the context does. The output becomes Result.Output; code becomes Result.ExitCode.
type Runner func(ctx context.Context, s *Session, payload []byte) (output []byte, code int, err error)

// Session is what a Runner may use.
type Session struct{}

// Main is the supervisor: the body of the hidden subcommand. It reads the Spec from stdin and returns when everything
// has ended and the result is written.
func Main(dir string, stdin io.Reader, runners map[string]Runner) error { return nil }
