package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// serverCommands look at the server itself.
func serverCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"idle":    {": waits until the server has nothing to do", cmdIdle},
		"figure":  {"name value: a figure of /metrics", cmdFigure},
		"healthy": {": no letter was given up and no handler panicked", cmdHealthy},
		"log":     {"pattern: the server's log", cmdLog},
		"nowhere": {"text: a text is in no file of the server's data, not in its log, and in no call to GitHub", cmdNowhere},
	}
}

func cmdIdle(s *scripted, args []string) error {
	if _, err := s.args(args, 0, 0); err != nil {
		return err
	}
	return s.idle()
}

func cmdFigure(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	return s.until(args[0]+" to be "+args[1], func() (string, bool) {
		m, err := s.figures()
		if err != nil {
			return err.Error(), false
		}
		is := fmt.Sprint(m[args[0]])
		return is, is == args[1]
	})
}

func cmdHealthy(s *scripted, args []string) error {
	if _, err := s.args(args, 0, 0); err != nil {
		return err
	}
	return s.healthy()
}

func cmdLog(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	re, err := regexp.Compile(args[0])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return err
	}
	if re.Match(text) == s.not() {
		return errors.New("the log does not fit")
	}
	return nil
}

func cmdNowhere(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	text := []byte(args[0])
	err = filepath.WalkDir(filepath.Join(s.dir, "data"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err == nil && bytes.Contains(raw, text) {
			err = fmt.Errorf("it is in %s", path)
		}
		return err
	})
	if err != nil {
		return err
	}
	log, err := os.ReadFile(s.logFile())
	if err != nil {
		return err
	}
	if bytes.Contains(log, text) {
		return errors.New("it is in the log")
	}
	for _, c := range s.hub.Calls(fakegithub.CallFilter{}) {
		if bytes.Contains(c.Body, text) || strings.Contains(c.Path+c.Query, args[0]) {
			return fmt.Errorf("it is in call %d: %s %s", c.Seq, c.Method, c.Path)
		}
	}
	return nil
}
