package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// Bounds of what is looked at: a configuration is judged in its repository's lane, and other things wait meanwhile.
const (
	impactPulls    = 40 // open pull requests judged, the newest ones
	impactBranches = 40 // branches listed
	impactRepos    = 50 // repositories of an organization
)

// impact is what a proposed configuration would change.
type impact struct {
	Rows []impactRow `json:"rows,omitempty"`
	// Cut says what was not looked at, in one sentence; empty: nothing.
	Cut string `json:"cut,omitempty"`
}

// impactRow is one thing that would change. All texts are markdown.
type impactRow struct {
	What   string `json:"what"`
	Before string `json:"before"`
	After  string `json:"after"`
}

func (i *impact) add(what, before, after string) {
	if before != after {
		i.Rows = append(i.Rows, impactRow{what, before, after})
	}
}

// cut notes something that was not looked at.
func (i *impact) cut(sentence string) { i.Cut = strings.TrimSpace(i.Cut + " " + sentence) }

// markdown is the table, before and after.
func (i impact) markdown() string {
	var b strings.Builder
	if len(i.Rows) > 0 {
		b.WriteString("### What would change\n\n| | Now | Then |\n|---|---|---|\n")
		for _, r := range i.Rows {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", r.What, r.Before, r.After)
		}
		b.WriteString("\n")
	}
	if i.Cut != "" {
		b.WriteString(i.Cut + "\n\n")
	}
	return b.String()
}

