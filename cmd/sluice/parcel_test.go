package main

import (
	"bytes"
	"context"
	"net/http"

	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/webhooks"
)

// parcel is a delivery as GitHub posts it.
type parcel struct {
	server, event, id string // the server's address begins with http
	body              []byte
}

// request is the request that brings it, signed with flowSecret.
func (p parcel) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.server+webhooks.Path, bytes.NewReader(p.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", p.event)
	req.Header.Set("X-GitHub-Delivery", p.id)
	req.Header.Set("X-Hub-Signature-256", fakegithub.Sign(flowSecret, p.body))
	return req, nil
}

// post sends it and returns the status of the answer.
func (p parcel) post(ctx context.Context) (int, error) {
	req, err := p.request(ctx)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}
