package bot

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

const storyConfig = `version: 1
registries: { development: dev.test/shop, production: prod.test/shop }
environments: { production: { approve: { count: 2, reviews: true } } }
pipelines:
  release: { stages: [ { name: Test, actions: [ { name: unit, uses: checks } ] } ] }
`

// history is a repository on GitHub with commits that have parents.
type history struct {
	*FakeGitHub
	commits map[string]forge.Commit
}

// line is a commit and its first parents.
func (h *history) line(ref string) (out []string) {
	if sha, ok := h.Heads[ref]; ok {
		ref = sha
	}
	for c, ok := h.commits[ref]; ok; c, ok = h.commits[c.Parents[0]] {
		out = append(out, c.SHA)
	}
	return append(out, cut)
}

func (h *history) Compare(_ context.Context, base, head string) (forge.Comparison, error) {
	from, to := h.line(base), h.line(head)
	for i, sha := range to {
		if j := slices.Index(from, sha); j >= 0 {
			c := forge.Comparison{AheadBy: i, BehindBy: j, MergeBase: sha}
			for _, sha := range slices.Backward(to[:i]) {
				c.Commits = append(c.Commits, h.commits[sha])
			}
			return c, nil
		}
	}
	return forge.Comparison{}, forge.ErrNotFound
}

// CommitsTouching takes every commit for one that touches each folder.
func (h *history) CommitsTouching(_ context.Context, head, _ string, _ time.Time, _ int) ([]string, bool, error) {
	return h.line(head), true, nil
}

func (h *history) PullsFrom(context.Context, string, string) ([]forge.PullRequest, error) {
	return nil, nil
}

func (h *history) KeepCommit(context.Context, string) error { return nil }

// teamConfig, hotfixConfig and componentConfig are made of storyConfig: those who approve are a team, a hotfix is approved, the release
// is a component's.
var ( //nolint:gochecknoglobals // constants
	teamConfig      = strings.Replace(storyConfig, "count: 2", "count: 2, teams: [qa]", 1)
	hotfixConfig    = strings.Replace(storyConfig, "  release:", "  hotfix:", 1)
	componentConfig = storyConfig + `components: [{ name: api, paths: ["api/**"] }, { name: web, paths: ["web/**"] }]` + "\n"
)

// story is a candidate's life as chance has it, and beside it what was really said: a model that knows nothing of how the
// bot counts.
type story struct {
	*lab
	hub  *changing
	rand *rand.Rand
	r    *store.Release
	log  []string
	yaml string // the configuration, as it is at first

	rollers map[string]bool // who asked for a rollback while they might
	images  FakeImages      // in the registries
	shipped bool            // whether production was deployed
	presses int64           // buttons that were pressed
	taken   map[int64]bool  // reviews that the bot has seen since the approval waits, by ID
	fallen  map[int64]bool  // those of them that do not stand any more
	another bool            // whether something was taken that was said of the release beside it

	coming  []any             // events that GitHub has not delivered yet
	past    []any             // those that it has, and may deliver again
	pushers map[string]bool   // who pushed to the branch, as far as was delivered
	said    map[string]string // what each said last about what waits now: approve, reject
	asked   map[string]bool   // who asked for the emergency path
	source  map[string]int64  // the comment in which each said it, by login, and for emergencies by "!" and login
	seen    map[int64]string  // the head when a comment was made
	changed map[int64]bool    // which comments were edited or deleted, as far as was delivered
	gone    map[int64]bool    // which are not there any more, or not as they were said, whatever was delivered
	done    map[int64]bool    // which were taken
	judged  string            // the approval that waits now
	strict  bool              // whether the configuration is the other one now
	under   map[string]bool   // which one executions were made under, by ID
	base    string            // where the pull request went when the bot looked at it last
}

