package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// folderLock keeps a second process out of a database and remembers in what state the first one left it. It is the file
// <database>.lock: locked while a process lives, and with a word in it.
type folderLock struct {
	file *os.File
	// left is the word that was found.
	left string
}

// Words in the lock file.
const (
	stateNew     = ""        // there has never been a database
	stateOpen    = "open"    // a process works with it, or was killed: the file and its WAL must both be there
	stateClosing = "closing" // it was closed: the WAL may have been copied back and removed
)

func lockFolder(database string) (*folderLock, error) {
	f, err := os.OpenFile(database+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: stop the other process, or give this one another --data folder: %w", database, ErrInUse)
		}
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	word, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return &folderLock{file: f, left: strings.TrimSpace(string(word))}, nil
}

// checkFiles refuses to begin with an empty database where there was one, or with one whose newest commits are gone.
func (l *folderLock) checkFiles(database string) error {
	size := func(path string) int64 {
		info, err := os.Stat(path)
		if err != nil {
			return -1
		}
		return info.Size()
	}
	remedy := "restore the last backup (sluice restore), or remove " + l.file.Name() + " to go on with what is there"
	switch main, wal := size(database), size(database+"-wal"); {
	case l.left == stateNew:
		return nil
	case main <= 0 && wal <= 0:
		return fmt.Errorf("%s is missing or empty, and was not before: %s: %w", database, remedy, ErrDamaged)
	case l.left == stateOpen && wal < 0:
		return fmt.Errorf("%s-wal is missing, and with it the last commits before the process was killed: %s: %w", database, remedy, ErrDamaged)
	}
	return nil
}

// mark leaves a word for the next process.
func (l *folderLock) mark(word string) error {
	if _, err := l.file.WriteAt([]byte(fmt.Sprintf("%-8s\n", word)), 0); err != nil {
		return fmt.Errorf("write %s: %w", l.file.Name(), err)
	}
	return l.file.Sync()
}

// release lets the next process in. The kernel does the same for a process that is killed.
func (l *folderLock) release() error { return l.file.Close() }
