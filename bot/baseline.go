package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/tagging"
)

// baseline is the first look at a repository: its heads and tags are recorded as they are, and nothing is started. Tags
// that name releases begin the release log, in the order of their versions.
func (s *session) baseline(ctx context.Context) error {
	if err := s.refreshInfo(ctx); err != nil {
		return err
	}
	if s.repo.Gone != "" {
		return s.saveRepo(ctx)
	}
	heads, err := s.gh.Branches(ctx)
	if err != nil {
		return fmt.Errorf("branches: %w", err)
	}
	tags, err := s.gh.Tags(ctx)
	if err != nil {
		return fmt.Errorf("tags: %w", err)
	}
	if err := s.fetchConfig(ctx); err != nil {
		return err
	}
	s.repo.BaselineAt, s.repo.UpdatedAt = s.b.Now(), s.b.Now()
	cfg, _ := config.ParseRepo(s.repo.Config, s.b.configContext(s.repo.Owner, s.repo.Name, branchNames(heads)))
	pattern := config.Default(config.Context{}).Versioning.Tag
	if cfg != nil {
		pattern = cfg.Versioning.Tag
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.SaveRepo(ctx, s.repo); err != nil {
			return err
		}
		for _, h := range heads {
			if err := tx.SaveBranch(ctx, store.Branch{RepoID: s.repo.ID, Name: h.Name, SHA: h.SHA, UpdatedAt: s.b.Now()}); err != nil {
				return err
			}
		}
		for _, t := range inReleaseOrder(tags, pattern) {
			if _, err := tx.SaveTag(ctx, store.Tag{RepoID: s.repo.ID, Name: t.Name, SHA: t.SHA, SeenAt: s.b.Now()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// inReleaseOrder picks the release tags and sorts them as they must have happened: by version, a hotfix after what it
// mends.
func inReleaseOrder(tags []forge.Tag, pattern tagging.TagPattern) []forge.Tag {
	git := make([]tagging.GitTag, len(tags))
	for i, t := range tags {
		git[i] = tagging.GitTag{Name: t.Name, SHA: t.SHA}
	}
	log, _ := tagging.Adopt(git, pattern)
	var out []forge.Tag
	for _, r := range log.Releases() {
		out = append(out, forge.Tag{Name: r.Tag, SHA: r.SHA})
	}
	return out
}

// refreshInfo reads what GitHub says of the repository itself.
func (s *session) refreshInfo(ctx context.Context) error {
	info, err := s.gh.Info(ctx)
	if errors.Is(err, forge.ErrNotFound) {
		s.repo.Gone = "the App no longer sees this repository"
		return nil
	}
	if err != nil {
		return fmt.Errorf("repository: %w", err)
	}
	s.repo.Owner, s.repo.Name, s.repo.DefaultBranch = info.Owner, info.Name, info.DefaultBranch
	s.repo.Gone = ""
	if info.Archived {
		s.repo.Gone = "archived"
	}
	return nil
}

// fetchConfig reads .github/sluice.yml of the default branch. A file that is not good leaves the last good one in force
// and says so in ConfigProblem.
func (s *session) fetchConfig(ctx context.Context) error {
	head, err := s.gh.Branch(ctx, s.repo.DefaultBranch)
	if errors.Is(err, forge.ErrNotFound) {
		return nil // an empty repository
	}
	if err != nil {
		return fmt.Errorf("default branch: %w", err)
	}
	if head.SHA == s.repo.ConfigSHA {
		return nil
	}
	data, err := s.gh.File(ctx, config.FileName, head.SHA)
	var odd *forge.NotAFileError
	switch {
	case errors.Is(err, forge.ErrNotFound):
		s.repo.Config, s.repo.ConfigSHA, s.repo.ConfigProblem = nil, head.SHA, ""
		return nil
	case errors.As(err, &odd):
		s.repo.ConfigSHA, s.repo.ConfigProblem = head.SHA, odd.Error()
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", config.FileName, err)
	}
	s.repo.ConfigSHA = head.SHA
	if _, problems := config.ParseRepo(data, s.b.configContext(s.repo.Owner, s.repo.Name, nil)); len(problems) > 0 {
		s.repo.ConfigProblem = config.Join(problems).Error()
		return nil
	}
	s.repo.Config, s.repo.ConfigProblem = data, ""
	return nil
}

// useConfig makes the stored configuration the session's.
func (s *session) useConfig(ctx context.Context) error {
	var heads []store.Branch
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		heads, err = tx.Branches(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	names := make([]string, len(heads))
	for i, h := range heads {
		names[i] = h.Name
	}
	context := s.b.configContext(s.repo.Owner, s.repo.Name, names)
	if len(s.repo.Config) == 0 {
		s.cfg = config.Default(context)
		s.repo.Observe = s.cfg.Mode == config.Observe
		return nil
	}
	cfg, problems := config.ParseRepo(s.repo.Config, context)
	if len(problems) > 0 { // it was good when it was stored; a newer Sluice may think otherwise
		s.repo.ConfigProblem = config.Join(problems).Error()
		s.cfg = config.Default(context)
		s.cfg.Active = false
		return nil
	}
	s.cfg = cfg
	s.repo.Observe = cfg.Mode == config.Observe
	return nil
}
