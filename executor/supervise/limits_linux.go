package supervise

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
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

func onDisk(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return info.Size()
}