func newStory(t *testing.T, seed uint64) *story {
	yaml := []string{storyConfig, teamConfig, hotfixConfig, componentConfig, storyConfig}[seed%5]
	of := store.Release{Kind: pipeline.KindRelease, Version: "1.4.0", Branch: "release/1.4.0"}
	if yaml == hotfixConfig {
		of = store.Release{Kind: pipeline.KindHotfix, Version: "1.3.0-hotfix-17", Branch: "hotfix/17", HotfixID: "17"}
	}
	l, r, x := candidateOf(t, yaml, of)
	if yaml == componentConfig {
		l.madeOfComponent(r, x, "api")
	}
	l.world(r)
	for i, login := range []string{"alba", "otto", "rene", "ravi"} {
		l.gh.Users[login] = person(int64(50+i), login)
		l.gh.Roles[login] = forge.RoleAdmin
	}
	l.gh.Teams["qa"] = []string{"quinn", "uma", "alba", "otto", "rene", "ravi", "dev"}
	s := &story{
		lab: l, rand: rand.New(rand.NewPCG(seed, 1)), r: r, pushers: map[string]bool{"dev": true}, seen: map[int64]string{}, changed: map[int64]bool{}, gone: map[int64]bool{}, done: map[int64]bool{}, //nolint:gosec // for a test
		rollers: map[string]bool{}, under: map[string]bool{}, base: "master",
		hub: &changing{history: &history{FakeGitHub: l.gh, commits: map[string]forge.Commit{}}}, yaml: yaml,
	}
	l.session.gh, s.images = s.hub, FakeImages{}
	l.b.Images, r.Tag = s.images, "v"+r.Version
	l.app.Others = map[string]*FakeGitHub{"shop": l.gh}
	l.write(func(tx *store.Tx) error { return tx.SaveRelease(t.Context(), *r) })
	for _, c := range l.gh.Comparisons[cut+"..."+head].Commits {
		s.hub.commits[c.SHA] = c
	}
	pull := l.gh.Pulls[5]
	l.write(func(tx *store.Tx) error {
		if err := tx.SaveBranch(t.Context(), store.Branch{RepoID: 42, Name: r.Branch, SHA: head, UpdatedAt: noon}); err != nil {
			return err
		}
		return tx.SavePull(t.Context(), store.Pull{
			RepoID: 42, Number: 5, Open: true, HeadBranch: r.Branch, HeadSHA: head, HeadAt: noon, HeadRepoID: 42, BaseBranch: pull.Base.Branch,
		})
	})
	if yaml == componentConfig {
		s.beside()
	}
	s.anew()
	if seed%3 == 0 { // so that there is an old head to speak of
		s.push()
	}
	return s
}

func (s *story) note(format string, args ...any) { s.log = append(s.log, fmt.Sprintf(format, args...)) }

func (s *story) head() string { return s.gh.Heads[s.r.Branch] }

// anew forgets what was said once something else waits.
func (s *story) anew() {
	_, state, _ := s.candidateOf(s.r).State.OpenApproval()
	if s.said == nil || state.ID != "" && state.ID != s.judged {
		s.judged, s.said, s.asked, s.source = state.ID, map[string]string{}, map[string]bool{}, map[string]int64{}
		s.taken, s.fallen = map[int64]bool{}, map[int64]bool{}
	}
}

// somebody is one of those who may say something, more often somebody who counts.
func (s *story) somebody() forge.User {
	names := []string{"boss", "dev", "carl", "quinn", "uma", "alba", "otto", "quinn", "uma", "alba", "otto"}
	return s.gh.Users[names[s.rand.IntN(len(names))]]
}

// speaker is somebody who said something that counts now, where there is anybody, and the comment.
func (s *story) speaker() (login string, comment int64) {
	if len(s.source) == 0 {
		return s.somebody().Login, 0
	}
	who := slices.Sorted(maps.Keys(s.source))
	login = who[s.rand.IntN(len(who))]
	return strings.TrimPrefix(login, "!"), s.source[login]
}

// step is one thing that happens in the world, or that GitHub tells of; some of it happens more often than the rest.
func (s *story) step() {
	s.now = s.now.Add(time.Minute)
	if s.r.Component != "" {
		if s.rand.IntN(4) == 0 {
			s.speaksBeside()
		}
		defer s.staysBeside()
	}
	switch n := s.rand.IntN(30); {
	case n < 7:
		s.comments([]string{"/approve", "/approve", "/approve", "/approve", "/approve cancel", "/reject slow", "/reject cancel", "/retry"}[s.rand.IntN(8)])
	case n < 10:
		s.comments("/promote --emergency --reason down")
	case n < 13:
		who, _ := s.speaker()
		s.gh.Roles[who] = []forge.Role{forge.RoleNone, forge.RoleRead, forge.RoleWrite, forge.RoleMaintain, forge.RoleAdmin}[s.rand.IntN(5)]
		s.note("%s is %q", who, s.gh.Roles[who])
	case n == 13:
		if _, id := s.speaker(); id != 0 {
			s.change(id)
		}
	case n == 14 && len(s.seen) > 0:
		s.change(1 + s.rand.Int64N(int64(len(s.seen))))
	case n == 15 && s.head() != "": // its branch is not deleted yet
		s.push()
	case n == 16:
		s.now = s.now.Add(time.Duration(s.rand.IntN(60)) * time.Hour)
		s.note("it is %s", s.now.Format(time.DateTime))
	case n == 17 && len(s.past) > 0:
		s.deliver(s.past[s.rand.IntN(len(s.past))])
	case n == 18 && s.rand.IntN(2) == 0:
		s.configures()
	case n == 19 || n == 20 && s.gh.Pulls[5].Base.Branch != "master":
		s.retargets()
	case n == 21 && s.rand.IntN(3) == 0:
		s.ships()
	case n == 22:
		s.presses++
		s.button()
	case n > 22 && n < 26:
		s.reviews()
	case n == 26:
		s.teams()
	case n == 27:
		s.presses++
		s.reruns()
	}
	for len(s.coming) > 0 && s.rand.IntN(3) > 0 {
		i := s.rand.IntN(len(s.coming))
		e := s.coming[i]
		s.coming, s.past = slices.Delete(s.coming, i, i+1), append(s.past, e)
		s.deliver(e)
	}
}

