package config

import (
	"cmp"
	"fmt"
	"sync"
	"time"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/internal/lazyregexp"
	"github.com/sluicehq/sluice/pipeline"
)

const day = 24 * time.Hour

// Forms of names. They are anchored as a whole, and plain enough that a JSON Schema may repeat them.
var (
	environmentRE   = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	componentRE     = lazyregexp.New(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	stageRE         = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$`)
	identRE         = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	usesRE          = lazyregexp.New(`^[a-z][a-z0-9_-]{0,39}$`)
	teamRE          = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$`)
	loginRE         = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?$`)
	appRE           = lazyregexp.New(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$`)
	onFailureRE     = lazyregexp.New(`^(fail|continue|retry\(([1-9]|10)\))$`)
	failOrRetryRE   = lazyregexp.New(`^(fail|retry\(([1-9]|10)\))$`)
	variableRE      = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)
	givenVariableRE = lazyregexp.New(`^[A-Za-z0-9@_-]{1,128}$`)
	extendsRE       = lazyregexp.New(`^(\.?[A-Za-z0-9_-][A-Za-z0-9_.-]*/)*\.?[A-Za-z0-9_-][A-Za-z0-9_.-]*\.ya?ml#[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	durationRE      = lazyregexp.New(`^([0-9]{1,5}(d|h|m|s)){1,4}$`)
	releaseRE       = lazyregexp.New(`^[^{}]+\{version\}[^{}]*$`)
	hotfixRE        = lazyregexp.New(`^[^{}]+\{id\}[^{}]*$`)
	supportRE       = lazyregexp.New(`^[^{}]+\{major\}\.\{minor\}[^{}]*$`)
	tagRE           = lazyregexp.New(`\{ReleaseVersion\}`)
	pathRE          = lazyregexp.New(`^[^/*?\[{\\]+(/[^/]+)*$`)
	exportedRE      = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.[\s\S]`)
	oneLineRE       = lazyregexp.New(`^[^\x00-\x1f\x7f-\x9f]*$`)
)

// fileSpec is the whole of .github/sluice.yml. It is made once: nobody changes it.
var fileSpec = sync.OnceValue(func() *spec {
	return &spec{kind: objectValue, doc: "Configuration of Sluice for one repository.", fields: []field{
		{"version", true, &spec{kind: constantValue, words: []string{"1"}, doc: "Version of this file's format."}},
		{"mode", false, &spec{kind: wordValue, words: []string{"enforce", "observe"}, def: "enforce",
			doc: "observe: report and change nothing."}},
		{"app", false, &spec{kind: textValue, pattern: appRE, maxLen: 128, def: "the repository's name",
			form: "small letters and digits, joined by single dots, underscores or dashes",
			doc:  "Name of the application: {AppName} and {ImageName} in image tags."}},
		{"branches", false, branchesSpec()},
		{"versioning", false, versioningSpec()},
		{"registries", false, registriesSpec()},
		{"environments", false, &spec{kind: mappingValue, maxItems: 50, elem: environmentSpec(),
			names: environmentRE, nameForm: "an environment's name is letters, digits, dots, dashes and underscores",
			noCase: []string{pipeline.EnvironmentDevelopment, pipeline.EnvironmentStaging, pipeline.EnvironmentProduction},
			doc:    "Places that are deployed to, by name; no two differ in case alone. development, staging and production have a part in the flow."}},
		{"pipelines", false, pipelinesSpec()},
		{"finish", false, &spec{kind: objectValue, doc: "How a release ends.", fields: []field{
			{"order", false, &spec{kind: wordValue, words: []string{"deploy-then-merge", "merge-then-deploy"}, def: "deploy-then-merge",
				doc: "What comes first once a release is promoted: its deployment to production, or tag and merge."}},
			{"delete_branch", false, &spec{kind: booleanValue, def: "true", doc: "Delete the release or hotfix branch at the end."}},
		}}},
		{"secrets", false, secretsSpec()},
		{"components", false, componentsSpec()},
		{"notify", false, &spec{kind: listValue, unbuilt: "notifications",
			doc: "Whom to tell what. Not supported by this version: leave it out or empty."}},
		{"locked", false, &spec{kind: listValue, elsewhere: refusal{"only the organization's file, in its repository .github, locks keys", "take the key out"},
			doc: "Keys that repositories may not set; in the organization's file only."}},
	}}
})

func branchesSpec() *spec {
	branch := func(def, doc string) *spec {
		return &spec{kind: textValue, maxLen: 200, def: def, doc: doc}
	}
	template := func(kind gitflow.Kind, pattern *lazyregexp.Regexp, def, doc string) *spec {
		return &spec{kind: textValue, maxLen: 200, pattern: pattern, form: "a template like " + def, def: def, doc: doc, valid: func(text string) string {
			if problem := gitflow.CheckTemplate(kind, text); problem != "" {
				return fmt.Sprintf("%q %s", clip(text), problem)
			}
			return ""
		}}
	}
	globs := func(def, doc string) *spec {
		return &spec{kind: listValue, single: true, maxItems: 50, def: def, doc: doc,
			elem: &spec{kind: textValue, valid: badGlob, form: "a glob: * within one part of a name, ** across several"}}
	}
	return &spec{kind: objectValue, doc: "Names of the branches.", fields: []field{
		{"production", false, branch("master, else main", "The production branch.")},
		{"development", false, branch("development, else develop", "The development branch.")},
		{"bugfix", false, globs(`["bugfix/*", "fix/*"]`, "Globs for bugfix branches.")},
		{"release", false, template(gitflow.KindRelease, releaseRE, "release/{version}", "Release branches; {version} stands for the version.")},
		{"hotfix", false, template(gitflow.KindHotfix, hotfixRE, "hotfix/{id}", "Hotfix branches; {id} stands for the hotfix's id.")},
		{"support", false, template(gitflow.KindSupport, supportRE, "support/{major}.{minor}", "Support branches; {major} and {minor} stand for the line.")},
		{"ignore", false, globs(`["gh-pages", "gh-readonly-queue/**"]`, "Globs for branches that Sluice keeps out of.")},
		{"max_open_releases", false, &spec{kind: integerValue, min: 1, max: 20, def: "1",
			doc: "How many release branches may be open at once."}},
	}}
}

func versioningSpec() *spec {
	return &spec{kind: objectValue, doc: "How versions and tags are made.", fields: []field{
		{"next", false, &spec{kind: wordValue, words: []string{"patch", "minor", "major"}, def: "minor",
			doc: "The least that rises for the next release; commits may raise more."}},
		{"hotfix", false, &spec{kind: wordValue, words: []string{"suffix", "patch"}, def: "suffix",
			doc: "suffix: hotfix 17 of 1.4.0 is 1.4.0-hotfix-17; patch: it is 1.4.1."}},
		{"tag", false, &spec{kind: textValue, maxLen: 200, pattern: tagRE, valid: badTagPattern, def: "v{ReleaseVersion}",
			form: "a git tag that holds {ReleaseVersion} once", doc: "How git tags of releases are written."}},
		{"revision_length", false, &spec{kind: integerValue, min: 7, max: 40, def: "7",
			doc: "Hex digits of the commit in image tags."}},
	}}
}

func registriesSpec() *spec {
	image := func(doc string) *spec {
		return &spec{kind: textValue, maxLen: 400, pattern: imageTemplateRE, valid: badImageTemplate,
			form: "a full image repository, host/path without tag; only {owner} and {app} expand",
			doc:  doc + " A full image repository, host/path without tag. {owner} and {app} expand, nothing is appended."}
	}
	return &spec{kind: objectValue, doc: "Where images are. The operator says which image repositories are allowed (--registry-allow).",
		needs: map[string]string{"development": "production", "production": "development"},
		form:  "images are built into development and promoted to production: set both or neither",
		fields: []field{
			{"development", false, image("Where pipelines push what they build.")},
			{"production", false, image("Where releases are promoted to.")},
		}}
}

func environmentSpec() *spec {
	people := func(pattern *lazyregexp.Regexp, form, doc string) *spec {
		return &spec{kind: listValue, single: true, maxItems: 100, doc: doc,
			elem: &spec{kind: textValue, pattern: pattern, maxLen: 106, form: form}}
	}
	teams := func(doc string) *spec { return people(teamRE, "a team's slug, without the organization", doc) }
	users := func(doc string) *spec { return people(loginRE, "a login, without @", doc) }
	onlyProduction := func(problem, hint string, of *spec) *spec {
		of.only = &onlyIn{pipeline.EnvironmentProduction, refusal{problem, cmp.Or(hint, "move it to environments.production, or take it out")}}
		return of
	}
	return &spec{kind: objectValue, name: "environment", doc: "A place that is deployed to.", fields: []field{
		{"approve", false, &spec{kind: objectValue, doc: "Approval before anything enters. Production always has one.", fields: []field{
			{"teams", false, teams("Slugs of the teams whose members may approve.")},
			{"users", false, users("Logins of people who may approve. With neither teams nor users, whoever may write.")},
			{"count", false, &spec{kind: integerValue, min: 1, max: 20, def: "1", doc: "How many different people must approve."}},
			{"allow_author", false, &spec{kind: booleanValue, def: "false", doc: "Whether people may approve a change they took part in."}},
			{"expires", false, &spec{kind: durationValue, shortest: 5 * time.Minute, longest: 60 * day, def: "7d",
				doc: "After this time an open approval fails."}},
			{"remind", false, &spec{kind: durationValue, shortest: time.Minute, longest: 60 * day, zero: true,
				def: "24h, or half of a shorter expires",
				doc: "After this time an open approval is called to mind; 0s: never."}},
			{"reviews", false, &spec{kind: booleanValue, def: "false",
				doc: "Whether GitHub's reviews count: an approving review of the commit that waits is an approval, requested changes are a veto."}},
			{"escalate", false, &spec{kind: objectValue, someOf: []string{"teams", "users"}, form: "name teams or users", doc: "Whom an approval that nobody gives is taken to. They are mentioned once; it gives them no rights.", fields: []field{
				{"after", true, &spec{kind: durationValue, shortest: time.Minute, longest: 60 * day, doc: "How long an approval is open before that; less than expires."}},
				{"teams", false, teams("Slugs of the teams to mention.")},
				{"users", false, users("Logins of the people to mention.")},
			}}},
		}}},
		{"promote", false, onlyProduction("only production is promoted to", "", &spec{kind: objectValue, doc: "Promotion into this environment; of production only.", fields: []field{
			{"teams", false, teams("Slugs of the teams whose members may promote.")},
			{"users", false, users("Logins of people who may promote. With neither teams nor users, whoever may maintain.")},
			{"auto", false, &spec{kind: booleanValue, def: "true", doc: "true: the last approval starts the promotion; false: /promote does."}},
		}})},
		{"emergency", false, onlyProduction("only production has an emergency path", "", &spec{kind: objectValue, someOf: []string{"teams", "users"}, form: "name teams or users, or take it out: admins may then", doc: "Who may take a candidate to production by /promote --emergency, with a second person, and roll production back like release managers: those on call. Of production only. Without it, admins and release managers.", fields: []field{
			{"teams", false, teams("Slugs of the teams whose members may.")},
			{"users", false, users("Logins of people who may.")},
		}})},
		{"verify", false, onlyProduction("only production is promoted to, so nothing is verified for <name>", "", verifySpec())},
		{"deploy", false, &spec{kind: objectValue, doc: "How to deploy. Without it only the deployment is recorded at GitHub.", fields: []field{
			{"uses", true, deployUsesSpec()},
			{"with", false, withSpec()},
		}}},
		{"borrow", false, &spec{kind: wordValue, words: []string{"hotfix", "never"}, def: "hotfix",
			doc: "Who may borrow the place from a candidate that waits for its approval, whose image is put back afterwards; never: a hotfix waits."}},
		{"windows", false, windowsSpec()},
		{"freeze", false, freezeSpec()},
		{"soak", false, onlyProduction("only production is promoted to, so nothing soaks for <name>", "",
			soakSpec("0s", "How long a version must have run without a failure in the environment before; of production only."))},
		{"soak_hotfix", false, onlyProduction("only production is promoted to, so nothing soaks for <name>", "", soakSpec("as soak", "The same for hotfixes."))},
		{"rollback_on", false, onlyProduction("only production goes back to the last good version by itself",
			"move it to environments.production, or take it out: uses: appspec rolls back what it deployed, and /rollback <name> goes back to any version",
			&spec{kind: listValue, single: true, maxItems: 10, def: "[]",
				elem: &spec{kind: wordValue, words: []string{"deploy-failure", "alarm"}},
				doc:  "What is answered by deploying the last good digest again: any deployment that failed, or one that failed after an alarm was raised."})},
	}}
}

func usesSpec(doc string, never map[string]refusal) *spec {
	return &spec{kind: textValue, pattern: usesRE, maxLen: 40, form: "the name of an executor, such as buildspec",
		known: usesBuilt(), never: never, doc: doc}
}

// deployUsesSpec is what deploys to an environment.
func deployUsesSpec() *spec {
	never := map[string]refusal{}
	for _, uses := range engineUses() {
		never[uses] = refusal{fmt.Sprintf("%q is no way to deploy", uses), "name the executor that deploys"}
	}
	return usesSpec("The executor that deploys, such as github-actions.", never)
}

func withSpec() *spec {
	return &spec{kind: anythingValue, denyEnv: true, doc: "Parameters of the executor."}
}

// pipelineKinds are the keys of pipelines.
func pipelineKinds() []string {
	return []string{pipeline.KindFeature, pipeline.KindBugfix, pipeline.KindDevelopment, pipeline.KindRelease,
		pipeline.KindHotfix, pipeline.KindProduction, pipeline.KindSupport}
}

func pipelinesSpec() *spec {
	s := &spec{kind: objectValue, name: "pipelines", doc: "Pipelines by kind of branch. A kind that is left out has the default; bugfix is as feature, support as release."}
	for _, kind := range pipelineKinds() {
		s.fields = append(s.fields, field{kind, false, pipelineSpec(kind)})
	}
	return s
}

// componentsSpec is components: what may differ from one application of a monorepo to the next.
func componentsSpec() *spec {
	registries, pipelines := registriesSpec(), pipelinesSpec()
	registries.doc = "Where the component's images are. Without it, below the repository's registries, under the component's name."
	pipelines.doc = "Pipelines of the component, by kind of branch. A kind that is left out is as the repository's."
	return &spec{kind: listValue, maxItems: 50, def: "[]",
		doc: "Applications of a monorepo. Each has versions, tags, release branches, pipelines and environments of its own.",
		elem: &spec{kind: objectValue, doc: "An application.", fields: []field{
			{"name", true, &spec{kind: textValue, pattern: componentRE, maxLen: 40, form: "a small letter, then small letters, digits and single dashes",
				doc: "Name of the component, in tags (api/v1.2.3), branches (release/api/1.2.3), images and environments (api/production)."}},
			{"paths", true, &spec{kind: listValue, single: true, nonEmpty: true, maxItems: 50,
				elem: &spec{kind: textValue, pattern: pathRE, valid: badPathGlob, form: "a glob of paths that begins with a folder: api/**"},
				doc:  "Globs of the files it is made of, from the root of the repository. What several are made of belongs to each of them."}},
			{"registries", false, registries},
			{"pipelines", false, pipelines},
		}}}
}

// conditionSpec is a condition of a stage. words are what may follow when it does not hold.
func conditionSpec(doc string, words ...string) *spec {
	value := func(doc string) *spec { return &spec{kind: textValue, maxLen: 200, doc: doc} }
	return &spec{kind: objectValue, doc: doc, fields: []field{
		{"if", true, &spec{kind: listValue, name: "rules", nonEmpty: true, maxItems: pipeline.MaxRules, doc: "Rules about variables. The condition holds when all do.",
			elem: &spec{kind: objectValue, doc: "A rule.", oneOf: []string{"equals", "not", "matches"}, fields: []field{
				{"variable", true, &spec{kind: textValue, pattern: exportedRE, maxLen: 200, form: "namespace.name", doc: "Variable that an action before has exported, as namespace.name. One that was not exported fulfils no rule."}},
				{"equals", false, value("The variable is this.")},
				{"not", false, value("The variable is anything but this.")},
				{"matches", false, value("All of the variable matches this regular expression (RE2).")},
			}}}},
		{"else", false, &spec{kind: wordValue, words: words, foreign: stageRollback(), def: "fail", doc: "What follows when it does not hold."}},
	}}
}

// stageRollback answers CodePipeline's word. What is rolled back here is what an environment runs, and not what a stage did: a stage
// that tests has nothing to take back, and one that deploys belongs to an environment, whose lock and record a rollback needs.
func stageRollback() map[string]string {
	return map[string]string{"rollback": "a stage is not rolled back, an environment is: production by environments.production.rollback_on: " +
		"[deploy-failure], hosts by uses: appspec itself, any environment by /rollback"}
}
