package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/tagging"
)

// decoder makes a Repo of a checked tree. A value that did not pass the check reads as absent, so that one mistake is
// reported once.
type decoder struct {
	*checker
	context Context
	// holes tells that the pipeline being read lacks something, which has been reported.
	holes   bool
	missing []*Error // branches there are not, where that is no error
}

// find follows keys from n; nil when there is no such value, or a bad one.
func (d *decoder) find(n *node, keys ...string) *node {
	for _, k := range keys {
		if n == nil || d.bad[n] || n.kind != mapNode {
			return nil
		}
		n = n.get(k)
	}
	if n == nil || d.bad[n] {
		return nil
	}
	return n
}

func (d *decoder) text(n *node, fallback string, keys ...string) string {
	if v := d.find(n, keys...); v != nil && v.kind == scalarNode {
		return v.text
	}
	return fallback
}

// texts reads a list of texts, for which one text may stand.
func (d *decoder) texts(n *node, fallback []string, keys ...string) []string {
	v := d.find(n, keys...)
	switch {
	case v == nil || v.kind == mapNode:
		return fallback
	case v.kind == scalarNode:
		return []string{v.text}
	}
	out := make([]string, 0, len(v.items))
	for _, item := range v.items {
		if !d.bad[item] && item.kind == scalarNode {
			out = append(out, item.text)
		}
	}
	return out
}

func (d *decoder) integer(n *node, fallback int, keys ...string) int {
	if v := d.find(n, keys...); v != nil {
		if i, ok := wholeNumber(v); ok {
			return int(i)
		}
	}
	return fallback
}

func (d *decoder) boolean(n *node, fallback bool, keys ...string) bool {
	if v := d.find(n, keys...); v != nil {
		if b, ok := v.boolean(); ok {
			return b
		}
	}
	return fallback
}

func (d *decoder) duration(n *node, fallback time.Duration, keys ...string) time.Duration {
	if v := d.find(n, keys...); v != nil {
		if t, ok := ParseDuration(v.text); ok {
			return t
		}
	}
	return fallback
}

// any reads what only an executor understands. Whole numbers below 2^31 are int64, true and false bool; every other
// scalar stays text as it is written, so that neither 1.10 nor an account's 012345678901 changes.
func (d *decoder) any(n *node) any {
	switch n.kind {
	case mapNode:
		return d.anyMap(n)
	case listNode:
		out := make([]any, len(n.items))
		for i, item := range n.items {
			out[i] = d.any(item)
		}
		return out
	}
	if n.null() {
		return nil
	}
	if b, ok := n.boolean(); ok {
		return b
	}
	if i, ok := wholeNumber(n); ok {
		return i
	}
	return n.text
}

func (d *decoder) anyMap(n *node) map[string]any {
	if n == nil || n.kind != mapNode {
		return nil
	}
	out := make(map[string]any, len(n.pairs))
	for _, p := range n.pairs {
		out[p.key] = d.any(p.value)
	}
	return out
}

func (d *decoder) failAt(path, problem, hint string) { d.fail(d.at(path), path, problem, hint) }

func (d *decoder) repo(root *node) *Repo {
	r := Default(d.context)
	r.Configured, r.Active, r.Inactive = true, true, ""
	r.Mode = Mode(d.text(root, string(Enforce), "mode"))
	if v := d.find(root, "app"); v != nil && v.kind == scalarNode {
		r.setApp(v.text)
	}
	d.branches(root, r)
	d.versioning(root, r)
	r.Registries = d.registries(d.find(root, "registries"), "registries", r)
	d.environments(root, r)
	r.Finish.Order = FinishOrder(d.text(root, string(r.Finish.Order), "finish", "order"))
	r.Finish.DeleteBranch = d.boolean(root, r.Finish.DeleteBranch, "finish", "delete_branch")
	d.secrets(root, r)
	r.pipelines = d.pipelines(d.find(root, "pipelines"), "pipelines", r)
	d.components(root, r)
	return r
}

func (d *decoder) branches(root *node, r *Repo) {
	n, b := &r.Names, d.find(root, "branches")
	n.Production = d.text(b, n.Production, "production")
	n.Development = d.text(b, n.Development, "development")
	n.Bugfix = d.texts(b, n.Bugfix, "bugfix")
	n.Release = d.text(b, n.Release, "release")
	n.Hotfix = d.text(b, n.Hotfix, "hotfix")
	n.Support = d.text(b, n.Support, "support")
	n.Ignore = d.texts(b, n.Ignore, "ignore")
	n.MaxOpenReleases = d.integer(b, n.MaxOpenReleases, "max_open_releases")

	wrong := map[string]bool{}
	for _, e := range n.Validate() {
		path := "branches"
		problem, hint := e.Error(), ""
		if ne, ok := e.(*gitflow.NameError); ok {
			path, problem, hint = "branches."+ne.Field, ne.Problem, ne.Hint
		}
		if d.badAt(b, path) {
			continue
		}
		wrong[path] = true
		d.failAt(path, problem, hint)
	}
	for _, f := range []struct{ key, name string }{{"production", n.Production}, {"development", n.Development}} {
		path := "branches." + f.key
		if d.context.Branches == nil || wrong[path] || d.badAt(b, path) || slices.Contains(d.context.Branches, f.name) {
			continue
		}
		problem := fmt.Sprintf("no branch %q in %s/%s", f.name, d.context.Owner, d.context.RepoName)
		if d.context.Lenient {
			at := d.at(path)
			d.missing = append(d.missing, &Error{
				File: d.sourceOf(at).file, Field: path, Line: at.line, Column: at.column, Problem: oneLine(problem), Hint: d.otherBranch(path, f.name),
			})
			continue
		}
		d.failAt(path, problem, d.otherBranch(path, f.name))
	}
}

