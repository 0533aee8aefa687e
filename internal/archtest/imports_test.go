package archtest

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// row says what the files of a package, tests left out, may import.
type row struct {
	ours []string // packages of this module; "*": any
	// foreign are modules from elsewhere, by the beginning of their path; "*": any. The standard library is not asked.
	foreign []string
	// pure packages know no files, network, processes, database, clock's context or log.
	pure bool
}

// top are the words that everything else is said in.
var top = []string{"gitflow", "tagging", "pipeline", "event", "forge", "calendar"}

// house is the table. Imports point up it, so adapters never know each other. A pattern ends in /*.
var house = map[string]row{
	"forge":    {pure: true},
	"calendar": {pure: true},
	"event":    {pure: true, ours: []string{"forge"}},
	"pipeline": {pure: true},
	"gitflow":  {pure: true, foreign: []string{"github.com/bmatcuk/doublestar/"}},
	"tagging":  {pure: true, foreign: []string{"github.com/leodido/go-conventionalcommits", "github.com/Masterminds/semver/"}},

	"signature": {pure: true, foreign: []string{"golang.org/x/crypto/"}},

	"config": {ours: append(slices.Clone(top), "signature"), foreign: []string{"github.com/bmatcuk/doublestar/", "github.com/goccy/go-yaml", "github.com/invopop/jsonschema"}},

	"store":           {ours: []string{"pipeline", "event", "forge"}, foreign: []string{"*"}},
	"store/storetest": {ours: []string{"store", "pipeline", "event", "forge", "internal/pgtest"}, foreign: []string{"github.com/google/go-cmp/"}},
	"queue":           {ours: []string{"store", "event"}, foreign: []string{"github.com/riverqueue/", "github.com/jackc/pgx/"}},

	"artifact":  {ours: []string{"pipeline", "internal/silence"}, foreign: []string{"gocloud.dev/", "github.com/aws/aws-sdk-go-v2/", "github.com/aws/smithy-go"}},
	"githubapp": {ours: []string{"gitflow", "pipeline", "forge"}, foreign: []string{"*"}},
	"gitrepo":   {ours: []string{"internal/silence"}, foreign: []string{"*"}},
	"registry":  {ours: []string{"gitflow", "pipeline", "forge", "signature", "internal/silence"}, foreign: []string{"*"}},

	"executor":                 {ours: []string{"pipeline"}, foreign: []string{"golang.org/x/sync/"}},
	"executor/sarif":           {ours: []string{"executor", "pipeline"}},
	"executor/supervise":       {foreign: []string{"github.com/vishvananda/netlink", "golang.org/x/sys/"}},
	"executor/appspec/rollout": {pure: true},
	"executor/*":               {ours: []string{"executor", "executor/supervise", "executor/actiondir", "executor/document", "executor/report", "executor/sarif", "signature", "executor/appspec/rollout", "pipeline", "forge", "artifact"}, foreign: []string{"*"}},
	"rehearse":                 {ours: []string{"executor", "pipeline"}},
	"secretscan":               {foreign: []string{"github.com/zricethezav/gitleaks/", "github.com/rs/zerolog"}},

	"bot": {ours: slices.Concat(top, []string{"config", "store", "queue", "executor"})},

	"webhooks":     {ours: []string{"event", "forge", "webhooks/sns"}, foreign: []string{"*"}},
	"webhooks/sns": {foreign: []string{"golang.org/x/sync/"}},
	"dashboard":    {ours: []string{"event", "pipeline", "store", "forge", "gitflow"}, foreign: []string{"*"}},

	"setup": {},

	"demo":       {ours: []string{"artifact", "forge", "pipeline", "registry", "test/fakegithub"}, foreign: []string{"*"}},
	"test/*":     {ours: []string{"*"}, foreign: []string{"*"}},
	"internal/*": {foreign: []string{"*"}},
	"cmd/sluice": {ours: []string{"*"}, foreign: []string{"*"}},
}

// anywhere is what every package may import: it says nothing about the house.
var anywhere = []string{"internal/lazyregexp"}

// impure is what pure packages do not import.
var impure = []string{"context", "database/sql", "log", "log/slog", "net", "net/http", "os", "os/exec", "os/signal", "syscall"}

// rowOf finds the row of a package: its own, else that of the nearest folder above.
func rowOf(folder string) (row, bool) {
	if r, ok := house[folder]; ok {
		return r, true
	}
	for up := path.Dir(folder); up != "."; up = path.Dir(up) {
		if r, ok := house[up+"/*"]; ok {
			return r, true
		}
	}
	return row{}, false
}

func TestImports(t *testing.T) {
	for _, f := range files(t) {
		if f.test {
			continue
		}
		r, ok := rowOf(f.folder)
		if !ok {
			t.Errorf("%s: package %s has no row in the table of the house", f.path, f.folder)
			continue
		}
		for _, name := range f.ours {
			if name != f.folder && !slices.Contains(slices.Concat(r.ours, anywhere), name) && !slices.Contains(r.ours, "*") {
				t.Errorf("%s: package %s may not import %s", f.path, f.folder, name)
			}
		}
		for _, name := range f.foreign {
			standard := !strings.Contains(strings.SplitN(name, "/", 2)[0], ".")
			switch {
			case standard && r.pure && slices.Contains(impure, name):
				t.Errorf("%s: package %s is pure and may not import %s", f.path, f.folder, name)
			case !standard && !slices.ContainsFunc(r.foreign, func(p string) bool { return p == "*" || strings.HasPrefix(name, p) }):
				t.Errorf("%s: package %s may not import %s", f.path, f.folder, name)
			}
		}
	}
}

// Nothing below cmd knows who serves: the bot is asked by comments, buttons and pages alike.
func TestBotSpeaksNoHTTP(t *testing.T) {
	for _, f := range files(t) {
		if f.folder != "bot" || f.test {
			continue
		}
		for _, name := range f.foreign {
			if name == "net" || strings.HasPrefix(name, "net/") && name != "net/url" {
				t.Errorf("%s: package bot may not import %s", f.path, name)
			}
		}
	}
}

// What is only there for tests is not in the program: the stand-ins are imported by the demo and by nobody else.
func TestNoTestCodeInTheProgram(t *testing.T) {
	for _, f := range files(t) {
		if f.test || strings.HasPrefix(f.folder, "test/") || f.folder == "demo" {
			continue
		}
		for _, name := range slices.Concat(f.ours, f.foreign) {
			harness := strings.HasSuffix(f.folder, "test") || f.folder == "internal/deps"
			if name == "testing" && !harness || strings.HasPrefix(name, "test/") && f.folder != "cmd/sluice" {
				t.Errorf("%s imports %s", f.path, name)
			}
		}
	}
}
