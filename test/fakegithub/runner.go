package fakegithub

import (
	"context"
	"fmt"
	"sync"
)

// runner calls back for workflow runs, each in a goroutine of its own.
type runner struct {
	s      *Server
	ctx    context.Context // of the callbacks; ends with the server
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu   sync.Mutex
	call func(ctx context.Context, r *Repo, w WorkflowRun)
	n    int
	quit chan struct{} // closed when n falls to 0
}

func newRunner(s *Server) *runner {
	ctx, cancel := context.WithCancel(context.Background())
	return &runner{s: s, ctx: ctx, cancel: cancel}
}

// OnWorkflow sets what runs workflows: it is called in a goroutine of its own for each run that is created or re-run.
// Without it runs stay queued until SetRun. Its context ends when the server is closed.
func (s *Server) OnWorkflow(run func(ctx context.Context, r *Repo, w WorkflowRun)) {
	s.runs.mu.Lock()
	defer s.runs.mu.Unlock()
	s.runs.call = run
}

func (r *runner) start(repo *Repo, w WorkflowRun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.call == nil || r.ctx.Err() != nil {
		return
	}
	call := r.call
	r.n++
	r.wait.Go(func() {
		defer r.end()
		call(r.ctx, repo, w)
	})
}

func (r *runner) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n--; r.n == 0 && r.quit != nil {
		close(r.quit)
		r.quit = nil
	}
}

func (r *runner) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n == 0
}

func (r *runner) settle(ctx context.Context) error {
	r.mu.Lock()
	if r.n == 0 {
		r.mu.Unlock()
		return nil
	}
	if r.quit == nil {
		r.quit = make(chan struct{})
	}
	quit := r.quit
	r.mu.Unlock()
	select {
	case <-quit:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the workflow callbacks: %w", ctx.Err())
	}
}

func (r *runner) stop() {
	r.cancel()
	r.wait.Wait()
}
