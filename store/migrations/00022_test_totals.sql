-- +goose Up
-- What tests and coverage of a build came to: one row for each group of its reports, kept for the trend of a branch.
CREATE TABLE test_totals (
    action_id    TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    repo_id      BIGINT NOT NULL,
    execution_id TEXT   NOT NULL,
    branch       TEXT   NOT NULL,
    sha          TEXT   NOT NULL,
    format       TEXT   NOT NULL,
    tests        BIGINT NOT NULL,
    passed       BIGINT NOT NULL,
    failed       BIGINT NOT NULL,
    errored      BIGINT NOT NULL,
    skipped      BIGINT NOT NULL,
    duration     BIGINT NOT NULL,
    files        BIGINT NOT NULL,
    lines        BIGINT NOT NULL,
    covered      BIGINT NOT NULL,
    branches     BIGINT NOT NULL,
    branched     BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (action_id, name)
);
CREATE INDEX test_totals_trend ON test_totals (repo_id, branch, name, at);
CREATE INDEX test_totals_at ON test_totals (at);

-- +goose Down
SELECT 1;
