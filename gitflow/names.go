package gitflow

// Names says which branch names mean what in one repository. The zero value is not usable; start from DefaultNames.
type Names struct {
	Production  string // short name of the production branch
	Development string // short name of the development branch
	// Bugfix are doublestar globs for bugfix branches.
	Bugfix []string
	// Release holds {version} once, Hotfix {id}, Support {major} and {minor}, in that order.
	Release, Hotfix, Support string
	// Ignore are doublestar globs for branches that Sluice keeps out of.
	Ignore []string
	// Bots are doublestar globs for branches of other bots: features that are tested and built but not deployed.
	Bots []string
	// MaxOpenReleases is how many release branches may be open at once; at least 1.
	MaxOpenReleases int
}

// NameError says that one of the names cannot be used. Field is the key under "branches" in .github/sluice.yml.
type NameError struct {
	Field   string // "production", "bugfix[1]", …
	Problem string // one sentence without a full stop; untrusted values quoted by %q
	Hint    string // what to write instead
}

// BackmergePrefix and FinishPrefix begin the names of the branches that Sluice makes itself. They are not configurable.
const (
	BackmergePrefix = "backmerge/"
	FinishPrefix    = "sluice/finish-"
)

// Error is the field, the problem and the hint.
func (e *NameError) Error() string { return e.Field + ": " + e.Problem + "; " + e.Hint }

// DefaultNames is the flow with no configuration for a repository that has these branches: production is master, else
// main; development is development, else develop. Where neither exists the first name is taken, and Active is false.
func DefaultNames(branches []string) Names { return Names{} }

// Active tells whether both long-lived branches exist among branches. Without a configuration file Sluice does nothing
// in a repository where it is false.
func (n Names) Active(branches []string) bool { return false }

// Validate reports every name that cannot be used, as *NameError, in the order of the fields. Nil: all can.
func (n Names) Validate() []error { return nil }

// Classify says what a branch of this repository is, by its name.
func (n Names) Classify(branch string) Branch { return Branch{} }

// ClassifyFork says what a branch of another repository is. It is a feature or bugfix branch, whatever its name.
func (n Names) ClassifyFork(branch string) Branch { return Branch{} }

// ReleaseBranch is the name of the release branch for a version: "release/1.4.0". The version must be major.minor.patch.
func (n Names) ReleaseBranch(version string) (string, error) { return "", nil }

// HotfixBranch is the name of the hotfix branch for an id: "hotfix/17". The id must be letters, digits, '.', '_' and '-',
// begin with a letter or digit, be at most 64 long, and make a branch name that git accepts.
func (n Names) HotfixBranch(id string) (string, error) { return "", nil }

// SupportBranch is the name of the support branch for a line: "support/1.4". The line must be major.minor.
func (n Names) SupportBranch(line string) (string, error) { return "", nil }

// FinishBranch is the name of Sluice's branch at the approved commit of a version: "sluice/finish-1.4.0".
func FinishBranch(version string) string { return FinishPrefix + version }

// BackmergeBranch is the name of Sluice's branch that brings a production tip to target: "backmerge/3f9c2ab-to-development".
// One tip and target have one name, so it is found again after a crash.
func BackmergeBranch(tip, target string) string { return "" }
