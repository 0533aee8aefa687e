package registry

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
)

// A registry is asked once in a call how it wants to be spoken to, however many repositories are read and written; what it
// says is believed for that call alone, and a failure is not remembered.
func TestGreetingOnce(t *testing.T) {
	s := serve(t)
	src := newFamily(t).put(t, s.host+"/dev/shop")
	var greetings atomic.Int64
	refuse := false
	s.spoil(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/v2/" {
			return false
		}
		greetings.Add(1)
		if refuse {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return refuse
	})
	for i, to := range []string{"/prod/shop:1", "/prod/shop:2", "/dev/shop:3"} {
		if _, err := quick().Promote(t.Context(), src, s.host+to); err != nil {
			t.Fatal(err)
		}
		if n := greetings.Load(); n != int64(i+1) {
			t.Errorf("%s: %d greetings so far, want %d", to, n, i+1)
		}
	}
	refuse = true
	if _, err := quick().Promote(t.Context(), src, s.host+"/prod/shop:4"); err == nil || !IsTemporary(err) {
		t.Errorf("a registry that is not well: %v", err)
	}
	refuse = false
	if _, err := quick().Promote(t.Context(), src, s.host+"/prod/shop:4"); err != nil {
		t.Errorf("well again: %v", err)
	}

	s.spoil(func(w http.ResponseWriter, r *http.Request) bool { // everything needs a password
		if user, password, _ := r.BasicAuth(); user == "robot" && password == "hush" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="shop"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	c := New(Options{Attempts: 1, Keychain: robot{}})
	if _, err := c.Promote(t.Context(), src, s.host+"/prod/shop:5"); err != nil {
		t.Errorf("with a password: %v", err)
	}
	if _, err := quick().Promote(t.Context(), src, s.host+"/prod/shop:6"); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("without it: %v", err)
	}
}

// robot has a password everywhere.
type robot struct{}

func (robot) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: "robot", Password: "hush"}, nil
}
