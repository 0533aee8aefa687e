// Package report reads what test and coverage tools write: JUnit, NUnit 2 and 3, Cucumber, TestNG and Visual Studio (TRX)
// results, and Clover, Cobertura, JaCoCo and SimpleCov coverage. The formats are those that AWS CodeBuild takes under
// "reports" in a buildspec, under the names it has for them.
//
// A report comes out of a build and so from a stranger: its size, depth and number of elements are bounded before anything
// is made of it, and what it says is text, never trusted. Nothing here opens a file; the caller hands in bytes and may say
// which files the revision has, so that a failure is shown on the line where it happened.
package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Format is a file format of reports, as it is written under file-format in a buildspec.
type Format string

// The formats.
const (
	JUnit     Format = "JUNITXML" // the default
	NUnit2    Format = "NUNITXML"
	NUnit3    Format = "NUNIT3XML"
	Cucumber  Format = "CUCUMBERJSON"
	TestNG    Format = "TESTNGXML"
	TRX       Format = "VISUALSTUDIOTRX"
	Clover    Format = "CLOVERXML"
	Cobertura Format = "COBERTURAXML"
	JaCoCo    Format = "JACOCOXML"
	SimpleCov Format = "SIMPLECOV"
)

// readers are what reads each format.
func readers() map[Format]func([]byte, *Report) error {
	return map[Format]func([]byte, *Report) error{
		JUnit: readJUnit, NUnit2: readNUnit2, NUnit3: readNUnit3, Cucumber: readCucumber, TestNG: readTestNG, TRX: readTRX,
		Clover: readClover, Cobertura: readCobertura, JaCoCo: readJaCoCo, SimpleCov: readSimpleCov,
	}
}

// ParseFormat reads a format's name in any case; empty is JUnit.
func ParseFormat(s string) (Format, error) {
	if s == "" {
		return JUnit, nil
	}
	f := Format(strings.ToUpper(s))
	if _, ok := readers()[f]; !ok {
		return "", fmt.Errorf("report format %q: want one of %s", s, strings.Join(formats(), ", "))
	}
	return f, nil
}

// formats are the names of all formats, sorted.
func formats() []string {
	var out []string
	for f := range readers() {
		out = append(out, string(f))
	}
	slices.Sort(out)
	return out
}

// IsCoverage tells whether the format is about coverage rather than tests.
func (f Format) IsCoverage() bool {
	return f == Clover || f == Cobertura || f == JaCoCo || f == SimpleCov
}

// Limits of one file. A larger one is refused, never read in part: half a report would say that half the tests passed.
const (
	MaxBytes    = 32 << 20 // of the file
	MaxCases    = 100_000  // test cases
	MaxFiles    = 50_000   // files with coverage
	maxDepth    = 64       // nested elements
	maxElements = 2_000_000
	maxText     = 16 << 10 // bytes kept of one message or of one trace
)

// Report is what one file says.
type Report struct {
	Format Format
	// Cases are the tests, in the order of the file; empty for coverage.
	Cases []Case
	// Coverage is nil for tests.
	Coverage *Coverage
}

// Status of a test.
type Status string

// The statuses. An error is a test that could not be carried out, as opposed to one whose expectation was not met.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Errored Status = "error"
	Skipped Status = "skipped"
)

// Case is one test.
type Case struct {
	Suite, Name string
	Status      Status
	Duration    time.Duration
	// Message is the first thing to know about a failure, Trace all that is said, at most 16 KiB of each.
	Message, Trace string
	// File and Line are where the report says the test is; empty and 0 where it does not. See Locate.
	File string
	Line int
}

// Title is suite and name.
func (c Case) Title() string {
	if c.Suite == "" || strings.HasPrefix(c.Name, c.Suite) {
		return c.Name
	}
	return c.Suite + " " + c.Name
}

// Coverage is how much of the code was run.
type Coverage struct {
	Files []FileCoverage
}

// FileCoverage is the coverage of one file.
type FileCoverage struct {
	Path               string
	Lines, Covered     int
	Branches, Branched int // branches, and those that were taken
}

// Totals are the sums of a report, or of several.
type Totals struct {
	Tests, Passed, Failed, Errored, Skipped int
	Duration                                time.Duration
	// Coverage is over files; lines are counted once for each file.
	Files, Lines, Covered, Branches, Branched int
}

// Totals sums the report up.
func (r Report) Totals() Totals {
	var t Totals
	for _, c := range r.Cases {
		t.Tests++
		t.Duration += c.Duration
		switch c.Status {
		case Passed:
			t.Passed++
		case Failed:
			t.Failed++
		case Errored:
			t.Errored++
		case Skipped:
			t.Skipped++
		}
	}
	if r.Coverage != nil {
		for _, f := range r.Coverage.Files {
			t.Files++
			t.Lines, t.Covered = t.Lines+f.Lines, t.Covered+f.Covered
			t.Branches, t.Branched = t.Branches+f.Branches, t.Branched+f.Branched
		}
	}
	return t
}

// Add sums two reports up.
func (t Totals) Add(o Totals) Totals {
	return Totals{
		Tests: t.Tests + o.Tests, Passed: t.Passed + o.Passed, Failed: t.Failed + o.Failed, Errored: t.Errored + o.Errored,
		Skipped: t.Skipped + o.Skipped, Duration: t.Duration + o.Duration, Files: t.Files + o.Files, Lines: t.Lines + o.Lines,
		Covered: t.Covered + o.Covered, Branches: t.Branches + o.Branches, Branched: t.Branched + o.Branched,
	}
}

// LineRate is the part of the lines that were run, 0 to 1; 0 without lines.
func (t Totals) LineRate() float64 { return rate(t.Covered, t.Lines) }

// BranchRate is the part of the branches that were taken, 0 to 1; 0 without branches.
func (t Totals) BranchRate() float64 { return rate(t.Branched, t.Branches) }

func rate(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// Parse reads one file. mask takes secrets out of messages, before they are cut to what is kept. The error says what is wrong
// with the file, and where.
func Parse(f Format, data []byte, mask func(string) string) (Report, error) {
	read, ok := readers()[f]
	if !ok {
		return Report{}, fmt.Errorf("report format %q: want one of %s", f, strings.Join(formats(), ", "))
	}
	if len(data) > MaxBytes {
		return Report{}, fmt.Errorf("%s report of %d bytes: at most %d are read", f, len(data), MaxBytes)
	}
	data, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), data) // a mark at its beginning says which UTF it is
	if err != nil {
		return Report{}, fmt.Errorf("%s report: %w", f, err)
	}
	r := Report{Format: f}
	if err := read(data, &r); err != nil {
		return Report{}, fmt.Errorf("%s report: %w", f, err)
	}
	if len(r.Cases) > MaxCases {
		return Report{}, fmt.Errorf("%s report: %d test cases, at most %d are read", f, len(r.Cases), MaxCases)
	}
	if r.Coverage != nil && len(r.Coverage.Files) > MaxFiles {
		return Report{}, fmt.Errorf("%s report: %d files, at most %d are read", f, len(r.Coverage.Files), MaxFiles)
	}
	for i := range r.Cases {
		c := &r.Cases[i]
		c.Message, c.Trace = cut(mask(strings.TrimSpace(c.Message))), cut(mask(strings.TrimSpace(c.Trace)))
		if c.Message == "" {
			c.Message, _, _ = strings.Cut(c.Trace, "\n")
		}
	}
	return r, nil
}

// cut keeps the beginning of a text, whole characters only.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
