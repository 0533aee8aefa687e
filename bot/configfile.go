package bot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// readFile reads a file of a commit. A file that does not exist is nil; what is there and is no file is a problem to be
// told.
func readFile(ctx context.Context, gh GitHub, path, sha string) (data []byte, problem string, err error) {
	data, err = gh.File(ctx, path, sha)
	var odd *forge.NotAFileError
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return nil, "", nil
	case errors.As(err, &odd):
		return nil, odd.Error(), nil
	case err != nil:
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	if data == nil {
		data = []byte{} // an empty file is there
	}
	return data, "", nil
}

// fetchConfig reads .github/sluice.yml of the default branch, and with it what the organization's repository gives. What is
// not good leaves the last good configuration in force and says so in ConfigProblem.
func (s *session) fetchConfig(ctx context.Context) error {
	head, err := s.gh.Branch(ctx, s.repo.DefaultBranch)
	if errors.Is(err, forge.ErrNotFound) {
		return nil // an empty repository
	}
	if err != nil {
		return fmt.Errorf("default branch: %w", err)
	}
	source, err := s.organizationSource(ctx)
	if err != nil {
		return err
	}
	if head.SHA == s.repo.ConfigSHA && source.sha == s.repo.OrganizationSHA {
		return nil
	}
	var data []byte
	problem := ""
	if !s.organizationRepo() { // its file is the organization's, and read as such
		if data, problem, err = readFile(ctx, s.gh, config.FileName, head.SHA); err != nil {
			return err
		}
	}
	org, unread, err := source.read(ctx, data)
	if err != nil {
		return err
	}
	s.repo.ConfigSHA, s.repo.OrganizationSHA = head.SHA, source.sha
	if problem == "" {
		problem = unread
	}
	if problem != "" {
		s.repo.ConfigProblem = problem
		return nil
	}
	context := s.b.configContext(s.repo.Owner, s.repo.Name, nil)
	context.Organization = org
	if _, problems := config.Load(data, context); len(problems) > 0 {
		s.repo.ConfigProblem = config.Join(problems).Error()
		return nil
	}
	raw, err := json.Marshal(org)
	if err != nil {
		return err
	}
	s.repo.Config, s.repo.Organization, s.repo.ConfigProblem = data, raw, ""
	return nil
}

// configVersion tells one content of the configuration from another.
func (s *session) configVersion() string {
	h := sha256.New()
	for _, part := range [][]byte{s.repo.Config, s.repo.Organization} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return string(h.Sum(nil))
}

// storedOrganization is what the configuration in force was read with.
func (s *session) storedOrganization() (*config.Organization, error) {
	if len(s.repo.Organization) == 0 {
		return nil, nil
	}
	var org config.Organization
	if err := json.Unmarshal(s.repo.Organization, &org); err != nil {
		return nil, fmt.Errorf("the organization's stored files: %w", err)
	}
	return &org, nil
}

// storedConfig is the last good file; nil where the repository has none.
func (s *session) storedConfig() []byte {
	if len(s.repo.Config) == 0 {
		return nil
	}
	return s.repo.Config
}

// loadContext is what the configuration in force is read with. Branches that are missing are no errors.
func (s *session) loadContext(branches []string) (config.Context, error) {
	org, err := s.storedOrganization()
	context := s.b.configContext(s.repo.Owner, s.repo.Name, branches)
	context.Lenient, context.Organization = true, org
	return context, err
}

// inForce is the stored configuration.
func (s *session) inForce(branches []string) (*config.Repo, []*config.Error, error) {
	context, err := s.loadContext(branches)
	if err != nil {
		return nil, nil, err
	}
	cfg, problems := config.Load(s.storedConfig(), context)
	return cfg, problems, nil
}

// useConfig makes the stored configuration the session's. One that names a branch which is gone stays in force, and that
// it does not fit any more is said.
func (s *session) useConfig(ctx context.Context) error {
	names, err := s.branchNames(ctx)
	if err != nil {
		return err
	}
	return s.useConfigFor(ctx, names)
}

