package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/sluicehq/sluice/pipeline"
)

// kindModel stands for the kind of a pipeline model, which may be used for any.
const kindModel = "model"

// engineUses are the `uses:` that no executor carries out.
func engineUses() []string {
	return []string{pipeline.UsesApproval, pipeline.UsesDeploy, pipeline.UsesPromote}
}

// usesBuilt is all that `uses:` may say in this version.
func usesBuilt() []string { return append(executorsBuilt(), engineUses()...) }

// pipelineClass begins what the schema calls the pipeline of a kind and its stages: kinds of which the same holds share them.
func pipelineClass(kind string) string {
	switch {
	case kind == kindModel:
		return "model"
	case kind == pipeline.KindProduction:
		return "production"
	case slices.Contains(pipeline.EngineUses(kind), pipeline.UsesPromote):
		return "promoting"
	}
	return "testing"
}

// misplaced are the `uses:` that have no place in the pipeline of a kind.
func misplaced(kind string) map[string]refusal {
	out := map[string]refusal{}
	for _, uses := range engineUses() {
		switch {
		case kind == kindModel || slices.Contains(pipeline.EngineUses(kind), uses):
		case kind == pipeline.KindProduction:
			out[uses] = refusal{uses + " has no place in the production pipeline: it starts once approved and promoted",
				"put it into pipelines.release and pipelines.hotfix"}
		default:
			out[uses] = refusal{fmt.Sprintf("a %s pipeline cannot %s", kind, uses), "only release, hotfix and support do"}
		}
	}
	return out
}

// deploysToProduction is an action of the production pipeline that makes it one.
func deploysToProduction() match {
	return match{{key: "uses", words: []string{pipeline.UsesDeploy}},
		{key: "with", inside: match{{key: "environment", words: []string{pipeline.EnvironmentProduction}}}}}
}

// environmentNameSpec is the name of an environment in an action. In a model it may be a parameter.
func environmentNameSpec(kind string) *spec {
	return &spec{kind: textValue, pattern: environmentRE, maxLen: 64, form: "the name of an environment", hole: kind == kindModel}
}

// actionVariants are what holds of actions that no executor carries out, and of names that have a meaning.
func actionVariants(kind string) []variant {
	uses := func(word string) match { return match{{key: "uses", words: []string{word}}} }
	none := func(key string) field {
		return field{key, false, &spec{kind: listValue, elsewhere: refusal{"an approval takes and makes no artifacts", "leave inputs and outputs out"}}}
	}
	with := func(of *spec) *spec { return &spec{kind: objectValue, fields: []field{{"environment", false, of}}} }
	deploys := environmentNameSpec(kind)
	deploys.doc = "The environment to deploy to. What else is here is added to the parameters of its executor."
	if kind != kindModel && kind != pipeline.KindProduction {
		deploys.never = map[string]refusal{pipeline.EnvironmentProduction: {fmt.Sprintf("the %s pipeline cannot deploy to production", kind),
			"production is deployed to by pipelines.production, which a promotion starts"}}
	}
	const whichOne = "add with: { environment: staging }"
	deploys.missing = whichOne
	approves := environmentNameSpec(kind)
	approves.doc, approves.def = "The environment whose approval is asked for.", pipeline.EnvironmentProduction
	return []variant{
		{uses(pipeline.UsesApproval), []field{{"with", false, with(approves)}, none("inputs"), none("outputs"),
			{"on_failure", false, &spec{kind: wordValue, words: []string{"fail"}, hole: kind == kindModel,
				form: "an approval that is refused always fails; leave on_failure out"}}}},
		{uses(pipeline.UsesPromote), []field{
			{"with", false, with(&spec{kind: wordValue, words: []string{pipeline.EnvironmentProduction}, hole: kind == kindModel,
				form: "only production is promoted to: take it out"})},
			{"on_failure", false, &spec{kind: textValue, pattern: failOrRetryRE, maxLen: 9, hole: kind == kindModel,
				form: "nothing may go on behind a promotion that failed; use fail or retry(n)"}}}},
		{uses(pipeline.UsesDeploy), []field{{"with", true, &spec{kind: anythingValue, denyEnv: true, whole: true, missing: whichOne,
			fields: []field{{"environment", true, deploys}}}}}},
		{match{{key: "namespace", absent: true}}, []field{{"name", true, nameSpec(map[string]refusal{pipeline.VariablesNamespace: {
			fmt.Sprintf("%q is the namespace of the pipeline's own variables, and the action has none of its own", pipeline.VariablesNamespace),
			"use another name, or set namespace"}})}}},
	}
}

// stageVariants are what holds of a stage with an action that nothing repeats and nothing may pass over by itself.
func stageVariants(kind string) []variant {
	changes, people := match{{key: "uses", words: []string{pipeline.UsesPromote}}},
		match{{key: "uses", words: []string{pipeline.UsesApproval, pipeline.UsesPromote}}}
	if kind == pipeline.KindProduction {
		changes, people = deploysToProduction(), deploysToProduction()
	}
	stays := conditionSpec("", "fail")
	stays.field("else").foreign["skip"] = "a stage with an approval, a promotion or a deployment to production is not skipped"
	return []variant{
		{match{{key: "actions", some: changes}}, []field{{"on_failure", false, &spec{kind: wordValue, words: []string{"fail"},
			form: "nothing tries production again by itself; take it out, and use /retry"}}}},
		{match{{key: "actions", some: people}}, []field{{"before_entry", false, stays}}},
	}
}

// nameSpec is the name of an action.
func nameSpec(never map[string]refusal) *spec {
	return &spec{kind: textValue, pattern: identRE, maxLen: 64, form: "letters, digits, dashes and underscores; at most 64", never: never,
		doc: "Name, unique in the stage."}
}

