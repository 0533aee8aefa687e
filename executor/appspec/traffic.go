package appspec

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/executor"
)

// traffic is how a host that is deployed to in place is taken out of traffic and let in again: by a file that a load balancer's
// health check looks for. The zero traffic is no switch, and the events around traffic do not take place then.
type traffic struct {
	File  string        `json:"file,omitempty"`  // absolute; below the folder of a host that has one
	Drain time.Duration `json:"drain,omitempty"` // between the file's going and the first script after it
}

// maxDrain bounds what is waited on each host.
const maxDrain = time.Hour

func (t traffic) set() bool { return t.File != "" }

// check looks at the parameters.
func (t traffic) check(kind string) error {
	switch {
	case t.File == "" && t.Drain != 0:
		return errors.New("with.drain: there is no traffic_file that is taken away before it")
	case t.File == "" || executor.IsReference(t.File):
		return nil
	case kind == blueGreen:
		return errors.New("with.traffic_file: blue-green switches traffic by the link of the host; leave it out, or deploy in-place")
	case !onHost(t.File):
		return fmt.Errorf("with.traffic_file: %q is not an absolute path, without .. in it", t.File)
	case t.Drain < 0 || t.Drain > maxDrain:
		return fmt.Errorf("with.drain: %s; want at most %s", t.Drain, maxDrain)
	}
	return nil
}

// turn switches traffic to a host on or off. Once it is off the connections that there are have time to end.
func (t traffic) turn(ctx context.Context, on host, to bool) error {
	if err := on.serve(ctx, t.File, to); err != nil || to || t.Drain == 0 {
		return err
	}
	over := time.NewTimer(t.Drain)
	defer over.Stop()
	select {
	case <-over.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// unheard are remarks on the scripts of events that do not take place, as with CodeDeploy where there is no load balancer.
func (p plan) unheard() []executor.Annotation {
	if p.Kind == blueGreen || p.Traffic.set() {
		return nil
	}
	var out []executor.Annotation
	for _, e := range events() {
		if scripts := p.Revision.Spec.Hooks[e]; len(scripts) > 0 && e.OfTraffic() {
			a := executor.FailureAt(p.Revision.Spec.File, scripts[0].Line, "appspec.yml", fmt.Sprintf("hooks.%s is not run: in place there is nothing "+
				"that blocks and allows traffic; name the file that a load balancer looks for in with.traffic_file, or deploy blue-green", e))
			a.Level = "warning"
			out = append(out, a)
		}
	}
	return out
}
