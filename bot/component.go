package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// A component of a monorepo has versions, tags, branches, images, executions and environments of its own, and shares
// production, development and everything else with the others. Whatever is done for one is done by a session that sees the
// repository as that component does: in. Where the repository has no components the one session sees it all.

// in is the session as a component sees the repository. What either of the two notes for the end of the handling is one.
func (s *session) in(component string) *session {
	if component == s.component() {
		return s
	}
	view := *s
	view.cfg = s.whole.Component(component)
	return &view
}

// component is the one that the session sees the repository as; empty: none.
func (s *session) component() string { return s.cfg.Names.Component }

// env is an environment's name in records and at GitHub: a component's begins with the component, api/staging. What is
// written so already stays.
func (s *session) env(name string) string {
	if s.component() == "" || strings.Contains(name, "/") {
		return name
	}
	return s.component() + "/" + name
}

// ownEnv is the name of an environment in the configuration: staging for api/staging.
func ownEnv(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// componentOf is the component that an environment belongs to; empty: none.
func componentOf(environment string) string {
	component, _, found := strings.Cut(environment, "/")
	if !found {
		return ""
	}
	return component
}

// ofComponent picks the releases of the component that the session sees the repository as.
func (s *session) ofComponent(all []store.Release) []store.Release {
	return slices.DeleteFunc(slices.Clone(all), func(r store.Release) bool { return r.Component != s.component() })
}

// startEach starts a pipeline for each component that a head changes. Where it changes none, that is noted for its check.
func (s *session) startEach(ctx context.Context, q startRequest) error {
	components, err := s.builds(ctx, q)
	if err != nil {
		return err
	}
	if len(components) == 0 {
		s.mark(q.sha)
		return s.b.Store.Write(ctx, func(tx *store.Tx) error { return tx.SetSetting(ctx, store.NoteUnchanged.Key(s.repo.ID, q.sha), "none") })
	}
	for _, c := range components {
		if _, err := s.in(c).start(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// builds says which components a new head of a branch changes, and has to build; one empty name where the repository has
// none. All of them where it cannot be told.
func (s *session) builds(ctx context.Context, q startRequest) ([]string, error) {
	all := s.names().Components
	switch {
	case len(all) == 0:
		return []string{""}, nil
	case q.release != nil:
		return []string{q.release.Component}, nil
	}
	base := q.previous
	if q.branch.Kind != gitflow.KindDevelopment {
		base = s.names().Development // what the branch brings there, however many pushes it took
	}
	c, raw, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: base, Head: q.sha})
	if err != nil {
		return nil, err
	}
	rewritten := q.branch.Kind == gitflow.KindDevelopment && c.BehindBy > 0 // what was taken back is among no files
	if c.Missing || rewritten || raw.FilesTruncated {
		return all, nil
	}
	return s.whole.Changed(raw.Files), nil
}

// commitPages bounds how far back commits are looked through for those that touch a component's files.
const commitPages = 10

// own picks from the commits that head has and a base lacks those that touch the component's files: only they count for its
// version and its notes. complete is false when there were more than could be looked through; then none is left out.
func (s *session) own(ctx context.Context, head string, commits []forge.Commit) (mine []forge.Commit, complete bool, err error) {
	folders := s.cfg.Folders(s.component())
	if len(folders) == 0 || len(commits) == 0 {
		return commits, true, nil
	}
	wanted := map[string]bool{}
	for _, c := range commits {
		wanted[c.SHA] = false
	}
	oldest := commits[0].Time
	for _, c := range commits {
		if c.Time.Before(oldest) {
			oldest = c.Time
		}
	}
	for _, folder := range folders {
		touching, all, err := s.gh.CommitsTouching(ctx, head, folder, oldest, commitPages)
		if err != nil {
			return nil, false, fmt.Errorf("commits that touch %s: %w", folder, err)
		}
		if !all {
			return commits, false, nil
		}
		for _, sha := range touching {
			if _, among := wanted[sha]; among {
				wanted[sha] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(commits), func(c forge.Commit) bool { return !wanted[c.SHA] }), true, nil
}

// lacking are the commits of a list that another one lacks.
func lacking(all, some []forge.Commit) []forge.Commit {
	in := shasOf(some)
	return slices.DeleteFunc(slices.Clone(all), func(c forge.Commit) bool { return in[c.SHA] })
}

// among are the commits of a list that another one has, too.
func among(all, some []forge.Commit) []forge.Commit {
	in := shasOf(some)
	return slices.DeleteFunc(slices.Clone(all), func(c forge.Commit) bool { return !in[c.SHA] })
}

func shasOf(commits []forge.Commit) map[string]bool {
	shas := make(map[string]bool, len(commits))
	for _, c := range commits {
		shas[c.SHA] = true
	}
	return shas
}

// componentUse says whether a command is about one component of a monorepo.
type componentUse int

const (
	componentNone componentUse = iota // it is about the repository, or about a release that is of a component
	componentMay                      // it may name one
	componentMust                     // where the repository has some it is about one
)

// asComponent is the session as a command sees the repository: as the component of its release, the one that --component or
// an environment such as api/production names, or the only one there is.
func (s *session) asComponent(q *request, use componentUse) (*session, error) {
	names := s.names().Components
	given := q.Flag("component")
	if use != componentNone && len(q.Args) > 0 {
		if c := componentOf(q.Args[0]); s.knownEnvironment(q.Args[0]) && c != "" {
			if given != "" && given != c {
				return nil, &userError{fmt.Sprintf("%s is of %s, and `--component` says %s.", code(q.Args[0]), code(c), code(given))}
			}
			given, q.Args = c, append([]string{ownEnv(q.Args[0])}, q.Args[1:]...)
		}
	}
	switch {
	case len(names) == 0 && given != "":
		return nil, &userError{"This repository is one application: its configuration has no `components`."}
	case given != "" && !slices.Contains(names, given):
		return nil, &userError{fmt.Sprintf("There is no component %s; there is %s.", code(given), codes(names))}
	case q.release != nil && given != "" && given != q.release.Component:
		return nil, &userError{fmt.Sprintf("This is about %s, which is no release of %s.", code(q.release.Name()), code(given))}
	case given != "":
		return s.in(given), nil
	case q.release != nil:
		return s.in(q.release.Component), nil
	case use == componentMust && len(names) == 1:
		return s.in(names[0]), nil
	case use == componentMust && len(names) > 1:
		return nil, &userError{fmt.Sprintf("Say which component with `--component`: %s.", codes(names))}
	}
	return s, nil
}

// lastBuilt are the executions of the component's newest build on development that says something of a commit: one of the
// commit itself, or of an ancestor since which nothing of the component has changed.
func (s *session) lastBuilt(ctx context.Context, sha string) ([]store.Execution, error) {
	var newest []store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		newest, err = tx.ExecutionsFor(ctx, s.repo.ID, pipeline.KindDevelopment, s.names().Development, 100)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, x := range newest {
		if x.Component != s.component() || x.Status == pipeline.Superseded {
			continue
		}
		c, raw, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: x.SHA, Head: sha})
		if err != nil {
			return nil, err
		}
		if c.Missing || c.BehindBy > 0 {
			continue // newer than the commit
		}
		if raw.FilesTruncated || slices.Contains(s.whole.Changed(raw.Files), s.component()) {
			return nil, nil
		}
		return []store.Execution{x}, nil
	}
	return nil, nil
}
