// Package bot decides what follows from each delivery and fact, and does it.
//
// Everything about one repository happens in its lane: one item at a time, in order. An item is a webhook delivery or a
// fact of our own (an action settled, a deadline came, it is time to reconcile). The bot takes an event as a hint, asks
// GitHub for the state, decides with the pure packages (gitflow, tagging, pipeline), writes its decision, and changes
// the outside under the effect protocol (effect.go): intent, probe, act, result. After a crash the item is handled
// again, and what was done is found done.
//
// Releases are walked level by level (release.go, finish.go): look at the world, ask gitflow for the plan, do the first
// step that is ready, look again. So it does not matter where the last process stopped.
//
// Slow work (builds, copies, deployments) is started by jobs outside the lane (action.go) which hand the result back as
// a fact. The package imports no SDK and speaks no HTTP: GitHub is the interfaces in github.go.
package bot

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// Bot is the whole of Sluice's behaviour. Fill in the fields, then Register; they must not change afterwards.
type Bot struct {
	App   App
	Store *store.Store
	Queue *queue.Queue
	// Translate turns a delivery into events; package webhooks has it.
	Translate func(event.Delivery) ([]event.Event, error)
	Executors *executor.Registry
	// Bell is rung by embedded executors when an action has moved.
	Bell   *executor.Bell
	Images Images
	// Secrets looks for credentials in commits. Nil: nobody does.
	Secrets SecretScanner
	Allow   Allow
	// Alarms tells what an alarm of AWS is about, by the ARNs it is known by and its description. Nil: no alarm is about anything.
	Alarms func(arns []string, description string) []config.AlarmPlace
	// Topics confirms subscriptions to topics. Nil: there are none to confirm.
	Topics Topics
	// PublicURL is where people reach the dashboard, without a slash at the end.
	PublicURL string
	// GitHubURL is where people reach GitHub, the same way.
	GitHubURL string
	Now       func() time.Time
	// Ahead is how far GitHub's clock is ahead of Now, as far as its answers tell. Nil: not at all.
	Ahead func() time.Duration
	Log   *slog.Logger
	// Failpoint is called at every point where a crash must do no harm, with the effect's key; tests end the process there.
	// Nil: nothing.
	Failpoint func(point, key string)

	who whoami
	// doubt and behind are LookBack's findings: something may have been done that is not in the database, and something was.
	doubt, behind atomic.Bool
	// looked are the repositories that were reconciled since, by ID.
	looked sync.Map
}

// Images is what the bot asks of image registries.
type Images interface {
	// Find gives the digest a reference (host/repository:tag) points at, "" when there is no such image. An error for
	// which executor.IsPermanent holds is final.
	Find(ctx context.Context, reference string) (digest string, err error)
	// Signed tells which of the public keys (PEM) signed an image, host/repository@sha256:…: the key's SHA-256. Where none
	// did, problem is why, half a sentence that names the digest.
	Signed(ctx context.Context, image string, keys []string) (key, problem string, err error)
}

// Topics is what the bot asks of Amazon SNS.
type Topics interface {
	// Confirm confirms the subscription that a token was sent for; twice is once. An error for which executor.IsPermanent holds
	// is final.
	Confirm(ctx context.Context, topic, token string) error
}

// Allow is what the operator allows a repository ("owner", "name").
type Allow struct {
	LocalExecutors func(owner, repo string) bool
	// Registry tells whether a repository may name an image repository (host/path).
	Registry func(owner, repo, image string) bool
}

// Embedded lists the executors that run on Sluice's own host and need Allow.LocalExecutors.
func Embedded(uses string) bool {
	switch uses {
	case "buildspec", "image", "appspec", "process":
		return true
	}
	return false
}

// Names of lane items and jobs.
const (
	itemDelivery  = queue.KindDelivery
	itemAction    = "action"    // an action has moved: payload actionFact
	itemTick      = "tick"      // a deadline of an execution: payload tickFact
	itemReconcile = "reconcile" // look at everything again
	itemMade      = "made"      // look at a branch on which Sluice made something: payload madeOn
	itemConfig    = "config"    // the organization's defaults may have changed
	itemJudge     = "judge"     // judge pull requests by a changed configuration: payload judgeFact
	itemResolved  = "resolved"  // a registry told an image's digest: payload resolvePayload
	itemAlarm     = "alarm"     // an alarm of a monitoring has changed: payload alarmFact
	itemRemark    = "comment"   // a comment or review of which nobody told: payload foundRemark
	itemWalk      = "walk"      // look at a release again: payload walkFact
	jobAction     = "action"    // drive an action execution: payload its ID
)

// Intervals of what happens by timer.
const (
	reconcileEvery = time.Hour
	redeliverEvery = 5 * time.Minute
)

// Register hands the bot's handlers to the queue. Call it once, before the queue starts.
func (b *Bot) Register() {
	b.Queue.Handle(b.handle)
	b.Queue.Describe(b.about)
	b.Queue.Work(jobAction, actionLimit, b.workAction)
	b.Queue.Work(jobResolve, 0, b.workResolve)
	b.Queue.Work(jobSecrets, 0, b.workSecrets)
	b.Queue.Every("reconcile", reconcileEvery, b.reconcileAll)
	b.Queue.Every("redeliver", redeliverEvery, b.redeliver)
}

// fail is a point at which tests kill the process.
func (b *Bot) fail(kind effectKind, at, key string) {
	if b.Failpoint != nil {
		b.Failpoint(string(kind)+":"+at, key)
	}
}

// configContext is what the loader of .github/sluice.yml wants to know.
func (b *Bot) configContext(owner, name string, branches []string) config.Context {
	return config.Context{
		Owner: owner, RepoName: name, Branches: branches,
		Check:          b.Executors.Check,
		Executors:      b.Executors.Uses(),
		LocalExecutors: b.Allow.LocalExecutors(owner, name),
	}
}
