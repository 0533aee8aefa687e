package actiondir

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"unicode/utf8"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
)

// Remark writes down what is to be read after the log of the last try: what the server has to say about the end. It is for
// whoever finishes the action, before that; without secrets.
func (d Dir) Remark(text string) error {
	if text == "" {
		return nil
	}
	return supervise.WriteFile(d.Path("remarks"), []byte(text))
}

// ReadLog reads the logs of the tries, one after the other, and then what Remark wrote, as executor.Logged does. It returns
// whole lines, but of lines that are longer than most.
func (d Dir) ReadLog(from executor.LogPlace, most int) (executor.LogPart, error) {
	_, ended, err := d.Report() // before anything is read: what is read after the end is all there is
	if err != nil {
		return executor.LogPart{}, err
	}
	if !d.Exists() {
		return executor.LogPart{}, executor.ErrNoLog
	}
	tries := d.Current()
	at := executor.LogPlace{Section: max(from.Section, 1), Offset: from.Offset}
	for ; at.Section <= tries; at = (executor.LogPlace{Section: at.Section + 1}) {
		part, err := supervise.ReadLog(d.Try(at.Section), at.Offset, most)
		if err != nil {
			return executor.LogPart{}, err
		}
		over := ended || at.Section < tries // nothing is added to this section any more
		if len(part.Text) == 0 && over {
			continue
		}
		text, used := lines(part.Text, most, over || part.Cut)
		if used == 0 {
			return executor.LogPart{Next: at}, nil
		}
		return executor.LogPart{
			Text: text, LeftOut: part.From - at.Offset, Next: executor.LogPlace{Section: at.Section, Offset: part.From + int64(used)},
		}, nil
	}
	if !ended {
		return executor.LogPart{Next: at}, nil
	}
	return d.readRemarks(at, tries+1, most)
}

// readRemarks reads the section after the last try.
func (d Dir) readRemarks(at executor.LogPlace, section, most int) (executor.LogPart, error) {
	remarks, err := os.ReadFile(d.Path("remarks"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return executor.LogPart{}, err
	}
	if at.Section > section || at.Offset > int64(len(remarks)) {
		return executor.LogPart{Next: at, Ended: true}, nil
	}
	rest := remarks[at.Offset:]
	text, used := lines(rest[:min(len(rest), most)], most, true)
	at.Offset += int64(used)
	return executor.LogPart{Text: text, Next: at, Ended: at.Offset == int64(len(remarks))}, nil
}

// lines cuts text after its last whole line, and says how many bytes of it were used. What is no whole line is taken where
// it cannot become one: it fills everything, or nothing comes after it; then it is ended here.
func lines(text []byte, most int, over bool) (whole []byte, used int) {
	if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
		return text[:i+1], i + 1
	}
	switch {
	case len(text) >= most:
		for back := 1; back < utf8.UTFMax && back < len(text); back++ {
			if r := text[len(text)-back:]; utf8.RuneStart(r[0]) && !utf8.FullRune(r) {
				return text[:len(text)-back], len(text) - back
			}
		}
		return text, len(text)
	case over && len(text) > 0:
		return append(bytes.Clone(text), '\n'), len(text)
	}
	return nil, 0
}
