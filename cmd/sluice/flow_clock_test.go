package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// clockVariable names the file of a movedClock, by which a server decides that a test started.
const clockVariable = "SLUICE_TEST_CLOCK"

// movedClock is a clock that runs as fast as any and is ahead of the real one by what stands in a file; without the file it
// is right. Processes that have the same file have the same time: the server and GitHub's stand-in.
type movedClock string

func (c movedClock) ahead() time.Duration {
	text, err := os.ReadFile(string(c))
	if err != nil {
		return 0
	}
	d, err := time.ParseDuration(string(text))
	if err != nil {
		panic(fmt.Sprintf("clock %s: %v", c, err)) // it is replaced as a whole, so it is complete
	}
	return d
}

func (c movedClock) now() time.Time { return time.Now().Add(c.ahead()) }

// move puts the clock forward to a time (RFC 3339) or by a duration (+26h).
func (c movedClock) move(text string) error {
	ahead := c.ahead()
	if by, ok := strings.CutPrefix(text, "+"); ok {
		d, err := time.ParseDuration(by)
		if err != nil {
			return err
		}
		ahead += d
	} else {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return err
		}
		if at.Before(c.now()) {
			return errors.New("clocks are put forward only")
		}
		ahead = time.Until(at)
	}
	next := string(c) + ".next"
	if err := os.WriteFile(next, []byte(ahead.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(next, string(c))
}

// clock is the world's.
func (f *flow) clock() movedClock { return movedClock(f.dir + "/clock") }

// cmdClock moves the clock and waits until the server, where one runs, has done what is due then.
func cmdClock(s *scripted, args []string) error {
	busy := s.flags.Bool("busy", false, "")
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	if err := s.clock().move(args[0]); err != nil {
		return err
	}
	if s.server == nil || *busy {
		return nil
	}
	return s.idle()
}
