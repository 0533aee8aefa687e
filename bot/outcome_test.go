package bot

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

func TestOutcome(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"nothing wrong":             {nil, "done"},
		"a limit is waited out":     {&forge.RateLimitError{Until: noon.Add(time.Minute)}, "park for 1m0s: GitHub's rate limit is reached until 2026-03-02T12:01:00Z"},
		"a limit that is over":      {&forge.RateLimitError{Until: noon.Add(-time.Minute)}, "park for 1s: GitHub's rate limit is reached until 2026-03-02T11:59:00Z"},
		"told of, and not found":    {fmt.Errorf("comment: %w", &notYetError{"comment 7", 3 * time.Second}), "park for 3s: GitHub does not find comment 7, of which it told just now; it is asked again in 3s"},
		"somebody else wrote first": {fmt.Errorf("execution x: %w", store.ErrStale), "snooze 50ms"},
		"shutting down":             {context.Canceled, "retry: context canceled"},
		"GitHub is ill":             {&forge.TemporaryError{Err: broken}, "retry: GitHub did not answer as it should: broken"},
		"GitHub refuses for good":   {&forge.RefusedError{Status: 403, Message: "no"}, "dead: GitHub refused (403): no"},
		"an executor gives up":      {executor.Permanent(broken), "dead: broken"},
		"anything else":             {broken, "retry: broken"},
		"a limit behind other words": {
			fmt.Errorf("a: %w", fmt.Errorf("b: %w", &forge.RateLimitError{Until: noon.Add(time.Hour)})), "park for 1h0m0s: GitHub's rate limit is reached until 2026-03-02T13:00:00Z",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, outcome(c.err, noon).String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
