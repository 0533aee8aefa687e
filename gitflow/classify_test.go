package gitflow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestClassify(t *testing.T) {
	for name, c := range map[string]struct {
		branch string
		want   Branch
	}{
		"the production branch":                        {"master", Branch{Kind: KindProduction, Deploys: true}},
		"the development branch":                       {"development", Branch{Kind: KindDevelopment, Deploys: true}},
		"a plain name is a feature":                    {"adding-automation-scripts", Branch{Kind: KindFeature, Deploys: true}},
		"an issue's name is a feature":                 {"issue-543", Branch{Kind: KindFeature, Deploys: true}},
		"a person's folder is a feature":               {"john/adding-automation-scripts", Branch{Kind: KindFeature, Deploys: true}},
		"a prefix feature/ changes nothing":            {"feature/ABC-12-login", Branch{Kind: KindFeature, Deploys: true}},
		"a bugfix by its prefix":                       {"bugfix/543", Branch{Kind: KindBugfix, Deploys: true}},
		"a fix by its prefix":                          {"fix/543", Branch{Kind: KindBugfix, Deploys: true}},
		"a release with its version":                   {"release/1.4.0", Branch{Kind: KindRelease, Version: "1.4.0", Deploys: true}},
		"a hotfix with its id":                         {"hotfix/17", Branch{Kind: KindHotfix, ID: "17", Deploys: true}},
		"a hotfix with an issue key":                   {"hotfix/ABC-12", Branch{Kind: KindHotfix, ID: "ABC-12", Deploys: true}},
		"a support line":                               {"support/1.4", Branch{Kind: KindSupport, Line: "1.4", Deploys: true}},
		"a back-merge branch of Sluice":                {"backmerge/3f9c2ab-to-development", Branch{Kind: KindBackmerge}},
		"a finish branch of Sluice":                    {"sluice/finish-1.4.0", Branch{Kind: KindFinish}},
		"the pages branch is ignored":                  {"gh-pages", Branch{Kind: KindIgnored}},
		"merge queue branches are ignored":             {"gh-readonly-queue/master/pr-1-abc", Branch{Kind: KindIgnored}},
		"dependabot's are built and not deployed":      {"dependabot/go_modules/x-1.2", Branch{Kind: KindFeature}},
		"renovate's are built and not deployed":        {"renovate/all", Branch{Kind: KindFeature}},
		"a shell's dollar is only a name":              {"feature/$(curl evil.test)", Branch{Kind: KindFeature, Deploys: true}},
		"250 bytes are only a name":                    {strings.Repeat("a", 250), Branch{Kind: KindFeature, Deploys: true}},
		"a release needs a version":                    {"release/next", flawed(KindRelease, FlawVersion)},
		"a release version has no v":                   {"release/v1.4.0", flawed(KindRelease, FlawVersion)},
		"a release version has no leading zero":        {"release/1.04.0", flawed(KindRelease, FlawVersion)},
		"a release version has three parts":            {"release/1.4", flawed(KindRelease, FlawVersion)},
		"a release version has not four parts":         {"release/1.4.0.1", flawed(KindRelease, FlawVersion)},
		"a release version fits a number":              {"release/1.2.99999999999999999999", flawed(KindRelease, FlawVersion)},
		"a support line has two parts":                 {"support/1.4.0", flawed(KindSupport, FlawVersion)},
		"a Cyrillic a is not master":                   {"mаster", flawed(KindFeature, FlawLookAlike)},
		"a fullwidth name is not master":               {"ｍａｓｔｅｒ", flawed(KindFeature, FlawLookAlike)},
		"a zero is not an o":                           {"devel0pment", flawed(KindFeature, FlawLookAlike)},
		"an I is not an l":                             {"deveIopment", flawed(KindFeature, FlawLookAlike)},
		"an invisible character is not master":         {"mas\u200bter", flawed(KindFeature, FlawLookAlike, FlawHidden)},
		"text that runs backwards is dangerous":        {"x\u202egpj", flawed(KindFeature, FlawHidden)},
		"a Cyrillic е is not a release":                {"rеlease/1.4.0", flawed(KindFeature, FlawLookAlike)},
		"capitals are not master":                      {"Master", flawed(KindFeature, FlawCaseClash)},
		"a capital R is not a release":                 {"Release/1.4.0", flawed(KindFeature, FlawCaseClash)},
		"capitals are not a hotfix":                    {"HOTFIX/17", flawed(KindFeature, FlawCaseClash)},
		"a full ref as a short name is not master":     {"refs/heads/master", flawed(KindFeature, FlawRefLike)},
		"an option is a dangerous name":                {"--upload-pack=x", flawed(KindFeature, FlawRefLike)},
		"HEAD is a dangerous name":                     {"HEAD", flawed(KindFeature, FlawRefLike)},
		"other alphabets are no fault":                 {"функция/вход", Branch{Kind: KindFeature, Deploys: true}},
		"a bare prefix is no release":                  {"release/", Branch{Kind: KindFeature, Deploys: true}},
		"the word alone is no release":                 {"release", Branch{Kind: KindFeature, Deploys: true}},
		"a slash more makes it no bugfix of the globs": {"bugfix/john/543", Branch{Kind: KindFeature, Deploys: true}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Name = c.branch
			got := standard.Classify(c.branch)
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(Flaw{}, "Text", "Like", "Fatal"), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("Classify(%q) (-want +got):\n%s", c.branch, diff)
			}
		})
	}
}

