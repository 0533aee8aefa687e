package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/tagging"
)

// expectation is one test on its way.
type expectation struct {
	*decoder
	repo     *Repo
	of       *Repo // as the component sees it that the test is about
	commands Commands
	test     *node
	path     string
	branch   gitflow.Branch
}

func testPath(i int) string { return fmt.Sprintf("tests[%d]", i) }

// unmet notes an expectation that is not met, at its line.
func (e *expectation) unmet(key, problem string) {
	at := e.path + ".expect." + key
	e.fail(e.at(at), at, fmt.Sprintf("test %q: %s", clip(e.text(e.test, "", "name")), problem), "")
}

// differs notes a text that is another one than expected.
func (e *expectation) differs(key, got string) {
	n := e.find(e.test, "expect", key)
	if n != nil && n.text != got {
		e.unmet(key, fmt.Sprintf("want %s, got %s", n.text, cmp.Or(got, "none")))
	}
}

// expects tells whether a key is expected.
func (e *expectation) expects(key string) bool { return e.find(e.test, "expect", key) != nil }

func (e *expectation) run() {
	pull := e.find(e.test, "pull")
	name := e.text(e.test, e.text(pull, "", "head"), "branch")
	e.branch = e.repo.Names.Classify(name)
	if e.boolean(pull, false, "fork") {
		e.branch = e.repo.Names.ClassifyFork(name)
	}
	component := e.text(e.test, e.branch.Component, "component")
	if component != "" && !slices.Contains(e.repo.Names.Components, component) {
		at := e.path + ".component"
		e.fail(e.at(at), at, fmt.Sprintf("test %q: there is no component %q", clip(e.text(e.test, "", "name")), clip(component)),
			suggest(component, e.repo.Names.Components))
		return
	}
	e.of = e.repo.Component(component)
	e.differs("kind", string(e.branch.Kind))
	e.verdict(pull)
	e.image()
	if e.expects("stages") {
		if got, want := e.stages(), e.texts(e.test, nil, "expect", "stages"); !slices.Equal(got, want) {
			e.unmet("stages", fmt.Sprintf("want %s, got %s", listed(want), listed(got)))
		}
	}
	e.allowed()
}

// verdict judges the pull request.
func (e *expectation) verdict(pull *node) {
	if !e.expects("verdict") && !e.expects("rules") {
		return
	}
	v := e.judge(pull)
	var broken, why []string
	for _, x := range v.Violations {
		broken = append(broken, string(x.Rule))
		why = append(why, x.Problem.String())
	}
	got := "pass"
	if !v.Pass {
		got = "fail"
	}
	if want := e.text(e.test, got, "expect", "verdict"); want != got {
		e.unmet("verdict", strings.TrimSpace(fmt.Sprintf("want %s, got %s; %s", want, got, strings.Join(why, " "))))
	}
	if want := e.texts(e.test, nil, "expect", "rules"); e.expects("rules") && !sameTexts(want, broken) {
		e.unmet("rules", fmt.Sprintf("want %s, got %s", listed(want), listed(broken)))
	}
}

// either is the first of two keys that is expected.
func (e *expectation) either(a, b string) string {
	if e.expects(a) {
		return a
	}
	return b
}

// judge holds the pull request against the rules, in a history made for it.
func (e *expectation) judge(pull *node) gitflow.Verdict {
	names := e.repo.Names
	head, base := e.text(pull, "", "head"), e.text(pull, "", "base")
	others := e.texts(e.test, nil, "branches")
	if base != head {
		others = append(others, base)
	}
	h := newHistory(names, slices.DeleteFunc(slices.Clone(others), func(b string) bool { return b == head }))
	fork := e.boolean(pull, false, "fork")
	at := head
	if fork {
		at = "fork:" + head // not this repository's branch of that name
	}
	from := e.text(e.test, "", "from")
	if from == "" && e.branch.Kind == gitflow.KindBugfix && names.Classify(base).Kind == gitflow.KindRelease {
		from = base // it starts where it is to be merged
	}
	h.cut(at, from, 1)
	for _, b := range e.texts(e.test, nil, "contains") {
		h.merge(at, b)
	}
	facts := gitflow.PullFacts{
		Number: 1, Head: head, Base: base, HeadSHA: h.heads[at], BaseSHA: h.heads[base], Open: true,
		Draft: e.boolean(pull, false, "draft"), Fork: fork, ByBot: e.boolean(pull, false, "by_sluice"),
	}
	if e.branch.Kind == gitflow.KindFinish {
		facts.FinishSHA = facts.HeadSHA
	}
	for _, b := range sortedKeys(h.heads) {
		if names.Classify(b).Kind == gitflow.KindRelease {
			facts.OpenReleases = append(facts.OpenReleases, b)
		}
	}
	for _, need := range gitflow.PullNeeds(names, facts) {
		facts.Comparisons = append(facts.Comparisons, h.compare(need))
	}
	return gitflow.CheckPull(names, facts)
}

// image looks at version and image tag.
func (e *expectation) image() {
	if !e.expects("version") && !e.expects("image_tag") {
		return
	}
	tag, version, err := e.tag()
	if err != nil {
		e.unmet(e.either("version", "image_tag"), err.Error())
		return
	}
	e.differs("version", version)
	name := e.of.ImageName
	if component := e.of.Names.Component; component != "" {
		name += "/" + component
	}
	e.differs("image_tag", tagging.Reference(name, tag))
}

