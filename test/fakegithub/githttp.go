package fakegithub

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

// gitPath splits /{owner}/{repo}.git/{service} and returns the service, empty when it is none of git's.
func gitPath(path string) string {
	_, service, _ := strings.Cut(path, ".git/")
	switch service {
	case "info/refs", "git-upload-pack", "git-receive-pack":
		return service
	}
	return ""
}

// hookScript asks the server about a push, through two named pipes: the quarantine and the commands one way, the
// verdict the other. Text for the pusher comes before the verdict.
const hookScript = `#!/bin/sh
[ -n "$FAKEGITHUB_ASK" ] || exit 0
{ printf '%s\n' "$GIT_QUARANTINE_PATH"; cat; echo .; } >"$FAKEGITHUB_ASK"
while IFS= read -r line; do
	case "$line" in
	accept) exit 0 ;;
	refuse) exit 1 ;;
	*) printf '%s\n' "$line" >&2 ;;
	esac
done <"$FAKEGITHUB_ANSWER"
exit 1
`

func installHook(dir string) error {
	return os.WriteFile(filepath.Join(dir, "hooks/pre-receive"), []byte(hookScript), 0o755)
}

// serveGit answers git clients by git http-backend.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	full, rest, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), ".git/")
	write := rest == "git-receive-pack" || r.URL.Query().Get("service") == "git-receive-pack"
	s.mu.Lock()
	who, err := s.authenticate(r)
	repo := s.repoNamed(full)
	n := reads("contents")
	if write {
		n = writes("contents")
	}
	if err == nil {
		switch {
		case repo == nil && who == nil, repo != nil && who == nil && (write || repo.private):
			err = unauthorized("authentication required")
		case repo == nil:
			err = &notFound
		default:
			err = s.admit(who, n, repo)
		}
	}
	s.mu.Unlock()
	if err != nil {
		gitRefusal(w, err, full, who)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	p := &push{s: s, repo: repo, who: who}
	if rest == "git-receive-pack" {
		if err := p.open(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer p.finish()
	}
	s.backend(w, r, repo, rest, body, p)
}

func gitRefusal(w http.ResponseWriter, err error, full string, who *actor) {
	no, ok := err.(*refusal)
	if !ok {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	switch no.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		http.Error(w, "Authentication failed", no.status)
	case http.StatusForbidden:
		http.Error(w, fmt.Sprintf("Permission to %s.git denied to %s.", full, who.name()), no.status)
	default:
		http.Error(w, "Repository not found.", http.StatusNotFound)
	}
}

func (s *Server) backend(w http.ResponseWriter, r *http.Request, repo *repository, rest string, body []byte, p *push) {
	git, err := exec.LookPath("git")
	if err != nil {
		http.Error(w, "the stand-in GitHub needs the git program: "+err.Error(), http.StatusInternalServerError)
		return
	}
	r = r.Clone(r.Context())
	r.URL.Path = "/" + filepath.Base(repo.git.Dir) + "/" + rest
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	env := append(repo.git.Env(), "GIT_PROJECT_ROOT="+filepath.Dir(repo.git.Dir), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER="+p.who.name(),
		"GIT_PROTOCOL="+r.Header.Get("Git-Protocol"))
	kept := env[:0]
	for _, e := range env { // http-backend finds the repository by the path
		if !strings.HasPrefix(e, "GIT_DIR=") {
			kept = append(kept, e)
		}
	}
	if p.dir != "" {
		kept = append(kept, "FAKEGITHUB_ASK="+filepath.Join(p.dir, "ask"), "FAKEGITHUB_ANSWER="+filepath.Join(p.dir, "answer"))
	}
	h := cgi.Handler{Path: git, Args: []string{"http-backend"}, Dir: repo.git.Dir, Env: kept, Stderr: io.Discard}
	h.ServeHTTP(w, r)
}

// push is a push under way: its hook asks through two named pipes in dir.
type push struct {
	s           *Server
	repo        *repository
	who         *actor
	dir         string
	ask, answer *os.File
	answered    chan struct{}
	changes     []change // what the hook asked about
	refused     bool
}

func (p *push) open() error {
	dir, err := os.MkdirTemp(p.repo.git.Dir, "push-")
	if err != nil {
		return err
	}
	p.dir = dir
	for name, f := range map[string]**os.File{"ask": &p.ask, "answer": &p.answer} {
		path := filepath.Join(dir, name)
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			return fmt.Errorf("making a pipe for the hook: %w", err)
		}
		// Both ends are open here, so neither side waits for the other to open, and Close ends a read.
		if *f, err = os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0); err != nil {
			return fmt.Errorf("opening a pipe for the hook: %w", err)
		}
	}
	p.answered = make(chan struct{})
	go p.judge()
	return nil
}

// judge reads what the hook asks and answers it. It ends with the answer, or when finish closes the pipes.
func (p *push) judge() {
	defer close(p.answered)
	lines := bufio.NewScanner(p.ask)
	if !lines.Scan() {
		return
	}
	git := p.repo.git
	if q := lines.Text(); q != "" {
		git = git.Quarantined(q)
	}
	for lines.Scan() && lines.Text() != "." {
		f := strings.SplitN(lines.Text(), " ", 3)
		if len(f) != 3 {
			continue
		}
		empty := func(sha string) string { return strings.TrimPrefix(sha, bare.Zero) }
		p.changes = append(p.changes, change{old: empty(f[0]), new: empty(f[1]), ref: f[2], by: p.who, git: git})
	}
	text := p.verdict()
	p.refused = text != ""
	if p.refused {
		_, _ = io.WriteString(p.answer, text+"\nrefuse\n") // a hook that is gone needs no answer
		return
	}
	_, _ = io.WriteString(p.answer, "accept\n")
}

// verdict is why the push is refused, empty when it is not.
func (p *push) verdict() string {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	var out []string
	for _, c := range p.changes {
		err := p.s.permit(p.repo, c)
		if v, ok := err.(*violationsError); ok {
			out = append(out, fmt.Sprintf("error: GH013: Repository rule violations found for %s.", c.ref), "",
				"- "+strings.Join(v.problems, "\n- "), "")
		} else if err != nil {
			out = append(out, err.(*refusal).message)
		}
		if strings.HasPrefix(c.ref, "refs/pull/") {
			out = append(out, "error: refs/pull is hidden")
		}
	}
	return strings.Join(out, "\n")
}

// finish tells everybody what the push has moved.
func (p *push) finish() {
	p.ask.Close()
	p.answer.Close()
	<-p.answered
	_ = os.RemoveAll(p.dir) // a leftover of two pipes does no harm
	if p.refused {
		return
	}
	tags := 0
	for _, c := range p.changes {
		if strings.HasPrefix(c.ref, "refs/tags/") {
			tags++
		}
	}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	for _, c := range p.changes {
		c.git = p.repo.git
		if !p.arrived(c) || tags > 3 && strings.HasPrefix(c.ref, "refs/tags/") {
			continue // GitHub tells nobody about more than three tags at once
		}
		p.s.tell(p.repo, c)
	}
}

// arrived tells whether git made the change; a ref that moved on since counts too.
func (p *push) arrived(c change) bool {
	have := p.repo.git.Ref(c.ref)
	if have == c.new {
		return true
	}
	if have == "" || c.new == "" || have == c.old {
		return false
	}
	on, err := p.repo.git.Contains(have, c.new)
	return err == nil && on
}
