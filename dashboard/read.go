package dashboard

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// Limits of what one page shows.
const (
	reposOnPage  = 100
	pastReleases = 20
	rowsOfKind   = 30 // executions of one kind of branch
	rowsOnPage   = 100
)

// onePage cuts out of a list what the request's page shows, and says which page that is, of how many.
func onePage[T any](all []T, size int, v *visit) (some []T, page, pages int) {
	pages = max(1, (len(all)+size-1)/size)
	number, err := strconv.Atoi(v.query.Get("page"))
	if err != nil {
		number = 1
	}
	page = min(max(number, 1), pages)
	return all[(page-1)*size : min(page*size, len(all))], page, pages
}

// visit is one request to read something.
type visit struct {
	person *person
	param  func(name string) string
	query  url.Values
	now    time.Time
}

// reading reads what a page shows.
type reading func(ctx context.Context, v *visit) (view any, err error)

func (s *Server) scribe(r store.Repo, v *visit) scribe {
	return scribe{repo: r, github: s.opts.GitHubURL, now: v.now}
}

// visible returns the repositories that a person may read and that have the query in their name, by owner and name.
func (s *Server) visible(ctx context.Context, p *person, query string) ([]store.Repo, error) {
	var all []store.Repo
	err := s.opts.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Repos(ctx)
		return err
	})
	if query != "" {
		all = slices.DeleteFunc(all, func(r store.Repo) bool {
			return !strings.Contains(strings.ToLower(r.Owner+"/"+r.Name), strings.ToLower(query))
		})
	}
	switch {
	case err != nil || p.local:
		return all, err
	case p.access != nil:
		return s.access.readableBy(ctx, all, p.user)
	}
	may, err := s.access.readable(ctx, p.token)
	return slices.DeleteFunc(all, func(r store.Repo) bool { return !may[r.ID] }), err
}

// repoOf returns the repository a path names, if the person may read it. One they may not read is as one that is not.
func (s *Server) repoOf(ctx context.Context, p *person, owner, name string) (store.Repo, error) {
	var r store.Repo
	err := s.opts.Store.Read(ctx, func(tx *store.Tx) (err error) {
		r, err = tx.RepoByName(ctx, owner, name)
		return err
	})
	if err != nil || p.local {
		return r, err
	}
	var may bool
	if p.access != nil {
		var role forge.Role
		role, err = s.access.role(ctx, r, p.user)
		may = role.AtLeast(forge.RoleRead)
	} else {
		may, err = s.access.mayRead(ctx, p.token, r)
	}
	if err == nil && !may {
		err = store.ErrNotFound
	}
	return r, err
}

