package executor

import (
	"context"
	"errors"
	"strconv"
	"strings"
)

// ErrNoLog says that the log of an action is not on this host: another replica has it, or it was removed since.
var ErrNoLog = errors.New("the log is not on this host")

// Logged is an executor that keeps more of the logs of its actions than the end that is in the Report.
type Logged interface {
	// ReadLog returns what an action has written from a place on, most bytes at most. Secrets are taken out, sequences for
	// terminals are not. The error has ErrNoLog in its chain where this host has none of it.
	ReadLog(ctx context.Context, r Request, from LogPlace, most int) (LogPart, error)
}

// LogEnd is as much of the end of a log as a Report takes.
func LogEnd(text string) string {
	if len(text) > MaxLog {
		text = strings.ToValidUTF8(text[len(text)-MaxLog:], "")
	}
	return text
}

// LogPlace is a place in the log of an action. The zero LogPlace is its beginning.
type LogPlace struct {
	Section int   // an action that begins anew by itself has several; counts from 1
	Offset  int64 // bytes of the section before it, kept or not
}

// String writes the place for ParseLogPlace.
func (p LogPlace) String() string {
	return strconv.Itoa(max(p.Section, 1)) + "." + strconv.FormatInt(p.Offset, 10)
}

// ParseLogPlace reads what LogPlace.String wrote.
func ParseLogPlace(text string) (LogPlace, bool) {
	section, offset, _ := strings.Cut(text, ".")
	n, err := strconv.Atoi(section)
	if err != nil || n < 1 {
		return LogPlace{}, false
	}
	at, err := strconv.ParseInt(offset, 10, 64)
	p := LogPlace{Section: n, Offset: at}
	return p, err == nil && at >= 0 && p.String() == text
}

// LogPart is some of a log.
type LogPart struct {
	Text []byte
	// LeftOut is how many bytes between the place asked for and Text are not kept.
	LeftOut int64
	Next    LogPlace // where to go on
	// Ended says that Text is the last there will be.
	Ended bool
}
