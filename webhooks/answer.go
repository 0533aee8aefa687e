package webhooks

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// answer is one of the fixed things GitHub is told.
type answer struct {
	code   int
	result string // label of the metric
	body   string // JSON
}

// All answers there are. The texts are shown in the App's delivery log, so they say what to do.
var answers = []answer{
	accepted, duplicate, conflict, full, noRoom, unavailable, unsure, failed, wrongMethod, tooLarge, cutShort, tooSlow, wrongType, encoded,
	noSignature, wrongSignature, noDelivery, noEvent, invalid,
	noAWS, noTopics, noEventBridge, tooLargeAWS, rawSNS, noSecret, wrongSecret, refusedSNS, invalidSNS, laterSNS, invalidEvent,
}

var (
	accepted  = answer{http.StatusAccepted, "accepted", `{"result":"accepted"}`}
	duplicate = answer{http.StatusAccepted, "duplicate", `{"result":"duplicate"}`}
	conflict  = answer{http.StatusConflict, "conflict", `{"error":"this delivery ID is stored with another body"}`}
	full      = answer{http.StatusServiceUnavailable, "full", `{"error":"not stored in time; redeliver later"}`}
	noRoom    = answer{http.StatusServiceUnavailable, "no-room", `{"error":"too many bytes in flight; redeliver later"}`}
	// Nothing was stored because of a cause that may pass; and it is not known whether it was.
	unavailable = answer{http.StatusServiceUnavailable, "unavailable", `{"error":"not stored: the database takes nothing now; redeliver later"}`}
	unsure      = answer{http.StatusServiceUnavailable, "unsure", `{"error":"not known to be stored; redeliver it, which is harmless if it was"}`}
	failed      = answer{http.StatusInternalServerError, "failed", `{"error":"not stored; the operator finds the cause in the log"}`}

	wrongMethod    = answer{http.StatusMethodNotAllowed, "method", `{"error":"only POST"}`}
	tooLarge       = answer{http.StatusRequestEntityTooLarge, "too-large", `{"error":"the body is larger than 25 MiB"}`}
	cutShort       = answer{http.StatusBadRequest, "cut-short", `{"error":"the body ended early"}`}
	tooSlow        = answer{http.StatusRequestTimeout, "too-slow", `{"error":"the body came too slowly to be stored in time; redeliver later"}`}
	wrongType      = answer{http.StatusUnsupportedMediaType, "content-type", `{"error":"set the webhook's content type to application/json"}`}
	encoded        = answer{http.StatusUnsupportedMediaType, "content-encoding", `{"error":"the body must not be compressed"}`}
	noSignature    = answer{http.StatusUnauthorized, "no-signature", `{"error":"want one X-Hub-Signature-256 header, sha256= and 64 hex digits: set a webhook secret"}`}
	wrongSignature = answer{http.StatusUnauthorized, "wrong-signature", `{"error":"the signature fits none of the accepted secrets"}`}
	noDelivery     = answer{http.StatusBadRequest, "no-delivery", `{"error":"want one X-GitHub-Delivery header, a GUID"}`}
	noEvent        = answer{http.StatusBadRequest, "no-event", `{"error":"want one X-GitHub-Event header, the name of an event"}`}
	invalid        = answer{http.StatusBadRequest, "invalid", `{"error":"the body is not one JSON object"}`}
)

// Those of the endpoint for AWS alone.
var (
	noAWS         = answer{http.StatusNotFound, "aws-off", `{"error":"this server listens to nobody at AWS: set --aws-topics or --aws-eventbridge-secret"}`}
	noTopics      = answer{http.StatusNotFound, "aws-off", `{"error":"this server listens to no topics: set --aws-topics"}`}
	noEventBridge = answer{http.StatusNotFound, "aws-off", `{"error":"this server does not listen to EventBridge: set --aws-eventbridge-secret"}`}
	tooLargeAWS   = answer{http.StatusRequestEntityTooLarge, "too-large", `{"error":"the body is larger than 2 MiB"}`}
	rawSNS        = answer{http.StatusBadRequest, "raw", `{"error":"raw messages are not signed: switch raw message delivery of the subscription off"}`}
	noSecret      = answer{http.StatusUnauthorized, "no-signature", `{"error":"want one X-Sluice-Secret header, as the connection's API key"}`}
	wrongSecret   = answer{http.StatusUnauthorized, "wrong-signature", `{"error":"X-Sluice-Secret is none of the accepted secrets"}`}
	refusedSNS    = answer{http.StatusForbidden, "wrong-signature", `{"error":"the message is not taken; the operator finds the cause in the log"}`}
	invalidSNS    = answer{http.StatusBadRequest, "invalid", `{"error":"the body is no message of SNS"}`}
	laterSNS      = answer{http.StatusServiceUnavailable, "unverified", `{"error":"the signing certificate cannot be had now; send the message again later"}`}
	invalidEvent  = answer{http.StatusBadRequest, "invalid", `{"error":"the body is no event of EventBridge: an object with id, source and detail-type"}`}
)

func (a answer) write(c echo.Context, retryAfter string) error {
	h := c.Response().Header()
	switch a.code {
	case http.StatusServiceUnavailable:
		h.Set(echo.HeaderRetryAfter, retryAfter)
	case http.StatusMethodNotAllowed:
		h.Set(echo.HeaderAllow, http.MethodPost)
	case http.StatusRequestEntityTooLarge, http.StatusRequestTimeout:
		h.Set(echo.HeaderConnection, "close")
	}
	return c.JSONBlob(a.code, []byte(a.body))
}
