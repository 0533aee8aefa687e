package report

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func read(t testing.TB, f Format, file string) Report {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse(f, data, asIs)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTests(t *testing.T) {
	for _, c := range []struct {
		format Format
		file   string
		want   []Case
	}{
		{JUnit, "junit.xml", []Case{
			{Suite: "example.com/shop/cart", Name: "TestAdd", Status: Passed, Duration: 250 * time.Millisecond},
			{Suite: "example.com/shop/cart", Name: "TestTotal", Status: Failed, Duration: 1000 * time.Second, Message: "Failed",
				Trace: "=== RUN   TestTotal\n    cart_test.go:17: total is 3 & not <4>\n--- FAIL: TestTotal (0.00s)"},
			{Suite: "example.com/shop/cart", Name: "TestLater", Status: Skipped, Message: "not on this machine"},
			{Suite: "inner", Name: "without class", Status: Errored, Message: "boom", File: "web/cart.spec.ts", Line: 12,
				Trace: "TypeError: boom\n    at add (/build/src/web/cart.ts:40:9)\n    at Object.<anonymous> (/build/src/web/cart.spec.ts:12:3)"},
			{Suite: "com.acme.OrderTest", Name: "adds", Status: Failed, Duration: 2 * time.Second, Message: "java.lang.AssertionError: expected:<1> but was:<2>",
				Trace: "java.lang.AssertionError: expected:<1> but was:<2>\n\tat org.junit.Assert.fail(Assert.java:88)\n\tat com.acme.OrderTest.adds(OrderTest.java:23)"},
		}},
		{NUnit2, "nunit2.xml", []Case{
			{Suite: "CartTests", Name: "Shop.CartTests.Adds", Status: Passed, Duration: 16 * time.Millisecond},
			{Suite: "CartTests", Name: "Shop.CartTests.Totals", Status: Failed, Duration: 100 * time.Millisecond, Message: "Expected: 4\n  But was:  3",
				Trace: `at Shop.CartTests.Totals() in C:\agent\shop\tests\CartTests.cs:line 31`},
			{Suite: "CartTests", Name: "Shop.CartTests.Breaks", Status: Errored, Message: "null"},
			{Suite: "CartTests", Name: "Shop.CartTests.Later", Status: Skipped, Message: "not yet"},
		}},
		{NUnit3, "nunit3.xml", []Case{
			{Suite: "Shop.CartTests", Name: "Adds", Status: Passed, Duration: 21 * time.Millisecond},
			{Suite: "Shop.CartTests", Name: "Totals", Status: Failed, Duration: 1500 * time.Millisecond, Message: "Expected: 4",
				Trace: "at Shop.CartTests.Totals() in /src/tests/CartTests.cs:line 31"},
			{Suite: "Shop.CartTests", Name: "Breaks", Status: Errored, Message: "null"},
			{Suite: "Shop.CartTests", Name: "Later", Status: Skipped, Message: "not yet"},
			{Suite: "CartTests", Name: "Perhaps", Status: Skipped},
		}},
		{TestNG, "testng.xml", []Case{
			{Suite: "com.acme.CartTest", Name: "tearDown", Status: Errored, Duration: time.Millisecond, Message: "java.io.IOException"},
			{Suite: "com.acme.CartTest", Name: "adds", Status: Passed, Duration: 12 * time.Millisecond},
			{Suite: "com.acme.CartTest", Name: "totals", Status: Failed, Duration: 30 * time.Millisecond, Message: "expected 4",
				Trace: "java.lang.AssertionError: expected 4\n\tat com.acme.CartTest.totals(CartTest.java:44)"},
			{Suite: "com.acme.CartTest", Name: "later", Status: Skipped},
		}},
		{TRX, "results.trx", []Case{
			{Suite: "Shop.CartTests", Name: "Adds", Status: Passed, Duration: 1500 * time.Millisecond},
			{Suite: "Shop.CartTests", Name: "Totals", Status: Failed, Duration: time.Minute, Message: "Assert.AreEqual failed.",
				Trace: "at Shop.CartTests.Totals() in /src/tests/CartTests.cs:line 31"},
			{Name: "Later", Status: Skipped},
			{Name: "Slow", Status: Errored, Duration: 24 * time.Hour},
			{Name: "Rows (1)", Status: Passed},
			{Name: "Rows (2)", Status: Failed},
		}},
		{Cucumber, "cucumber.json", []Case{
			{Suite: "Cart", Name: "Adding", Status: Passed, Duration: 3 * time.Millisecond, File: "features/cart.feature", Line: 6},
			{Suite: "Cart", Name: "Total", Status: Failed, Duration: 5 * time.Millisecond, File: "features/cart.feature", Line: 12, Message: "Then the total is four",
				Trace: "expected 4 (RSpec::Expectations)\n./features/steps/cart.rb:9:in `total'"},
			{Suite: "Cart", Name: "Later", Status: Skipped, File: "features/cart.feature", Line: 20, Message: "undefined: Given nothing yet"},
		}},
	} {
		t.Run(string(c.format), func(t *testing.T) {
			r := read(t, c.format, c.file)
			if diff := cmp.Diff(c.want, r.Cases); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if r.Coverage != nil || c.format.IsCoverage() {
				t.Error("it claims to be about coverage")
			}
		})
	}
}

func TestCoverage(t *testing.T) {
	for _, c := range []struct {
		format Format
		file   string
		want   []FileCoverage
	}{
		{Cobertura, "cobertura.xml", []FileCoverage{
			{Path: "cart/cart.py", Lines: 4, Covered: 3, Branches: 2, Branched: 1}, {Path: "cart/empty.py"},
		}},
		{Clover, "clover.xml", []FileCoverage{{Path: "/src/cart/Cart.php", Lines: 4, Covered: 3, Branches: 2, Branched: 1}}},
		{JaCoCo, "jacoco.xml", []FileCoverage{
			{Path: "com/acme/Cart.java", Lines: 3, Covered: 2, Branches: 2, Branched: 1}, {Path: "com/acme/Sums.java", Lines: 8, Covered: 5},
		}},
		{SimpleCov, "simplecov.json", []FileCoverage{
			{Path: "/src/lib/cart.rb", Lines: 3, Covered: 3, Branches: 2, Branched: 1}, {Path: "/src/lib/old.rb", Lines: 2, Covered: 1},
		}},
	} {
		t.Run(string(c.format), func(t *testing.T) {
			r := read(t, c.format, c.file)
			if diff := cmp.Diff(&Coverage{Files: c.want}, r.Coverage); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !c.format.IsCoverage() {
				t.Error("it does not know that it is about coverage")
			}
		})
	}
}

func TestTotals(t *testing.T) {
	sum := read(t, JUnit, "junit.xml").Totals().Add(read(t, Cobertura, "cobertura.xml").Totals())
	want := Totals{Tests: 5, Passed: 1, Failed: 2, Errored: 1, Skipped: 1, Duration: 1002250 * time.Millisecond,
		Files: 2, Lines: 4, Covered: 3, Branches: 2, Branched: 1}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if sum.LineRate() != 0.75 || sum.BranchRate() != 0.5 || (Totals{}).LineRate() != 0 {
		t.Errorf("rates %v and %v", sum.LineRate(), sum.BranchRate())
	}
}

func TestLocate(t *testing.T) {
	files := NewFiles("/build/src", []string{
		"cart/cart_test.go", "web/cart.ts", "web/cart.spec.ts", "index.js", "src/test/java/com/acme/OrderTest.java", "src/test/java/com/acme/CartTest.java",
		"tests/CartTests.cs", "features/cart.feature", "features/steps/cart.rb", "app/main.py", "lib/main.py",
	})
	for name, c := range map[string]struct {
		c    Case
		file string
		line int
	}{
		"Go, by the name alone":           {Case{Trace: "    cart_test.go:17: total is 3"}, "cart/cart_test.go", 17},
		"JavaScript, absolute":            {Case{Trace: "at add (/build/src/web/cart.ts:40:9)\nat x (/build/src/web/cart.spec.ts:12:3)"}, "web/cart.ts", 40},
		"a library comes first":           {Case{Trace: "at it (/build/src/node_modules/jest/index.js:3:1)\nat y (web/cart.spec.ts:12:3)"}, "web/cart.spec.ts", 12},
		"Java":                            {Case{Trace: "at org.junit.Assert.fail(Assert.java:88)\n\tat com.acme.OrderTest.adds(OrderTest.java:23)"}, "src/test/java/com/acme/OrderTest.java", 23},
		"Java with a module":              {Case{Trace: "at app//com.acme.CartTest.lambda$x$0(CartTest.java:9)"}, "src/test/java/com/acme/CartTest.java", 9},
		".NET on Windows":                 {Case{Trace: `at Shop.CartTests.Totals() in C:\agent\shop\tests\CartTests.cs:line 31`}, "tests/CartTests.cs", 31},
		"Ruby":                            {Case{Trace: "./features/steps/cart.rb:9:in `total'"}, "features/steps/cart.rb", 9},
		"Python":                          {Case{Trace: "  File \"/build/src/app/main.py\", line 7, in <module>"}, "app/main.py", 7},
		"in the message":                  {Case{Message: "app/main.py:8: AssertionError"}, "app/main.py", 8},
		"where the report says it is":     {Case{File: "features/cart.feature", Line: 12}, "features/cart.feature", 12},
		"the trace before the report":     {Case{File: "features/cart.feature", Line: 12, Trace: "./features/steps/cart.rb:9"}, "features/steps/cart.rb", 9},
		"a name that two files have":      {Case{Trace: "main.py:3: boom"}, "", 0},
		"a file that is not ours":         {Case{Trace: "/usr/lib/go/src/testing/testing.go:1690 +0x1"}, "", 0},
		"outside of the checkout":         {Case{Trace: "/build/src/../../etc/index.js:3:1"}, "", 0},
		"a line that is none":             {Case{Trace: "cart_test.go:0: no"}, "", 0},
		"nothing is known":                {Case{Message: "no"}, "", 0},
		"a time is not a place":           {Case{Trace: "started at 12:30:41.cart:3 done"}, "", 0},
		"a report's file that is missing": {Case{File: "gone.feature", Line: 3}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			file, line, ok := files.Locate(c.c)
			if file != c.file || line != c.line || ok != (c.file != "") {
				t.Errorf("got %s:%d, %v", file, line, ok)
			}
		})
	}
}

