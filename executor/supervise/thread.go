package supervise

import "runtime"

// thread is a thread of the operating system's from which programs are started. What is set for it, and the control group that
// it is in, hold for what it starts, and for nothing else in this process; and none of that outlives it.
type thread struct {
	todo  chan func()
	ended chan struct{} // closed when it does nothing any more; the kernel may need a moment longer to be rid of it
}

// newThread makes a thread. end ends it.
func newThread() *thread {
	t := &thread{todo: make(chan func(), 4), ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		t.serve()
	}()
	return t
}

// serve does what is to do. It never gives its thread back, so that the thread ends with its goroutine; but the process's first
// thread would not, so that one is kept busy while another does it.
func (t *thread) serve() {
	runtime.LockOSThread()
	if isFirstThread() {
		other := make(chan struct{})
		go func() {
			defer close(other)
			t.serve()
		}()
		<-other
		return
	}
	for f := range t.todo {
		f()
	}
}

// begin has the thread do something, after what it does already.
func (t *thread) begin(f func()) { t.todo <- f }

// call has the thread do something, and waits until that is done.
func (t *thread) call(f func()) {
	done := make(chan struct{})
	t.begin(func() {
		defer close(done)
		f()
	})
	<-done
}

// end ends the thread when it has done everything.
func (t *thread) end() {
	close(t.todo)
	<-t.ended
}
