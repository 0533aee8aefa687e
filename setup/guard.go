package setup

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
)

// cookieName is the cookie of the browser that used the link.
const cookieName = "sluice-setup"

// routes are the pages. Everything else is not found.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/setup", s.first)
	mux.HandleFunc("/setup/callback", s.callback)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		s.problem(w, http.StatusNotFound, "Not found", "There is no such page. The set-up opens with the link on the server's console.")
	})
	return mux
}

// ServeHTTP sets the headers that hold for every answer, and lets requests under our own names through.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", s.policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	header.Set("Vary", "Cookie")
	origin, ours := s.originOf(r)
	if !ours {
		s.problem(w, http.StatusMisdirectedRequest, "Another server was meant", "The set-up is not reached under this name.")
		return
	}
	if origin.Scheme == "https" {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if r.Method != http.MethodGet {
		header.Set("Allow", "GET")
		s.problem(w, http.StatusMethodNotAllowed, "Method not allowed", "Use GET.")
		return
	}
	s.mux.ServeHTTP(w, r)
}

// verdict is what became of a token.
type verdict int

const (
	welcome verdict = iota
	used            // the token is right and was used before
	wrong
	late // the time is over
)

// admit uses the link's token up. The secret is what the browser's cookie will hold.
func (s *Server) admit(token string) (secret string, v verdict) {
	sum := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case subtle.ConstantTimeCompare(sum[:], s.token[:]) != 1:
		return "", wrong
	case s.session != [32]byte{}:
		return "", used
	case !s.opts.Now().Before(s.until):
		return "", late
	}
	secret = rand.Text()
	s.session, s.state = sha256.Sum256([]byte(secret)), rand.Text()
	s.until = s.opts.Now().Add(s.opts.Lifetime)
	return secret, welcome
}

// known tells whether a request is of the browser that used the link, and in time.
func (s *Server) known(r *http.Request) verdict {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return wrong
	}
	sum := sha256.Sum256([]byte(c.Value))
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.session == [32]byte{} || subtle.ConstantTimeCompare(sum[:], s.session[:]) != 1:
		return wrong
	case !s.opts.Now().Before(s.until):
		return late
	case s.made:
		return used
	}
	return welcome
}

// takeState uses the state up that GitHub carried, so that a code comes back once; newState allows another try.
func (s *Server) takeState(have string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == "" || subtle.ConstantTimeCompare([]byte(have), []byte(s.state)) != 1 {
		return false
	}
	s.state = ""
	return true
}

func (s *Server) newState() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = rand.Text()
}

// setCookie gives the browser its proof. It comes back with GitHub's redirect, so it is Lax and not Strict.
func setCookie(w http.ResponseWriter, origin *url.URL, secret string) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: secret, Path: "/setup", HttpOnly: true, Secure: origin.Scheme == "https", SameSite: http.SameSiteLaxMode,
	})
}
