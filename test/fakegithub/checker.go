package fakegithub

import (
	"iter"
	"net/http"
	"net/url"
)

// Checker compares what passes through with GitHub's description. Package description has one.
type Checker interface {
	// CheckCall yields what does not fit, with its kind: request, response or unknown-route. Exemptions says what is left out.
	CheckCall(e Exchange) iter.Seq2[string, error]
	// CheckHook says what does not fit in a webhook's payload.
	CheckHook(event, action string, body []byte) error
}

// Exchange is a call and its answer.
type Exchange struct {
	Request *http.Request // its body was read: see Body
	Route   Route
	Params  map[string]string // of the path, unescaped
	Query   url.Values
	Body    []byte
	Status  int
	Answer  []byte
	// JSON is false for answers in another format.
	JSON bool
	// FutureRule answers hold a rule of a type that GitHub does not have, because a test asked for it.
	FutureRule bool
}

// Route is an operation the stand-in has, its path spelled as in GitHub's description.
type Route struct{ Method, Path string }

// Routes lists what the stand-in has.
func Routes() []Route {
	var out []Route
	for _, r := range (&Server{}).table() {
		out = append(out, Route{r.method, r.path})
	}
	return out
}
