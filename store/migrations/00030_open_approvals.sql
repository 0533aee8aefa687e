-- +goose Up

-- awaits_approval says that an approval of the execution may be open. What was written before this column is looked at.
ALTER TABLE executions ADD COLUMN awaits_approval BOOLEAN NOT NULL DEFAULT TRUE;
CREATE INDEX executions_approval ON executions (repo_id, created_at) WHERE ended_at = 0 AND awaits_approval;

-- +goose Down
-- Going back is restoring the backup that was taken before the upgrade.
SELECT 1;
