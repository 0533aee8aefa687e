package config

import (
	"slices"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// TestsFileName is where a repository keeps the tests of its configuration.
const TestsFileName = ".github/sluice.tests.yml"

var (
	shaRE   = lazyregexp.New(`^[0-9a-f]{7,40}$`)
	slashRE = lazyregexp.New(`^[a-z][a-z-]*( [a-z][a-z-]*)?$`)
)

// testsSpec is the whole of .github/sluice.tests.yml.
func testsSpec() *spec {
	text := func(doc string) *spec { return &spec{kind: textValue, maxLen: 255, doc: doc} }
	texts := func(most int, doc string) *spec {
		return &spec{kind: listValue, single: true, maxItems: most, elem: &spec{kind: textValue}, doc: doc}
	}
	flag := func(doc string) *spec { return &spec{kind: booleanValue, def: "false", doc: doc} }
	commands := func(doc string) *spec {
		return &spec{kind: listValue, single: true, maxItems: 50, doc: doc,
			elem: &spec{kind: textValue, pattern: slashRE, maxLen: 60, form: "the name of a command, without its slash: release start"}}
	}
	pull := &spec{kind: objectValue, name: "pull", missing: "a verdict and rules are about a pull request: give pull instead of branch", doc: "The pull request that the test is about; its head is the branch.", fields: []field{
		{"head", true, text("The head's branch.")},
		{"base", true, text("The base's branch.")},
		{"fork", false, flag("Whether the head is in a fork.")},
		{"draft", false, flag("Whether it is a draft.")},
		{"by_sluice", false, flag("Whether Sluice opened it.")},
	}}
	actor := &spec{kind: objectValue, name: "actor", missing: "commands are allowed to somebody: give an actor", doc: "Who gives commands.", fields: []field{
		{"role", true, &spec{kind: wordValue, words: []string{"none", "read", "triage", "write", "maintain", "admin"}, doc: "Role in the repository."}},
		{"login", false, text("Login.")},
		{"teams", false, texts(50, "Slugs of the teams they are in.")},
		{"author", false, flag("Whether they took part in the change.")},
	}}
	// about says what else a test must give that expects something.
	about := func(expected, key string, of *spec) variant {
		return variant{match{{key: "expect", inside: match{{key: expected}}}}, []field{{key, true, of}}}
	}
	return &spec{kind: objectValue, doc: "Tests of the configuration of one repository.", fields: []field{
		{"version", true, &spec{kind: constantValue, words: []string{"1"}, doc: "Version of this file's format."}},
		{"tests", true, &spec{kind: listValue, nonEmpty: true, maxItems: 200, doc: "Tests, each on its own.",
			elem: &spec{kind: objectValue, oneOf: []string{"branch", "pull"}, variants: []variant{
				about("verdict", "pull", pull), about("rules", "pull", pull), about("allowed", "actor", actor), about("refused", "actor", actor),
			}, doc: "A test: what is given, and what is expected of it.", fields: []field{
				{"name", true, text("What is tested, in a sentence.")},
				{"branch", false, text("The branch that the test is about.")},
				{"pull", false, pull},
				{"component", false, &spec{kind: textValue, maxLen: 255, def: "the one that the branch names", doc: "The component of a monorepo that is spoken of."}},
				{"from", false, &spec{kind: textValue, maxLen: 255, def: "where the flow has its kind start", doc: "The branch that the branch was cut from."}},
				{"contains", false, texts(20, "Branches that were merged into it.")},
				{"branches", false, texts(20, "Other branches that exist, such as open release branches.")},
				{"commits", false, texts(100, "Messages of the commits that count for the version: since the last release; oldest first.")},
				{"tags", false, texts(100, "Git tags of the releases so far.")},
				{"revision", false, &spec{kind: textValue, pattern: shaRE, maxLen: 40, def: "0123456789012345678901234567890123456789",
					form: "7 to 40 hex digits", doc: "The commit that is built."}},
				{"actor", false, actor},
				{"expect", true, &spec{kind: objectValue, doc: "What must come out; what is left out is not looked at.", fields: []field{
					{"kind", false, &spec{kind: wordValue, words: branchKinds(), doc: "What the branch is."}},
					{"verdict", false, &spec{kind: wordValue, words: []string{"pass", "fail"}, doc: "Of the pull request."}},
					{"rules", false, texts(20, "The rules that the pull request breaks, all of them.")},
					{"version", false, text("The release version.")},
					{"image_tag", false, text("The image's name and tag, without registry.")},
					{"stages", false, texts(50, "Names of the stages of its pipeline, in order; [] for no pipeline.")},
					{"allowed", false, commands("Commands that the actor may give here, among others.")},
					{"refused", false, commands("Commands that the actor may not give here, among others.")},
				}}},
			}}}},
	}}
}

// branchKinds are the kinds of branches, as in a verdict.
func branchKinds() []string {
	return []string{"production", "development", "feature", "bugfix", "release", "hotfix", "support", "backmerge", "finish", "ignored"}
}

// TestsSchema is the JSON Schema of TestsFileName.
func TestsSchema() ([]byte, error) {
	return writeSchema(testsSpec(), "https://github.com/sluicehq/sluice/schema/sluice.tests.yml.json", TestsFileName)
}

// Actor is somebody whose commands a test asks about.
type Actor struct {
	Role, Login string
	Teams       []string
	// Author: took part in the change. Release: the command is given about a release, a hotfix or production.
	Author, Release bool
}

// Commands tells which commands there are, and which of them somebody may give under a configuration.
type Commands func(r *Repo, who Actor) map[string]bool

// RunTests runs the tests in data, which errors call file, against a configuration. It gives how many there are, and in
// the order of the lines everything that is wrong with the file, or, where nothing is, every expectation that is not met.
// A nil commands refuses tests that ask about commands.
func RunTests(data []byte, file string, r *Repo, commands Commands) (tests int, failures []*Error) {
	d := &document{source: source{file: file}}
	root := d.read(data)
	if root == nil {
		return 0, d.finish()
	}
	check := newChecker(d)
	check.check(root, testsSpec(), "")
	if len(d.errs) > 0 {
		return 0, d.finish()
	}
	dec := &decoder{checker: check}
	list := root.get("tests").items
	for i, n := range list {
		e := &expectation{decoder: dec, repo: r, commands: commands, test: n, path: testPath(i)}
		e.run()
	}
	return len(list), d.finish()
}

// sameTexts tells whether two lists hold the same, in any order.
func sameTexts(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// listed writes a list for an error.
func listed(texts []string) string {
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, ", ")
}
