-- +goose Up

-- seen_at is when pruning first saw what is noted of a commit; 0: not yet since it was written. Then its time begins.
ALTER TABLE settings ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;

-- +goose Down
-- Going back is restoring the backup that was taken before the upgrade.
SELECT 1;