// tag is the image tag of the branch, and its version where it has one.
func (e *expectation) tag() (tag tagging.ImageTag, version string, err error) {
	rev, err := tagging.Revision(e.text(e.test, "0123456789012345678901234567890123456789", "revision"), e.of.Versioning.RevisionLength)
	if err != nil {
		return tag, "", err
	}
	var tags []tagging.GitTag
	for _, name := range e.texts(e.test, nil, "tags") {
		tags = append(tags, tagging.GitTag{Name: name, SHA: strings.Repeat("1", 40)})
	}
	log, ignored := tagging.Adopt(tags, e.of.Versioning.Tag)
	if len(ignored) > 0 {
		return tag, "", fmt.Errorf("the tag %s is none of a release: versioning.tag is %s", ignored[0].Name, e.of.Versioning.Tag)
	}
	req := tagging.Request{Log: log, Floor: tagging.Bump(e.of.Versioning.Next)}
	for _, message := range e.texts(e.test, nil, "commits") {
		req.Commits = append(req.Commits, tagging.Commit{SHA: strings.Repeat("2", 40), Message: message})
	}
	for _, name := range e.texts(e.test, nil, "branches") {
		b := e.of.Names.Classify(name)
		if v, err := tagging.ParseReleaseVersion(b.Version); err == nil && b.Kind == gitflow.KindRelease && b.Component == e.of.Names.Component && name != e.branch.Name {
			req.Open = append(req.Open, tagging.Held{Version: v, Where: "branch " + name})
		}
	}
	return e.tagOf(req, rev)
}

func (e *expectation) tagOf(req tagging.Request, rev string) (tag tagging.ImageTag, version string, err error) {
	named := func(v tagging.Version, err error) (tagging.ImageTag, string, error) {
		if err != nil {
			return tag, "", err
		}
		tag, err = tagging.CandidateTag(v, rev)
		return tag, v.String(), err
	}
	switch e.branch.Kind {
	case gitflow.KindFeature, gitflow.KindBugfix:
		tag, err = tagging.FeatureTag(e.branch.Name, rev)
		return tag, "", err
	case gitflow.KindDevelopment:
		res, err := tagging.Next(req)
		if err != nil {
			return tag, "", err
		}
		tag, err = tagging.SnapshotTag(res.Version, rev)
		return tag, res.Version.String(), err
	case gitflow.KindRelease:
		v, err := tagging.ParseReleaseVersion(e.branch.Version)
		if err != nil {
			return tag, "", err
		}
		req.Set = &tagging.Override{Version: v, By: "branch " + e.branch.Name}
		res, err := tagging.Next(req)
		return named(res.Version, err)
	case gitflow.KindSupport:
		if req.Line, err = tagging.ParseLine(e.branch.Line); err != nil {
			return tag, "", err
		}
		res, err := tagging.Next(req)
		return named(res.Version, err)
	case gitflow.KindHotfix:
		from, ok := req.Log.Highest(tagging.Trunk())
		if !ok {
			return tag, "", fmt.Errorf("a hotfix mends a release; name one in tags")
		}
		res, err := tagging.NextHotfix(tagging.HotfixRequest{
			Log: req.Log, ID: e.branch.ID, From: from.Version, Mode: tagging.HotfixMode(e.of.Versioning.Hotfix), Open: req.Open,
		})
		if err != nil {
			return tag, "", err
		}
		tag, err = tagging.HotfixTag(res.Version, res.ID, rev)
		return tag, res.Version.String(), err
	}
	return tag, "", fmt.Errorf("nothing is built from branches of kind %s", e.branch.Kind)
}

// stages are the names of the stages that run for the branch.
func (e *expectation) stages() []string {
	if e.branch.Fork {
		return nil // nothing runs until somebody allows it
	}
	def, ok := e.of.Pipeline(string(e.branch.Kind), Revision{SkipDeploy: !e.branch.Deploys && e.branch.Kind != gitflow.KindProduction})
	if !ok {
		return nil
	}
	names := make([]string, len(def.Stages))
	for i, s := range def.Stages {
		names[i] = s.Name
	}
	return names
}

// allowed asks which commands the actor may give.
func (e *expectation) allowed() {
	if !e.expects("allowed") && !e.expects("refused") {
		return
	}
	if e.commands == nil {
		e.unmet(e.either("allowed", "refused"), "which commands there are is not known here")
		return
	}
	actor := e.find(e.test, "actor")
	may := e.commands(e.of, Actor{
		Role: e.text(actor, "none", "role"), Login: e.text(actor, "", "login"), Teams: e.texts(actor, nil, "teams"),
		Author: e.boolean(actor, false, "author"), Release: e.branch.Kind.Ships() || e.branch.Kind == gitflow.KindProduction,
	})
	for _, key := range []string{"allowed", "refused"} {
		var wrong []string
		for _, name := range e.texts(e.test, nil, "expect", key) {
			is, known := may[name]
			if !known {
				e.unmet(key, fmt.Sprintf("there is no command %q; %s", name, suggest(name, sortedKeys(may))))
			} else if is != (key == "allowed") {
				wrong = append(wrong, "/"+name)
			}
		}
		if len(wrong) > 0 {
			e.unmet(key, fmt.Sprintf("not %s: %s", key, strings.Join(wrong, ", ")))
		}
	}
}