func TestFormats(t *testing.T) {
	for s, want := range map[string]Format{"": JUnit, "junitxml": JUnit, "VisualStudioTrx": TRX, "SIMPLECOV": SimpleCov} {
		if got, err := ParseFormat(s); err != nil || got != want {
			t.Errorf("%q: %s, %v", s, got, err)
		}
	}
	if _, err := ParseFormat("LCOV"); err == nil || !strings.Contains(err.Error(), "CLOVERXML, COBERTURAXML, CUCUMBERJSON") {
		t.Errorf("LCOV: %v", err)
	}
}

// What is not a report, or too much of one, is refused with the reason, and costs little.
func TestHostile(t *testing.T) {
	deep := strings.Repeat("<testsuite>", 100_000)
	for name, c := range map[string]struct {
		format Format
		data   string
		want   string
	}{
		"nothing":             {JUnit, "", "there is no element in it"},
		"another format":      {JUnit, "<coverage/>", "the root element is <coverage>, want <testsuites> or <testsuite>"},
		"cut short":           {NUnit3, "<test-run><test-case", "EOF"},
		"too deep":            {JUnit, deep, "nested deeper than 64"},
		"entities that grow":  {TestNG, `<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;">]><testng-results>&b;</testng-results>`, "invalid character entity &b;"},
		"too large":           {TRX, strings.Repeat(" ", MaxBytes+1), "at most 33554432 are read"},
		"too many tests":      {JUnit, "<testsuite>" + strings.Repeat("<testcase/>", MaxCases+1) + "</testsuite>", "at most 100000 are read"},
		"EBCDIC":              {JUnit, `<?xml version="1.0" encoding="IBM037"?><testsuite/>`, `encoding "IBM037": want UTF-8`},
		"half of UTF-16":      {JUnit, "\xff\xfe<\x00t\x00", "EOF"},
		"an object":           {Cucumber, `{"a":1}`, "want a list of features"},
		"no runs":             {SimpleCov, `{}`, "there is no run in it"},
		"hits that are none":  {SimpleCov, `{"a":{"coverage":{"x":"y"}}}`, `"x": want a list of hits`},
		"Clover as Cobertura": {Cobertura, `<coverage><project/></coverage>`, "<coverage> has no <packages>: is it another format?"},
		"Cobertura as Clover": {Clover, `<coverage><packages/></coverage>`, "<coverage> has no <project>: is it another format?"},
		"an unknown format":   {"LCOV", "", `report format "LCOV"`},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Parse(c.format, []byte(c.data), asIs)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if grew := (after.TotalAlloc - before.TotalAlloc) >> 20; grew > 512 {
				t.Errorf("it took %d MiB", grew)
			}
		})
	}
	long := strings.Repeat("é", maxText)
	r, err := Parse(JUnit, []byte("<testsuite><testcase><failure>"+long+"</failure></testcase></testsuite>"), asIs)
	if err != nil || len(r.Cases[0].Trace) > maxText+8 || !strings.HasSuffix(r.Cases[0].Trace, "é…") {
		t.Errorf("a long trace is kept with %d bytes, %v", len(r.Cases[0].Trace), err)
	}
}

