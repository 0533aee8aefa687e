package config

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/gitflow"
)

// somebodyMay stands for the rules of commands, which are the bot's.
func somebodyMay(_ *Repo, who Actor) map[string]bool {
	return map[string]bool{"release start": who.Role == "maintain", "approve": who.Role == "write" && !who.Author, "help": true}
}

func TestExpectationsThatAreMet(t *testing.T) {
	data, err := os.ReadFile("testdata/tests.yml")
	if err != nil {
		t.Fatal(err)
	}
	r := mustParse(t, "version: 1\n", shop())
	n, errs := RunTests(data, TestsFileName, r, somebodyMay)
	if len(errs) > 0 || n < 10 {
		t.Errorf("%d tests\n%s", n, textsOf(errs))
	}
}

func TestExpectationsOfComponents(t *testing.T) {
	r := mustParse(t, "version: 1\ncomponents: [{ name: api, paths: api/** }, { name: web, paths: web/** }]\n", shop())
	n, errs := RunTests([]byte(`version: 1
tests:
  - name: a candidate of the API
    pull: { head: release/api/1.4.0, base: master }
    tags: [api/v1.3.0]
    expect: { kind: release, verdict: pass, version: 1.4.0, image_tag: "shop.front/api:1.4.0-candidate-0123456" }
  - name: the next version of the pages, whatever the API has open
    branch: development
    component: web
    branches: [release/api/9.0.0]
    tags: [web/v2.0.0]
    commits: ["feat: pears"]
    expect: { version: 2.1.0 }
`), TestsFileName, r, somebodyMay)
	if len(errs) > 0 || n != 2 {
		t.Errorf("%d tests\n%s", n, textsOf(errs))
	}
	if _, errs = RunTests([]byte("version: 1\ntests:\n  - { name: x, branch: a, component: wbe, expect: {} }\n"), TestsFileName, r, somebodyMay); len(errs) != 1 ||
		!strings.Contains(errs[0].Error(), `tests[0].component: test "x": there is no component "wbe" (did you mean "web"?)`) {
		t.Errorf("%v", errs)
	}
}

func TestExpectationsThatAreNot(t *testing.T) {
	for name, c := range map[string]struct{ test, want string }{
		"a verdict": {"{ pull: { head: feature/x, base: master }, expect: { verdict: pass } }",
			`tests[0].expect.verdict: test "x": want pass, got fail; "feature/x" is a feature branch`},
		"rules":                    {"{ pull: { head: feature/x, base: master }, expect: { rules: [foreign] } }", `want foreign, got target`},
		"another kind":             {"{ branch: main, expect: { kind: production } }", "want production, got feature"},
		"a version":                {`{ branch: development, tags: [v1.3.0], commits: ["feat!: x"], expect: { version: 1.4.0 } }`, "want 1.4.0, got 2.0.0"},
		"a tag of another pattern": {`{ branch: development, tags: [release-1], expect: { version: 1.4.0 } }`, "the tag release-1 is none of a release"},
		"an image":                 {"{ branch: issue-543, expect: { image_tag: x } }", "want x, got shop.front:feature-543-0123456"},
		"no image":                 {"{ branch: gh-pages, expect: { image_tag: x } }", "nothing is built from branches of kind ignored"},
		"stages":                   {"{ branch: feature/x, expect: { stages: [] } }", "want none, got Test, Deploy"},
		"commands": {"{ branch: feature/x, actor: { role: read }, expect: { allowed: [help, approve, release start] } }",
			"not allowed: /approve, /release start"},
		"a refused command":           {"{ branch: feature/x, actor: { role: read }, expect: { refused: [help] } }", "not refused: /help"},
		"no such command":             {"{ branch: feature/x, actor: { role: read }, expect: { refused: [aprove] } }", `there is no command "aprove"; did you mean "approve"?`},
		"whose commands":              {"{ branch: feature/x, expect: { refused: [approve] } }", "give an actor"},
		"verdict of a branch":         {"{ branch: feature/x, expect: { verdict: pass } }", "a verdict and rules are about a pull request"},
		"a branch and a pull request": {"{ branch: feature/x, pull: { head: a, base: b }, expect: {} }", "pull and branch exclude each other"},
		"neither":                     {"{ expect: {} }", "tests[0].branch: missing (add branch or pull)"},
		"a key that is none":          {"{ branch: a, expect: { vredict: pass } }", `unknown key (did you mean "verdict"?)`},
	} {
		t.Run(name, func(t *testing.T) {
			file := "version: 1\ntests:\n  - " + strings.Replace(c.test, "{ ", "{ name: x, ", 1) + "\n"
			_, errs := RunTests([]byte(file), TestsFileName, mustParse(t, "version: 1\n", shop()), somebodyMay)
			if got := textsOf(errs); !strings.Contains(got, c.want) || len(errs) != 1 || errs[0].Line != 3 || errs[0].Column == 0 {
				t.Errorf("got\n%s\nwant one in line 3 with\n%s", got, c.want)
			}
		})
	}
}

// The history of a test answers as a repository would: every commit of a comparison is in the head and not in the base.
func TestHistoryIsAnsweredLikeAComparison(t *testing.T) {
	names := mustParse(t, "version: 1\n", shop()).Names
	h := newHistory(names, []string{"release/1.4.0", "hotfix/1", "feature/x"})
	h.merge("feature/x", "release/1.4.0")
	all := sortedKeys(h.heads)
	for _, base := range all {
		for _, head := range all {
			c := h.compare(compareRequest(base, head))
			inBase, inHead := h.ancestors(h.heads[base]), h.ancestors(h.heads[head])
			for _, commit := range c.Commits {
				if inBase[commit.SHA] || !inHead[commit.SHA] {
					t.Errorf("%s...%s has %s", base, head, commit.Subject)
				}
			}
			if want := len(inHead) - shared(inHead, inBase); c.AheadBy != want || !inBase[c.MergeBase] || !inHead[c.MergeBase] {
				t.Errorf("%s...%s: %d ahead, want %d, merge base %s", base, head, c.AheadBy, want, c.MergeBase)
			}
		}
	}
}

func shared(a, b map[string]bool) (n int) {
	for k := range a {
		if b[k] {
			n++
		}
	}
	return n
}

// FuzzRunTests looks for files of tests that cost too much or make the runner panic.
func FuzzRunTests(f *testing.F) {
	data, err := os.ReadFile("testdata/tests.yml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("version: 1\ntests: [" + strings.Repeat("{ name: x, pull: { head: a, base: b }, branches: [c, d, e], contains: [f], expect: { verdict: pass } },", 200) + "]\n"))
	r, errs := ParseRepo([]byte("version: 1\n"), shop())
	if len(errs) > 0 {
		f.Fatal(Join(errs))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const mostMemory = 256 << 20
		var errs []*Error
		if got := allocated(func() { _, errs = RunTests(data, TestsFileName, r, somebodyMay) }); got > mostMemory {
			t.Errorf("allocated %d MiB", got>>20)
		}
		if len(errs) > maxErrors+1 {
			t.Errorf("%d errors", len(errs))
		}
		for _, e := range errs {
			if e.Problem == "" || len(fmt.Sprint(e)) > 1<<16 {
				t.Errorf("a bad error: %+v", e)
			}
		}
	})
}

func compareRequest(base, head string) gitflow.CompareRequest {
	return gitflow.CompareRequest{Base: base, Head: head}
}