func (s *Server) board(ctx context.Context, v *visit) (any, error) {
	b := Board{Query: strings.TrimSpace(v.query.Get("q")), Repos: []RepoSummary{}, Releases: []ReleaseLine{}, Running: []ExecutionRow{}}
	repos, err := s.visible(ctx, v.person, b.Query)
	if err != nil {
		return nil, err
	}
	b.Total = len(repos)
	repos, b.Page, b.Pages = onePage(repos, reposOnPage, v)
	err = s.opts.Store.Read(ctx, func(tx *store.Tx) error {
		b.Repos, b.Releases, b.Running, b.Waiting = b.Repos[:0], b.Releases[:0], b.Running[:0], 0
		for _, r := range repos {
			if err := b.add(ctx, tx, s.scribe(r, v)); err != nil {
				return err
			}
		}
		return nil
	})
	slices.SortStableFunc(b.Releases, func(x, y ReleaseLine) int { return truth(y.Blocked) - truth(x.Blocked) })
	slices.SortStableFunc(b.Running, func(x, y ExecutionRow) int { return y.CreatedAt.Compare(x.CreatedAt) })
	return b, err
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (b *Board) add(ctx context.Context, tx *store.Tx, w scribe) error {
	summary, running, open, err := live(ctx, tx, w)
	if err != nil {
		return err
	}
	for _, x := range running {
		b.Waiting += truth(x.AwaitsPeople)
	}
	b.Repos, b.Running, b.Releases = append(b.Repos, summary), append(b.Running, running...), append(b.Releases, open...)
	return nil
}

// live reads what goes on in a repository.
func live(ctx context.Context, tx *store.Tx, w scribe) (summary RepoSummary, running []ExecutionRow, open []ReleaseLine, err error) {
	summary = w.summary()
	if summary.Environments, err = environmentsOf(ctx, tx, w); err != nil {
		return summary, nil, nil, err
	}
	waits, err := tx.Waits(ctx, event.Delivery{RepoID: w.repo.ID}.Lane(), w.now)
	if err != nil {
		return summary, nil, nil, err
	}
	summary.Waits, summary.WaitsUntil = waits.Why, waits.Until
	active, err := tx.ActiveExecutions(ctx, w.repo.ID)
	if err != nil {
		return summary, nil, nil, err
	}
	running = make([]ExecutionRow, 0, len(active))
	for _, x := range slices.Backward(active) {
		running = append(running, w.row(x))
	}
	releases, err := tx.LiveReleases(ctx, w.repo.ID)
	if err != nil {
		return summary, nil, nil, err
	}
	stops, err := w.stops(ctx, tx)
	if err != nil {
		return summary, nil, nil, err
	}
	open = make([]ReleaseLine, 0, len(releases))
	for _, r := range releases {
		executions, err := executionsOf(ctx, tx, r)
		if err != nil {
			return summary, nil, nil, err
		}
		line := w.release(r, executions)
		line.Stops = stopsOf(stops, store.StopRelease(r.ID))
		open = append(open, line)
	}
	for _, x := range stops {
		if branch, is := strings.CutPrefix(string(x.Target), string(store.StopBranch(""))); is {
			summary.Frozen = append(summary.Frozen, Frozen{branch, stopOf(x)})
		}
		if x.Kind == store.StopTransition {
			_, stage, _ := strings.Cut(string(x.Target), ":")
			summary.Disabled = append(summary.Disabled, DisabledTransition{stage, stopOf(x)})
		}
	}
	summary.Running, summary.Open = len(running), len(open)
	return summary, running, open, nil
}

// executionsOf reads the executions a release names.
func executionsOf(ctx context.Context, tx *store.Tx, r store.Release) ([]store.Execution, error) {
	var out []store.Execution
	for _, id := range []string{r.ExecutionID, r.ProductionExecutionID} {
		if id == "" {
			continue
		}
		x, err := tx.Execution(ctx, id)
		if ignoreMissing(err) != nil {
			return nil, err
		}
		if err == nil && x.RepoID == r.RepoID {
			out = append(out, x)
		}
	}
	return out, nil
}

// environmentsOf reads the environments: development, staging and production in this order, then the others by name.
func environmentsOf(ctx context.Context, tx *store.Tx, w scribe) ([]Environment, error) {
	all, err := tx.Environments(ctx, w.repo.ID)
	if err != nil {
		return nil, err
	}
	stops, err := w.stops(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, x := range stops { // nothing need run in a place that is closed
		name, is := strings.CutPrefix(string(x.Target), string(store.StopEnvironment("")))
		if in, _, alarm := x.Target.Alarm(); alarm {
			name, is = in, true
		}
		if is && !slices.ContainsFunc(all, func(e store.Environment) bool { return e.Name == name }) {
			all = append(all, store.Environment{RepoID: w.repo.ID, Name: name})
		}
	}
	order := map[string]int{pipeline.EnvironmentDevelopment: 1, pipeline.EnvironmentStaging: 2, pipeline.EnvironmentProduction: 3}
	place := func(e store.Environment) int { return cmp.Or(order[e.Name], len(order)+1) }
	slices.SortStableFunc(all, func(a, b store.Environment) int { return place(a) - place(b) })
	out := make([]Environment, len(all))
	for i, e := range all {
		out[i] = w.environment(e)
		out[i].Stops = append(stopsOf(stops, store.StopEnvironment(e.Name)), alarmsIn(stops, e.Name)...)
	}
	stranded, err := tx.Stranded(ctx, w.repo.ID)
	for _, x := range stranded {
		i := slices.IndexFunc(out, func(e Environment) bool { return e.Name == x.Environment.Name })
		out[i].Stranded, out[i].StrandedExecution, out[i].StrandedPath = w.stranded(x), x.Execution.ID, w.path("executions", x.Execution.ID)
	}
	return out, err
}

func (s *Server) repo(ctx context.Context, v *visit) (any, error) {
	r, err := s.repoOf(ctx, v.person, v.param("owner"), v.param("repo"))
	if err != nil {
		return nil, err
	}
	w, p := s.scribe(r, v), Repo{Past: []ReleaseLine{}}
	err = s.opts.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if p.RepoSummary, p.Running, p.Open, err = live(ctx, tx, w); err != nil {
			return err
		}
		if err := s.addButtons(ctx, tx, v.person, w, p.Environments); err != nil {
			return err
		}
		if p.Branches, err = latest(ctx, tx, w); err != nil {
			return err
		}
		if p.Tests, err = testTrends(ctx, tx, r.ID, p.Branches); err != nil {
			return err
		}
		releases, err := tx.Releases(ctx, r.ID)
		p.Past = p.Past[:0]
		for _, release := range slices.Backward(releases) {
			over := !release.Status.Live() && (release.Finished || release.Status != store.ReleaseReleased)
			if over && len(p.Past) < pastReleases {
				p.Past = append(p.Past, w.release(release, nil))
			}
		}
		return err
	})
	return p, err
}

