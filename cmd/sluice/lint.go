package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/config"
)

// lintCmd is "sluice lint [FILE]": every error of a repository file, with its place in the source, and every test of the
// configuration that it does not meet.
type lintCmd struct {
	File         string `arg:"" optional:"" placeholder:"FILE" help:"File to check, - for standard input. Default .github/sluice.yml."`
	Tests        string `placeholder:"FILE" help:"Tests of the configuration. Default .github/sluice.tests.yml, if it is there and no file is named."`
	Organization string `placeholder:"DIR" help:"Clone of the organization's repository .github, whose defaults and pipeline models are used."`
	Explain      bool   `help:"Say of every value where it came from, if all is right."`
	JSON         bool   `name:"json" help:"Print one JSON object."`
}

// lintReport is what --json prints.
type lintReport struct {
	File   string          `json:"file"`
	OK     bool            `json:"ok"`
	Tests  int             `json:"tests,omitempty"` // how many were run
	Errors []*config.Error `json:"errors"`
	// Settings are the values that stand in a file, with --explain.
	Settings []config.Setting `json:"settings,omitempty"`
}

// Run checks the file. The exit status is 0 when it is right, 1 when it is not, 2 when it cannot be read.
func (c *lintCmd) Run(e *env) error {
	report, err := c.report(e.ctx, e.stdin)
	if err != nil {
		return &usageError{err}
	}
	switch {
	case c.JSON:
		if err := printJSON(e.stdout, report); err != nil {
			return err
		}
	case report.OK:
		for _, s := range report.Settings {
			fmt.Fprintln(e.stdout, s)
		}
		if report.Tests > 0 {
			fmt.Fprintf(e.stdout, "ok, %d test(s) pass\n", report.Tests)
		} else {
			fmt.Fprintln(e.stdout, "ok")
		}
	default:
		for _, problem := range report.Errors {
			fmt.Fprintf(e.stdout, "%s\n%s", problem, problem.Excerpt)
		}
	}
	if !report.OK {
		return &silentError{exitFailed}
	}
	return nil
}

// report checks the file, and then runs the tests.
func (c *lintCmd) report(ctx context.Context, stdin io.Reader) (lintReport, error) {
	r := lintReport{File: c.File, Errors: []*config.Error{}}
	tests, err := c.tests()
	if err != nil {
		return r, err
	}
	if r.File == "" {
		r.File = config.FileName
	}
	var data []byte // nil: the tests are of the defaults
	if _, err := os.Stat(r.File); c.File != "" || tests == nil || !errors.Is(err, fs.ErrNotExist) {
		if data, err = readLimited(r.File, stdin); err != nil {
			return r, err
		}
	}
	in := contextHere(ctx)
	if r.File == "-" {
		r.File = "<stdin>"
	}
	in.File, in.Check = r.File, checkOnly().Check
	if c.Organization != "" {
		if in.Organization, err = organizationIn(c.Organization, data); err != nil {
			return r, err
		}
	}
	repo, problems := config.Load(data, in)
	if len(problems) == 0 && tests != nil {
		r.Tests, problems = config.RunTests(tests, c.Tests, repo, bot.AllowedCommands)
	}
	if r.OK = len(problems) == 0; !r.OK {
		r.Errors = problems
	} else if c.Explain {
		r.Settings = config.Explain(data, in)
	}
	return r, nil
}

// tests reads the tests; nil when there are none.
func (c *lintCmd) tests() ([]byte, error) {
	if c.Tests != "" {
		return readLimited(c.Tests, nil)
	}
	if c.File != "" {
		return nil, nil
	}
	c.Tests = config.TestsFileName
	data, err := readLimited(c.Tests, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// contextHere is what a configuration of the clone around the working folder is read with; outside of one, nothing is
// known. Branches that the clone lacks are no errors.
func contextHere(ctx context.Context) config.Context {
	in := config.Context{Lenient: true}
	c, err := openRepository(ctx, ".")
	if err != nil {
		return in
	}
	if err := c.readBranches(); err == nil && len(c.branches) > 0 {
		in.Branches = c.branchNames()
	}
	in.Owner, in.RepoName = c.name()
	return in
}

// readLimited reads a file, or standard input for "-", and no more of it than shows that it is too large.
func readLimited(name string, stdin io.Reader) ([]byte, error) {
	const limit = 1 << 20
	if name == "-" && stdin != nil {
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
	return readRest(f, limit)
}

// readRest reads an open file up to a limit.
func readRest(f *os.File, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a folder; name a file", f.Name())
	}
	return io.ReadAll(io.LimitReader(f, limit))
}