// pipelineSpec is the pipeline of a kind of branch, or a model.
func pipelineSpec(kind string) *spec {
	artifacts := func(doc string) *spec {
		return &spec{kind: listValue, single: true, maxItems: 20, doc: doc,
			elem: &spec{kind: textValue, pattern: identRE, maxLen: 64, form: "letters, digits, dashes and underscores"}}
	}
	with := withSpec()
	with.whole = true
	action := &spec{kind: objectValue, doc: "One thing that is done, or waited for.", variants: actionVariants(kind), fields: []field{
		{"name", true, nameSpec(nil)},
		{"uses", true, usesSpec("The executor (checks, buildspec, image, appspec, github-actions), approval, promote, or deploy for what the environment says.",
			misplaced(kind))},
		{"with", false, with},
		{"env", false, &spec{kind: mappingValue, maxItems: 100, elem: &spec{kind: textValue, empty: true, maxLen: 4096},
			names: variableRE, nameForm: "a variable's name is letters, digits and underscores", deny: DeniedEnv,
			doc: "Further environment variables. A value may hold #{namespace.name}."}},
		{"run_order", false, &spec{kind: integerValue, min: 1, max: 999, def: "1",
			doc: "Actions with the same number run at the same time, a higher number after them. Numbers may be left out."}},
		{"inputs", false, artifacts("Artifacts that the action takes.")},
		{"outputs", false, artifacts("Artifacts that the action makes.")},
		{"namespace", false, &spec{kind: textValue, pattern: identRE, maxLen: 64, def: "the action's name",
			form: "letters, digits, dashes and underscores", never: map[string]refusal{
				pipeline.VariablesNamespace: {fmt.Sprintf("%q is for the pipeline's own variables", pipeline.VariablesNamespace), "give the action another"},
				pipeline.OwnNamespace:       {fmt.Sprintf("%q is Sluice's own", pipeline.OwnNamespace), "give the action another"},
			}, doc: "Prefix of the variables that the action exports."}},
		{"timeout", false, &spec{kind: durationValue, shortest: time.Second, longest: 60 * day, def: "60m",
			doc: "After this time the action is stopped and fails; at most 1d. It counts from when the action has begun: waiting for an environment is not running, and may take 7d. Of an approval: approve.expires of its environment, at most 60d."}},
		{"on_failure", false, &spec{kind: textValue, pattern: onFailureRE, maxLen: 9, def: "fail",
			form: "fail, continue, or retry(n) with n from 1 to 10", doc: "What follows when the action fails: fail, continue, or retry(n)."}},
	}}
	stages := &spec{kind: listValue, name: pipelineClass(kind) + "Stages", nonEmpty: true, maxItems: 30, doc: "Stages, one after the other. Each pipeline has either these or extends."}
	if kind == pipeline.KindProduction {
		stages.holds = match{{key: "actions", some: deploysToProduction()}}
		stages.fault = refusal{"the production pipeline does not deploy to production", "add an action with uses: deploy and with: { environment: production }"}
	}
	stages.elem = &spec{kind: objectValue, doc: "A stage.", variants: stageVariants(kind), fields: []field{
		{"name", true, &spec{kind: textValue, pattern: stageRE, maxLen: 64,
			form: "letters, digits, blanks, dots, dashes and underscores; at most 64", doc: "Name, unique in the pipeline."}},
		{"actions", true, &spec{kind: listValue, nonEmpty: true, maxItems: 50, elem: action,
			doc: "Actions, at the same time unless run_order says otherwise."}},
		{"before_entry", false, conditionSpec("Asked when the stage's turn has come.", "fail", "skip")},
		{"on_success", false, conditionSpec("Asked when all actions of the stage are done.", "fail")},
		{"on_failure", false, &spec{kind: wordValue, words: []string{"fail", string(pipeline.StageRetryFailed), string(pipeline.StageRetryAll)}, foreign: stageRollback(), def: "fail",
			doc: "What follows when an action has failed the stage: the execution fails, or the actions that failed, or all, are tried again once."}},
	}}
	return &spec{kind: objectValue, name: pipelineClass(kind) + "Pipeline", doc: "The pipeline of " + kind + " branches.", oneOf: []string{"stages", "extends"},
		needs: map[string]string{"parameters": "extends"}, fields: []field{
			{"mode", false, &spec{kind: wordValue, words: []string{"superseded", "queued", "parallel"}, def: "superseded; hotfix and production: queued",
				doc: "How executions on one branch get along: the newest stops the older, one after the other, or all at once."}},
			{"variables", false, &spec{kind: mappingValue, maxItems: pipeline.MaxVariables, names: givenVariableRE,
				nameForm: "a variable's name is letters, digits, dashes, underscores and @; at most 128",
				doc:      "Variables of which somebody may give the values when the pipeline is started by hand. Actions use them as #{variables.NAME}. Everybody who sees the execution sees the values.",
				elem: &spec{kind: objectValue, doc: "A variable.", fields: []field{
					{"default", true, &spec{kind: textValue, empty: true, maxLen: pipeline.MaxVariableValue, pattern: oneLineRE, form: "one line", doc: "The value where nobody gives one. A push gives none."}},
					{"description", false, &spec{kind: textValue, maxLen: pipeline.MaxVariableDescription, doc: "What it is for; /test ? shows it."}},
				}}}},
			{"stages", false, stages},
			{"extends", false, &spec{kind: textValue, pattern: extendsRE, maxLen: 300,
				form: "FILE#NAME: a file of the organization's repository .github and the name of a model in it",
				doc:  "A pipeline model of the organization instead of stages, as FILE#NAME: sluice/pipelines.yml#service."}},
			{"parameters", false, &spec{kind: anythingValue, doc: "What the model asks for, by the names of its parameters."}},
		}}
}
