package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// fill sets every field of a record to something that is not its zero value and differs from its neighbours, so that a
// field that is not stored, or stored in another's place, shows.
func fill[T any](n int) T {
	var record T
	count := n * 1000
	fillValue(reflect.ValueOf(&record).Elem(), &count)
	return record
}

func fillValue(v reflect.Value, count *int) {
	*count++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.UnixMicro(1772445600_000001 + int64(*count)).UTC()))
		return
	case pipeline.State:
		v.Set(reflect.ValueOf(pipeline.State{ID: fmt.Sprint("state ", *count), Variables: map[string]string{"build.tag": fmt.Sprint(*count)}}))
		return
	}
	if list, ok := v.Addr().Interface().(*[]string); ok { // IDs
		*list = []string{fmt.Sprintf("first-%d", *count), fmt.Sprintf("second-%d", *count)}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillValue(v.Field(i), count)
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("ünïcode? %d", *count))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*count))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.SetBytes(fmt.Appendf([]byte{0, 0xff}, "bytes %d", *count))
	default:
		panic(fmt.Sprintf("storetest: no way to fill a %s", v.Type()))
	}
}

// trip saves a record with all its fields set, then with all but its key at zero, and reads both back.
type trip struct {
	name string
	run  func(context.Context, *testing.T, suite)
}

func roundTrip[T any](save func(context.Context, *store.Tx, *T) error, find func(context.Context, *store.Tx, T) (T, error), blank func(T) T) trip {
	return trip{reflect.TypeFor[T]().Name(), func(ctx context.Context, t *testing.T, s suite) {
		filled := fill[T](1)
		for _, want := range []T{filled, blank(filled)} {
			s.write(t, func(ctx context.Context, tx *store.Tx) error { return save(ctx, tx, &want) })
			var got T
			s.read(t, func(ctx context.Context, tx *store.Tx) (err error) {
				got, err = find(ctx, tx, want)
				return err
			})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%T (-saved +read):\n%s", want, diff)
			}
		}
	}}
}

type ctxTx = func(context.Context, *store.Tx) error