// change edits or deletes a comment. Now and then GitHub's word of it is lost for good.
func (s *story) change(id int64) {
	what := []event.Activity{event.Edited, event.Deleted}[s.rand.IntN(2)]
	s.gone[id] = true
	s.gh.Everywhere = slices.DeleteFunc(slices.Clone(s.gh.Everywhere), func(c forge.Comment) bool { return c.ID == id && what == event.Deleted })
	for i := range s.gh.Everywhere {
		if c := &s.gh.Everywhere[i]; c.ID == id {
			c.Body, c.UpdatedAt = "never mind", s.now
		}
	}
	s.note("comment %d is %s", id, what)
	if s.rand.IntN(3) == 0 {
		s.note("and GitHub does not tell of it")
		return
	}
	s.coming = append(s.coming, event.Comment{Author: s.gh.Users["uma"], Activity: what, ID: id, Number: 5, IsPullRequest: true, Body: "never mind", BodyBefore: "as before"})
}

// comments makes a comment.
func (s *story) comments(line string) {
	who, id := s.somebody(), int64(len(s.seen)+1)
	s.seen[id] = s.head()
	s.coming = append(s.coming, event.Comment{
		Origin: event.Origin{Sender: who}, Activity: event.Created, ID: id, Number: 5, IsPullRequest: true, Open: true, Body: line, Author: who, CreatedAt: s.now,
	})
	s.gh.Everywhere = append(slices.Clone(s.gh.Everywhere), forge.Comment{ID: id, Issue: 5, Pull: true, Author: who, Body: line, CreatedAt: s.now, UpdatedAt: s.now})
	s.note("comment %d: %s %s", id, who.Login, line)
}

// push brings a new head: a commit on top, or one in the last one's place, or an old head again.
func (s *story) push() {
	who, author, was := s.somebody(), s.somebody(), s.head()
	now, parent := fmt.Sprintf("%07d%s", len(s.hub.commits), strings.Repeat("5", 33)), was
	switch n := s.rand.IntN(6); {
	case n == 0 && s.hub.commits[was].Parents[0] != cut:
		parent = s.hub.commits[was].Parents[0]
	case n == 1 && was != head:
		now = head
	case n > 1 && s.lacks():
		parent = s.gh.Heads["master"]
	}
	if now != head {
		s.hub.commits[now] = forge.Commit{SHA: now, Parents: []string{parent}, Author: author, Message: "fix"}
	}
	s.gh.Heads[s.r.Branch] = now
	p := s.gh.Pulls[5]
	p.Head.SHA, p.UpdatedAt = now, s.now
	s.gh.Pulls[5] = p
	s.coming = append(s.coming, event.Push{
		Origin: event.Origin{Sender: who}, Ref: "refs/heads/" + s.r.Branch, Branch: s.r.Branch, Before: was, After: now, Forced: parent != was || now == head,
	})
	s.note("%s pushes %s by %s onto %s", who.Login, short(now), author.Login, short(parent))
}

