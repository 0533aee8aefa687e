package config

import (
	"runtime"
	"syscall"
	"testing"
	"time"
)

// worked is how long the processor worked on f, which must not start goroutines. Waiting for a processor is not counted, so
// it says the same on a busy machine.
func worked(t *testing.T, f func()) time.Duration {
	t.Helper()
	const thread = 1 // RUSAGE_THREAD
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after syscall.Rusage
	if err := syscall.Getrusage(thread, &before); err != nil {
		t.Fatal(err)
	}
	f()
	if err := syscall.Getrusage(thread, &after); err != nil {
		t.Fatal(err)
	}
	return time.Duration(after.Utime.Nano()+after.Stime.Nano()) - time.Duration(before.Utime.Nano()+before.Stime.Nano())
}
