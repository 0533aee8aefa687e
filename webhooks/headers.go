package webhooks

import (
	"net/http"
	"strings"
)

// headers is what the headers of a request say, once they are of the right form.
type headers struct {
	signature       string // "sha256=" and 64 hex digits
	delivery, event string
}

// checkHeaders refuses whatever can be refused without reading the body; the second result is nil if nothing is.
func checkHeaders(r *http.Request) (headers, *answer) {
	if r.Method != http.MethodPost {
		return headers{}, &wrongMethod
	}
	if r.ContentLength > MaxBody {
		return headers{}, &tooLarge
	}
	if !isJSON(r.Header["Content-Type"]) {
		return headers{}, &wrongType
	}
	if len(r.Header["Content-Encoding"]) != 0 {
		return headers{}, &encoded
	}
	signature, ok := one(r.Header["X-Hub-Signature-256"])
	if !ok || !isSignature(signature) {
		return headers{}, &noSignature
	}
	delivery, ok := one(r.Header["X-Github-Delivery"])
	if !ok || !isGUID(delivery) {
		return headers{}, &noDelivery
	}
	name, ok := one(r.Header["X-Github-Event"])
	if !ok || !IsEventName(name) {
		return headers{}, &noEvent
	}
	return headers{signature: signature, delivery: strings.ToLower(delivery), event: name}, nil
}

func one(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	return values[0], true
}

// isJSON accepts application/json with any parameters, in any case.
func isJSON(values []string) bool {
	v, ok := one(values)
	if !ok {
		return false
	}
	v, _, _ = strings.Cut(v, ";")
	return strings.EqualFold(strings.TrimSpace(v), "application/json")
}

// isGUID accepts 8-4-4-4-12 hex digits.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if !isHex(s[i]) {
				return false
			}
		}
	}
	return true
}

// IsEventName tells whether a delivery may have such a name of an event: 1 to 64 lower-case letters, digits and underscores. With
// another one it is refused with 400.
func IsEventName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