// flawed is a branch of a kind with flaws; features deploy, a malformed release does not.
func flawed(k Kind, rules ...FlawRule) Branch {
	b := Branch{Kind: k, Deploys: k == KindFeature}
	for _, r := range rules {
		b.Flaws = append(b.Flaws, Flaw{Rule: r})
	}
	return b
}

func TestForkBranchesAreFeatures(t *testing.T) {
	for name, c := range map[string]struct {
		branch string
		want   Kind
		flaws  int
	}{
		"a fork's development":     {"development", KindFeature, 1},
		"a fork's master":          {"master", KindFeature, 1},
		"a fork's hotfix":          {"hotfix/1", KindFeature, 1},
		"a fork's finish branch":   {"sluice/finish-1.4.0", KindFeature, 1},
		"a fork's bugfix":          {"fix/543", KindBugfix, 0},
		"a fork's feature":         {"issue-543", KindFeature, 0},
		"a fork's look-alike":      {"mаster", KindFeature, 0},
		"a fork's hidden letters":  {"x\u202egpj", KindFeature, 1},
		"a fork's malformed name":  {"release/next", KindFeature, 1},
		"a fork's ignored name":    {"gh-pages", KindFeature, 0},
		"a fork's back-merge name": {"backmerge/x", KindFeature, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got := standard.ClassifyFork(c.branch)
			if got.Kind != c.want || got.Deploys || !got.Fork || len(got.Flaws) != c.flaws {
				t.Errorf("ClassifyFork(%q) = %+v, want a %s of a fork that does not deploy, with %d flaws", c.branch, got, c.want, c.flaws)
			}
		})
	}
}

func TestDefaultNames(t *testing.T) {
	for name, c := range map[string]struct {
		branches                []string
		production, development string
		active                  bool
	}{
		"master and development":        {[]string{"master", "development"}, "master", "development", true},
		"main and develop":              {[]string{"main", "develop"}, "main", "develop", true},
		"both names of both":            {[]string{"main", "master", "develop", "development"}, "master", "development", true},
		"no development branch":         {[]string{"main"}, "main", "development", false},
		"an empty repository":           {nil, "master", "development", false},
		"a name in another case is not": {[]string{"Main", "develop"}, "master", "develop", false},
	} {
		t.Run(name, func(t *testing.T) {
			n := DefaultNames(c.branches)
			if n.Production != c.production || n.Development != c.development || n.Active(c.branches) != c.active {
				t.Errorf("DefaultNames(%q) = %q and %q, active %v", c.branches, n.Production, n.Development, n.Active(c.branches))
			}
			if errs := n.Validate(); errs != nil {
				t.Errorf("default names do not validate: %v", errs)
			}
		})
	}
}