// badAt tells whether a key under branches was reported already.
func (d *decoder) badAt(branches *node, path string) bool {
	key := strings.TrimPrefix(path, "branches.")
	key, _, _ = strings.Cut(key, "[")
	v := branches.get(key)
	return v != nil && (d.bad[v] || slices.ContainsFunc(v.items, func(i *node) bool { return d.bad[i] }))
}

// otherBranch says what to do about a branch that there is not.
func (d *decoder) otherBranch(path, name string) string {
	if word, ok := Nearest(name, d.context.Branches); ok {
		return fmt.Sprintf("set %s to %q, or make the branch", path, word)
	}
	return "set " + path + " to the name of a branch there is, or make the branch"
}

func (d *decoder) versioning(root *node, r *Repo) {
	v := d.find(root, "versioning")
	r.Versioning.Next = Bump(d.text(v, string(r.Versioning.Next), "next"))
	r.Versioning.Hotfix = HotfixVersions(d.text(v, string(r.Versioning.Hotfix), "hotfix"))
	r.Versioning.RevisionLength = d.integer(v, r.Versioning.RevisionLength, "revision_length")
	if tag, err := tagging.ParseTagPattern(d.text(v, r.Versioning.Tag.String(), "tag")); err == nil {
		r.Versioning.Tag = tag
	}
}

// registries reads a mapping of registries, which stands at path.
func (d *decoder) registries(reg *node, path string, r *Repo) (out Registries) {
	for _, f := range []struct {
		key  string
		into *string
	}{{"development", &out.Development}, {"production", &out.Production}} {
		v := d.find(reg, f.key)
		if v == nil || v.kind != scalarNode {
			continue
		}
		image := expandImage(v.text, d.context.Owner, r.ImageName)
		if problem := badImage(image); problem != "" {
			d.failAt(path+"."+f.key, problem, "a full image repository, host/path without tag")
		}
		*f.into = image
	}
	return out
}

func (d *decoder) environments(root *node, r *Repo) {
	envs := d.find(root, "environments")
	if envs == nil || envs.kind != mapNode {
		return
	}
	for _, p := range envs.pairs {
		if d.bad[p.value] || p.value.kind != mapNode || !environmentRE.MatchString(p.key) {
			continue
		}
		r.Environments[p.key] = d.environment(p.value, p.key, r.Environment(p.key))
	}
}

func (d *decoder) environment(n *node, name string, e Environment) Environment {
	path := "environments." + name
	if v := d.find(n, "approve"); v != nil && v.kind == mapNode {
		a := defaultApprove()
		a.Teams, a.Users = d.texts(v, nil, "teams"), d.texts(v, nil, "users")
		a.Count = d.integer(v, a.Count, "count")
		a.AllowAuthor = d.boolean(v, a.AllowAuthor, "allow_author")
		a.Expires = d.duration(v, a.Expires, "expires")
		if a.Remind >= a.Expires { // the default, for one that expires soon
			a.Remind = a.Expires / 2
		}
		a.Remind = d.duration(v, a.Remind, "remind")
		if a.Remind >= a.Expires {
			d.failAt(path+".approve.remind", "the reminder would come after the approval has expired", "make it shorter than expires")
		}
		if len(a.Teams) == 0 && len(a.Users) > 0 && len(a.Users) < a.Count {
			d.failAt(path+".approve.count", fmt.Sprintf("%d approvals are needed, and the list of people who may give one has %d", a.Count, len(a.Users)),
				"lower the count or name more people")
		}
		a.Reviews = d.boolean(v, false, "reviews")
		if x := d.find(v, "escalate"); x != nil && x.kind == mapNode {
			a.Escalate = d.escalate(x, path+".approve.escalate", a.Expires)
		}
		e.Approve = a
	}
	if v := d.find(n, "emergency"); v != nil && v.kind == mapNode {
		e.Emergency = d.people(v)
	}
	if v := d.find(n, "promote"); v != nil && v.kind == mapNode {
		e.Promote.Teams, e.Promote.Users = d.texts(v, nil, "teams"), d.texts(v, nil, "users")
		e.Promote.Auto = d.boolean(v, true, "auto")
	}
	if v := d.find(n, "verify"); v != nil && v.kind == mapNode {
		e.Verify = d.verify(v)
	}
	if v := d.find(n, "deploy"); v != nil && v.kind == mapNode {
		e.Deploy = pipeline.Deploy{Uses: d.text(v, "", "uses"), With: d.anyMap(d.find(v, "with"))}
		if e.Deploy.Uses != "" {
			d.executor(e.Deploy.Uses, e.Deploy.With, path+".deploy")
		}
	}
	e.Borrow = Borrow(d.text(n, string(e.Borrow), "borrow"))
	d.timing(n, &e)
	on := d.texts(n, nil, "rollback_on")
	e.RollbackOnFailure, e.RollbackOnAlarm = slices.Contains(on, "deploy-failure"), slices.Contains(on, "alarm")
	return e
}

// people reads teams and users.
func (d *decoder) people(n *node) People {
	return People{Teams: d.texts(n, nil, "teams"), Users: d.texts(n, nil, "users")}
}

// escalate reads whom an approval that nobody gives is taken to.
func (d *decoder) escalate(n *node, path string, expires time.Duration) Escalate {
	e := Escalate{After: d.duration(n, 0, "after"), People: d.people(n)}
	if e.After >= expires {
		d.failAt(path+".after", "it would come after the approval has expired", "make it shorter than expires")
	}
	return e
}
