package executor

import (
	"context"

	"github.com/sluicehq/sluice/pipeline"
)

// RecordOnly is the executor for `uses: deploy` in an environment without `deploy:`. Nothing is deployed: the action
// succeeds at once, and the deployment that the bot records at GitHub is all there is.
type RecordOnly struct{}

// Check takes no parameters but environment.
func (RecordOnly) Check(with map[string]any) error {
	p := Read(with)
	p.String("environment")
	return p.Err()
}

// Start does nothing; the handle is the request's ID.
func (RecordOnly) Start(_ context.Context, r Request) (string, error) { return r.ID, nil }

// Status is Succeeded.
func (RecordOnly) Status(_ context.Context, r Request, _ string) (Report, error) {
	return Report{
		Status:  pipeline.Succeeded,
		Summary: "recorded; environments." + r.Environment + ".deploy is not set, so nothing was deployed",
	}, nil
}

// Stop does nothing: the action has ended already.
func (RecordOnly) Stop(context.Context, Request, string) error { return nil }
