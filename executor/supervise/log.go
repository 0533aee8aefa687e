package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// LogPart is some of a log, as it was written but for its secrets.
type LogPart struct {
	// From is where Text begins, in bytes of all that was written; it is after the place that was asked for where what
	// lies between them is not kept.
	From int64
	Text []byte
	// Cut says that more was written after Text, and what comes directly after it is not kept.
	Cut bool
}

// Next is where to go on.
func (p LogPart) Next() int64 { return p.From + int64(len(p.Text)) }

// ReadLog reads the log of a folder from a place on, most bytes at most. At the end of what there is, and where nothing was
// written, Text is empty.
func ReadLog(dir string, from int64, most int) (LogPart, error) {
	from = max(from, 0)
	for {
		starts, err := logStarts(dir)
		if err != nil {
			return LogPart{}, err
		}
		part, err := readPieces(dir, starts, from, most)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was removed since: the log has gone on
		}
		return part, err
	}
}

// readPieces reads what there is from a place on, up to the next gap.
func readPieces(dir string, starts []int64, from int64, most int) (LogPart, error) {
	part := LogPart{From: from}
	for i, start := range starts {
		if i+1 < len(starts) && starts[i+1] <= part.Next() {
			continue
		}
		if len(part.Text) > 0 && start > part.Next() {
			part.Cut = true
			break
		}
		at := max(part.Next(), start)
		text, err := readAt(logPath(dir, start), at-start, most-len(part.Text))
		if err != nil {
			return LogPart{}, err
		}
		switch {
		case len(text) == 0:
			continue
		case len(part.Text) == 0:
			part.From = at
		}
		if part.Text = append(part.Text, text...); len(part.Text) >= most {
			break
		}
	}
	return part, nil
}

func readAt(path string, offset int64, most int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.NewSectionReader(f, offset, int64(most)))
}

// logPath is the file of a log that begins at a place.
func logPath(dir string, start int64) string {
	if start == 0 {
		return filepath.Join(dir, logFile)
	}
	return filepath.Join(dir, logFile+"."+strconv.FormatInt(start, 10))
}

// logStarts lists where the files of a log begin.
func logStarts(dir string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var starts []int64
	for _, e := range entries {
		if e.Name() == logFile {
			starts = append(starts, 0)
		}
		text, ok := strings.CutPrefix(e.Name(), logFile+".")
		if start, err := strconv.ParseInt(text, 10, 64); ok && err == nil && start > 0 {
			starts = append(starts, start)
		}
	}
	slices.Sort(starts)
	return starts, err
}

// Log returns the last n bytes of the log, cut at a line's beginning, without terminal sequences and control
// characters. Empty when nothing was written.
func Log(dir string, n int) (string, error) {
	starts, err := logStarts(dir)
	if err != nil || len(starts) == 0 {
		return "", err
	}
	last := starts[len(starts)-1]
	info, err := os.Stat(logPath(dir, last))
	if err != nil {
		return "", err
	}
	from := max(0, last+info.Size()-int64(n))
	var b []byte
	for at := from; ; {
		part, err := ReadLog(dir, at, n)
		if err != nil {
			return "", err
		}
		if len(part.Text) == 0 || len(b) > n {
			break
		}
		if part.From > at {
			b = fmt.Appendf(b, "\n… %d bytes left out …\n", part.From-at)
		}
		b, at = append(b, part.Text...), part.Next()
	}
	if from > 0 {
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			b = b[i+1:]
		}
	}
	return Plain(b), nil
}

var terminalRE = lazyregexp.New(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])`)

// Plain is what a program wrote as a page can show it: without terminal sequences and control characters, and with line feeds at the
// ends of lines.
func Plain(b []byte) string {
	s := strings.ToValidUTF8(string(terminalRE.Regexp().ReplaceAll(b, nil)), "\uFFFD")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case r == '\n' || r == '\t':
			return r
		case r < ' ' || r == 0x7f:
			return -1
		}
		return r
	}, s)
}
