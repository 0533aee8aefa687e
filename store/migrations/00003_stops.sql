-- +goose Up
-- What people said that keeps something from going on: a hold of a pull request or release, a freeze of an environment or
-- branch, a lock of an environment, a time before which a release is not promoted. ends_at is 0 for one without an end.
CREATE TABLE stops (
    repo_id      BIGINT  NOT NULL,
    kind         TEXT    NOT NULL,
    target       TEXT    NOT NULL,
    set_by_id    BIGINT  NOT NULL,
    set_by_login TEXT    NOT NULL,
    set_by_bot   BOOLEAN NOT NULL,
    reason       TEXT    NOT NULL,
    set_at       BIGINT  NOT NULL,
    ends_at      BIGINT  NOT NULL,
    sha          TEXT    NOT NULL,
    PRIMARY KEY (repo_id, kind, target)
);

-- +goose Down
-- Going back is restoring the backup that was taken before the upgrade.
SELECT 1;
