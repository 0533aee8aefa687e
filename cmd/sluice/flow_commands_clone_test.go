package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// cloneCommands are about what a clone alone tells.
func cloneCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"agrees": {"[-component name] branch ...: in a new clone sluice tag names the version and image that the server has the branch's head build", cmdAgrees},
		"agrees-production": {"[-component name] branch tag: in a new clone sluice tag names the tag that the server promoted last; it is there",
			cmdAgreesProduction},
	}
}

func cmdAgrees(s *scripted, args []string) error {
	component := s.flags.String("component", "", "")
	args, err := s.args(args, 1, -1)
	if err != nil {
		return err
	}
	dir, err := s.newClone()
	if err != nil {
		return err
	}
	for _, branch := range args {
		sha, err := s.flow.sha(branch)
		if err != nil {
			return err
		}
		report, err := s.tagIn(dir, branch, *component)
		if err != nil {
			return err
		}
		err = s.until(fmt.Sprintf("the server to have %s built as %s %s", branch, report.Version, report.Pushed), func() (string, bool) {
			db, err := s.records()
			if err != nil {
				return err.Error(), false
			}
			defer db.Close()
			var image, version string
			err = db.QueryRowContext(s.tb.Context(), `SELECT image, version FROM executions WHERE branch = ? AND sha = ? AND component = ? AND kind <> 'production'
				ORDER BY created_at DESC LIMIT 1`, branch, sha, *component).Scan(&image, &version)
			if err != nil {
				return err.Error(), false
			}
			own, _ := report.Version.MarshalText() // none: a feature
			return version + " " + image, image == report.Pushed && version == string(own)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func cmdAgreesProduction(s *scripted, args []string) error {
	component := s.flags.String("component", "", "")
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	dir, err := s.newClone()
	if err != nil {
		return err
	}
	report, err := s.tagIn(dir, args[0], *component)
	if err != nil {
		return err
	}
	if report.Tag != args[1] || !strings.HasPrefix(report.Pushed, s.prod) {
		return fmt.Errorf("the clone names %s", report.Pushed)
	}
	_, err = s.digest(s.prod, report.Tag)
	return err
}

// newClone makes a clone of what is on GitHub now.
func (s *scripted) newClone() (string, error) {
	dir := filepath.Join(s.tb.TempDir(), flowApp)
	out, err := s.gitIn(s.dir, "dev", "clone", "--quiet", s.repo.CloneURL("dev"), dir)
	if err != nil {
		return "", errors.Join(err, errors.New(out))
	}
	return dir, nil
}

// tagIn asks sluice tag in a clone.
func (s *scripted) tagIn(dir, branch, component string) (tagReport, error) {
	var stdout, stderr bytes.Buffer
	var report tagReport
	e := &env{ctx: s.tb.Context(), getenv: func(string) string { return "" }, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr}
	err := (&tagCmd{Branch: &branch, Component: component, JSON: true}).in(e, dir)
	if err == nil {
		err = json.Unmarshal(stdout.Bytes(), &report)
	}
	if err != nil {
		return report, fmt.Errorf("sluice tag --branch %s: %w\n%s", branch, err, stderr.String())
	}
	return report, nil
}
