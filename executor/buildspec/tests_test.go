package buildspec

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// ofReports is a repository whose build leaves the reports of package report's tests.
func ofReports(t *testing.T, lines ...string) map[string]string {
	t.Helper()
	files := spec(lines...)
	for _, name := range []string{"junit.xml", "nunit2.xml", "nunit3.xml", "cucumber.json", "testng.xml", "results.trx", "clover.xml", "cobertura.xml", "jacoco.xml", "simplecov.json"} {
		b, err := os.ReadFile("../report/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files["out/"+name] = string(b)
	}
	return files
}

func TestReportsOfEachFormat(t *testing.T) {
	for format, file := range map[string]string{
		"JunitXml": "junit.xml", "NUNITXML": "nunit2.xml", "NUnit3Xml": "nunit3.xml", "CUCUMBERJSON": "cucumber.json", "TestNGXML": "testng.xml",
		"VISUALSTUDIOTRX": "results.trx", "CLOVERXML": "clover.xml", "COBERTURAXML": "cobertura.xml", "JACOCOXML": "jacoco.xml", "SIMPLECOV": "simplecov.json",
	} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, ofReports(t, "phases: {build: {commands: [echo built]}}", "reports: {unit: {files: ["+file+"], base-directory: out, file-format: "+format+"}}"))
			got := w.run(w.executor(), request("ex-1-1-1"))
			if got.Status != pipeline.Succeeded || len(got.Tests) != 1 {
				t.Fatalf("%s %s\n%+v\n%s", got.Status, got.Summary, got.Tests, got.Log)
			}
			r := got.Tests[0]
			if r.Problem != "" || r.Format != strings.ToUpper(format) || r.Tests == 0 && r.Lines == 0 {
				t.Errorf("%+v", r)
			}
			if r.Tests != r.Passed+r.Failed+r.Errored+r.Skipped || len(r.Failures) != r.Failed+r.Errored {
				t.Errorf("the totals do not add up: %+v", r)
			}
		})
	}
}

func TestReportsShowFailuresOnTheirLines(t *testing.T) {
	const results = `<testsuite name="cart"><testcase classname="cart" name="adds" time="0.5"/>
<testcase classname="cart" name="empties" time="0.25"><failure message="want 0, got hunter2-and-more">src/cart.go:12: want 0</failure></testcase>
<testcase classname="cart" name="generated"><failure message="no">gen/made.go:3: no</failure></testcase>
<testcase classname="cart" name="dies"><error message="panic"/></testcase><testcase classname="cart" name="later"><skipped/></testcase></testsuite>`
	files := spec("env: {variables: {WHERE: out}}", "phases:", "  build:", "    commands:", "      - mkdir -p out/a gen && touch gen/made.go && cp results.xml out/a/junit.xml && exit 3",
		"reports:", "  'arn:aws:codebuild:eu-west-1:123456789012:report-group/shop-unit':", "    files: ['**/*.xml']", "    base-directory: $WHERE",
		"  none: {files: ['nothing/*.xml']}", "  bad: {files: [results.xml], file-format: CLOVERXML}")
	files["results.xml"], files["src/cart.go"] = results, "package cart\n"
	w := newWorld(t, files)
	got := w.run(w.executor(), request("ex-1-1-1"))
	want := []executor.TestReport{
		{Group: "shop-unit", Format: "JUNITXML", Tests: 5, Passed: 1, Failed: 2, Errored: 1, Skipped: 1, Duration: 750e6, Failures: []executor.TestFailure{
			{Title: "cart empties", Message: "want 0, got ***", Path: "src/cart.go", Line: 12},
			{Title: "cart generated", Message: "no"}, {Title: "cart dies", Message: "panic"},
		}},
		{Group: "none", Format: "JUNITXML"}, {Group: "bad", Format: "CLOVERXML"},
	}
	if diff := cmp.Diff(want, got.Tests, cmpopts.IgnoreFields(executor.TestReport{}, "Problem")); diff != "" {
		t.Errorf("(-want +got)\n%s\n%s", diff, got.Log)
	}
	if len(got.Tests) == 3 && (!strings.Contains(got.Tests[1].Problem, "nothing/*.xml matches no file") || !strings.Contains(got.Tests[2].Problem, "results.xml: CLOVERXML report")) {
		t.Errorf("problems %q, %q", got.Tests[1].Problem, got.Tests[2].Problem)
	}
	var lines []string
	for _, a := range got.Annotations {
		lines = append(lines, a.Path+" "+a.Title)
	}
	if diff := cmp.Diff([]string{"buildspec.yml Phase build failed", "src/cart.go Test failed: cart empties"}, lines); diff != "" {
		t.Errorf("annotations (-want +got)\n%s", diff)
	}
}

func TestFailedTestsDoNotFailABuildThatSucceeded(t *testing.T) {
	w := newWorld(t, ofReports(t, "phases: {build: {commands: ['true']}}", "reports: {unit: {files: [out/junit.xml]}}"))
	if got := w.run(w.executor(), request("ex-1-1-1")); got.Status != pipeline.Succeeded || got.Tests[0].Failed == 0 {
		t.Errorf("%s %s %+v", got.Status, got.Summary, got.Tests)
	}
}
