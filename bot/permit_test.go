package bot

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

const (
	headNow   = "1111111111111111111111111111111111111111"
	headThen  = "2222222222222222222222222222222222222222"
	masterNow = "3333333333333333333333333333333333333333"
)

// A version overtakes a lower one only by a word about exactly this head and this head of production.
func TestOvertaking(t *testing.T) {
	good := store.Permit{ID: "p", RepoID: 42, Pull: 5, Name: permitOrder, HeadSHA: headNow, BaseBranch: "master", BaseSHA: masterNow, At: noon}
	for name, c := range map[string]struct {
		change func(p *store.Permit)
		status store.ReleaseStatus
		want   bool
	}{
		"allowed":                               {func(*store.Permit) {}, store.ReleaseOpen, true},
		"of another check":                      {func(p *store.Permit) { p.Name = CheckBranch }, store.ReleaseOpen, false},
		"of another pull request":               {func(p *store.Permit) { p.Pull = 6 }, store.ReleaseOpen, false},
		"the head moved":                        {func(p *store.Permit) { p.HeadSHA = headThen }, store.ReleaseOpen, false},
		"production moved":                      {func(p *store.Permit) { p.BaseSHA = headThen }, store.ReleaseOpen, false},
		"ended":                                 {func(p *store.Permit) { p.EndedAt = noon }, store.ReleaseOpen, false},
		"ended by the promotion that it let in": {func(p *store.Permit) { p.EndedAt = noon }, store.ReleasePromoting, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			p := good
			c.change(&p)
			l.write(func(tx *store.Tx) error { return tx.SavePermit(t.Context(), p) })
			w := &world{State: gitflow.State{
				Head: headNow, Candidate: gitflow.Candidate{SHA: headNow}, Production: gitflow.Line{Branch: "master", SHA: masterNow},
			}}
			must(t, l.lookPermits(t.Context(), &store.Release{RepoID: 42, Pull: 5, Status: c.status}, w))
			if w.OutOfOrder != c.want {
				t.Errorf("out of order %t, want %t", w.OutOfOrder, c.want)
			}
		})
	}
}

// What ends a permit, and what does not.
func TestPermitsEnd(t *testing.T) {
	l := newLab(t, "")
	now := store.Pull{RepoID: 42, Number: 5, HeadSHA: headNow, BaseBranch: "master", Open: true}
	var want, got []string
	l.write(func(tx *store.Tx) error {
		for id, p := range map[string]store.Permit{
			"a holds":       {HeadSHA: headNow, BaseBranch: "master", BaseSHA: masterNow},
			"b any base":    {HeadSHA: headNow},
			"c other head":  {HeadSHA: headThen},
			"d other base":  {HeadSHA: headNow, BaseBranch: "development", BaseSHA: masterNow},
			"e base's past": {HeadSHA: headNow, BaseBranch: "master", BaseSHA: headThen},
		} {
			p.ID, p.RepoID, p.Pull, p.Name, p.At = id, 42, 5, CheckBranch, noon
			if err := tx.SavePermit(t.Context(), p); err != nil {
				return err
			}
		}
		return nil
	})
	must(t, l.endPermits(t.Context(), now))
	must(t, l.baseMoved(t.Context(), "master", masterNow))
	must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) error {
		all, err := tx.Permits(t.Context(), 42, 5)
		for _, p := range all {
			if p.EndedAt.IsZero() {
				got = append(got, p.ID)
			}
		}
		return err
	}))
	want = []string{"a holds", "b any base"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("they hold (-want +got):\n%s", diff)
	}
	now.Open = false
	must(t, l.endPermits(t.Context(), now))
	if p, err := l.permitOf(t.Context(), CheckBranch, now); p != nil || err != nil {
		t.Errorf("%v holds for a closed pull request; %v", p, err)
	}
}

// A fork's commit is given nothing of the configuration, and workflows and rules of the branch it is for.
func TestForkIsGivenNothing(t *testing.T) {
	l := newLab(t, "")
	x := &store.Execution{ID: "x", RepoID: 42, Kind: pipeline.KindFeature, Branch: forkLine(5), SHA: headNow, Pull: 5}
	x.State.Variables = map[string]string{forkBase: "development"}
	c := pipeline.StartAction{ID: "x-1-1-1", Uses: "github-actions", With: map[string]any{"workflow": "test.yml"}, Env: map[string]string{"TOKEN": "secret"}}
	r := l.request(x, c)
	if diff := cmp.Diff(map[string]any{"workflow": "test.yml", "ref": "development"}, r.With); diff != "" {
		t.Errorf("with (-want +got):\n%s", diff)
	}
	if r.Env["TOKEN"] != "" || r.Branch != "development" || r.SHA != headNow || r.Env["SLUICE_IMAGE"] != "" {
		t.Errorf("%+v", r)
	}
	if c.With["ref"] != nil {
		t.Error("the definition was changed")
	}
	l.b.Allow.LocalExecutors = func(string, string) bool { return true }
	for uses, deploys := range map[string]bool{"buildspec": false, "image": false, "promote": false, "ecs": true} {
		if l.notAllowed(x, pipeline.StartAction{Uses: uses, Deploys: deploys}) == "" {
			t.Errorf("uses: %s runs for a fork", uses)
		}
	}
	if no := l.notAllowed(x, c); no != "" {
		t.Error(no)
	}
}