// deliver hands an event over, and notes in the model what it means if the bot takes it.
func (s *story) deliver(e any) {
	ctx, sn := s.t.Context(), newSession(s.lab)
	switch e := e.(type) {
	case event.Push:
		must(s.t, sn.pushed(ctx, e))
		must(s.t, sn.judge(ctx, s.gh.Pulls[5]))
		s.looked()
		s.pushers[e.Sender.Login] = true
		s.note("delivered: push of %s", short(e.After))
	case event.PullRequest:
		must(s.t, sn.judge(ctx, s.gh.Pulls[5]))
		s.looked()
		s.note("delivered: the pull request's base")
	case event.Review:
		must(s.t, sn.reviewed(ctx, e))
	case event.CheckAction:
		s.pressed(sn, e)
	case event.CheckRerequested:
		s.rerun(sn, e)
	case event.Comment:
		before := len(s.gh.Reactions)
		s.hears(e)
		must(s.t, sn.commented(ctx, e))
		ok := slices.Contains(s.gh.Reactions[before:], fmt.Sprintf("%d:rocket", e.ID))
		s.note("delivered: comment %d %s: %t", e.ID, e.Activity, ok)
		switch {
		case e.Activity != event.Created:
			s.changed[e.ID] = true
			s.takenBack(e.ID)
		case ok && !s.done[e.ID]:
			if s.changed[e.ID] {
				s.t.Fatalf("comment %d had been edited or deleted, and was taken for a command\n%s", e.ID, strings.Join(s.log, "\n"))
			}
			s.done[e.ID] = true
			if e.Number == besidePull {
				s.another = true
				break
			}
			s.means(e)
		}
	}
}

// means is what a command that was accepted says about what waits now.
func (s *story) means(e event.Comment) {
	who := e.Author.Login
	judges := strings.HasPrefix(e.Body, "/approve") || strings.HasPrefix(e.Body, "/promote --emergency")
	if x := s.candidateOf(s.r); judges && !s.shipped && e.Body != "/approve cancel" && s.seen[e.ID] != x.SHA && !s.unheard() {
		s.t.Fatalf("%s was said of %s and taken for %s\n%s", e.Body, short(s.seen[e.ID]), short(x.SHA), strings.Join(s.log, "\n"))
	}
	switch e.Body {
	case "/approve":
		if s.said[who] != "approve" || s.gone[s.source[who]] { // said again it changes nothing
			s.said[who], s.source[who] = "approve", e.ID
		}
	case "/approve cancel":
		delete(s.said, who)
		delete(s.asked, who)
	case "/reject slow":
		s.said[who], s.source[who] = "reject", e.ID
	case "/reject cancel":
		maps.DeleteFunc(s.said, func(_, word string) bool { return word == "reject" })
	case "/promote --emergency --reason down":
		if !s.asked[who] || s.gone[s.source["!"+who]] {
			s.asked[who], s.source["!"+who] = true, e.ID
		}
	}
}

// unheard tells whether there are pushes that nobody could know of yet: the branch may have gone and come back.
func (s *story) unheard() bool {
	return slices.ContainsFunc(s.coming, func(e any) bool { _, is := e.(event.Push); return is })
}

// takenBack ends what was said in a comment.
func (s *story) takenBack(comment int64) {
	for who, id := range s.source {
		if login, emergency := strings.CutPrefix(who, "!"); id == comment && emergency {
			delete(s.asked, login)
		} else if id == comment {
			delete(s.said, login)
		}
	}
}

// took tells whether somebody took part in what the head brings.
func (s *story) took(login string) bool {
	if s.pushers[login] || slices.Contains([]string{"boss", "ann", "coco"}, login) { // boss started it, ann and coco were merged into it
		return true
	}
	for _, sha := range s.hub.line(s.head()) {
		if c := s.hub.commits[sha]; c.Author.Login == login && len(c.Parents) == 1 {
			return true
		}
	}
	return false
}

// may tells whether the model lets the candidate be promoted as things stand.
func (s *story) may() bool {
	x, said := s.candidateOf(s.r), maps.Clone(s.said)
	s.reviewed(said)
	if _, state, _ := x.State.OpenApproval(); state.ID == "" || state.ID != s.judged || x.SHA != s.head() || s.behind() {
		return false
	}
	if s.under[x.ID] != s.strict || s.gh.Pulls[5].Base.Branch != "master" || s.lacks() {
		return false
	}
	able := func(login string, want forge.Role) bool { return s.gh.Roles[login].AtLeast(want) }
	var approvers, confirm []string
	for login, word := range said {
		switch {
		case word == "reject":
			return false
		case s.gone[s.source[login]]: // it is looked up where it was said, whatever was delivered
		case s.approver(login):
			confirm = append(confirm, login)
			if !s.took(login) {
				approvers = append(approvers, login)
			}
		}
	}
	if len(approvers) >= 2 {
		return true
	}
	for login := range s.asked {
		if able(login, forge.RoleAdmin) && !s.gone[s.source["!"+login]] {
			confirm = append(confirm, login)
		}
	}
	for first := range s.asked {
		for _, second := range confirm {
			if able(first, forge.RoleAdmin) && !s.gone[s.source["!"+first]] && first != second && (!s.took(first) || !s.took(second)) {
				return true
			}
		}
	}
	return false
}

