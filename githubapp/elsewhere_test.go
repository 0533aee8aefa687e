package githubapp

import (
	"io"
	"net/http"
	"testing"
)

// What is kept elsewhere is found where a renamed repository is now, by a token that the other host does not see. A refusal is one,
// and not something to try again.
func TestElsewhere(t *testing.T) {
	sent := func(status int, to string) reply {
		return reply{status: status, header: http.Header{"Location": {to}}}
	}
	stored := sent(302, "https://logs.test/3?sig=secret")
	renamed := sent(301, "https://github.test/api/v3/repositories/9/actions/jobs/3/logs")
	text := reply{status: 200, body: "the log"}
	for name, tc := range map[string]struct {
		replies []reply
		want    string
		signed  []bool // the requests
	}{
		"stored":               {[]reply{stored, text}, "none", []bool{true, false}},
		"of a renamed one":     {[]reply{renamed, stored, text}, "none", []bool{true, true, false}},
		"moved to a stranger":  {[]reply{sent(301, "https://evil.test/x")}, "temporary: redirected to another host, evil.test", []bool{true}},
		"without TLS":          {[]reply{sent(302, "http://logs.test/3")}, "unknown: GET /repos/acme/shop/actions/jobs/3/logs: it is at an address that is not https", []bool{true}},
		"sent on from there":   {[]reply{stored, sent(302, "https://evil.test/x")}, "temporary: logs.test: Found", []bool{true, false}},
		"refused":              {[]reply{refusal(403, "Must have admin rights to Repository.")}, "refused 403 permission=true Must have admin rights to Repository.", []bool{true}},
		"no longer there":      {[]reply{refusal(410, "Gone")}, "not found", []bool{true}},
		"refused by the other": {[]reply{stored, {status: 403}}, "temporary: logs.test: Forbidden", []bool{true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScriptOf(t, Options{}, tc.replies...)
			in, err := s.repo.elsewhere(t.Context(), "repos/acme/shop/actions/jobs/3/logs")
			if err == nil {
				got, err := io.ReadAll(in)
				same(t, err, nil)
				same(t, in.Close(), nil)
				equal(t, "the log", string(got))
			}
			equal(t, tc.want, errorShape(err))
			var signed []bool
			for _, r := range s.requests() {
				signed = append(signed, r.Header.Get("Authorization") != "")
			}
			equal(t, tc.signed, signed)
		})
	}
}
