package fakegithub

import (
	"context"
	"fmt"
	"sync"
)

// runner calls back for workflow runs, each in a goroutine of its own.
type runner struct {
	wait sync.WaitGroup

	mu      sync.Mutex
	call    func(ctx context.Context, r *Repo, w WorkflowRun)
	stopped bool
	next    int
	under   map[int]context.CancelFunc // way
	quiet   chan struct{}              // closed when nothing is under way any more
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
	if r.call == nil || r.stopped {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	call, id := r.call, r.next
	r.next++
	if r.under == nil {
		r.under = map[int]context.CancelFunc{}
	}
	r.under[id] = cancel
	r.wait.Go(func() {
		defer r.end(id)
		call(ctx, repo, w)
	})
}

func (r *runner) end(id int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.under[id]()
	delete(r.under, id)
	if len(r.under) == 0 && r.quiet != nil {
		close(r.quiet)
		r.quiet = nil
	}
}

func (r *runner) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.under) == 0
}

func (r *runner) settle(ctx context.Context) error {
	r.mu.Lock()
	if len(r.under) == 0 {
		r.mu.Unlock()
		return nil
	}
	if r.quiet == nil {
		r.quiet = make(chan struct{})
	}
	quiet := r.quiet
	r.mu.Unlock()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the workflow callbacks: %w", ctx.Err())
	}
}

func (r *runner) stop() {
	r.mu.Lock()
	r.stopped = true
	for _, cancel := range r.under {
		cancel()
	}
	r.mu.Unlock()
	r.wait.Wait()
}