func everyRecord(t *testing.T, s suite) {
	for _, trip := range []trip{
		roundTrip(func(ctx context.Context, tx *store.Tx, r *store.Repo) error { return tx.SaveRepo(ctx, *r) },
			func(ctx context.Context, tx *store.Tx, r store.Repo) (store.Repo, error) { return tx.Repo(ctx, r.ID) },
			func(r store.Repo) store.Repo { return store.Repo{ID: r.ID} }),
		roundTrip(func(ctx context.Context, tx *store.Tx, b *store.Branch) error { return tx.SaveBranch(ctx, *b) },
			func(ctx context.Context, tx *store.Tx, b store.Branch) (store.Branch, error) {
				return tx.Branch(ctx, b.RepoID, b.Name)
			},
			func(b store.Branch) store.Branch { return store.Branch{RepoID: b.RepoID, Name: b.Name} }),
		roundTrip(func(ctx context.Context, tx *store.Tx, p *store.Push) error {
			if p.At.IsZero() {
				p.RepoID++ // pushes are added, not overwritten
			}
			return tx.AddPush(ctx, *p)
		},
			func(ctx context.Context, tx *store.Tx, p store.Push) (store.Push, error) {
				found, err := tx.Pushes(ctx, p.RepoID, p.Branch)
				return append(found, store.Push{})[0], err
			},
			func(p store.Push) store.Push { return store.Push{RepoID: p.RepoID, Branch: p.Branch, SHA: p.SHA} }),
		roundTrip(func(ctx context.Context, tx *store.Tx, p *store.Pull) error { return tx.SavePull(ctx, *p) },
			func(ctx context.Context, tx *store.Tx, p store.Pull) (store.Pull, error) {
				return tx.Pull(ctx, p.RepoID, p.Number)
			},
			func(p store.Pull) store.Pull { return store.Pull{RepoID: p.RepoID, Number: p.Number} }),
		roundTrip(func(ctx context.Context, tx *store.Tx, p *store.Permit) error { return tx.SavePermit(ctx, *p) },
			func(ctx context.Context, tx *store.Tx, p store.Permit) (store.Permit, error) {
				all, err := tx.Permits(ctx, p.RepoID, p.Pull)
				return all[0], err
			},
			func(p store.Permit) store.Permit {
				return store.Permit{ID: p.ID, RepoID: p.RepoID, Pull: p.Pull}
			}),
		roundTrip(func(ctx context.Context, tx *store.Tx, r *store.Release) error { return tx.SaveRelease(ctx, *r) },
			func(ctx context.Context, tx *store.Tx, r store.Release) (store.Release, error) {
				return tx.Release(ctx, r.ID)
			},
			func(r store.Release) store.Release { return store.Release{ID: r.ID} }),
		roundTrip(func(ctx context.Context, tx *store.Tx, e *store.Execution) error {
			if e.Version == "" {
				e.ID += "0" // executions are created once
			}
			return tx.CreateExecution(ctx, e)
		},
			func(ctx context.Context, tx *store.Tx, e store.Execution) (store.Execution, error) {
				return tx.Execution(ctx, e.ID)
			},
			func(e store.Execution) store.Execution { return store.Execution{ID: e.ID} }),
		roundTrip(func(ctx context.Context, tx *store.Tx, r *store.ActionRun) error { return tx.SaveActionRun(ctx, *r) },
			func(ctx context.Context, tx *store.Tx, r store.ActionRun) (store.ActionRun, error) {
				return tx.ActionRun(ctx, r.ID)
			},
			func(r store.ActionRun) store.ActionRun { return store.ActionRun{ID: r.ID} }),
		roundTrip(func(ctx context.Context, tx *store.Tx, e *store.Emergency) error { return tx.SaveEmergency(ctx, *e) },
			func(ctx context.Context, tx *store.Tx, e store.Emergency) (store.Emergency, error) {
				return tx.Emergency(ctx, e.ID)
			},
			func(e store.Emergency) store.Emergency { return store.Emergency{ID: e.ID} }),
		roundTrip(func(ctx context.Context, tx *store.Tx, a *store.Approval) error { return tx.SaveApproval(ctx, *a) },
			func(ctx context.Context, tx *store.Tx, a store.Approval) (store.Approval, error) {
				found, err := tx.ApprovalsByComment(ctx, a.RepoID, a.CommentID)
				if err != nil || len(found) != 1 {
					return store.Approval{}, fmt.Errorf("%d approvals in the comment: %w", len(found), err)
				}
				return found[0], nil
			},
			func(a store.Approval) store.Approval { return store.Approval{ID: a.ID} }),
		roundTrip(func(ctx context.Context, tx *store.Tx, e *store.Environment) error {
			e.LockedBy, e.Fence = "", 0 // LockEnvironment's
			return tx.SaveEnvironment(ctx, *e)
		},
			func(ctx context.Context, tx *store.Tx, e store.Environment) (store.Environment, error) {
				return tx.Environment(ctx, e.RepoID, e.Name)
			},
			func(e store.Environment) store.Environment { return store.Environment{RepoID: e.RepoID, Name: e.Name} }),
		roundTrip(func(ctx context.Context, tx *store.Tx, a *store.AccessToken) error {
			if a.Name == "" {
				a.ID += "0" // tokens are created once
			}
			return tx.CreateAccessToken(ctx, *a)
		},
			func(ctx context.Context, tx *store.Tx, a store.AccessToken) (store.AccessToken, error) {
				return tx.AccessToken(ctx, a.ID)
			},
			func(a store.AccessToken) store.AccessToken { return store.AccessToken{ID: a.ID} }),
		roundTrip(func(ctx context.Context, tx *store.Tx, o *store.Operation) error {
			if o.Command == "" {
				o.ID += "0" // operations are created once
			}
			_, err := tx.CreateOperation(ctx, *o)
			return err
		},
			func(ctx context.Context, tx *store.Tx, o store.Operation) (store.Operation, error) {
				return tx.Operation(ctx, o.ID)
			},
			func(o store.Operation) store.Operation { return store.Operation{ID: o.ID} }),
		roundTrip(func(ctx context.Context, tx *store.Tx, d *store.Deployment) error { return tx.SaveDeployment(ctx, *d) },
			func(ctx context.Context, tx *store.Tx, d store.Deployment) (store.Deployment, error) {
				return tx.Deployment(ctx, d.ID)
			},
			func(d store.Deployment) store.Deployment { return store.Deployment{ID: d.ID} }),
		roundTrip(func(ctx context.Context, tx *store.Tx, s *store.Stop) error { return tx.SaveStop(ctx, *s) },
			func(ctx context.Context, tx *store.Tx, s store.Stop) (store.Stop, error) {
				found, err := tx.Stops(ctx, s.RepoID)
				return append(found, store.Stop{})[0], err
			},
			func(s store.Stop) store.Stop { return store.Stop{RepoID: s.RepoID, Kind: s.Kind, Target: s.Target} }),
		roundTrip(func(ctx context.Context, tx *store.Tx, c *store.Check) error { return tx.SaveCheck(ctx, *c) },
			func(ctx context.Context, tx *store.Tx, c store.Check) (store.Check, error) {
				return tx.Check(ctx, c.RepoID, c.SHA, c.Name)
			},
			func(c store.Check) store.Check { return store.Check{RepoID: c.RepoID, SHA: c.SHA, Name: c.Name} }),
		roundTrip(func(ctx context.Context, tx *store.Tx, c *store.SecretScan) error { return tx.SaveSecretScan(ctx, *c) },
			func(ctx context.Context, tx *store.Tx, c store.SecretScan) (store.SecretScan, error) {
				return tx.SecretScan(ctx, c.RepoID, c.SHA, c.Base)
			},
			func(c store.SecretScan) store.SecretScan {
				return store.SecretScan{RepoID: c.RepoID, SHA: c.SHA, Base: c.Base}
			}),
		roundTrip(func(ctx context.Context, tx *store.Tx, s *store.Signature) error { return tx.SaveSignature(ctx, *s) },
			func(ctx context.Context, tx *store.Tx, s store.Signature) (store.Signature, error) {
				found, err := tx.Signatures(ctx, s.RepoID, s.Digest)
				return append(found, store.Signature{})[0], err
			},
			func(s store.Signature) store.Signature {
				return store.Signature{RepoID: s.RepoID, Digest: s.Digest, KeyID: s.KeyID}
			}),
		roundTrip(func(ctx context.Context, tx *store.Tx, c *store.Comment) error { return tx.SaveComment(ctx, *c) },
			func(ctx context.Context, tx *store.Tx, c store.Comment) (store.Comment, error) {
				return tx.Comment(ctx, c.RepoID, c.Issue, c.Marker)
			},
			func(c store.Comment) store.Comment {
				return store.Comment{RepoID: c.RepoID, Issue: c.Issue, Marker: c.Marker}
			}),
	} {
		t.Run(trip.name, func(t *testing.T) { trip.run(t.Context(), t, s) })
	}
}

