// Package sarif reads what analysers report: SARIF 2.1.0 files (OASIS, Static Analysis Results Interchange Format). It
// turns results into remarks on lines of files and says whether they are more than a threshold allows.
//
// Only what is needed is decoded, with the meaning that the standard gives it: levels from result, rule and
// configuration override; kinds other than "fail" are no problems; suppressed results and those that a baseline knows
// already are counted and do not fail anything; a result that several runs or files report is one. Files are written by
// whatever ran in a build, so sizes, numbers and paths are bounded, and no path leaves the repository.
package sarif

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Bounds of one file. GitHub's own for code scanning are of the same size.
const (
	MaxBytes   = 10 << 20
	maxResults = 25_000
	maxRuns    = 20
)

// Level is how bad a result is.
type Level string

// The levels, worst first. None is for results that are no problem.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Note    Level = "note"
	None    Level = "none"
)

// rank orders levels; 0 is for words that are none.
func (l Level) rank() int {
	switch l {
	case Error:
		return 4
	case Warning:
		return 3
	case Note:
		return 2
	case None:
		return 1
	}
	return 0
}

// AtLeast tells whether l is as bad as other, or worse.
func (l Level) AtLeast(other Level) bool { return l.rank() >= other.rank() }

// Result is one thing that an analyser found.
type Result struct {
	Tool, Rule string
	// Level is the worse of the result's level and what security-severity says (from 7 an error, from 4 a warning).
	Level   Level
	Message string
	// Path is in the repository, with slashes; empty when the result has no place there. Line and EndLine count from 1.
	Path          string
	Line, EndLine int
	// Suppressed results were waved through by the analyser's own means, Known ones are in its baseline.
	Suppressed, Known bool

	print string
}

// Parse reads a file. workspace is the absolute folder, with slashes, in which the analyser saw the repository; paths
// below it are the repository's. mask takes secrets out of texts, before they are cut to what is kept. What is not SARIF 2.1.0,
// or too large, is an error that says why.
func Parse(data []byte, workspace string, mask func(string) string) ([]Result, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("it has %d bytes, more than %d", len(data), MaxBytes)
	}
	var f file
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &f); err != nil {
		return nil, fmt.Errorf("it is not SARIF: %w", err)
	}
	if f.Version != "2.1.0" {
		return nil, fmt.Errorf("it says version %.20q; SARIF 2.1.0 is read", mask(f.Version))
	}
	if len(f.Runs) > maxRuns {
		return nil, fmt.Errorf("it has %d runs, more than %d", len(f.Runs), maxRuns)
	}
	var out []Result
	for i := range f.Runs {
		run := &f.Runs[i]
		if len(out)+len(run.Results) > maxResults {
			return nil, fmt.Errorf("it has more than %d results", maxResults)
		}
		for j := range run.Results {
			if r, ok := run.result(&run.Results[j], workspace, mask); ok {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

// file and the types below are the part of the standard's schema that is read.
type file struct {
	Version string `json:"version"`
	Runs    []run  `json:"runs"`
}

type run struct {
	Tool struct {
		Driver     component   `json:"driver"`
		Extensions []component `json:"extensions"`
	} `json:"tool"`
	Invocations []struct {
		RuleOverrides []struct {
			Descriptor    reference     `json:"descriptor"`
			Configuration configuration `json:"configuration"`
		} `json:"ruleConfigurationOverrides"`
	} `json:"invocations"`
	Bases     map[string]location `json:"originalUriBaseIds"`
	Artifacts []struct {
		Location location `json:"location"`
	} `json:"artifacts"`
	Results []result `json:"results"`
}

type component struct {
	Name  string `json:"name"`
	Rules []rule `json:"rules"`
}

type rule struct {
	ID         string             `json:"id"`
	Default    configuration      `json:"defaultConfiguration"`
	Messages   map[string]message `json:"messageStrings"`
	Properties struct {
		Severity severity `json:"security-severity"`
	} `json:"properties"`
}

type configuration struct {
	Level   Level `json:"level"`
	Enabled *bool `json:"enabled"`
}

type reference struct {
	ID        string `json:"id"`
	Index     *int   `json:"index"`
	Component *struct {
		Index *int `json:"index"`
	} `json:"toolComponent"`
}

type message struct {
	Text      string   `json:"text"`
	ID        string   `json:"id"`
	Arguments []string `json:"arguments"`
}

type location struct {
	URI   string `json:"uri"`
	Base  string `json:"uriBaseId"`
	Index *int   `json:"index"`
}

type result struct {
	RuleID    string    `json:"ruleId"`
	RuleIndex *int      `json:"ruleIndex"`
	Rule      reference `json:"rule"`
	Kind      string    `json:"kind"`
	Level     Level     `json:"level"`
	Message   message   `json:"message"`
	Baseline  string    `json:"baselineState"`
	Locations []struct {
		Physical struct {
			Artifact location `json:"artifactLocation"`
			Region   struct {
				StartLine int `json:"startLine"`
				EndLine   int `json:"endLine"`
			} `json:"region"`
		} `json:"physicalLocation"`
	} `json:"locations"`
	Suppressions []struct {
		Status string `json:"status"`
	} `json:"suppressions"`
	Fingerprints map[string]string `json:"fingerprints"`
	Partial      map[string]string `json:"partialFingerprints"`
	Properties   struct {
		Severity severity `json:"security-severity"`
	} `json:"properties"`
}

// severity is GitHub's property security-severity: a number from 0 to 10, mostly written as a text. What is neither
// reads as 0, since property bags hold whatever a tool likes.
type severity float64

// UnmarshalJSON reads a number or a text with one.
func (s *severity) UnmarshalJSON(raw []byte) error {
	if text := string(bytes.Trim(raw, `"`)); text != "" {
		if v, err := strconv.ParseFloat(text, 64); err == nil && v > 0 && v <= 10 {
			*s = severity(v)
		}
	}
	return nil
}

// level is what GitHub calls high and critical, medium, low.
func (s severity) level() Level {
	switch {
	case s >= 7:
		return Error
	case s >= 4:
		return Warning
	case s > 0:
		return Note
	}
	return None
}