// What tools write in other encodings, and with a mark before UTF-8, is read alike.
func TestEncodings(t *testing.T) {
	const bom = "\xef\xbb\xbf"
	declared := func(encoding string) string { return `<?xml version="1.0" encoding="` + encoding + `"?>` }
	for name, c := range map[string]struct {
		format Format
		data   string
	}{
		"TestNG in Latin 1":      {TestNG, declared("ISO-8859-1") + "<testng-results><class name=\"caf\xe9\"><test-method name=\"a\" status=\"PASS\"/></class></testng-results>"},
		"JUnit in Latin 1":       {JUnit, declared("ISO-8859-1") + "<testsuite><testcase classname=\"caf\xe9\" name=\"a\"/></testsuite>"},
		"JUnit of Windows":       {JUnit, declared("windows-1252") + "\r\n<testsuite><testcase classname=\"caf\xe9\" name=\"a\"/></testsuite>"},
		"UTF-8 by another name":  {JUnit, declared("utf8") + `<testsuite><testcase classname="café" name="a"/></testsuite>`},
		"JUnit with a mark":      {JUnit, bom + declared("UTF-8") + `<testsuite><testcase classname="café" name="a"/></testsuite>`},
		"JUnit undeclared":       {JUnit, `<testsuite><testcase classname="café" name="a"/></testsuite>`},
		"TRX with a mark":        {TRX, bom + declared("utf-8") + `<TestRun><UnitTest id="1"><TestMethod className="café"/></UnitTest><UnitTestResult testId="1" testName="a" outcome="Passed"/></TestRun>`},
		"Cucumber with a mark":   {Cucumber, bom + `[{"name":"café","elements":[{"name":"a"}]}]`},
		"JUnit, a comment first": {JUnit, `<!-- made by hand --><testsuite><testcase classname="café" name="a"/></testsuite>`},
		"UTF-16, little end":     {TRX, utf16(binary.LittleEndian, declared("utf-16")+`<TestRun><UnitTest id="1"><TestMethod className="café"/></UnitTest><UnitTestResult testId="1" testName="a" outcome="Passed"/></TestRun>`)},
		"UTF-16, big end":        {JUnit, utf16(binary.BigEndian, declared("UTF-16")+`<testsuite><testcase classname="café" name="a"/></testsuite>`)},
		"UTF-16, but only said":  {JUnit, declared("utf-16") + `<testsuite><testcase classname="café" name="a"/></testsuite>`},
		"Cucumber in UTF-16":     {Cucumber, utf16(binary.LittleEndian, `[{"name":"café","elements":[{"name":"a"}]}]`)},
	} {
		r, err := Parse(c.format, []byte(c.data), asIs)
		if err != nil || len(r.Cases) != 1 || r.Cases[0].Suite != "café" || r.Cases[0].Name != "a" || r.Cases[0].Status != Passed {
			t.Errorf("%s: %+v, %v", name, r.Cases, err)
		}
	}
}