// impact compares what is in force with a proposed configuration: settings that people feel, branches, open pull requests,
// promotions under way. It judges by the facts of now, and changes nothing.
func (s *session) impact(ctx context.Context, proposed *config.Repo) (impact, error) {
	var out impact
	var pulls []store.Pull
	var branches []store.Branch
	var live []store.Release
	approvals := map[string]int{}
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if pulls, err = tx.OpenPulls(ctx, s.repo.ID); err != nil {
			return err
		}
		if branches, err = tx.Branches(ctx, s.repo.ID); err != nil {
			return err
		}
		if live, err = tx.LiveReleases(ctx, s.repo.ID); err != nil {
			return err
		}
		for _, r := range live {
			given, err := tx.Approvals(ctx, r.ExecutionID)
			if err != nil {
				return err
			}
			for _, a := range given {
				if a.VoidedAt.IsZero() {
					approvals[r.ID]++
				}
			}
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	out.settings(s.cfg, proposed)
	out.branches(s.cfg, proposed, branches)
	for _, r := range live {
		if r.Status == store.ReleaseOpen {
			out.promotion(s.cfg, proposed, r, approvals[r.ID])
		}
	}
	return out, s.impactOnPulls(ctx, &out, proposed, pulls)
}

// settings compares what holds for everything.
func (i *impact) settings(now, then *config.Repo) {
	i.add("mode", code(string(now.Mode)), code(string(then.Mode)))
	i.add("image name", code(now.ImageName), code(then.ImageName))
	for _, kind := range []string{pipeline.KindFeature, pipeline.KindBugfix, pipeline.KindDevelopment, pipeline.KindRelease, pipeline.KindHotfix,
		pipeline.KindProduction, pipeline.KindSupport} {
		before, after := stagesOf(now, kind), stagesOf(then, kind)
		if before == after && !samePipeline(now, then, kind) {
			after += " (other actions or settings)"
		}
		i.add(kind+" pipeline", before, after)
	}
	names := map[string]bool{}
	for _, r := range []*config.Repo{now, then} {
		for name := range r.Environments {
			names[name] = true
		}
	}
	for _, name := range sortedNames(names) {
		i.add("who approves "+code(name), approversOf(now, name), approversOf(then, name))
	}
}

func sortedNames(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for name := range set {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// stagesOf names the stages of a pipeline.
func stagesOf(r *config.Repo, kind string) string {
	def, ok := r.Pipeline(kind, config.Revision{})
	if !ok {
		return "none"
	}
	names := make([]string, len(def.Stages))
	for i, st := range def.Stages {
		names[i] = code(st.Name)
	}
	return strings.Join(names, ", ")
}

func samePipeline(a, b *config.Repo, kind string) bool {
	x, _ := a.Pipeline(kind, config.Revision{})
	y, _ := b.Pipeline(kind, config.Revision{})
	left, err := json.Marshal(x)
	if err != nil {
		return false
	}
	right, err := json.Marshal(y)
	return err == nil && string(left) == string(right)
}

// approversOf says how many must approve for an environment, and who may.
func approversOf(r *config.Repo, environment string) string {
	a := r.Environment(environment).Approve
	if a == nil {
		return "nobody has to"
	}
	who := keeperNames(a.Teams, a.Users)
	if who == "" {
		who = "whoever may write"
	}
	return fmt.Sprintf("%d of %s", a.Count, who)
}

// branches compares what branches are.
func (i *impact) branches(now, then *config.Repo, all []store.Branch) {
	listed, more := 0, 0
	for _, b := range all {
		before, after := now.Names.Classify(b.Name), then.Names.Classify(b.Name)
		if before.Kind == after.Kind {
			continue
		}
		if listed++; listed > impactBranches {
			more++
			continue
		}
		i.add("branch "+code(b.Name), string(before.Kind), string(after.Kind))
	}
	if more > 0 {
		i.cut(fmt.Sprintf("%d more branches would be of another kind.", more))
	}
}

// promotion compares what a release that is not promoted yet waits for.
func (i *impact) promotion(now, then *config.Repo, r store.Release, given int) {
	kind := hashKind(r.Kind)
	if now.ApprovalHash(kind) == then.ApprovalHash(kind) {
		return
	}
	i.add(fmt.Sprintf("%s %s", r.Kind, code(r.Version)), fmt.Sprintf("%d approval(s) given", given),
		"its pipeline runs again, and approvals are asked for anew")
}

// impactOnPulls judges open pull requests by the proposed configuration.
func (s *session) impactOnPulls(ctx context.Context, out *impact, proposed *config.Repo, pulls []store.Pull) error {
	slices.SortFunc(pulls, func(a, b store.Pull) int { return b.Number - a.Number })
	if n := len(pulls) - impactPulls; n > 0 {
		out.cut(fmt.Sprintf("%d older open pull requests were not judged.", n))
		pulls = pulls[:impactPulls]
	}
	then := *s
	then.cfg = proposed
	for _, p := range pulls {
		var was finding
		if err := json.Unmarshal(p.Verdict, &was); err != nil {
			continue // not judged yet
		}
		pr := forge.PullRequest{
			Number: p.Number, Author: p.Author, Open: p.Open,
			Head: forge.Side{Branch: p.HeadBranch, SHA: p.HeadSHA, RepoID: p.HeadRepoID},
			Base: forge.Side{Branch: p.BaseBranch, SHA: p.BaseSHA, RepoID: s.repo.ID},
		}
		verdict, _, _, err := then.verdict(ctx, pr)
		var refused *forge.RefusedError
		if errors.As(err, &refused) {
			out.cut(fmt.Sprintf("#%d could not be judged.", p.Number))
			continue
		}
		if err != nil {
			return err
		}
		out.add(fmt.Sprintf("#%d, %s into %s", p.Number, code(p.HeadBranch), code(p.BaseBranch)), verdictWord(was.Verdict), verdictWord(verdict))
	}
	return nil
}

// verdictWord is a verdict in a word, with the rules that are broken.
func verdictWord(v gitflow.Verdict) string {
	if v.Pass {
		return "passes"
	}
	var rules []string
	for _, x := range v.Violations {
		if name := code(string(x.Rule)); !slices.Contains(rules, name) {
			rules = append(rules, name)
		}
	}
	return "fails: " + strings.Join(rules, ", ")
}

// organizationUsers are the other repositories of the owner, and what is said where there are more than are looked at.
func (s *session) organizationUsers(ctx context.Context) (users []store.Repo, cut string, err error) {
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		users, err = tx.Repos(ctx)
		return err
	})
	users = slices.DeleteFunc(users, func(r store.Repo) bool {
		return r.ID == s.repo.ID || r.Gone != "" || r.BaselineAt.IsZero() || !strings.EqualFold(r.Owner, s.repo.Owner)
	})
	if n := len(users) - impactRepos; n > 0 {
		cut = fmt.Sprintf("%d more repositories were not looked at.", n)
		users = users[:impactRepos]
	}
	return users, cut, err
}

// organizationImpact says for each repository what proposed defaults and models would change in it, by what is recorded.
func (s *session) organizationImpact(ctx context.Context, users []store.Repo, org *config.Organization) (impact, error) {
	var out impact
	for _, r := range users {
		there := *s
		there.repo = r
		names, err := there.branchNames(ctx)
		if err != nil {
			return out, err
		}
		name := code(r.Owner + "/" + r.Name)
		now, wrong, err := there.inForce(names)
		if err != nil {
			return out, err
		}
		context, err := there.loadContext(names)
		if err != nil {
			return out, err
		}
		context.Organization = org
		then, problems := config.Load(there.storedConfig(), context)
		switch {
		case len(problems) > 0 && len(wrong) == 0:
			out.add(name, "works", "the last good configuration stays in force: "+prose(problems[0].Error()))
		case len(problems) > 0 || len(wrong) > 0:
		case now.Active != then.Active:
			out.add(name, activity(now), activity(then))
		case then.Active:
			var one impact
			var branches []store.Branch
			for _, b := range names {
				branches = append(branches, store.Branch{Name: b})
			}
			one.settings(now, then)
			one.branches(now, then, branches)
			for i, row := range one.Rows {
				if i == 5 {
					out.add(name, "", fmt.Sprintf("%d more changes", len(one.Rows)-i))
					break
				}
				out.add(name+": "+row.What, row.Before, row.After)
			}
		}
	}
	return out, nil
}

func activity(r *config.Repo) string {
	if r.Active {
		return "Sluice is active"
	}
	return "Sluice is not active"
}
