package supervise

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"time"
)

// Limits bound what everything that is run may use together. 0 is no limit.
type Limits struct {
	// Memory is in bytes: what programs have to themselves, not what they share or the kernel keeps of files for them.
	Memory int64 `json:"memory,omitempty"`
	// Processes counts processes and threads.
	Processes int `json:"processes,omitempty"`
	// Output is how many bytes may be written to the log, also those that are left out of it.
	Output int64 `json:"output,omitempty"`
	// Disk is how many bytes may be in DiskDir.
	Disk    int64  `json:"disk,omitempty"`
	DiskDir string `json:"disk_dir,omitempty"`
}

// maxProcesses is how many processes and threads a Spec.User may have, over everything that runs as it; and how many more the
// server's own user may have than when a program started and what that may have by itself.
const maxProcesses = 8192

// How often limits are looked at. Looking at a folder takes longer the more is in it: then it is done less often.
const (
	lookEvery     = 200 * time.Millisecond
	lookDiskEvery = time.Second
	diskShare     = 20 // a look at the disk that took a second is repeated after this many
)

// guard watches the limits until done is closed, and calls end with the reason when one is passed.
func guard(l Limits, written *atomic.Int64, hard *enclosure, done <-chan struct{}, end func(why string)) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	nextDisk := time.Now()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		if why := l.passed(written.Load(), hard); why != "" {
			end(why)
			return
		}
		if l.Disk > 0 && !time.Now().Before(nextDisk) {
			began := time.Now()
			if used := folderSize(l.DiskDir, l.Disk); used > l.Disk {
				end(fmt.Sprintf("it used more than %s of disk", size(l.Disk)))
				return
			}
			nextDisk = time.Now().Add(max(lookDiskEvery, diskShare*time.Since(began)))
		}
	}
}

// passed says which limit was passed; empty when none was.
func (l Limits) passed(written int64, hard *enclosure) string {
	if l.Output > 0 && written > l.Output {
		return fmt.Sprintf("it wrote more than %s of output", size(l.Output))
	}
	if l.Memory > 0 && hard.outOfMemory() {
		return fmt.Sprintf("it used more than %s of memory", size(l.Memory))
	}
	if l.Processes > 0 && hard.outOfProcesses() {
		return fmt.Sprintf("it ran more than %d processes and threads", l.Processes)
	}
	if l.Memory == 0 && l.Processes == 0 {
		return ""
	}
	threads, memory := usage()
	switch {
	case l.Processes > 0 && threads > l.Processes:
		return fmt.Sprintf("it ran more than %d processes and threads", l.Processes)
	case l.Memory > 0 && memory > l.Memory:
		return fmt.Sprintf("it used more than %s of memory", size(l.Memory))
	}
	return ""
}

// folderSize adds up what files in a folder take on the disk, until it is more than most.
func folderSize(dir string, most int64) int64 {
	var used int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // it went meanwhile, or cannot be read: the rest counts
		}
		if info, err := d.Info(); err == nil {
			used += onDisk(info)
		}
		if used > most {
			return fs.SkipAll
		}
		return nil
	})
	return used
}

// size is a number of bytes for people.
func size(n int64) string {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.bytes && n%u.bytes == 0 {
			return fmt.Sprintf("%d %s", n/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
