package store

import (
	"context"
	"fmt"

	"github.com/sluicehq/sluice/event"
)

func repos() table[Repo] {
	return table[Repo]{"repos", []string{"id"}, func(r *Repo) []column {
		return []column{
			{"id", &r.ID}, {"installation_id", &r.InstallationID}, {"owner", &r.Owner}, {"name", &r.Name},
			{"default_branch", &r.DefaultBranch}, {"gone", &r.Gone}, {"baseline_at", micros{&r.BaselineAt}},
			{"config", blob{&r.Config}}, {"config_sha", &r.ConfigSHA}, {"config_problem", &r.ConfigProblem},
			{"organization", blob{&r.Organization}}, {"organization_sha", &r.OrganizationSHA}, {"config_misfit", &r.ConfigMisfit},
			{"observe", &r.Observe}, {"updated_at", micros{&r.UpdatedAt}},
		}
	}}
}

// Repo returns the repository with GitHub's ID.
func (tx *Tx) Repo(ctx context.Context, id int64) (Repo, error) {
	return repos().one(ctx, tx, "id = ?", id)
}

// RepoByName returns the repository of that name, in any case of letters. Of several, of which one took over the name of
// another, it is the one that is not gone, then the one changed last.
func (tx *Tx) RepoByName(ctx context.Context, owner, name string) (Repo, error) {
	return repos().one(ctx, tx, "lower(owner) = lower(?) AND lower(name) = lower(?) ORDER BY gone, updated_at DESC", owner, name)
}

// Repos returns all repositories, those that are gone too, by owner and name.
func (tx *Tx) Repos(ctx context.Context) ([]Repo, error) {
	return repos().list(ctx, tx, "id > 0 ORDER BY lower(owner), lower(name), id")
}

// SaveRepo writes the repository under its ID.
func (tx *Tx) SaveRepo(ctx context.Context, r Repo) error { return repos().put(ctx, tx, &r) }

// DeleteRepo removes the repository and everything recorded for it, deliveries and what waits in its lane too, but the audit
// log, which nothing removes. A repository that is only gone from the installation is kept: set Gone.
func (tx *Tx) DeleteRepo(ctx context.Context, id int64) error {
	type rows struct {
		table, column string
		value         any
	}
	lane := event.Delivery{RepoID: id}.Lane()
	all := []rows{{"counters", "name", tagCounter(id)}, {"lane_items", "lane", lane}, {"lanes", "name", lane}, {"repos", "id", id}}
	for _, table := range []string{
		"branches", "tags", "pushes", "pulls", "releases", "executions", "action_runs", "effects", "approvals", "emergencies",
		"environments", "deployments", "checks", "comments", "operations", "permits", "stops", "secret_scans", "signatures", "test_totals",
		"deliveries", "alarms",
	} {
		all = append(all, rows{table, "repo_id", id})
	}
	kept, err := tx.settingsOf(ctx, id)
	if err != nil {
		return err
	}
	for _, name := range kept {
		all = append(all, rows{"settings", "name", name})
	}
	for _, r := range all {
		what := fmt.Sprintf("delete repository %d from %s", id, r.table)
		if err := tx.later(ctx, what, "DELETE FROM "+r.table+" WHERE "+r.column+" = ?", r.value); err != nil {
			return err
		}
	}
	return nil
}
