package supervise

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// usage adds up threads and memory of everything below this process. Memory is what processes have to themselves.
func usage() (threads int, memory int64) {
	page := int64(os.Getpagesize())
	for _, pid := range descendants(os.Getpid()) {
		dir := filepath.Join("/proc", strconv.Itoa(pid))
		if b, err := os.ReadFile(filepath.Join(dir, "stat")); err == nil {
			fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
			if len(fields) > 17 {
				n, _ := strconv.Atoi(fields[17]) // num_threads, the 20th with pid and name
				threads += n
			}
		}
		if b, err := os.ReadFile(filepath.Join(dir, "statm")); err == nil {
			fields := strings.Fields(string(b)) // size, resident, shared, …
			if len(fields) > 2 {
				resident, _ := strconv.ParseInt(fields[1], 10, 64)
				shared, _ := strconv.ParseInt(fields[2], 10, 64)
				memory += max(resident-shared, 0) * page
			}
		}
	}
	return threads, memory
}

// holdProcesses has the kernel stop a program, and all that it starts, from having the host run far more than most processes and threads:
// nobody would get to look at them otherwise. It counts those of the user, not of the program; so there is room for maxProcesses of others
// that begin later. It holds for what the program starts from now on, and not for root.
func holdProcesses(pid, most int) {
	n := uint64(most + maxProcesses)
	for _, p := range processes() {
		dir := filepath.Join("/proc", strconv.Itoa(p))
		info, err := os.Stat(dir)
		if err != nil {
			continue // it has ended
		}
		if s, ok := info.Sys().(*syscall.Stat_t); ok && int(s.Uid) == os.Geteuid() {
			threads, _ := os.ReadDir(filepath.Join(dir, "task"))
			n += uint64(len(threads))
		}
	}
	var now unix.Rlimit
	if unix.Prlimit(pid, unix.RLIMIT_NPROC, nil, &now) == nil && n < now.Max {
		_ = unix.Prlimit(pid, unix.RLIMIT_NPROC, &unix.Rlimit{Cur: n, Max: n}, nil) // else it is looked at, as before
	}
}

func onDisk(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return info.Size()
}
