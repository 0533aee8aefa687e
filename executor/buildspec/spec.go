package buildspec

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sluicehq/sluice/executor/document"
	"github.com/sluicehq/sluice/executor/report"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Bounds of a file. What is larger is refused before anything runs.
const (
	MaxCommands = 1000 // in all phases together
	maxPattern  = 512  // bytes of a regular expression or a glob
)

// Spec is a buildspec that was read and found to be honoured completely.
type Spec struct {
	File  string `json:"file"`  // path in the repository
	Shell string `json:"shell"` // absolute path
	// RunAs is whom the build runs as; nil leaves it to the operator.
	RunAs *document.Name `json:"run_as,omitempty"`
	// GitCredentials gives git in the build a token to read the repository.
	GitCredentials bool `json:"git_credentials,omitempty"`
	// Variables are env.variables, literally.
	Variables map[string]string `json:"variables,omitempty"`
	// Looked are env.parameter-store and env.secrets-manager, in the order of the file.
	Looked []Lookup `json:"looked,omitempty"`
	// Exported are the names in env.exported-variables.
	Exported []document.Name `json:"exported,omitempty"`
	// Runtimes are phases.install.runtime-versions.
	Runtimes []Runtime `json:"runtimes,omitempty"`
	// Phases in the order they run; those that the file does not have are left out.
	Phases []Phase `json:"phases"`
	// Primary is artifacts itself, Secondary artifacts.secondary-artifacts by identifier.
	Primary   *ArtifactSpec            `json:"primary,omitempty"`
	Secondary map[string]*ArtifactSpec `json:"secondary,omitempty"`
	// Reports are the groups of reports, in the order of the file.
	Reports []ReportSpec `json:"reports,omitempty"`
	// Cache is what is kept for later builds.
	Cache *CacheSpec `json:"cache,omitempty"`
	// Batch are the builds of a batch.
	Batch *BatchSpec `json:"batch,omitempty"`
	// Remarks say what is honoured in another way than AWS does; they go to the log.
	Remarks []document.Name `json:"remarks,omitempty"`
}

// Names of phases, in their order.
const (
	Install   = "install"
	PreBuild  = "pre_build"
	Build     = "build"
	PostBuild = "post_build"
)

// Phase is what runs in a phase.
type Phase struct {
	Name      string    `json:"name"`
	Line      int       `json:"line"`
	OnFailure OnFailure `json:"on_failure"`
	// RunAs is whom the phase runs as; nil: as the build.
	RunAs    *document.Name `json:"run_as,omitempty"`
	Commands []Command      `json:"commands,omitempty"`
	Finally  []Command      `json:"finally,omitempty"`
}

// Command is one entry of a list of commands: a line or a block, judged by its exit status.
type Command struct {
	Text string `json:"text"`
	Line int    `json:"line"`
}

// title is the command's first line, cut to fit into a sentence.
func (c Command) title() string {
	first, rest, _ := strings.Cut(strings.TrimSpace(c.Text), "\n")
	const most = 100
	if r := []rune(first); len(r) > most {
		return string(r[:most]) + "…"
	}
	if rest != "" {
		return first + " …"
	}
	return first
}

// OnFailure is what follows when a phase fails. The zero value is CodeBuild's default for the phase.
type OnFailure struct {
	// Action is empty, ABORT, CONTINUE or RETRY.
	Action string `json:"action,omitempty"`
	// Retries is how often the build is tried again, with RETRY.
	Retries int `json:"retries,omitempty"`
	// Pattern must match the error for that.
	Pattern string `json:"pattern,omitempty"`
}

// Actions after a failure.
const (
	Abort    = "ABORT"
	Continue = "CONTINUE"
	Retry    = "RETRY"
)

var onFailureRE = lazyregexp.New(`\A(?:(ABORT)|(CONTINUE)|RETRY(?:-([0-9]{1,3}))?(?:-(.+))?)\z`)

// parseOnFailure reads ABORT, CONTINUE, RETRY, RETRY-n, RETRY-regex and RETRY-n-regex.
func parseOnFailure(s string) (OnFailure, error) {
	m := onFailureRE.FindStringSubmatch(s)
	switch {
	case m == nil:
		return OnFailure{}, fmt.Errorf("%q is not ABORT, CONTINUE, RETRY, RETRY-n, RETRY-regex or RETRY-n-regex", s)
	case m[1] != "" || m[2] != "":
		return OnFailure{Action: s}, nil
	}
	f := OnFailure{Action: Retry, Retries: 3, Pattern: m[4]}
	if m[3] != "" {
		_, _ = fmt.Sscan(m[3], &f.Retries)
	}
	if f.Retries > 100 {
		return OnFailure{}, fmt.Errorf("%q: at most 100 retries", s)
	}
	if len(f.Pattern) > maxPattern {
		return OnFailure{}, fmt.Errorf("the regular expression is longer than %d bytes", maxPattern)
	}
	if _, err := regexp.Compile(f.Pattern); err != nil {
		return OnFailure{}, fmt.Errorf("%q: %w", s, err)
	}
	return f, nil
}

// ArtifactSpec says which files an artifact has.
type ArtifactSpec struct {
	Name string `json:"name,omitempty"` // shell text, evaluated in the build
	Line int    `json:"line"`
	// Files, Exclude and Base are patterns of paths. Variables in them (pathVariables) are expanded after the build.
	Files    []document.Name `json:"files"`
	Exclude  []string        `json:"exclude,omitempty"`
	Base     string          `json:"base,omitempty"`
	Flat     bool            `json:"flat,omitempty"` // discard-paths
	Symlinks bool            `json:"symlinks,omitempty"`
	Prefix   string          `json:"prefix,omitempty"` // s3-prefix
}

// ReportSpec says which files of test results or coverage a build leaves.
type ReportSpec struct {
	Group  string          `json:"group"` // a name, or the name in an ARN
	Line   int             `json:"line"`
	Format report.Format   `json:"format"`
	Files  []document.Name `json:"files"` // patterns, relative to Base
	Base   string          `json:"base,omitempty"`
}

var (
	nameRE       = lazyregexp.New(`\A[A-Za-z_][A-Za-z0-9_]*\z`)
	userRE       = lazyregexp.New(`\A[a-z_][a-z0-9_-]{0,31}\z`)
	identifierRE = lazyregexp.New(`\A[A-Za-z0-9][A-Za-z0-9_-]{0,127}\z`)
)

// dangerous tells why a variable must not be set from configuration: it would change which programs run, or what they
// believe about the build.
func dangerous(name string) string {
	switch name {
	case "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONHASHSEED":
		return "" // how Python writes, not what it loads
	case "PATH", "HOME", "TMPDIR", "SHELL", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "BASHOPTS", "PS4", "PROMPT_COMMAND",
		"NODE_OPTIONS", "RUBYOPT", "RUBYLIB", "PERL5OPT", "PERL5LIB", "PERL5DB", "JAVA_TOOL_OPTIONS", "CLASSPATH":
		return "it changes which programs run; set it in a command, where it can be read"
	}
	for prefix, why := range map[string]string{
		"LD_": "it changes what programs load", "DYLD_": "it changes what programs load",
		"GIT_": "it changes what git does", "PYTHON": "it changes what Python loads",
		"CODEBUILD_": "the name is reserved", "SLUICE_": "the name is reserved",
	} {
		if strings.HasPrefix(name, prefix) && !strings.HasPrefix(name, "PYTHON_") { // those are not Python's own
			return why
		}
	}
	return ""
}