func missing(t *testing.T, s suite) {
	for name, find := range map[string]ctxTx{
		"Repo":            func(ctx context.Context, tx *store.Tx) error { _, err := tx.Repo(ctx, 1); return err },
		"RepoByName":      func(ctx context.Context, tx *store.Tx) error { _, err := tx.RepoByName(ctx, "a", "b"); return err },
		"Branch":          func(ctx context.Context, tx *store.Tx) error { _, err := tx.Branch(ctx, 1, "b"); return err },
		"Tag":             func(ctx context.Context, tx *store.Tx) error { _, err := tx.Tag(ctx, 1, "b"); return err },
		"Pull":            func(ctx context.Context, tx *store.Tx) error { _, err := tx.Pull(ctx, 1, 2); return err },
		"Release":         func(ctx context.Context, tx *store.Tx) error { _, err := tx.Release(ctx, "r"); return err },
		"ReleaseByBranch": func(ctx context.Context, tx *store.Tx) error { _, err := tx.ReleaseByBranch(ctx, 1, "r"); return err },
		"ReleaseByPull":   func(ctx context.Context, tx *store.Tx) error { _, err := tx.ReleaseByPull(ctx, 1, 2); return err },
		"ReleaseByVersion": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.ReleaseByVersion(ctx, 1, "", "1.0.0")
			return err
		},
		"Execution":  func(ctx context.Context, tx *store.Tx) error { _, err := tx.Execution(ctx, "e"); return err },
		"ActionRun":  func(ctx context.Context, tx *store.Tx) error { _, err := tx.ActionRun(ctx, "e"); return err },
		"Effect":     func(ctx context.Context, tx *store.Tx) error { _, err := tx.Effect(ctx, "e"); return err },
		"EffectDone": func(ctx context.Context, tx *store.Tx) error { return tx.EffectDone(ctx, "e", nil) },
		"Emergency": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Emergency(ctx, "none")
			return err
		},
		"EmergencyByRelease": func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.EmergencyByRelease(ctx, "none")
			return err
		},
		"Deployment":     func(ctx context.Context, tx *store.Tx) error { _, err := tx.Deployment(ctx, "d"); return err },
		"Check":          func(ctx context.Context, tx *store.Tx) error { _, err := tx.Check(ctx, 1, "s", "n"); return err },
		"Comment":        func(ctx context.Context, tx *store.Tx) error { _, err := tx.Comment(ctx, 1, 2, "m"); return err },
		"Delivery":       func(ctx context.Context, tx *store.Tx) error { _, err := tx.Delivery(ctx, "d"); return err },
		"ReplayItem":     func(ctx context.Context, tx *store.Tx) error { return tx.ReplayItem(ctx, "l", 1) },
		"ReplayDelivery": func(ctx context.Context, tx *store.Tx) error { return tx.ReplayDelivery(ctx, "d") },
	} {
		if err := s.Write(t.Context(), func(tx *store.Tx) error { return find(t.Context(), tx) }); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		got, err := tx.Environment(ctx, 1, "staging")
		if diff := cmp.Diff(store.Environment{RepoID: 1, Name: "staging"}, got); diff != "" {
			t.Errorf("an environment nobody has deployed to (-want +got):\n%s", diff)
		}
		return err
	})
}
