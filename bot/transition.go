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

// stage is a stage that a command names: of the pipelines of one component, or of all of the repository.
type stage struct{ component, kind, name string }

func (g stage) target() store.StopTarget { return store.StopStage(g.component, g.kind, g.name) }

// String is the stage as it is written in commands: release/Deploy, api/release/Deploy.
func (g stage) String() string {
	return strings.TrimPrefix(g.component+"/"+g.kind+"/"+g.name, "/")
}

// stageOf finds the stage that a command names as pipeline/stage or component/pipeline/stage, whatever its case: of the
// configuration, or of a pipeline that runs with an earlier one.
func (s *session) stageOf(ctx context.Context, q *request) (stage, error) {
	name := q.Arg(0)
	component, rest, _ := strings.Cut(name, "/")
	if strings.Contains(rest, "/") && slices.Contains(s.names().Components, component) {
		if given := q.Flag("component"); given != "" && given != component {
			return stage{}, &userError{fmt.Sprintf("%s is of %s, and `--component` says %s.", code(name), code(component), code(given))}
		}
		s, name = s.in(component), rest
	}
	known, err := s.knownStages(ctx)
	if err != nil {
		return stage{}, err
	}
	kind, in, _ := strings.Cut(name, "/")
	var there []string
	for _, k := range slices.Sorted(maps.Keys(known)) {
		for _, st := range known[k] {
			if strings.EqualFold(k, strings.TrimSpace(kind)) && strings.EqualFold(st, strings.TrimSpace(in)) {
				return stage{s.component(), k, st}, nil
			}
			there = append(there, stage{s.component(), k, st}.String())
		}
	}
	return stage{}, &userError{fmt.Sprintf("There is no stage %s. There are %s.", code(q.Arg(0)), codes(there))}
}

// knownStages are the stages of each kind of pipeline, in order: of the component that the session sees the repository as, else of
// the repository and all its components.
func (s *session) knownStages(ctx context.Context) (map[string][]string, error) {
	known := map[string][]string{}
	add := func(kind string, d pipeline.Definition) {
		for _, st := range d.Stages {
			if !slices.Contains(known[kind], st.Name) {
				known[kind] = append(known[kind], st.Name)
			}
		}
	}
	views := []*config.Repo{s.cfg}
	if s.component() == "" {
		for _, c := range s.names().Components {
			views = append(views, s.whole.Component(c))
		}
	}
	for _, cfg := range views {
		for _, kind := range []string{
			pipeline.KindFeature, pipeline.KindBugfix, pipeline.KindDevelopment, pipeline.KindRelease, pipeline.KindHotfix, pipeline.KindSupport, pipeline.KindProduction,
		} {
			for _, buildspec := range []string{"", "buildspec.yml"} {
				if d, ok := cfg.Pipeline(kind, config.Revision{Buildspec: buildspec}); ok {
					add(kind, d)
				}
			}
		}
	}
	active, err := s.activeExecutions(ctx)
	for _, x := range active {
		if x.Kind != kindRestore && (s.component() == "" || s.component() == x.Component) {
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
	g, err := s.stageOf(ctx, q)
	if err != nil {
		return "", err
	}
	list, err := s.stopsNow(ctx)
	if err != nil {
		return "", err
	}
	what := fmt.Sprintf("the transition into %s", code(g.String()))
	if x, of := list.findStage(g); x != nil {
		return s.unchanged(ctx, q, fmt.Sprintf("%s is disabled already, %s.", title(strings.Replace(what, g.String(), of.String(), 1)), prose(s.byWhom(x))))
	}
	end := fmt.Sprintf("until `/transition enable %s`; what has entered the stage goes on", g)
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("%s would be disabled, %s.", title(what), end))
	}
	return s.setStops(ctx, q, fmt.Sprintf("Disabled: %s, %s.", what, end),
		store.Stop{Kind: store.StopTransition, Target: g.target(), Reason: q.Flag("reason")})
}

func (s *session) cmdTransitionEnable(ctx context.Context, q *request) (string, error) {
	g, err := s.stageOf(ctx, q)
	if err != nil {
		return "", err
	}
	list, err := s.stopsNow(ctx)
	if err != nil {
		return "", err
	}
	what := code(g.String())
	x, of := list.findStage(g)
	switch {
	case x == nil:
		return "", &userError{fmt.Sprintf("The transition into %s is not disabled.", what)}
	case of != g:
		return "", &userError{fmt.Sprintf("The transition into %s is disabled for every component, %s. Say `/transition enable %s` on an issue or from the shell: that enables it for all of them.", what, prose(s.byWhom(x)), of)}
	case q.DryRun:
		return s.dry(ctx, q, fmt.Sprintf("The transition into %s would be enabled; it was disabled %s.", what, prose(s.byWhom(x))))
	}
	return s.liftStops(ctx, q, fmt.Sprintf("Enabled: the transition into %s, and what waited there goes on. It was disabled %s.", what, prose(s.byWhom(x))), *x)
}

// findStage is what disables the transition into a stage: the component's own stop, else that of every component, and which of
// them it is of. nil: nothing does.
func (l stopList) findStage(g stage) (*store.Stop, stage) {
	for _, of := range []stage{g, {"", g.kind, g.name}} {
		if x := l.find(store.StopTransition, of.target()); x != nil {
			return x, of
		}
	}
	return nil, g
}

// disabled are the transitions that are disabled for an execution, by stage. Going back needs none.
func (l stopList) disabled(x *store.Execution) map[string]pipeline.Disabled {
	out := map[string]pipeline.Disabled{}
	if isRollback(x) {
		return out
	}
	for _, of := range []stage{{"", x.Kind, ""}, {x.Component, x.Kind, ""}} { // a component's own says more
		for _, stop := range l {
			if in, is := strings.CutPrefix(string(stop.Target), string(of.target())); is && stop.Kind == store.StopTransition {
				out[in] = pipeline.Disabled{By: actor(stop.By), Reason: stop.Reason, At: stop.At}
			}
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
	return s.advance(ctx, x.ID, pipeline.Transitions{At: s.b.Now(), Disabled: list.disabled(x)})
}
