package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// session is the handling of one lane item: the repository, its configuration, and what has to be reported at the end.
type session struct {
	b    *Bot
	repo store.Repo
	gh   GitHub
	cfg  *config.Repo
	// whole is the repository's configuration, and cfg that of the component the session sees it as: the same where there is
	// none.
	whole *config.Repo
	us    Identity
	log   *slog.Logger
	// via is the way in of the command that is being carried out, for the audit log.
	via string
	*turn
	*memory
}

// turn is what one handling has done and has to do at its end: the session's views of components share it.
type turn struct {
	// dirty are SHAs whose checks may have changed; touched the releases to walk, all of them with touchAll.
	dirty    map[string]bool
	touched  map[string]bool
	touchAll bool
	// unsettled says that an earlier handling stopped half-way.
	unsettled bool
	// turned says that executions may not know yet which transitions are disabled.
	turned bool
	// cockpits are the releases, pullCockpits the other pull requests, whose status comment may have changed.
	cockpits     map[string]bool
	pullCockpits map[int]bool
	// tried is what branches said to merges in this handling.
	tried map[string]gitflow.Line
	// moving are the branches that moved while something was merged into them in this handling.
	moving map[string]bool
	// arriving are the heads of branches that are reported before they are recorded.
	arriving map[string]string
	// later runs after the transaction of an advance.
	later []func(context.Context) error
	// entries counts those written to the audit log.
	entries int
}

func newTurn() *turn {
	return &turn{
		dirty: map[string]bool{}, touched: map[string]bool{}, cockpits: map[string]bool{}, pullCockpits: map[int]bool{},
		tried: map[string]gitflow.Line{}, moving: map[string]bool{}, arriving: map[string]string{},
	}
}

// memory is what one handling has found out at GitHub, so that it is asked once.
type memory struct {
	// accounts keeps what accounts are now, by ID.
	accounts map[int64]forge.User
	// addressed keeps whose the addresses of co-authors are.
	addressed map[string]forge.User
	// ruled keeps the rules of branches and tags, by full ref: they seldom change, and each look asks for many.
	ruled map[string][]gitflow.RuleFact
	// compared keeps comparisons between SHAs, which cannot change.
	compared map[[2]string]forge.Comparison
	// lineages keeps what led to commits, by SHA, which cannot change either.
	lineages map[string]lineage
	// wrote keeps who wrote commits with co-authors, by SHA.
	wrote map[string]forge.Authors
}

func newMemory() *memory {
	return &memory{
		accounts: map[int64]forge.User{}, addressed: map[string]forge.User{}, ruled: map[string][]gitflow.RuleFact{},
		compared: map[[2]string]forge.Comparison{}, wrote: map[string]forge.Authors{}, lineages: map[string]lineage{},
	}
}

// whoami remembers who the App is; asked once.
type whoami struct {
	mu sync.Mutex
	id Identity
}

func (b *Bot) identity(ctx context.Context) (Identity, error) {
	b.who.mu.Lock()
	defer b.who.mu.Unlock()
	if b.who.id.AppID != 0 {
		return b.who.id, nil
	}
	id, err := b.App.Identity(ctx)
	if err != nil {
		return Identity{}, fmt.Errorf("who is the App: %w", err)
	}
	if id.UserID != 0 { // without an installation the account cannot be asked for yet
		b.who.id = id
	}
	return id, nil
}

// errInactive says that Sluice has nothing to do in a repository: it is gone, or lacks production or development.
var errInactive = errors.New("sluice is not active in this repository")

// open starts the handling of something in a repository. A repository seen for the first time gets its baseline: heads
// and tags are recorded, and nothing is started for what is there already. errInactive: leave it alone.
func (b *Bot) open(ctx context.Context, repoID int64, from event.Origin) (*session, error) {
	s, err := b.meetRepo(ctx, repoID, from)
	if err == nil && !s.cfg.Active {
		return nil, errInactive
	}
	return s, err
}

// meetRepo is open for a repository in which Sluice need not be active. errInactive: it is gone.
func (b *Bot) meetRepo(ctx context.Context, repoID int64, from event.Origin) (*session, error) {
	us, err := b.identity(ctx)
	if err != nil {
		return nil, err
	}
	known, err := b.known(ctx, repoID)
	if err != nil {
		return nil, err
	}
	s, err := b.enter(ctx, us, &known, from)
	return s, b.whetherCovered(ctx, known.repo, err)
}

// knownRepo is what is stored about a repository when something in it is to be handled.
type knownRepo struct {
	repo  store.Repo
	heads []store.Branch
	// unsettled says that an earlier handling stopped half-way.
	unsettled bool
}

// known reads it. Of a repository that is not known only the ID is set.
func (b *Bot) known(ctx context.Context, repoID int64) (k knownRepo, err error) {
	err = b.Store.Read(ctx, func(tx *store.Tx) error {
		return tx.Together(ctx,
			func(tx *store.Tx) (err error) {
				k.repo, err = tx.Repo(ctx, repoID)
				return ignoreMissing(err)
			},
			func(tx *store.Tx) (err error) {
				k.heads, err = tx.Branches(ctx, repoID)
				return err
			},
			func(tx *store.Tx) error {
				note, err := tx.Setting(ctx, unsettledKey(repoID))
				k.unsettled = note != ""
				return err
			},
		)
	})
	k.repo.ID = repoID
	return k, err
}

