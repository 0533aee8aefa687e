package sns

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// Confirm confirms the subscription that a token was sent for, so that the topic's messages come. The address is made of the
// topic's ARN, not taken from the message. Confirming twice is confirming once; a token is good for two days. A *Refusal is
// for good.
func (v *Verifier) Confirm(ctx context.Context, topic, token string) error {
	if !slices.Contains(v.topics, topic) {
		return &Refusal{Problem: fmt.Sprintf("the topic %s is not listened to any more (--aws-topics)", topic)}
	}
	ctx, cancel := context.WithTimeout(ctx, 3*fetchTimeout)
	defer cancel()
	u := url.URL{Scheme: "https", Host: host(topic), Path: "/", RawQuery: url.Values{
		"Action": {"ConfirmSubscription"}, "TopicArn": {topic}, "Token": {token}, "Version": {"2010-03-31"},
	}.Encode()}
	got, err := get(ctx, v.client, u.String(), maxCertificate)
	switch {
	case err != nil:
		return fmt.Errorf("confirm the subscription to %s: %w", topic, err)
	case got.status == http.StatusOK:
		return nil
	case got.later():
		return fmt.Errorf("confirm the subscription to %s: %s answered %d", topic, u.Host, got.status)
	}
	return &Refusal{Problem: fmt.Sprintf("the subscription to %s cannot be confirmed: %s answered %d; ask for the confirmation again", topic, u.Host, got.status)}
}
