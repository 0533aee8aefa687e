package report

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/joshdk/go-junit"
)

// readJUnit reads what Ant's JUnit task began and nearly every tool writes today. There is no specification; the library
// takes what is common.
func readJUnit(data []byte, r *Report) error {
	if _, err := root(data, "testsuites", "testsuite"); err != nil { // within limits, and a report at all
		return err
	}
	data, err := plain(data)
	if err != nil {
		return err
	}
	suites, err := junit.IngestReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	var add func(s junit.Suite, outer string)
	add = func(s junit.Suite, outer string) {
		for _, t := range s.Tests {
			c := Case{Suite: cmp.Or(t.Classname, s.Name, outer), Name: t.Name, Duration: t.Duration, Message: t.Message,
				File: t.Properties["file"], Line: atoi(t.Properties["line"])}
			c.Status = map[junit.Status]Status{junit.StatusFailed: Failed, junit.StatusError: Errored, junit.StatusSkipped: Skipped}[t.Status]
			c.Status = cmp.Or(c.Status, Passed)
			if e, ok := t.Error.(junit.Error); ok {
				c.Trace = e.Body
			}
			r.Cases = append(r.Cases, c)
		}
		for _, inner := range s.Suites {
			add(inner, cmp.Or(s.Name, outer))
		}
	}
	for _, s := range suites {
		add(s, "")
	}
	return nil
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// readNUnit2 reads NUnit 2's results: https://docs.nunit.org/2.6.4/files/Results.xsd.
func readNUnit2(data []byte, r *Report) error {
	doc, err := root(data, "test-results")
	if err != nil {
		return err
	}
	doc.each("test-case", func(e *element, around []*element) {
		c := Case{Suite: suiteName(around, "test-suite"), Name: e.attr("name"), Duration: seconds(e.attr("time"))}
		result := e.attr("result")
		switch {
		case result == "Ignored" || result == "Skipped" || result == "Inconclusive" || result == "NotRunnable" || e.attr("executed") == "False":
			c.Status = Skipped
		case result == "Error":
			c.Status = Errored
		case result == "Failure" || e.attr("success") == "False":
			c.Status = Failed
		default:
			c.Status = Passed
		}
		c.because(e)
		r.Cases = append(r.Cases, c)
	})
	return nil
}

// readNUnit3 reads NUnit 3's results: https://docs.nunit.org/articles/nunit/technical-notes/usage/Test-Result-XML-Format.html.
func readNUnit3(data []byte, r *Report) error {
	doc, err := root(data, "test-run", "test-suite")
	if err != nil {
		return err
	}
	doc.each("test-case", func(e *element, around []*element) {
		c := Case{Suite: cmp.Or(e.attr("classname"), suiteName(around, "test-suite")), Name: cmp.Or(e.attr("name"), e.attr("fullname")),
			Duration: seconds(e.attr("duration"))}
		switch e.attr("result") {
		case "Passed", "Warning":
			c.Status = Passed
		case "Failed":
			c.Status = Failed
			if e.attr("label") == "Error" || e.attr("label") == "Invalid" {
				c.Status = Errored
			}
		default: // Skipped, Inconclusive
			c.Status = Skipped
		}
		c.because(e)
		r.Cases = append(r.Cases, c)
	})
	return nil
}

// because takes the reason from NUnit's failure and reason elements.
func (c *Case) because(e *element) {
	if c.Status == Passed {
		return
	}
	why := e.child("failure")
	if why.name == "" {
		why = e.child("reason")
	}
	c.Message, c.Trace = why.child("message").text, why.child("stack-trace").text
}

// suiteName is the name of the nearest element of that kind around another.
func suiteName(around []*element, kind string) string {
	for i := len(around) - 1; i >= 0; i-- {
		if around[i].name == kind && around[i].attr("name") != "" {
			return around[i].attr("name")
		}
	}
	return ""
}

// readTestNG reads TestNG's testng-results.xml: https://testng.org/#_xml_reports. Methods that only prepare tests count
// when they fail, since the tests behind them were not carried out.
func readTestNG(data []byte, r *Report) error {
	doc, err := root(data, "testng-results")
	if err != nil {
		return err
	}
	doc.each("test-method", func(e *element, around []*element) {
		c := Case{Suite: suiteName(around, "class"), Name: e.attr("name"), Duration: milliseconds(e.attr("duration-ms"))}
		switch e.attr("status") {
		case "PASS":
			c.Status = Passed
		case "SKIP":
			c.Status = Skipped
		default:
			c.Status = Failed
		}
		if e.attr("is-config") == "true" {
			if c.Status != Failed {
				return
			}
			c.Status = Errored
		}
		problem := e.child("exception")
		c.Message, c.Trace = problem.child("message").text, problem.child("full-stacktrace").text
		if c.Message == "" {
			c.Message = problem.attr("class")
		}
		r.Cases = append(r.Cases, c)
	})
	return nil
}

// readTRX reads Visual Studio's test results: the schema vstst.xsd of Visual Studio, namespace
// http://microsoft.com/schemas/VisualStudio/TeamTest/2010.
func readTRX(data []byte, r *Report) error {
	doc, err := root(data, "TestRun")
	if err != nil {
		return err
	}
	classes := map[string]string{}
	doc.each("UnitTest", func(e *element, _ []*element) {
		class, _, _ := strings.Cut(e.child("TestMethod").attr("className"), ",") // without the assembly's name
		classes[e.attr("id")] = class
	})
	doc.each("UnitTestResult", func(e *element, _ []*element) {
		if e.child("InnerResults").name != "" {
			return // a test with rows of data: each of its inner results stands for itself
		}
		c := Case{Suite: classes[e.attr("testId")], Name: e.attr("testName"), Duration: clock(e.attr("duration"))}
		switch e.attr("outcome") {
		case "Passed", "PassedButRunAborted", "Warning", "Completed":
			c.Status = Passed
		case "Failed":
			c.Status = Failed
		case "Error", "Aborted", "Timeout", "Disconnected":
			c.Status = Errored
		default: // NotExecuted, NotRunnable, Inconclusive, Pending, InProgress, or nothing
			c.Status = Skipped
		}
		info := e.child("Output").child("ErrorInfo")
		c.Message, c.Trace = info.child("Message").text, info.child("StackTrace").text
		r.Cases = append(r.Cases, c)
	})
	return nil
}

// clock reads a duration written as hh:mm:ss.fffffff, with days before it where there are any.
func clock(s string) time.Duration {
	var days int
	if d, rest, ok := strings.Cut(s, "."); ok && strings.Contains(rest, ":") {
		days, s = atoi(d), rest
	}
	parts := strings.Split(s, ":")
	if len(parts) != 3 || days > 10_000 {
		return 0
	}
	hours, minutes := min(atoi(parts[0]), 23), min(atoi(parts[1]), 59)
	return time.Duration(days)*24*time.Hour + time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + seconds(parts[2])
}
