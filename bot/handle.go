package bot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/queue"
)

// actionFact is the payload of a lane item that says an action execution has moved.
type actionFact struct {
	ActionID string `json:"action"`
}

// walkFact is the payload of a lane item that says to look at a release again; without one, at everything that is open.
type walkFact struct {
	ReleaseID string `json:"release"`
}

// repoOf is the repository of a lane, 0 for lanes of installations and of the App.
func repoOf(lane string) int64 {
	id, _ := strconv.ParseInt(strings.TrimPrefix(lane, "repo:"), 10, 64)
	return id
}

// tickFact is the payload of a lane item that says a deadline of an execution has come.
type tickFact struct {
	ExecutionID string `json:"execution"`
}

// handle works one item of a lane.
func (b *Bot) handle(ctx context.Context, item queue.Item) queue.Outcome {
	err := b.lookFirst(ctx, repoOf(item.Lane))
	if err == nil {
		err = b.handleItem(ctx, item)
	}
	if errors.Is(err, errInactive) {
		b.leftUndone(ctx, item, err)
		err = nil
	}
	return outcome(err, b.Now())
}

func (b *Bot) handleItem(ctx context.Context, item queue.Item) error {
	repo := repoOf(item.Lane)
	switch item.Kind {
	case itemDelivery:
		events, err := b.Translate(*item.Delivery)
		if err != nil {
			return executor.Permanent(err) // the payload will not change
		}
		for _, e := range events {
			switch known := e.(type) {
			case event.Comment:
				known.ReceivedAt = item.Delivery.ReceivedAt
				e = known
			case event.Review:
				known.ReceivedAt = item.Delivery.ReceivedAt
				e = known
			case event.CheckAction:
				known.Press = item.Delivery.ID
				e = known
			case event.CheckRerequested:
				known.Press = item.Delivery.ID
				e = known
			case event.SuiteRerequested:
				known.Press = item.Delivery.ID
				e = known
			}
			if err := b.handleEvent(ctx, e); err != nil {
				return fmt.Errorf("%s: %w", item.Delivery.Name, err)
			}
		}
		return nil
	case itemAction:
		var f actionFact
		if err := item.Decode(&f); err != nil {
			return err
		}
		return b.in(ctx, repo, event.Origin{}, func(s *session) error { return s.actionMoved(ctx, f.ActionID) })
	case itemTick:
		var f tickFact
		if err := item.Decode(&f); err != nil {
			return err
		}
		return b.in(ctx, repo, event.Origin{}, func(s *session) error { return s.tick(ctx, f.ExecutionID) })
	case itemResolved:
		var p resolvePayload
		if err := item.Decode(&p); err != nil {
			return err
		}
		return b.in(ctx, p.RepoID, event.Origin{}, func(s *session) error { return s.resolved(ctx, p) })
	case itemSecrets:
		var p secretsPayload
		if err := item.Decode(&p); err != nil {
			return err
		}
		return b.in(ctx, p.RepoID, event.Origin{}, func(s *session) error { return s.secretsSearched(ctx, p) })
	case itemRemark:
		var f foundRemark
		if err := item.Decode(&f); err != nil {
			return err
		}
		return b.in(ctx, repo, event.Origin{}, func(s *session) error { return s.remarkFound(ctx, f) })
	case itemWalk:
		var f walkFact
		if err := item.Decode(&f); err != nil {
			return err
		}
		return b.in(ctx, repo, event.Origin{}, func(s *session) error {
			s.touch(f.ReleaseID)
			s.touchAll = s.touchAll || f.ReleaseID == ""
			return nil
		})
	case itemStops:
		return b.in(ctx, repo, event.Origin{}, func(s *session) error {
			s.touchAll = true
			return s.endStops(ctx)
		})
	case itemCommand:
		var f commandFact
		if err := item.Decode(&f); err != nil {
			return err
		}
		return b.asked(ctx, repo, f)
	case itemConfig:
		return b.roused(ctx, repo, event.Origin{}, func(s *session) error { return s.refreshConfig(ctx) })
	case itemJudge:
		var f judgeFact
		if err := item.Decode(&f); err != nil {
			return err
		}
		return b.in(ctx, repo, event.Origin{}, func(s *session) error { return s.judgeThese(ctx, f) })
	case itemReview:
		var f reviewFact
		if err := item.Decode(&f); err != nil {
			return err
		}
		return b.in(ctx, repo, event.Origin{}, func(s *session) error { return s.callReview(ctx, f.EmergencyID) })
	case itemAlarm:
		var f alarmFact
		if err := item.Decode(&f); err != nil {
			return err
		}
		return b.in(ctx, repo, event.Origin{}, func(s *session) error { return s.alarmChanged(ctx, f) })
	case itemRights:
		return b.in(ctx, repo, event.Origin{}, func(s *session) error { return s.rightsChanged(ctx) })
	case itemMade:
		var f madeOn
		if err := item.Decode(&f); err != nil {
			return err
		}
		return b.in(ctx, repo, event.Origin{}, func(s *session) error { return s.lookAtMade(ctx, f) })
	case itemReconcile:
		return b.roused(ctx, repo, event.Origin{}, func(s *session) error { return s.reconcile(ctx) })
	}
	return fmt.Errorf("lane item of unknown kind %q", item.Kind)
}
