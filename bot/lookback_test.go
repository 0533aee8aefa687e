package bot

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// silentApp cannot be asked for the delivery log.
type silentApp struct{ *FakeApp }

func (silentApp) HookDeliveries(context.Context, time.Time) ([]forge.HookDelivery, error) {
	return nil, errors.New("no answer")
}

// What GitHub says was answered and is not in the database shows that a backup was restored; what failed does not.
func TestLookBack(t *testing.T) {
	for name, c := range map[string]struct {
		app   App
		doubt bool
	}{
		"nothing was delivered":         {app: &FakeApp{}},
		"all that was answered is here": {app: &FakeApp{Log: []forge.HookDelivery{{GUID: "D1", StatusCode: 202}}}},
		"one was not answered":          {app: &FakeApp{Log: []forge.HookDelivery{{GUID: "d2", StatusCode: 503}, {GUID: "d1", StatusCode: 202}}}},
		"one was answered and is lost":  {app: &FakeApp{Log: []forge.HookDelivery{{GUID: "d1", StatusCode: 202}, {GUID: "d2", StatusCode: 202}}}, doubt: true},
		"GitHub does not say":           {app: silentApp{}, doubt: true},
		"one came since it listens":     {app: &FakeApp{Log: []forge.HookDelivery{{GUID: "now", StatusCode: 202, DeliveredAt: noon.Add(-time.Second)}}}},
		"and was answered long before": {app: &FakeApp{Log: []forge.HookDelivery{
			{GUID: "now", StatusCode: 202, DeliveredAt: noon}, {GUID: "now", StatusCode: 202, DeliveredAt: noon.Add(-time.Hour)},
		}}, doubt: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			for id, at := range map[string]time.Time{"d1": noon.Add(-time.Hour), "now": noon} {
				if _, err := l.b.Store.Accept(t.Context(), event.Delivery{ID: id, Name: "ping", Body: []byte("{}"), ReceivedAt: at}); err != nil {
					t.Fatal(err)
				}
			}
			l.b.App = c.app
			l.b.LookBack(t.Context(), noon)
			if got := l.b.doubt.Load(); got != c.doubt {
				t.Errorf("doubt is %t, want %t", got, c.doubt)
			}
		})
	}
}

// In doubt an effect is looked for before it is done for the first time, else only after an attempt.
func TestDoubtLooksFirst(t *testing.T) {
	for _, doubt := range []bool{false, true} {
		l := newLab(t, "")
		l.b.doubt.Store(doubt)
		looked, acted := 0, 0
		_, err := do(t.Context(), l.session, effect[nothing]{
			kind: effectComment, key: "k", probe: func(context.Context) (nothing, bool, error) { looked++; return nothing{}, true, nil },
			act: func(context.Context) (nothing, error) { acted++; return nothing{}, nil },
		})
		must(t, err)
		if want := map[bool][2]int{false: {0, 1}, true: {1, 0}}[doubt]; want != [2]int{looked, acted} {
			t.Errorf("doubt %t: looked %d times, acted %d times, want %v", doubt, looked, acted, want)
		}
	}
}

// A release is taken for shipped where its tag, its deployment and its image say so alike, and what production runs by what was
// deployed last.
func TestAdoptShipped(t *testing.T) {
	const yaml = "version: 1\nregistries: { development: dev.test/shop, production: prod.test/shop }\n"
	image := FakeImages{"prod.test/shop:1.4.0": digest, "prod.test/shop:1.3.0": "sha256:old"}
	both := []forge.Deployment{{SHA: head}, {SHA: cut}}
	type adopted struct {
		Release       store.ReleaseStatus
		Version, Hold string
		Ended         bool
	}
	left := adopted{Release: store.ReleaseOpen, Version: "1.3.0"}
	for name, c := range map[string]struct {
		yaml     string
		tag      string
		deployed []forge.Deployment
		images   FakeImages
		want     adopted
	}{
		"it was shipped":                 {tag: head, deployed: both, images: image, want: adopted{store.ReleaseReleased, "1.4.0", "", true}},
		"and rolled back":                {tag: head, deployed: []forge.Deployment{{SHA: cut}, {SHA: head}, {SHA: cut}}, images: image, want: adopted{store.ReleaseReleased, "1.3.0", "rolled back to 1.3.0 before the database was restored", true}},
		"it has no tag":                  {deployed: both, images: image, want: left},
		"the tag is at another commit":   {tag: "3333333333333333333333333333333333333333", deployed: both, images: image, want: left},
		"it was not deployed":            {tag: head, deployed: both[1:], images: image, want: left},
		"nothing was ever deployed":      {tag: head, images: image, want: left},
		"its image is not there":         {tag: head, deployed: both, images: FakeImages{}, want: left},
		"its image is another one":       {tag: head, deployed: both, images: FakeImages{"prod.test/shop:1.4.0": "sha256:other"}, want: left},
		"tags come before deployments":   {yaml: yaml + "finish: { order: merge-then-deploy }\n", tag: head, deployed: both, images: image, want: left},
		"the repository has no registry": {yaml: "version: 1\n", tag: head, deployed: both, want: adopted{store.ReleaseReleased, "1.4.0", "", true}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.yaml == "" {
				c.yaml = yaml
			}
			l, r, x := candidate(t, c.yaml)
			l.b.Images, l.gh.Deployed = c.images, c.deployed
			l.gh.TagAt = map[string]string{"v1.3.0": cut}
			if c.tag != "" {
				l.gh.TagAt["v1.4.0"] = c.tag
			}
			l.write(func(tx *store.Tx) error {
				r.Tag, r.CandidateDigest = "v1.4.0", digest
				err := errors.Join(tx.SaveRelease(t.Context(), *r), tx.SaveEnvironment(t.Context(), store.Environment{RepoID: 42, Name: "production", Version: "1.3.0", SHA: cut}))
				for _, name := range []string{"v1.3.0", "v1.4.0"} {
					if sha := l.gh.TagAt[name]; sha != "" {
						_, e := tx.SaveTag(t.Context(), store.Tag{RepoID: 42, Name: name, SHA: sha})
						err = errors.Join(err, e)
					}
				}
				return err
			})
			must(t, l.adoptShipped(t.Context()))
			var got adopted
			l.write(func(tx *store.Tx) error {
				now, err := tx.Release(t.Context(), r.ID)
				env, err2 := tx.Environment(t.Context(), 42, pipeline.EnvironmentProduction)
				end, err3 := tx.Execution(t.Context(), x.ID)
				got = adopted{now.Status, env.Version, env.Hold, end.Status.Final()}
				return errors.Join(err, err2, err3)
			})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