// behind tells whether the bot has yet to hear of the branch's head.
func (s *story) behind() (behind bool) {
	s.write(func(tx *store.Tx) error {
		b, err := tx.Branch(s.t.Context(), 42, s.r.Branch)
		behind = b.SHA != s.head()
		return err
	})
	return behind
}

// goesOn is what happens by itself: the pipeline's tests pass, its image is found, its clock ticks, the release is walked.
func (s *story) goesOn() {
	ctx := s.t.Context()
	s.reread()
	x := s.candidateOf(s.r)
	s.made(x)
	for _, stage := range x.State.Stages {
		for _, a := range stage.Actions {
			if a.Status == pipeline.InProgress && a.Approval == nil && a.Name == "unit" {
				must(s.t, newSession(s.lab).advance(ctx, x.ID, pipeline.ActionSettled{At: s.now, ID: a.ID, Status: pipeline.Succeeded}))
			}
		}
	}
	if x = s.candidateOf(s.r); x.State.Image.Digest == "" && x.State.BeforeApproval() == pipeline.InProgress && !x.Status.Final() {
		must(s.t, newSession(s.lab).advance(ctx, x.ID, pipeline.ImageResolved{At: s.now, Reference: x.Image, Digest: digestAt(x.SHA)}))
	}
	if x = s.candidateOf(s.r); !x.Status.Final() {
		must(s.t, newSession(s.lab).tick(ctx, x.ID))
	}
	s.anew()
}

// digestAt is the digest of what is built from a commit.
func digestAt(sha string) string {
	if sha == head {
		return digest
	}
	return "sha256:" + sha + strings.Repeat("d", 24)
}

func (s *story) reread() {
	s.write(func(tx *store.Tx) (err error) {
		*s.r, err = tx.Release(s.t.Context(), s.r.ID)
		return err
	})
}

// promoted plays the story until the promotion begins or nothing happens any more, and holds the bot against the model at
// each step.
func (s *story) promoted() bool {
	for range 60 {
		s.step()
		s.goesOn()
		may := s.may()
		must(s.t, newSession(s.lab).walk(s.t.Context(), s.r.ID))
		s.reread()
		x := s.candidateOf(s.r)
		s.made(x)
		began := s.r.Status == store.ReleasePromoting
		if began != may && (began || !x.Status.Final()) {
			w, err := newSession(s.lab).look(s.t.Context(), s.r, phasePromote)
			must(s.t, err)
			s.t.Fatalf("promoted: %t, and it may be: %t; said %v, emergency %v\n%s\n%s", began, may, s.said, s.asked, gitflow.PlanPromote(w.State), strings.Join(s.log, "\n"))
		}
		if began {
			a := approvalOf(x.State, pipeline.EnvironmentProduction).Approval
			if a.SHA != s.head() || a.Digest != digestAt(s.head()) || s.r.CandidateDigest != a.Digest || len(a.By) < 2 {
				s.t.Fatalf("approved %+v, promoted %s, and the head is %s\n%s", a, s.r.CandidateDigest, s.head(), strings.Join(s.log, "\n"))
			}
			return true
		}
		s.anew()
	}
	return false
}

var stories = flag.Int("stories", 40, "how many stories TestNothingUnapprovedIsPromoted plays")

// Whatever happens in whatever order, and however late and often it is delivered, nothing is promoted that those who may
// have not approved, as it is, with the rights they have then; and what they have approved is.
func TestNothingUnapprovedIsPromoted(t *testing.T) {
	var promoted, hotfixes, beside, deployed, finished, returned atomic.Int32
	t.Cleanup(func() {
		p, d, f, r := promoted.Load(), deployed.Load(), finished.Load(), returned.Load()
		if (p < 5 || d < 5 || f < 3 || r < 3) && !t.Failed() {
			t.Errorf("only %d of the stories came to a promotion, %d into production, %d to their end, %d back: the property proves little", p, d, f, r)
		}
		if hotfixes.Load() == 0 && !t.Failed() {
			t.Error("no hotfix came to a promotion")
		}
		if beside.Load() == 0 && !t.Failed() {
			t.Error("no release of a component came to a promotion while somebody spoke for the one beside it")
		}
	})
	for seed := range uint64(*stories) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := newStory(t, seed)
			if !s.promoted() {
				return
			}
			promoted.Add(1)
			if s.r.Kind == pipeline.KindHotfix {
				hotfixes.Add(1)
			}
			if s.another {
				beside.Add(1)
			}
			if !s.deployed() {
				return
			}
			deployed.Add(1)
			finishes, returns := s.ends()
			finished.Add(finishes)
			returned.Add(returns)
		})
	}
}
