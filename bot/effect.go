package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/store"
)

// effectKind names a sort of change of the outside world.
type effectKind string

// The effects. Every kind is here, and only here: the crash test takes its points from effectKinds.
const (
	effectCreateBranch effectKind = "create-branch"
	effectDeleteBranch effectKind = "delete-branch"
	effectCreateTag    effectKind = "create-tag"
	effectCreateCommit effectKind = "create-commit"
	effectOpenPull     effectKind = "open-pull"
	effectMergePull    effectKind = "merge-pull"
	effectMerge        effectKind = "merge"
	effectEnqueue      effectKind = "enqueue-pull"
	effectRetarget     effectKind = "retarget-pull"
	effectClosePull    effectKind = "close-pull"
	effectRelease      effectKind = "github-release"
	effectComment      effectKind = "comment"
	effectReaction     effectKind = "reaction"
	effectCheck        effectKind = "check-run"
	effectDeployment   effectKind = "deployment"
	effectDeployState  effectKind = "deployment-state"
	effectAction       effectKind = "start-action"
	effectKeep         effectKind = "keep-commit"
	effectIssue        effectKind = "open-issue"
	effectEditComment  effectKind = "edit-comment"
	effectRedeliver    effectKind = "redeliver"
	effectStop         effectKind = "stop-action"
	effectAlarm        effectKind = "raise-alarm"
	effectSubscribe    effectKind = "confirm-subscription"
)

// effectKinds is the table of effects.
func effectKinds() []effectKind {
	return []effectKind{
		effectCreateBranch, effectDeleteBranch, effectCreateTag, effectCreateCommit, effectOpenPull, effectMergePull, effectMerge, effectEnqueue,
		effectRetarget, effectClosePull, effectRelease, effectComment, effectReaction, effectCheck, effectDeployment,
		effectDeployState, effectAction, effectKeep, effectIssue, effectEditComment, effectRedeliver, effectStop,
		effectAlarm, effectSubscribe,
	}
}

// harmlessKinds are those of harmless effects: they have no intent and no result.
func harmlessKinds() []effectKind {
	return []effectKind{effectEditComment, effectRedeliver, effectStop, effectAlarm, effectSubscribe}
}

// FailpointNames lists every point Failpoint may be called with: before the intent, after it, after the act and after
// the result, for each kind of effect; of harmless ones before and after the act.
func FailpointNames() []string {
	var out []string
	for _, k := range effectKinds() {
		points := []string{"intent", "act", "acted", "result"}
		if slices.Contains(harmlessKinds(), k) {
			points = []string{"act", "acted"}
		}
		for _, at := range points {
			out = append(out, string(k)+":"+at)
		}
	}
	return out
}

// effect is one change of the outside under the protocol: a transaction writes the intent, the world is probed, the
// act is done, a transaction writes the result. After any doubt the world is probed again; nothing is repeated blindly.
type effect[R any] struct {
	kind effectKind
	// key tells this effect from all others of its kind in the repository. It is made of targets, SHAs and digests,
	// never of times or deliveries.
	key    string
	intent any // what is about to be done, for the record
	// probe looks whether it is done already. It is asked when an earlier attempt may have acted, which after a restored backup
	// any may have (LookBack); with always, before the first attempt too, because somebody else may have done it.
	probe  func(context.Context) (result R, done bool, err error)
	always bool
	// planned is true of a step of a plan, which is reckoned from the world: what is asked for again after it was done was undone
	// by somebody, such as a branch that was restored. It is looked for, and done again.
	planned bool
	// blind is why an effect without a probe may be done again when an earlier attempt may have done it.
	blind string
	// act does it, with one call that changes something outside.
	act func(context.Context) (R, error)
}

// effectKey is the key of an effect among all repositories and kinds.
func effectKey(repo int64, kind effectKind, key string) string {
	return fmt.Sprintf("%d/%s/%s", repo, kind, key)
}

// do carries an effect out, once. The result of an effect done before is returned again, unless it is planned.
func do[R any](ctx context.Context, s *session, e effect[R]) (R, error) {
	var result R
	key := effectKey(s.repo.ID, e.kind, e.key)
	s.b.fail(e.kind, "intent", e.key)
	intent, err := json.Marshal(e.intent)
	if err != nil {
		return result, fmt.Errorf("effect %s: %w", key, err)
	}
	var known store.Effect
	err = s.b.Store.Write(ctx, func(tx *store.Tx) error {
		known, err = tx.Intend(ctx, store.Effect{
			Key: key, RepoID: s.repo.ID, Kind: string(e.kind), Intent: intent, CreatedAt: s.b.Now(), UpdatedAt: s.b.Now(),
		})
		return err
	})
	if err != nil {
		return result, fmt.Errorf("effect %s: %w", key, err)
	}
	if known.Done && !e.planned {
		return result, json.Unmarshal(known.Result, &result)
	}
	s.b.fail(e.kind, "act", e.key)
	done := false
	if e.probe != nil && (e.always || known.Done || known.Attempts > 1 || s.b.doubt.Load()) {
		if result, done, err = e.probe(ctx); err != nil {
			return result, fmt.Errorf("look before %s: %w", e.kind, err)
		}
	}
	if !done {
		if result, err = e.act(ctx); err != nil {
			return result, fmt.Errorf("%s: %w", e.kind, err)
		}
	}
	s.b.fail(e.kind, "acted", e.key)
	raw, err := json.Marshal(result)
	if err != nil {
		return result, fmt.Errorf("effect %s: %w", key, err)
	}
	err = s.b.Store.Write(ctx, func(tx *store.Tx) error { return tx.EffectDone(ctx, key, raw) })
	if err != nil {
		return result, fmt.Errorf("effect %s: %w", key, err)
	}
	s.b.fail(e.kind, "result", e.key)
	return result, nil
}

// harmless is the lighter form of an effect, for what leaves the same world however often it is done, and whose need is
// computed anew by whoever asks for it: nothing is written down before, nothing is looked at, and no result is kept. A
// crash leaves it undone, and then it is asked for again.
type harmless struct {
	kind effectKind
	key  string // what it is done to
	why  string // it may be repeated
	act  func(context.Context) error
}

// repeat carries a harmless effect out.
func (b *Bot) repeat(ctx context.Context, e harmless) error {
	b.fail(e.kind, "act", e.key)
	if err := e.act(ctx); err != nil {
		return fmt.Errorf("%s: %w", e.kind, err)
	}
	b.fail(e.kind, "acted", e.key)
	return nil
}

// onRecord is the form of an effect that has a record of its own: its intent and its result stand there, and what it calls
// looks before it acts, which an executor's contract asks of it.
type onRecord struct {
	kind           effectKind
	key            string
	intent, result func(context.Context) error // each a transaction
	act            func(context.Context) error
}

// carryOut carries such an effect out.
func (b *Bot) carryOut(ctx context.Context, e onRecord) error {
	for _, step := range []struct {
		point string // that is passed before
		do    func(context.Context) error
	}{{"intent", e.intent}, {"act", e.act}, {"acted", e.result}} {
		b.fail(e.kind, step.point, e.key)
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	b.fail(e.kind, "result", e.key)
	return nil
}

// nothing is the result of effects that have none.
type nothing struct{}
