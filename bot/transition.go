package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// transitionOf finds the stage that a command names as pipeline/stage, whatever its case: of the configuration, or of a
// pipeline that runs with an earlier one.
func (s *session) transitionOf(ctx context.Context, name string) (kind, stage string, err error) {
	known, err := s.knownStages(ctx)
	if err != nil {
		return "", "", err
	}
	kind, stage, _ = strings.Cut(name, "/")
	for _, k := range slices.Sorted(maps.Keys(known)) {
		for _, st := range known[k] {
			if strings.EqualFold(k, strings.TrimSpace(kind)) && strings.EqualFold(st, strings.TrimSpace(stage)) {
				return k, st, nil
			}
		}
	}
	var there []string
	for _, k := range slices.Sorted(maps.Keys(known)) {
		for _, st := range known[k] {
			there = append(there, code(k+"/"+st))
		}
	}
	return "", "", &userError{fmt.Sprintf("There is no stage %s. There are %s.", code(name), strings.Join(there, ", "))}
}

// knownStages are the stages of each pipeline, in order.
func (s *session) knownStages(ctx context.Context) (map[string][]string, error) {
	known := map[string][]string{}
	add := func(kind string, d pipeline.Definition) {
		for _, st := range d.Stages {
			if !slices.Contains(known[kind], st.Name) {
				known[kind] = append(known[kind], st.Name)
			}
		}
	}
	for _, kind := range []string{
		pipeline.KindFeature, pipeline.KindBugfix, pipeline.KindDevelopment, pipeline.KindRelease, pipeline.KindHotfix, pipeline.KindSupport, pipeline.KindProduction,
	} {
		for _, buildspec := range []string{"", "buildspec.yml"} {
			if d, ok := s.cfg.Pipeline(kind, config.Revision{Buildspec: buildspec}); ok {
				add(kind, d)
			}
		}
	}
	active, err := s.activeExecutions(ctx)
	for _, x := range active {
		if x.Kind != kindRestore {
			add(x.Kind, x.State.Definition)
		}
	}
	return known, err
}

// activeExecutions are the executions that have not ended.
func (s *session) activeExecutions(ctx context.Context) (active []store.Execution, err error) {
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		active, err = tx.ActiveExecutions(ctx, s.repo.ID)
		return err
	})
	return active, err
}

func (s *session) cmdTransitionDisable(ctx context.Context, q *request) (string, error) {
	kind, stage, err := s.transitionOf(ctx, q.Arg(0))
	if err != nil {
		return "", err
	}
	target := store.StopStage(kind, stage)
	list, err := s.stopsNow(ctx)
	if err != nil {
		return "", err
	}
	what := fmt.Sprintf("the transition into %s", code(kind+"/"+stage))
	if x := list.find(store.StopTransition, target); x != nil {
		return s.finishWith(ctx, q, fmt.Sprintf("%s is disabled already, %s.", title(what), prose(s.byWhom(x))))
	}
	end := fmt.Sprintf("until `/transition enable %s/%s`; what has entered the stage goes on", kind, stage)
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("%s would be disabled, %s.", title(what), end))
	}
	return s.setStops(ctx, q, fmt.Sprintf("Disabled: %s, %s.", what, end),
		store.Stop{Kind: store.StopTransition, Target: target, Reason: q.Flag("reason")})
}

func (s *session) cmdTransitionEnable(ctx context.Context, q *request) (string, error) {
	kind, stage, err := s.transitionOf(ctx, q.Arg(0))
	if err != nil {
		return "", err
	}
	list, err := s.stopsNow(ctx)
	if err != nil {
		return "", err
	}
	what := code(kind + "/" + stage)
	x := list.find(store.StopTransition, store.StopStage(kind, stage))
	switch {
	case x == nil:
		return "", &userError{fmt.Sprintf("The transition into %s is not disabled.", what)}
	case q.DryRun:
		return s.dry(ctx, q, fmt.Sprintf("The transition into %s would be enabled; it was disabled %s.", what, prose(s.byWhom(x))))
	}
	return s.liftStops(ctx, q, fmt.Sprintf("Enabled: the transition into %s, and what waited there goes on. It was disabled %s.", what, prose(s.byWhom(x))), *x)
}

// disabled are the transitions of a kind of pipeline that are disabled, by stage. Going back needs none.
func (l stopList) disabled(kind string, back bool) map[string]pipeline.Disabled {
	out := map[string]pipeline.Disabled{}
	for _, x := range l {
		if stage, is := strings.CutPrefix(string(x.Target), string(store.StopStage(kind, ""))); is && x.Kind == store.StopTransition && !back {
			out[stage] = pipeline.Disabled{By: actor(x.By), Reason: x.Reason, At: x.At}
		}
	}
	return out
}

// passTransitions tells the executions under way which transitions are disabled now.
func (s *session) passTransitions(ctx context.Context) error {
	if !s.turned {
		return nil
	}
	s.turned = false
	list, err := s.stopsNow(ctx)
	if err != nil {
		return err
	}
	active, err := s.activeExecutions(ctx)
	if err != nil {
		return err
	}
	for _, x := range active {
		if err := s.passTransitionsTo(ctx, &x, list); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) passTransitionsTo(ctx context.Context, x *store.Execution, list stopList) error {
	return s.advance(ctx, x.ID, pipeline.Transitions{At: s.b.Now(), Disabled: list.disabled(x.Kind, isRollback(x))})
}