// useConfigFor is useConfig for a repository whose branches are known.
func (s *session) useConfigFor(ctx context.Context, names []string) error {
	cfg, problems, err := s.inForce(names)
	if err != nil {
		return err
	}
	problem, misfit := s.repo.ConfigProblem, ""
	if len(problems) > 0 { // it was good when it was stored; a newer Sluice may think otherwise
		problem = config.Join(problems).Error()
		cfg = config.Default(s.b.configContext(s.repo.Owner, s.repo.Name, names))
		cfg.Active = false
	} else if len(cfg.Missing) > 0 {
		misfit = config.Join(cfg.Missing).Error()
	}
	s.cfg, s.whole = cfg, cfg
	observe := cfg.Mode == config.Observe
	if problem == s.repo.ConfigProblem && misfit == s.repo.ConfigMisfit && observe == s.repo.Observe {
		return nil
	}
	fits := misfit == s.repo.ConfigMisfit && problem == s.repo.ConfigProblem
	s.repo.ConfigProblem, s.repo.ConfigMisfit, s.repo.Observe = problem, misfit, observe
	if err := s.saveRepo(ctx); err != nil || fits {
		return err
	}
	return s.judgeAll(ctx) // every check says what is the matter
}

// organizationSHA is the commit at which the organization's part of the configuration in force was read; empty where there
// is none.
func (s *session) organizationSHA() string {
	org, err := s.storedOrganization()
	if err != nil || org == nil || org.File == nil && len(org.Models) == 0 {
		return ""
	}
	return org.SHA
}

// branchNames are the branches of the repository, as recorded.
func (s *session) branchNames(ctx context.Context) ([]string, error) {
	var heads []store.Branch
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		heads, err = tx.Branches(ctx, s.repo.ID)
		return err
	})
	return namesOf(heads), err
}

func namesOf(heads []store.Branch) []string {
	names := make([]string, len(heads))
	for i, h := range heads {
		names[i] = h.Name
	}
	return names
}

// refreshConfig reads the configuration anew and, where it is another one than before, has everything judged by it.
func (s *session) refreshConfig(ctx context.Context) error {
	before := s.configVersion()
	wrong := s.repo.ConfigProblem
	if err := s.fetchConfig(ctx); err != nil {
		return err
	}
	if err := s.saveRepo(ctx); err != nil {
		return err
	}
	if err := s.useConfig(ctx); err != nil {
		return err
	}
	if before == s.configVersion() && wrong == s.repo.ConfigProblem {
		return nil
	}
	return s.judgeAll(ctx)
}

// judgedAtOnce is how many pull requests are judged in one handling when the configuration has changed: other things wait
// in the lane meanwhile.
const judgedAtOnce = 25

// judgeFact is the payload of a lane item that says to judge pull requests by a configuration that has changed.
type judgeFact struct {
	Numbers []int `json:"numbers"`
}

// judgeAll has every open pull request judged, and every release walked, by the configuration that is in force now.
func (s *session) judgeAll(ctx context.Context) error {
	s.touchAll = true
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		open, err := tx.OpenPulls(ctx, s.repo.ID)
		if err != nil {
			return err
		}
		for len(open) > 0 {
			n := min(judgedAtOnce, len(open))
			var f judgeFact
			for _, p := range open[:n] {
				f.Numbers = append(f.Numbers, p.Number)
			}
			open = open[n:]
			key := fmt.Sprintf("judge:%d:%x", f.Numbers[0], sha256.Sum256([]byte(s.configVersion()+s.repo.ConfigProblem)))
			if err := s.b.Queue.Post(ctx, tx, s.lane(), itemJudge, f, key); err != nil {
				return err
			}
		}
		return nil
	})
}

// judgeThese judges pull requests again.
func (s *session) judgeThese(ctx context.Context, f judgeFact) error {
	for _, n := range f.Numbers {
		pr, err := s.gh.Pull(ctx, n)
		if errors.Is(err, forge.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.judge(ctx, pr); err != nil {
			return err
		}
	}
	return nil
}

// configNotice says what is the matter with the configuration, as one paragraph; empty when all is well.
func (s *session) configNotice() string {
	var parts []string
	if s.repo.ConfigProblem != "" {
		parts = append(parts, "The newest configuration cannot be used, and the last good one is in force:\n\n"+codeBlock("", s.repo.ConfigProblem))
	}
	if s.repo.ConfigMisfit != "" {
		parts = append(parts, "The configuration in force does not fit the repository, and releases wait until it does:\n\n"+codeBlock("", s.repo.ConfigMisfit))
	}
	return strings.Join(parts, "\n")
}

// organizationNotice says whether there are defaults of the organization, as one sentence.
func (s *session) organizationNotice() string {
	org, err := s.storedOrganization()
	switch {
	case err != nil || org == nil:
		return ""
	case org.Absent != "":
		return "No defaults of the organization: " + org.Absent + "."
	case len(bytes.TrimSpace(org.File)) == 0:
		return fmt.Sprintf("No defaults of the organization: %s has no %s.", code(org.Name), code(config.FileName))
	}
	return fmt.Sprintf("Defaults of the organization: %s at %s.", code(org.Name), short(org.SHA))
}
