-- +goose Up

-- What waits is little, and is counted seldom; keeping these up to date cost every delivery four writes.
DROP INDEX lane_items_due;
DROP INDEX deliveries_waiting;

-- +goose Down
-- Going back is restoring the backup that was taken before the upgrade.
SELECT 1;
