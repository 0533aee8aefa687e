package fakegithub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Server is the stand-in. All its methods may be called at the same time.
type Server struct {
	opts     Options
	dir      string
	ownsDir  bool
	routes   *router
	hooks    *hookQueue
	log      *callLog
	faults   *faultList
	runs     *runner
	baseURL  string // set by Start, before anybody is served over the network
	http     *http.Server
	serving  sync.WaitGroup
	watch    func(Call) // guarded by mu
	hangs    chan struct{}
	closing  sync.Once
	closeErr error

	// mu guards all that follows. Handlers run under it: the state is in memory and git's part is quick.
	mu       sync.Mutex
	nextID   int64
	accounts map[string]*Account // by login in lower case
	members  map[string][]string // of organizations: logins in lower case
	teams    map[string]*Team    // by org/slug
	tokens   map[string]token    // by secret
	apps     map[int64]*App
	installs map[int64]*Installation
	repos    map[int64]*repository
	names    map[string]int64 // full names in lower case, old ones too
	oauth    map[string]grant
	pending  map[string]int64 // Apps whose key was not fetched yet, by the code for it
	rates    map[string]*rate
}

// New returns a server without accounts. Close it.
func New(o Options) (*Server, error) {
	s := &Server{opts: o.withDefaults(), dir: o.Dir, nextID: 1000, hangs: make(chan struct{}), baseURL: "http://github.test",
		accounts: map[string]*Account{}, members: map[string][]string{}, teams: map[string]*Team{}, tokens: map[string]token{},
		apps: map[int64]*App{}, installs: map[int64]*Installation{}, repos: map[int64]*repository{}, names: map[string]int64{},
		oauth: map[string]grant{}, pending: map[string]int64{}, rates: map[string]*rate{}}
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "fakegithub-")
		if err != nil {
			return nil, fmt.Errorf("making a folder for the repositories: %w", err)
		}
		s.dir, s.ownsDir = dir, true
	}
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return nil, err
	}
	s.dir = dir
	s.log = &callLog{keep: s.opts.CallLog}
	s.faults = &faultList{now: s.opts.Now}
	s.routes = newRouter(s.table())
	s.runs = &runner{}
	s.hooks = newHookQueue(s)
	return s, nil
}

// Start listens on addr ("127.0.0.1:0" when empty) and returns the base URL, without final slash.
func (s *Server) Start(addr string) (string, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("the stand-in GitHub cannot listen: %w", err)
	}
	s.baseURL = "http://" + l.Addr().String()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 30 * time.Second}
	s.serving.Go(func() { _ = s.http.Serve(l) }) // returns when Close closes it
	return s.baseURL, nil
}

// URL is the base URL since Start, without final slash; the API is there and under /api/v3.
func (s *Server) URL() string { return s.baseURL }

// Close stops listening and delivering and removes a temporary folder.
func (s *Server) Close() error {
	s.closing.Do(func() {
		close(s.hangs)
		if s.http != nil {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			if s.http.Shutdown(ctx) != nil { // waits for pushes under way
				s.closeErr = s.http.Close()
			}
			s.serving.Wait()
		}
		s.hooks.stop()
		s.runs.stop()
		if s.ownsDir {
			s.closeErr = errors.Join(s.closeErr, os.RemoveAll(s.dir))
		}
	})
	return s.closeErr
}

// Settle waits until all webhooks are delivered and all workflow callbacks have returned. Hooks that are held back are
// not waited for.
func (s *Server) Settle(ctx context.Context) error {
	for {
		if err := s.runs.settle(ctx); err != nil {
			return err
		}
		quiet, err := s.hooks.settle(ctx)
		if err != nil {
			return err
		}
		if quiet && s.runs.idle() {
			return nil
		}
	}
}

// OnCall lets f see each call after it was let in and before it has an effect, outside of all locks: f may push,
// comment, block. Nil stops it.
func (s *Server) OnCall(f func(Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = f
}

// id hands out the next number for anything that has an ID.
func (s *Server) id() int64 {
	s.nextID++
	return s.nextID
}

func (s *Server) now() time.Time { return s.opts.Now().UTC().Truncate(time.Second) }

// ServeHTTP answers the API (at api.github.com's paths, and at a GitHub Enterprise Server's: REST below /api/v3, GraphQL at
// /api/graphql), git over smart HTTP, the OAuth sign-in and a few pages.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	switch {
	case path == "/api/graphql":
		s.serveAPI(w, r, "/graphql")
	case path == "/api/v3/graphql": // where no server has it
		s.serveAPI(w, r, path)
	case strings.HasPrefix(path, "/api/v3/"):
		s.serveAPI(w, r, strings.TrimPrefix(path, "/api/v3"))
	case strings.Contains(path, ".git/") && gitPath(path) != "":
		s.serveGit(w, r)
	case strings.HasPrefix(path, artifactPath):
		s.serveArchive(w, r)
	case strings.HasPrefix(path, "/login/oauth/"):
		s.serveOAuth(w, r)
	case newAppPath.MatchString(path):
		s.serveManifest(w, r)
	case strings.HasPrefix(path, jobLogs):
		s.serveJobLog(w, r)
	case !apiRoot(path):
		s.servePage(w, r)
	default:
		s.serveAPI(w, r, path)
	}
}

// apiRoot tells whether a path without prefix belongs to the API and not to a page about an account or repository.
func apiRoot(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case "app", "applications", "apps", "enterprises", "gists", "graphql", "installation", "issues", "meta", "notifications", "octocat", "orgs",
		"rate_limit", "repos", "repositories", "search", "teams", "user", "users", "versions", "zen", "emojis", "events", "feeds", "licenses",
		"markdown", "advisories", "networks", "classrooms", "assignments", "codes_of_conduct", "gitignore", "marketplace_listing", "app-manifests":
		return true
	}
	return false
}
