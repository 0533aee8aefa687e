package bot

import (
	"context"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/store"
)

// Bounds of what is looked at: a configuration is judged in its repository's lane, and other things wait meanwhile.
const (
	impactPulls    = 40 // open pull requests judged, the newest ones of each repository first
	impactReleases = 10 // releases whose plans are compared
	impactBranches = 40 // branches listed
	impactRepos    = 50 // repositories of an organization
)

// impact is what a proposed configuration would change.
type impact struct {
	// Told are what would become of what is open, in sentences that name it.
	Told []impactGroup `json:"told,omitempty"`
	Rows []impactRow   `json:"rows,omitempty"`
	// Cut says what was not looked at, in one sentence; empty: nothing.
	Cut string `json:"cut,omitempty"`
}

// impactGroup are open pull requests or releases of which the same is to be said: "2 open releases would …: 1.4.0, 1.5.0."
type impactGroup struct {
	What  string `json:"what"`  // of one, a word or some
	Would string `json:"would"` // markdown
	// Names are "#5" and "api 1.4.0"; those in another repository begin with its name.
	Names []string `json:"names"`
	// Why are sentences after it, markdown; may be empty.
	Why string `json:"why,omitempty"`
}

func (g impactGroup) String() string {
	what := g.What
	if len(g.Names) != 1 {
		what += "s"
	}
	names := make([]string, len(g.Names))
	for i, name := range g.Names {
		if names[i] = name; !strings.HasPrefix(name, "#") { // GitHub makes a link of that
			names[i] = code(name)
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s would %s: %s. %s", len(g.Names), what, g.Would, strings.Join(names, ", "), g.Why))
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

// tell says what something would do, together with the others of which the same is said.
func (i *impact) tell(g impactGroup, name string) {
	for n, have := range i.Told {
		if have.What == g.What && have.Would == g.Would && have.Why == g.Why {
			i.Told[n].Names = append(have.Names, name)
			return
		}
	}
	g.Names = []string{name}
	i.Told = append(i.Told, g)
}

// changes is how many things would change.
func (i impact) changes() int {
	n := len(i.Rows)
	for _, g := range i.Told {
		n += len(g.Names)
	}
	return n
}

// cut notes something that was not looked at.
func (i *impact) cut(sentence string) { i.Cut = strings.TrimSpace(i.Cut + " " + sentence) }

// markdown is what becomes of what is open, and the table, before and after.
func (i impact) markdown() string {
	var b strings.Builder
	if i.changes() > 0 {
		b.WriteString("### What would change\n\n")
	}
	for _, g := range i.Told {
		fmt.Fprintf(&b, "- %s\n", g)
	}
	if len(i.Told) > 0 {
		b.WriteString("\n")
	}
	if len(i.Rows) > 0 {
		b.WriteString("| | Now | Then |\n|---|---|---|\n")
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

// impact compares what is in force with a proposed configuration: settings, branches, open pull requests, releases under way.
// It judges by the facts of now, and changes nothing.
func (s *session) impact(ctx context.Context, proposed *config.Repo) (impact, error) {
	names, err := s.branchNames(ctx)
	if err != nil {
		return impact{}, err
	}
	return s.impactWithin(ctx, proposed, names, &impactLeft{pulls: impactPulls, releases: impactReleases})
}

// impactWithin is impact with the repository's branches, and with what may still be asked of GitHub.
func (s *session) impactWithin(ctx context.Context, proposed *config.Repo, branches []string, left *impactLeft) (impact, error) {
	var out impact
	out.settings(s.whole, proposed)
	out.branches(s.whole, proposed, branches)
	if len(out.Rows) == 0 {
		return out, nil
	}
	return out, s.impactOnOpen(ctx, &out, proposed, left)
}

// impactLeft is how much may still be asked of GitHub for one answer.
type impactLeft struct{ pulls, releases int }

// under is the session as it would be under another configuration. What it notes for the end of the handling is not done.
func (s *session) under(proposed *config.Repo) *session {
	then := *s
	then.cfg, then.whole, then.turn = proposed, proposed, newTurn()
	return &then
}

// impactOnOpen adds what would become of the repository's open pull requests and of its releases under way.
func (s *session) impactOnOpen(ctx context.Context, out *impact, proposed *config.Repo, left *impactLeft) error {
	var pulls []store.Pull
	var live []store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if pulls, err = tx.OpenPulls(ctx, s.repo.ID); err != nil {
			return err
		}
		live, err = tx.LiveReleases(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	now := *s
	now.gh = newSeenOnce(s.gh)
	then := now.under(proposed)
	for i := range live {
		if err := now.impactOnRelease(ctx, out, then, &live[i], left); err != nil {
			return err
		}
	}
	if err := now.impactOnWaiting(ctx, out, then); err != nil {
		return err
	}
	return now.impactOnPulls(ctx, out, then, pulls, left)
}

// branches compares what branches are.
func (i *impact) branches(now, then *config.Repo, all []string) {
	listed, more := 0, 0
	for _, b := range all {
		before, after := now.Names.Classify(b), then.Names.Classify(b)
		if before.Kind == after.Kind {
			continue
		}
		if listed++; listed > impactBranches {
			more++
			continue
		}
		i.add("branch "+code(b), string(before.Kind), string(after.Kind))
	}
	if more > 0 {
		i.cut(fmt.Sprintf("%d more branches would be of another kind.", more))
	}
}