func TestValidateNamesEachProblem(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Names)
		want   []string // fields
	}{
		"nothing wrong":                       {func(n *Names) {}, nil},
		"no support lines":                    {func(n *Names) { n.Support = "" }, nil},
		"another template":                    {func(n *Names) { n.Release = "rel-{version}-rc" }, nil},
		"no production":                       {func(n *Names) { n.Production = "" }, []string{"production"}},
		"a ref as production":                 {func(n *Names) { n.Production = "refs/heads/main" }, []string{"production"}},
		"a blank in production":               {func(n *Names) { n.Production = "my main" }, []string{"production"}},
		"production in Sluice's own names":    {func(n *Names) { n.Production = "sluice/finish-x" }, []string{"production"}},
		"one branch for both":                 {func(n *Names) { n.Development = "Master" }, []string{"development"}},
		"a template without a version":        {func(n *Names) { n.Release = "release/" }, []string{"release"}},
		"a template that is only a hole":      {func(n *Names) { n.Hotfix = "{id}" }, []string{"hotfix"}},
		"a template with a strange hole":      {func(n *Names) { n.Release = "release/{version}/{who}" }, []string{"release"}},
		"two holes":                           {func(n *Names) { n.Hotfix = "hotfix/{id}/{id}" }, []string{"hotfix"}},
		"hotfixes that look like releases":    {func(n *Names) { n.Hotfix = "release/{id}" }, []string{"hotfix"}},
		"releases among Sluice's own":         {func(n *Names) { n.Release = "backmerge/{version}" }, []string{"release"}},
		"an ignore glob over everything":      {func(n *Names) { n.Ignore = []string{"**"} }, []string{"ignore[0]", "ignore[0]", "release", "hotfix", "support"}},
		"a bugfix glob over development":      {func(n *Names) { n.Bugfix = []string{"fix/*", "dev*"} }, []string{"bugfix[1]"}},
		"a malformed glob":                    {func(n *Names) { n.Bugfix = []string{"fix/[a"} }, []string{"bugfix[0]"}},
		"an empty glob":                       {func(n *Names) { n.Bots = []string{""} }, []string{"bots[0]"}},
		"a glob that is too long":             {func(n *Names) { n.Bots = []string{strings.Repeat("a", 513)} }, []string{"bots[0]"}},
		"no release may be open":              {func(n *Names) { n.MaxOpenReleases = 0 }, []string{"max_open_releases"}},
		"several problems are all reported":   {func(n *Names) { n.Production, n.MaxOpenReleases = "", 0 }, []string{"production", "max_open_releases"}},
		"an ignore glob that hides a release": {func(n *Names) { n.Ignore = []string{"release/**"} }, []string{"release"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := standard
			c.change(&n)
			var got []string
			for _, err := range n.Validate() {
				problem := err.(*NameError)
				if problem.Problem == "" || problem.Hint == "" {
					t.Errorf("%+v has no problem or no hint", problem)
				}
				got = append(got, problem.Field)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("fields with problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBranchNamesArePrintedAndReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.StringMatching(`(0|[1-9][0-9]{0,6})\.(0|[1-9][0-9]{0,6})\.(0|[1-9][0-9]{0,6})`).Draw(t, "version")
		branch, err := standard.ReleaseBranch(version)
		if got := standard.Classify(branch); err != nil || got.Kind != KindRelease || got.Version != version {
			t.Fatalf("%q: %+v, %v", version, got, err)
		}
		id := rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9_-]{0,60}`).Draw(t, "id")
		branch, err = standard.HotfixBranch(id)
		if got := standard.Classify(branch); err != nil || got.Kind != KindHotfix || got.ID != id {
			t.Fatalf("%q: %+v, %v", id, got, err)
		}
		line := rapid.StringMatching(`(0|[1-9][0-9]{0,6})\.(0|[1-9][0-9]{0,6})`).Draw(t, "line")
		branch, err = standard.SupportBranch(line)
		if got := standard.Classify(branch); err != nil || got.Kind != KindSupport || got.Line != line {
			t.Fatalf("%q: %+v, %v", line, got, err)
		}
	})
}

func TestBadVersionsAndIDsMakeNoBranch(t *testing.T) {
	for _, v := range []string{"", "v1.4.0", "1.4", "1.4.0.0", "01.4.0", "1.4.0-rc.1", "1.4.99999999999999999999", "1.4.0/..", "../../main", "1..0"} {
		if branch, err := standard.ReleaseBranch(v); err == nil {
			t.Errorf("ReleaseBranch(%q) = %q, want an error", v, branch)
		}
	}
	for _, id := range []string{"", "../../main", "a b", "-x", "a/b", ".hidden", "a.lock", "a..b", "é", strings.Repeat("a", 65), "x."} {
		if branch, err := standard.HotfixBranch(id); err == nil {
			t.Errorf("HotfixBranch(%q) = %q, want an error", id, branch)
		}
	}
	for _, line := range []string{"", "1", "1.2.3", "a.b", "01.2"} {
		if branch, err := standard.SupportBranch(line); err == nil {
			t.Errorf("SupportBranch(%q) = %q, want an error", line, branch)
		}
	}
}

// Whatever a branch is called, classifying it does not panic, and its flaws carry a sentence and a remedy.
func FuzzClassify(f *testing.F) {
	for _, s := range []string{"master", "release/1.4.0", "mаster", "refs/heads/x", "\xff\xfe", "release/", "HOTFIX/", "Sluice/Finish-é", "\x02a\x03"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, b := range []Branch{standard.Classify(name), standard.ClassifyFork(name)} {
			if b.Kind == "" || b.Name != name {
				t.Fatalf("%q: %+v", name, b)
			}
			for _, flaw := range b.Flaws {
				if flaw.Text == "" || flaw.remedy(standard, b) == "" {
					t.Errorf("%q: flaw %s has no text or no remedy", name, flaw.Rule)
				}
			}
		}
	})
}