// utf16 is a text in UTF-16 with a mark before it; none of its characters needs two units.
func utf16(order binary.AppendByteOrder, text string) string {
	out := order.AppendUint16(nil, 0xFEFF)
	for _, r := range text {
		out = order.AppendUint16(out, uint16(r))
	}
	return string(out)
}

func FuzzParse(f *testing.F) {
	for file, format := range map[string]Format{
		"junit.xml": JUnit, "nunit2.xml": NUnit2, "nunit3.xml": NUnit3, "testng.xml": TestNG, "results.trx": TRX,
		"cucumber.json": Cucumber, "cobertura.xml": Cobertura, "clover.xml": Clover, "jacoco.xml": JaCoCo, "simplecov.json": SimpleCov,
	} {
		data, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(format), data)
	}
	files := NewFiles("/build", []string{"a/b.go", "b.go"})
	f.Fuzz(func(t *testing.T, format string, data []byte) {
		r, err := Parse(Format(format), data, asIs)
		if err != nil {
			return
		}
		totals := r.Totals()
		if totals.Passed+totals.Failed+totals.Errored+totals.Skipped != totals.Tests || totals.Duration < 0 {
			t.Errorf("sums: %+v", totals)
		}
		if totals.Covered > totals.Lines || totals.Branched > totals.Branches {
			t.Errorf("more covered than there is: %+v", totals)
		}
		for _, c := range r.Cases {
			if file, line, ok := files.Locate(c); ok && (line < 1 || file == "") {
				t.Errorf("located at %q:%d", file, line)
			}
		}
	})
}

func asIs(s string) string { return s }
