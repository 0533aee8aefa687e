package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/webhooks"
)

// planCmd is "sluice plan": what would be decided about a webhook payload, and done, with nothing asked or done.
type planCmd struct {
	Event   string `required:"" placeholder:"NAME" help:"Name of the event, as in X-GitHub-Event: push, pull_request, issue_comment."`
	Payload string `required:"" placeholder:"FILE" help:"File with the payload, - for standard input."`
	Config  string `placeholder:"FILE" help:"Repository file to decide by. Default: zero configuration."`
	JSON    bool   `name:"json" help:"Print one JSON object."`
}

// planReport is what --json prints.
type planReport struct {
	Event      string         `json:"event"`
	Lane       string         `json:"lane"` // the ordered inbox the delivery would wait in
	Configured bool           `json:"configured"`
	Decisions  []bot.Decision `json:"decisions"`
}

// Run prints the decisions. The exit status is 1 for a payload that is not what GitHub documents.
func (c *planCmd) Run(e *env) error {
	if !webhooks.IsEventName(c.Event) {
		return &usageError{fmt.Errorf("--event %q is not the name of an event; give what X-GitHub-Event says, such as push or pull_request, without the activity", c.Event)}
	}
	body, err := readPayload(c.Payload, e.stdin)
	if err != nil {
		return &usageError{err}
	}
	d, err := webhooks.NewDelivery("plan", c.Event, body, time.Now())
	if err != nil {
		return fmt.Errorf("%s would be refused with 400: %w", c.Payload, err)
	}
	events, problem := webhooks.Translate(d)
	cfg, err := c.config(d)
	if err != nil {
		return err
	}
	decisions := bot.PlanDelivery(cfg, d, events, problem)
	if err := c.print(e, planReport{Event: c.Event, Lane: d.Lane(), Configured: cfg.Configured, Decisions: decisions}); err != nil {
		return err
	}
	if problem != nil { // what is wrong with the payload stands in the decision
		return &silentError{exitFailed}
	}
	return nil
}

func (c *planCmd) print(e *env, report planReport) error {
	if c.JSON {
		return printJSON(e.stdout, report)
	}
	for _, decision := range report.Decisions {
		fmt.Fprint(e.stdout, decision)
	}
	return nil
}

// config is the repository's configuration, from the file or by default.
func (c *planCmd) config(d event.Delivery) (*config.Repo, error) {
	in := contextOf(d)
	if c.Config == "" {
		return config.Default(in), nil
	}
	data, err := readLimited(c.Config, strings.NewReader(""))
	if err != nil {
		return nil, &usageError{err}
	}
	in.File, in.Check, in.Branches = c.Config, checkOnly().Check, nil
	cfg, problems := config.ParseRepo(data, in)
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w\nrun \"sluice lint %s\" for the places", config.Join(problems), c.Config)
	}
	return cfg, nil
}

// contextOf takes from a payload what the default configuration depends on: the names, and the branches it speaks of.
func contextOf(d event.Delivery) config.Context {
	type side struct {
		Ref string `json:"ref"`
	}
	var p struct {
		Repository struct {
			Name          string `json:"name"`
			FullName      string `json:"full_name"`
			DefaultBranch string `json:"default_branch"`
		} `json:"repository"`
		PullRequest struct {
			Base, Head side
		} `json:"pull_request"`
	}
	if json.Unmarshal(d.Body, &p) != nil {
		return config.Context{RepoName: "app"} // not GitHub's types: the decision will say so
	}
	in := config.Context{RepoName: p.Repository.Name}
	in.Owner, _, _ = strings.Cut(p.Repository.FullName, "/")
	for _, b := range []string{p.Repository.DefaultBranch, p.PullRequest.Base.Ref, p.PullRequest.Head.Ref} {
		if b != "" && !slices.Contains(in.Branches, b) {
			in.Branches = append(in.Branches, b)
		}
	}
	return in
}

// readPayload reads a payload, up to what GitHub sends at most.
func readPayload(name string, stdin io.Reader) ([]byte, error) {
	from := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	body, err := io.ReadAll(io.LimitReader(from, webhooks.MaxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(body) > webhooks.MaxBody {
		return nil, errors.New("the payload is larger than 25 MiB, and GitHub sends none that large")
	}
	return body, nil
}
