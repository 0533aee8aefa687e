package fakegithub

import (
	"iter"
	"net/http"
	"net/url"
)

// Checker compares what passes through with GitHub's description. Package description has one.
type Checker interface {
	// CheckCall yields what does not fit, with its kind: request, response or unknown-route.
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
}

// Route is an operation the stand-in has, its path spelled as in GitHub's description.
type Route struct {
	Method, Path string
	// Undescribed operations are GitHub's but missing from its description.
	Undescribed bool
	// LaxRequest is for operations that take more than the description says.
	LaxRequest bool
	// WrongAnswer is for operations whose answer the description gets wrong.
	WrongAnswer bool
}

// Routes lists what the stand-in has.
func Routes() []Route {
	var out []Route
	for _, r := range (&Server{}).table() {
		out = append(out, r.public())
	}
	return out
}

func (r *route) public() Route {
	return Route{Method: r.method, Path: r.path, Undescribed: r.undescribed, LaxRequest: r.lax, WrongAnswer: r.misdescribed}
}
