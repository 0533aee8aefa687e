package bot

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"

	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// about tells the queue what an item or a job is about, for its lines in the log. Of a delivery about a repository that is not known yet
// it is what the delivery says. What cannot be read is left out: the line is needed most when the database does not answer.
func (b *Bot) about(ctx context.Context, item queue.Item) queue.About {
	var names struct { // those of all payloads that name something
		ActionID    string `json:"action"`
		ExecutionID string `json:"execution"`
		RepoID      int64  `json:"repo"`
		Repository  struct {
			FullName string `json:"full_name"`
		} `json:"repository"`
	}
	payload := []byte(item.Payload)
	var out queue.About
	if item.Delivery != nil {
		payload, out.Installation = item.Delivery.Body, item.Delivery.InstallationID
	}
	_ = json.Unmarshal(payload, &names) // a payload of another form names nothing
	repoID := cmp.Or(repoOf(item.Lane), names.RepoID)
	if item.Delivery == nil {
		out.Execution = names.ExecutionID
	}
	var repo store.Repo
	_ = b.Store.Read(ctx, func(tx *store.Tx) error {
		if item.Kind == itemAction { // that of jobs is the same
			run, err := tx.ActionRun(ctx, names.ActionID)
			if ignoreMissing(err) != nil {
				return err
			}
			out.Execution, repoID = run.ExecutionID, cmp.Or(repoID, run.RepoID)
		}
		var err error
		repo, err = tx.Repo(ctx, repoID)
		return err
	})
	if repo.ID == 0 {
		out.Repo = names.Repository.FullName
		return out
	}
	out.Repo, out.Installation = repo.Owner+"/"+repo.Name, cmp.Or(out.Installation, repo.InstallationID)
	return out
}

// logOf is the log for lines about a repository outside of its lane. One that is not known adds nothing.
func (b *Bot) logOf(ctx context.Context, repoID int64) *slog.Logger {
	var repo store.Repo
	err := b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		repo, err = tx.Repo(ctx, repoID)
		return err
	})
	if err != nil {
		return b.Log
	}
	return b.Log.With("repo", repo.Owner+"/"+repo.Name, "installation", repo.InstallationID)
}
