package buildspec

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/document"
	"github.com/sluicehq/sluice/executor/supervise"
)

// usersOf tells who a build runs as, and who its phases run as that name somebody else. Only users that the operator
// lets builds be can be named, and the server's own where builds run as that anyway. In a rehearsal all are whoever runs it.
func (e *Executor) usersOf(spec *Spec) (build *supervise.User, phases map[string]supervise.User, wrong *document.Error) {
	build, wrong = e.o.User, nil
	find := func(n *document.Name) *supervise.User {
		if u, ok := e.o.Users[n.Text]; ok {
			return &u
		}
		if self, err := user.Current(); err == nil && self.Username == n.Text && e.o.User == nil {
			return nil
		}
		if e.o.Rehearsal {
			spec.Remarks = append(spec.Remarks, document.Name{Line: n.Line, Text: "run-as " + n.Text + ": here all commands run as you"})
			return nil
		}
		if wrong == nil {
			may := "the operator has set up no users for builds (--build-users)"
			if len(e.o.Users) > 0 {
				may = "the operator lets builds run as " + strings.Join(slices.Sorted(maps.Keys(e.o.Users)), ", ")
			}
			wrong = &document.Error{File: spec.File, Line: n.Line, Column: 1, Problem: fmt.Sprintf("run-as %s is refused: %s", n.Text, may)}
		}
		return nil
	}
	if spec.RunAs != nil {
		build = find(spec.RunAs)
	}
	phases = map[string]supervise.User{}
	for _, p := range spec.Phases {
		if p.RunAs == nil {
			continue
		}
		if u := find(p.RunAs); u != nil && (build == nil || *u != *build) {
			phases[p.RunAs.Text] = *u
		}
	}
	return build, phases, wrong
}

// Files in the build's HOME for gitCredentials.
const (
	gitCredentialsFile = ".git-credentials"
	gitConfigFile      = ".gitconfig"
)

// gitCredentials lets git in the build read the repository, by a token of an hour in the build's own HOME.
func (e *Executor) gitCredentials(ctx context.Context, r executor.Request, home string) (token string, err error) {
	if e.o.GitToken == nil {
		return "", executor.Permanentf("env.git-credential-helper: there are no credentials for git here")
	}
	at, err := url.Parse(r.CloneURL)
	if err != nil || at.Host == "" {
		return "", executor.Permanentf("env.git-credential-helper: the repository has no address")
	}
	if token, err = e.o.GitToken(ctx, r); err != nil {
		return "", fmt.Errorf("env.git-credential-helper: %w", err)
	}
	store := filepath.Join(home, gitCredentialsFile)
	line := &url.URL{Scheme: at.Scheme, Host: at.Host, User: url.UserPassword("x-access-token", token)}
	if err := os.WriteFile(store, []byte(line.String()+"\n"), 0o600); err != nil {
		return "", err
	}
	config := fmt.Sprintf("[credential %q]\n\thelper = store\n", at.Scheme+"://"+at.Host)
	return token, os.WriteFile(filepath.Join(home, gitConfigFile), []byte(config), 0o600)
}
