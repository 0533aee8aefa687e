package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// organizationRepo tells whether this is the repository in which its organization keeps its defaults.
func (s *session) organizationRepo() bool {
	return strings.EqualFold(s.repo.Name, config.OrganizationRepo)
}

// organizationSource is where the organization's files are.
type organizationSource struct {
	name   string // acme/.github
	gh     GitHub
	sha    string // empty: there is nothing to read
	absent string // why
}

// organizationSource looks for the repository .github of the same owner. Sluice reads it only where the App is installed on
// it; it is known then.
func (s *session) organizationSource(ctx context.Context) (organizationSource, error) {
	o := organizationSource{name: s.repo.Owner + "/" + config.OrganizationRepo}
	var repo store.Repo
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		repo, err = tx.RepoByName(ctx, s.repo.Owner, config.OrganizationRepo)
		return ignoreMissing(err)
	})
	switch {
	case err != nil:
		return o, err
	case repo.ID == 0 || repo.InstallationID == 0 || repo.Gone != "":
		o.absent = "the App is not installed on " + o.name
		return o, nil
	}
	o.gh = s.b.App.Repo(repo.InstallationID, repo.ID, repo.Owner, repo.Name)
	branch := repo.DefaultBranch
	if repo.ID == s.repo.ID {
		o.gh, branch = s.gh, s.repo.DefaultBranch
	}
	if branch == "" {
		info, err := o.gh.Info(ctx)
		if errors.Is(err, forge.ErrNotFound) {
			o.absent = "the App cannot see " + o.name
			return o, nil
		}
		if err != nil {
			return o, fmt.Errorf("%s: %w", o.name, err)
		}
		branch = info.DefaultBranch
	}
	head, err := o.gh.Branch(ctx, branch)
	if errors.Is(err, forge.ErrNotFound) {
		o.absent = o.name + " is empty, or the App cannot see it"
		return o, nil
	}
	if err != nil {
		return o, fmt.Errorf("default branch of %s: %w", o.name, err)
	}
	o.sha = head.SHA
	return o, nil
}

// read reads the organization's defaults and the models that they and files of repositories extend, at one commit.
func (o organizationSource) read(ctx context.Context, files ...[]byte) (org *config.Organization, problem string, err error) {
	org = &config.Organization{Name: o.name, SHA: o.sha, Absent: o.absent}
	if o.sha == "" {
		return org, "", nil
	}
	if org.File, problem, err = readFile(ctx, o.gh, config.FileName, o.sha); err != nil || problem != "" {
		return org, problem, err
	}
	var paths []string
	for _, f := range append(files, org.File) {
		paths = append(paths, config.ModelFiles(f)...)
	}
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		data, problem, err := readFile(ctx, o.gh, path, o.sha)
		if err != nil || problem != "" {
			return org, problem, err
		}
		if data == nil {
			continue
		}
		if org.Models == nil {
			org.Models = map[string][]byte{}
		}
		org.Models[path] = data
	}
	return org, "", nil
}

// organizationPushed has the repositories of an organization read their configuration anew after a push to the default
// branch of its repository .github.
func (b *Bot) organizationPushed(ctx context.Context, p event.Push) error {
	from := p.From()
	if !strings.EqualFold(from.Repo.Name, config.OrganizationRepo) || p.Branch == "" || p.Branch != from.Repo.DefaultBranch {
		return nil
	}
	return b.tellOrganization(ctx, store.Repo{ID: from.Repo.ID, Owner: from.Repo.Owner})
}

// toldAtOnce is how many repositories are told in one transaction.
const toldAtOnce = 100

// tellOrganization puts a look at the configuration into the lane of every other repository of an owner. The lanes take
// their turns, so that an organization of a thousand repositories holds nobody up.
func (b *Bot) tellOrganization(ctx context.Context, of store.Repo) error {
	var all []store.Repo
	err := b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Repos(ctx)
		return err
	})
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(r store.Repo) bool {
		return r.ID == of.ID || r.Gone != "" || !strings.EqualFold(r.Owner, of.Owner)
	})
	for len(all) > 0 {
		n := min(toldAtOnce, len(all))
		err := b.Store.Write(ctx, func(tx *store.Tx) error {
			for _, r := range all[:n] {
				if err := b.Queue.Post(ctx, tx, laneOf(r.ID), itemConfig, struct{}{}, itemConfig); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}
