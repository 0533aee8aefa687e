package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/pgtest"
	"github.com/sluicehq/sluice/test/fakegithub"
)

const deliveryLog = "/app/hook/deliveries"

// A delivery that comes while the server starts, and GitHub does not answer what the start asks, is stored and answered at once; it
// waits until it is known whether a backup was restored, and is then worked on.
func TestDeliveryWhileTheServerStarts(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"SQLite": func(testing.TB) string { return "" }, "Postgres": pgtest.URL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNear(t, database(t))
			n.halt()
			n.stopped(patience)
			n.flags.Listen, n.flags.AdminListen = strings.TrimPrefix(n.public, "http://"), strings.TrimPrefix(n.admin, "http://")
			release := make(chan struct{})
			n.hub.Inject(fakegithub.Fault{Kind: fakegithub.Delay, Method: "GET", Route: deliveryLog, Release: release})
			last := n.hub.LastCall()
			delivered, problem := make(chan string, 1), make(chan error, 1)
			go func() {
				defer close(release)
				sha, err := n.whileStarting(last)
				delivered <- sha
				problem <- err
			}()
			n.begin()
			sha := <-delivered
			if err := <-problem; err != nil {
				t.Fatal(err)
			}
			n.check(sha)
		})
	}
}

// whileStarting pushes while a server that listens at the address of the last one asks for GitHub's log in vain. It returns when the
// delivery was answered, and says what was done about it too early.
func (n *near) whileStarting(last int) (sha string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := await(ctx, patience, "the server to ask for the log", func() (string, bool) { return "it has not", n.hub.LastCall() > last }); err != nil {
		return "", err
	}
	began := time.Now()
	sha, err = n.hub.As("dev").Commit(ctx, flowRepo, "feature/early", "feat: sell early", map[string]string{"early.txt": "1\n"})
	if err != nil {
		return "", err
	}
	if err := n.hub.Settle(ctx); err != nil {
		return "", err
	}
	took := time.Since(began)
	for _, d := range n.hub.Deliveries() {
		if d.Event == "push" && strings.Contains(string(d.Body), sha) && d.StatusCode != http.StatusAccepted {
			return "", fmt.Errorf("the push was answered %d %s", d.StatusCode, d.Problem)
		}
	}
	if status, body := probe(n.tb, "http://"+n.flags.AdminListen+"/readyz"); status != http.StatusOK {
		return "", fmt.Errorf("/readyz answers %d %s", status, body)
	}
	if took > lookBackFor/2 {
		return "", errors.New("the push waited for GitHub's log: " + took.String())
	}
	if n.hub.LastCall() > last+1 {
		return "", errors.New("the server works before it knows whether a backup was restored")
	}
	return sha, nil
}