// kindRestore is the kind of an execution that puts an earlier version back into another environment than production.
const kindRestore = "restore"

// kinds are the kinds of executions that are shown.
var kinds = [...]string{ //nolint:gochecknoglobals // a constant table
	pipeline.KindProduction, pipeline.KindRelease, pipeline.KindHotfix, pipeline.KindDevelopment, pipeline.KindSupport,
	pipeline.KindFeature, pipeline.KindBugfix, kindRestore,
}

// recent returns the newest executions of each kind, newest first.
func recent(ctx context.Context, tx *store.Tx, w scribe) ([]store.Execution, error) {
	var all []store.Execution
	for _, kind := range kinds {
		some, err := tx.ExecutionsFor(ctx, w.repo.ID, kind, "", rowsOfKind)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b store.Execution) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return all, nil
}

// latest returns the newest execution of each branch, among the recent ones.
func latest(ctx context.Context, tx *store.Tx, w scribe) ([]ExecutionRow, error) {
	all, err := recent(ctx, tx, w)
	if err != nil {
		return nil, err
	}
	seen, rows := map[string]bool{}, []ExecutionRow{}
	for _, x := range all {
		if !seen[x.Branch] {
			seen[x.Branch] = true
			rows = append(rows, w.row(x))
		}
	}
	slices.SortStableFunc(rows, func(a, b ExecutionRow) int { return truth(a.Status.Final()) - truth(b.Status.Final()) })
	return rows, nil
}

func (s *Server) executions(ctx context.Context, v *visit) (any, error) {
	r, err := s.repoOf(ctx, v.person, v.param("owner"), v.param("repo"))
	if err != nil {
		return nil, err
	}
	w, list := s.scribe(r, v), Executions{}
	err = s.opts.Store.Read(ctx, func(tx *store.Tx) error {
		all, err := recent(ctx, tx, w)
		list.Total = len(all)
		all, list.Page, list.Pages = onePage(all, rowsOnPage, v)
		list.Executions = make([]ExecutionRow, len(all))
		for i, x := range all {
			list.Executions[i] = w.row(x)
		}
		return err
	})
	return list, err
}

func (s *Server) environments(ctx context.Context, v *visit) (any, error) {
	r, err := s.repoOf(ctx, v.person, v.param("owner"), v.param("repo"))
	if err != nil {
		return nil, err
	}
	list := Environments{}
	err = s.opts.Store.Read(ctx, func(tx *store.Tx) (err error) {
		list.Environments, err = environmentsOf(ctx, tx, s.scribe(r, v))
		return err
	})
	return list, err
}
