package sarif

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
)

// log is a file with one run: its rules, bases and results as JSON.
func log(rules, bases, results string) []byte {
	return fmt.Appendf(nil, `{"version": "2.1.0", "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "runs": [{
		"tool": {"driver": {"name": "lint", "rules": [%s]}}, "originalUriBaseIds": {%s}, "results": [%s]}]}`, rules, bases, results)
}

func at(uri string, line int) string {
	return fmt.Sprintf(`"locations": [{"physicalLocation": {"artifactLocation": {"uri": %q}, "region": {"startLine": %d}}}]`, uri, line)
}

func show(r Result) string {
	s := fmt.Sprintf("%s %s %s:%d %s", r.Level, r.Rule, r.Path, r.Line, r.Message)
	if r.Suppressed {
		s += " (suppressed)"
	}
	if r.Known {
		s += " (known)"
	}
	return s
}

func asIs(s string) string { return s }

func TestParse(t *testing.T) {
	tests := []struct {
		name string
		data []byte
		want []string
	}{
		{"a result has its own level", log("", "", `{"ruleId": "R1", "level": "note", "message": {"text": "m"}, `+at("a.go", 3)+`}`), []string{"note R1 a.go:3 m"}},
		{"else warning", log("", "", `{"ruleId": "R1", "message": {"text": "m"}, `+at("a.go", 3)+`}`), []string{"warning R1 a.go:3 m"}},
		{"else the rule's", log(`{"id": "R1", "defaultConfiguration": {"level": "error"}}`, "", `{"ruleId": "R1", "message": {"text": "m"}, `+at("a.go", 3)+`}`), []string{"error R1 a.go:3 m"}},
		{"a rule by its index", log(`{"id": "R0"}, {"id": "R1", "defaultConfiguration": {"level": "error"}}`, "", `{"ruleIndex": 1, "message": {"text": "m"}, `+at("a.go", 3)+`}`), []string{"error R1 a.go:3 m"}},
		{"a part of a rule", log(`{"id": "R1", "defaultConfiguration": {"level": "error"}}`, "", `{"ruleId": "R1/7", "message": {"text": "m"}, `+at("a.go", 3)+`}`), []string{"error R1/7 a.go:3 m"}},
		{"an index out of range is no rule", log("", "", `{"ruleId": "R", "ruleIndex": -4, "message": {"text": "m"}}`), []string{"warning R :0 m"}},
		{"severity makes it worse", log(`{"id": "R1", "properties": {"security-severity": "8.1"}}`, "", `{"ruleId": "R1", "level": "note", "message": {"text": "m"}, `+at("a.go", 1)+`}`), []string{"error R1 a.go:1 m"}},
		{"and never better", log(`{"id": "R1", "properties": {"security-severity": 1}}`, "", `{"ruleId": "R1", "level": "error", "message": {"text": "m"}, `+at("a.go", 1)+`}`), []string{"error R1 a.go:1 m"}},
		{"whatever else a severity is", log(`{"id": "R1", "properties": {"security-severity": {"a": []}}}`, "", `{"ruleId": "R1", "message": {"text": "m"}}`), []string{"warning R1 :0 m"}},
		{"what passed is no result", log("", "", `{"ruleId": "R", "kind": "pass", "message": {"text": "m"}}, {"ruleId": "R", "kind": "notApplicable", "message": {"text": "m"}}, {"ruleId": "R", "level": "none", "message": {"text": "m"}}`), nil},
		{"what is to be looked at is a note", log("", "", `{"ruleId": "R", "kind": "review", "message": {"text": "m"}}`), []string{"note R :0 m"}},
		{"suppressed", log("", "", `{"ruleId": "R", "message": {"text": "m"}, "suppressions": [{"kind": "inSource"}]}`), []string{"warning R :0 m (suppressed)"}},
		{"a suppression that was turned down is none", log("", "", `{"ruleId": "R", "message": {"text": "m"}, "suppressions": [{"status": "accepted"}, {"status": "rejected"}]}`), []string{"warning R :0 m"}},
		{"gone and known", log("", "", `{"ruleId": "R", "baselineState": "absent", "message": {"text": "m"}}, {"ruleId": "R", "baselineState": "unchanged", "message": {"text": "m"}}`), []string{"warning R :0 m (known)"}},
		{"a message by its name", log(`{"id": "R", "messageStrings": {"x": {"text": "{0} of {1}, {2}{"}}}`, "", `{"ruleId": "R", "message": {"id": "x", "arguments": ["one", "{0}"]}}`), []string{"warning R :0 one of {0}, {2}{"}},
		{"a byte order mark", append([]byte("\xef\xbb\xbf"), log("", "", `{"ruleId": "R", "message": {"text": "m"}}`)...), []string{"warning R :0 m"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			results, err := Parse(tt.data, "/build/src", asIs)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range results {
				got = append(got, show(r))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestPaths(t *testing.T) {
	bases := `"%SRCROOT%": {"uri": "file:///build/src/"}, "LIB": {"uri": "lib/", "uriBaseId": "%SRCROOT%"}, "LOOP": {"uri": "x/", "uriBaseId": "LOOP"}, "OUT": {"uri": "file:///etc/"}`
	for location, want := range map[string]string{
		`"uri": "cmd/main.go"`:                               "cmd/main.go",
		`"uri": "./cmd//main.go"`:                            "cmd/main.go",
		`"uri": "file:///build/src/cmd/a%20b.go"`:            "cmd/a b.go",
		`"uri": "/build/src/main.go"`:                        "main.go",
		`"uri": "cmd\\main.go"`:                              "cmd/main.go",
		`"uri": "file:///home/runner/work/shop/shop/a/b.go"`: "a/b.go",
		`"uri": "a.go", "uriBaseId": "%SRCROOT%"`:            "a.go",
		`"uri": "a.go", "uriBaseId": "LIB"`:                  "lib/a.go",
		`"uri": "a.go", "uriBaseId": "UNKNOWN"`:              "a.go",
		`"uri": "a.go", "uriBaseId": "OUT"`:                  "",
		`"uri": "../../etc/passwd"`:                          "",
		`"uri": "cmd/%2e%2e/%2e%2e/etc/passwd"`:              "",
		`"uri": "https://example.com/a.go"`:                  "",
		`"uri": "C:/work/a.go"`:                              "",
		`"uri": "/etc/passwd"`:                               "",
		`"uri": "%zz"`:                                       "",
		`"uri": "a\u0000b"`:                                  "",
		`"uri": "` + strings.Repeat("a/", maxPath) + `"`:     "",
		`"index": 0`:                                         "",
	} {
		results, err := Parse(log("", bases, `{"ruleId": "R", "message": {"text": "m"}, "locations": [{"physicalLocation": {"artifactLocation": {`+location+`}}}]}`), "/build/src", asIs)
		if err != nil || len(results) != 1 {
			t.Fatalf("%s: %v %v", location, results, err)
		}
		if got := results[0].Path; got != want {
			t.Errorf("%.80s: path %q, want %q", location, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for want, data := range map[string]string{
		"it is not SARIF":         `<xml/>`,
		"SARIF 2.1.0 is read":     `{"version": "2.0.0", "runs": []}`,
		"more than 20":            `{"version": "2.1.0", "runs": [` + strings.Repeat(`{},`, 20) + `{}]}`,
		"more than 25000 results": string(log("", "", strings.Repeat(`{},`, 25_000)+`{}`)),
		"more than 10485760":      strings.Repeat(" ", MaxBytes+1),
		"cannot unmarshal number": `{"version": 2.1, "runs": []}`,
		"exceeded max depth":      `{"version": "2.1.0", "runs": ` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
	} {
		if _, err := Parse([]byte(data), "/src", asIs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestJudge(t *testing.T) {
	parse := func(results string) []Result {
		got, err := Parse(log("", "", results), "/src", asIs)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	one := func(level, rest string) string {
		return fmt.Sprintf(`{"ruleId": "R-%s", "level": %q, "message": {"text": "m"}, %s}`, level, level, rest)
	}
	results := parse(one("error", at("b.go", 2)) + "," + one("error", at("a.go", 9)) + "," + one("warning", at("a.go", 1)) + "," +
		one("error", at("b.go", 2)) + "," + // the same again
		one("note", `"partialFingerprints": {"h": "1"}, `+at("a.go", 4)) + "," + one("note", `"partialFingerprints": {"h": "1"}, `+at("a.go", 5)) + "," +
		one("error", `"suppressions": [{}], `+at("c.go", 1)))
	tests := []struct {
		name    string
		t       Threshold
		over    bool
		summary string
	}{
		{"errors fail", Threshold{FailOn: Error}, true, "analysis: 2 errors, 1 warnings, 1 notes, 1 suppressed; 2 of level error or worse, where 0 are allowed"},
		{"as many as are allowed pass", Threshold{FailOn: Error, Max: 2}, false, "analysis: 2 errors, 1 warnings, 1 notes, 1 suppressed"},
		{"warnings count errors", Threshold{FailOn: Warning, Max: 2}, true, "analysis: 2 errors, 1 warnings, 1 notes, 1 suppressed; 3 of level warning or worse, where 2 are allowed"},
		{"nothing fails", Threshold{FailOn: None}, false, "analysis: 2 errors, 1 warnings, 1 notes, 1 suppressed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := Judge(results, tt.t)
			if v.Over != tt.over || v.Summary != tt.summary {
				t.Errorf("over %v: %s", v.Over, v.Summary)
			}
			want := []executor.Finding{{Tool: "lint", Rule: "R-error", Level: "error", Count: 2}, {Tool: "lint", Rule: "R-warning", Level: "warning", Count: 1}, {Tool: "lint", Rule: "R-note", Level: "note", Count: 1}}
			if diff := cmp.Diff(want, v.Findings); diff != "" {
				t.Errorf("findings (-want +got)\n%s", diff)
			}
			var places []string
			for _, a := range v.Annotations {
				places = append(places, fmt.Sprintf("%s %s:%d", a.Level, a.Path, a.StartLine))
			}
			if diff := cmp.Diff([]string{"failure a.go:9", "failure b.go:2", "warning a.go:1", "notice a.go:4"}, places); diff != "" {
				t.Errorf("annotations (-want +got)\n%s", diff)
			}
		})
	}
}

func TestParams(t *testing.T) {
	tests := []struct {
		with  map[string]any
		files []string
		want  Threshold
		wrong string
	}{
		{map[string]any{}, nil, Threshold{FailOn: Error}, ""},
		{map[string]any{"sarif": "a.sarif"}, []string{"a.sarif"}, Threshold{FailOn: Error}, ""},
		{map[string]any{"sarif": []any{"a", "b"}, "sarif_fail_on": "warning", "sarif_max": int64(3)}, []string{"a", "b"}, Threshold{FailOn: Warning, Max: 3}, ""},
		{map[string]any{"sarif": "a", "sarif_fail_on": "fatal"}, nil, Threshold{}, "with.sarif_fail_on"},
		{map[string]any{"sarif": "a", "sarif_max": int64(-1)}, nil, Threshold{}, "with.sarif_max"},
		{map[string]any{"sarif_max": int64(1)}, nil, Threshold{}, "with.sarif is missing"},
	}
	for _, tt := range tests {
		p := executor.Read(tt.with)
		files, got, err := Params(p)
		if tt.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%v: error %v", tt.with, err)
			}
			continue
		}
		if err != nil || p.Err() != nil || got != tt.want || cmp.Diff(tt.files, files) != "" {
			t.Errorf("%v: %v %+v %v %v", tt.with, files, got, err, p.Err())
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(string(log(`{"id": "R"}`, `"B": {"uri": "b/"}`, `{"ruleId": "R", "message": {"text": "{0}", "arguments": ["x"]}, `+at("a.go", 1)+`}`)))
	f.Fuzz(func(t *testing.T, data string) {
		results, err := Parse([]byte(data), "/src", asIs)
		if err != nil {
			return
		}
		for _, a := range Judge(results, Threshold{FailOn: Note}).Annotations {
			if a.StartLine < 1 || a.EndLine < a.StartLine || strings.HasPrefix(a.Path, "/") || strings.Contains("/"+a.Path+"/", "/../") {
				t.Errorf("annotation %+v", a)
			}
		}
	})
}
