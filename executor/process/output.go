package process

import (
	"bytes"

	"github.com/sluicehq/sluice/executor/supervise"
)

// output passes on what a process writes, in lines, as it comes.
type output struct {
	run  string // its supervisor's folder
	tell func(line string)
	at   int64
	held []byte // of a line without end
}

// outputChunk is how much is read at once, and how long a line may be, in bytes.
const outputChunk = 64 << 10

// pass passes on what was written since the last time.
func (o *output) pass() error {
	for {
		part, err := supervise.ReadLog(o.run, o.at, outputChunk)
		if err != nil || len(part.Text) == 0 {
			return err
		}
		o.at = part.Next()
		o.held = append(o.held, part.Text...)
		for {
			line, rest, whole := bytes.Cut(o.held, []byte("\n"))
			if !whole && len(line) < outputChunk {
				break
			}
			o.tell(string(line))
			o.held = rest
		}
	}
}

// end passes on the rest.
func (o *output) end() error {
	err := o.pass()
	if len(o.held) > 0 {
		o.tell(string(o.held))
		o.held = nil
	}
	return err
}
