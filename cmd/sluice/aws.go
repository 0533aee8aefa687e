package main

import (
	"context"
	"errors"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/webhooks"
	"github.com/sluicehq/sluice/webhooks/sns"
)

// listenToAWS says whose messages are taken at /webhooks/aws, and lets the bot confirm subscriptions to topics.
func (s *server) listenToAWS(w wiring) (webhooks.AWS, error) {
	listened := webhooks.AWS{Secrets: webhookSecrets(s.cfg.AWS.EventBridgeSecrets)}
	if len(s.cfg.AWS.Topics) == 0 {
		return listened, nil
	}
	v, err := sns.New(sns.Options{Topics: s.cfg.AWS.Topics, Version1: s.cfg.AWS.Version1, Client: w.aws, Roots: w.awsRoots, Now: w.now})
	if err != nil {
		return listened, err
	}
	listened.Topics, s.bot.Topics = v, topics{v}
	return listened, nil
}

// topics is Amazon SNS as the bot knows it.
type topics struct{ sns *sns.Verifier }

// Confirm implements bot.Topics.
func (t topics) Confirm(ctx context.Context, topic, token string) error {
	err := t.sns.Confirm(ctx, topic, token)
	var no *sns.Refusal
	if errors.As(err, &no) {
		return executor.Permanent(err)
	}
	return err
}

func webhookSecrets(from []config.Secret) (out []webhooks.Secret) {
	for _, secret := range from {
		out = append(out, webhooks.Secret(secret.Reveal()))
	}
	return out
}
