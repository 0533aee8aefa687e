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
	patterns := []tagging.TagPattern{config.Default(config.Context{}).Versioning.Tag}
	if cfg, _, err := s.inForce(branchNames(heads)); err != nil {
		return err
	} else if cfg != nil {
		patterns = tagPatterns(cfg)
	}
	if s.organizationRepo() {
		if err := s.b.tellOrganization(ctx, s.repo); err != nil {
			return err
		}
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := s.b.keep(ctx, tx, s.repo); err != nil {
			return err
		}
		for _, h := range heads {
			if err := tx.SaveBranch(ctx, store.Branch{RepoID: s.repo.ID, Name: h.Name, SHA: h.SHA, UpdatedAt: s.b.Now()}); err != nil {
				return err
			}
		}
		for _, t := range inReleaseOrder(tags, patterns) {
			if _, err := tx.SaveTag(ctx, store.Tag{RepoID: s.repo.ID, Name: t.Name, SHA: t.SHA, SeenAt: s.b.Now()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// tagPatterns are how the release tags of a repository and of its components are written.
func tagPatterns(cfg *config.Repo) []tagging.TagPattern {
	patterns := []tagging.TagPattern{cfg.Versioning.Tag}
	for _, c := range cfg.Names.Components {
		patterns = append(patterns, cfg.Component(c).Versioning.Tag)
	}
	return patterns
}

// inReleaseOrder picks the release tags and sorts them as they must have happened: by version, a hotfix after what it
// mends, one pattern after the other.
func inReleaseOrder(tags []forge.Tag, patterns []tagging.TagPattern) []forge.Tag {
	git := make([]tagging.GitTag, len(tags))
	for i, t := range tags {
		git[i] = tagging.GitTag{Name: t.Name, SHA: t.SHA}
	}
	var out []forge.Tag
	for _, pattern := range patterns {
		log, _ := tagging.Adopt(git, pattern)
		for _, r := range log.Releases() {
			out = append(out, forge.Tag{Name: r.Tag, SHA: r.SHA})
		}
	}
	return out
}

// refreshInfo reads what GitHub says of the repository itself.
func (s *session) refreshInfo(ctx context.Context) error {
	info, err := s.gh.Info(ctx)
	if errors.Is(err, forge.ErrNotFound) {
		s.repo.Gone = unseen
		return nil
	}
	if err != nil {
		return fmt.Errorf("repository: %w", err)
	}
	s.repo.Owner, s.repo.Name, s.repo.DefaultBranch = info.Owner, info.Name, info.DefaultBranch
	s.repo.Gone = ""
	if info.Archived {
		s.repo.Gone = store.GoneArchived
	}
	return nil
}
