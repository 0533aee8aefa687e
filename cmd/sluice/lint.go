package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/sluicehq/sluice/config"
)

// lintCmd is "sluice lint [FILE]": every error of a repository file, with its place in the source.
type lintCmd struct {
	File string `arg:"" optional:"" placeholder:"FILE" help:"File to check, - for standard input. Default .github/sluice.yml."`
	JSON bool   `name:"json" help:"Print one JSON object."`
}

// lintReport is what --json prints.
type lintReport struct {
	File   string          `json:"file"`
	OK     bool            `json:"ok"`
	Errors []*config.Error `json:"errors"`
}

// Run checks the file. The exit status is 0 when it is right, 1 when it is not, 2 when it cannot be read.
func (c *lintCmd) Run(e *env) error {
	name := c.File
	if name == "" {
		name = config.FileName
	}
	data, err := readLimited(name, e.stdin)
	if err != nil {
		return &usageError{err}
	}
	if name == "-" {
		name = "<stdin>"
	}
	_, errs := config.ParseRepo(data, config.Context{File: name, Check: checkOnly().Check})
	if c.JSON {
		report := lintReport{File: name, OK: len(errs) == 0, Errors: errs}
		if report.OK {
			report.Errors = []*config.Error{}
		}
		out := json.NewEncoder(e.stdout)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		if err := out.Encode(report); err != nil {
			return err
		}
	} else {
		for _, problem := range errs {
			fmt.Fprintf(e.stdout, "%s\n%s", problem, problem.Excerpt)
		}
		if len(errs) == 0 {
			fmt.Fprintln(e.stdout, "ok")
		}
	}
	if len(errs) > 0 {
		return &silentError{exitFailed}
	}
	return nil
}

// readLimited reads a file, or standard input for "-", and no more of it than shows that it is too large.
func readLimited(name string, stdin io.Reader) ([]byte, error) {
	const limit = 1 << 20
	if name == "-" {
		return io.ReadAll(io.LimitReader(stdin, limit))
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) && name == config.FileName {
		return nil, fmt.Errorf("there is no %s here; go to the root of the repository or name a file", name)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a folder; name a file", name)
	}
	return io.ReadAll(io.LimitReader(f, limit))
}