// enter takes over what an event says about the repository, and finds out what else a session needs to know.
func (b *Bot) enter(ctx context.Context, us Identity, known *knownRepo, from event.Origin) (*session, error) {
	changed, err := b.follow(ctx, &known.repo, from)
	if err != nil {
		return nil, err
	}
	repo := known.repo
	if repo.Gone != "" || repo.InstallationID == 0 {
		inactive := errInactive
		if repo.Gone != "" {
			inactive = goneFrom(repo, repo.Gone)
		}
		if changed {
			err = b.Store.Write(ctx, func(tx *store.Tx) error { return b.keep(ctx, tx, repo) })
		}
		return nil, errors.Join(inactive, err)
	}
	s := b.sessionOf(repo, us)
	s.unsettled = known.unsettled
	if repo.BaselineAt.IsZero() {
		if err := s.baseline(ctx); err != nil {
			return nil, fmt.Errorf("first look at %s/%s: %w", repo.Owner, repo.Name, err)
		}
		return s, s.useConfig(ctx) // it has recorded branches
	}
	if changed {
		if err := s.saveRepo(ctx); err != nil {
			return nil, err
		}
	}
	return s, s.useConfigFor(ctx, namesOf(known.heads))
}

// sessionOf is a session in a repository, without a configuration yet.
func (b *Bot) sessionOf(repo store.Repo, us Identity) *session {
	return &session{
		b: b, repo: repo, us: us,
		gh:   b.App.Repo(repo.InstallationID, repo.ID, repo.Owner, repo.Name),
		log:  b.Log.With("repo", repo.Owner+"/"+repo.Name, "installation", repo.InstallationID),
		turn: newTurn(), memory: newMemory(),
	}
}

// roused is in for what may have ended the reason why Sluice is not active in the repository: such a one is looked at as if
// for the first time.
func (b *Bot) roused(ctx context.Context, repoID int64, from event.Origin, fn func(*session) error) error {
	err := b.in(ctx, repoID, from, fn)
	var gone *goneError
	if !errors.Is(err, errInactive) || errors.As(err, &gone) {
		return err
	}
	err = b.Store.Write(ctx, func(tx *store.Tx) error {
		repo, err := tx.Repo(ctx, repoID)
		if err != nil || repo.Gone != "" || repo.InstallationID == 0 {
			return ignoreMissing(err)
		}
		repo.BaselineAt = time.Time{}
		return tx.SaveRepo(ctx, repo)
	})
	if err != nil {
		return err
	}
	return b.in(ctx, repoID, from, fn)
}

// adopt takes over what an event says about the repository itself: new names after a rename, another installation after
// a transfer.
func adopt(r *store.Repo, from event.Origin) (changed bool) {
	set := func(have *string, want string) {
		if want != "" && *have != want {
			*have, changed = want, true
		}
	}
	set(&r.Owner, from.Repo.Owner)
	set(&r.Name, from.Repo.Name)
	if from.Installation != 0 && r.InstallationID != from.Installation {
		r.InstallationID, changed = from.Installation, true
	}
	return changed
}

func (s *session) saveRepo(ctx context.Context) error {
	return s.b.Store.Write(ctx, func(tx *store.Tx) error { return s.b.keep(ctx, tx, s.repo) })
}

// names are the repository's branch names.
func (s *session) names() gitflow.Names { return s.cfg.Names }

// classify says what a branch of this repository is.
func (s *session) classify(branch string) gitflow.Branch { return s.cfg.Names.Classify(branch) }

// compare asks GitHub for base...head. Comparisons of two SHAs are remembered for the length of the handling.
func (s *session) compare(ctx context.Context, base, head string) (forge.Comparison, error) {
	key := [2]string{base, head}
	if c, ok := s.compared[key]; ok {
		return c, nil
	}
	c, err := s.gh.Compare(ctx, base, head)
	if err != nil {
		return c, fmt.Errorf("compare %s...%s: %w", base, head, err)
	}
	if len(base) == 40 && len(head) == 40 {
		s.compared[key] = c
	}
	return c, nil
}

// flowCompare is compare in gitflow's words; what GitHub does not know is Missing, not an error.
func (s *session) flowCompare(ctx context.Context, req gitflow.CompareRequest) (gitflow.Comparison, forge.Comparison, error) {
	out := gitflow.Comparison{CompareRequest: req}
	if req.Base == "" || req.Head == "" {
		out.Missing = true
		return out, forge.Comparison{}, nil
	}
	c, err := s.compare(ctx, req.Base, req.Head)
	if errors.Is(err, forge.ErrNotFound) {
		out.Missing = true
		return out, c, nil
	}
	if err != nil {
		return out, c, err
	}
	out.AheadBy, out.BehindBy, out.MergeBase = c.AheadBy, c.BehindBy, c.MergeBase
	out.Commits, out.Truncated = flowCommits(c.Commits), c.Truncated
	return out, c, nil
}

// head is where a branch is on GitHub, or "" when there is no such branch.
func (s *session) head(ctx context.Context, branch string) (string, error) {
	b, err := s.gh.Branch(ctx, branch)
	if errors.Is(err, forge.ErrNotFound) {
		return "", nil
	}
	return b.SHA, err
}

// touch marks a release to be walked at the end of the handling.
func (s *session) touch(releaseID string) {
	if releaseID != "" {
		s.touched[releaseID] = true
	}
}

// mark marks a SHA whose checks may have changed.
func (s *session) mark(sha string) {
	if sha != "" {
		s.dirty[sha] = true
	}
}
