-- +goose Up

-- How an alarm of a monitoring stands, by what it said last. source names the alarm (an ARN); changed_at is the monitoring's clock;
-- action_id is the deployment that the alarm ended, if any.
CREATE TABLE alarms (
    repo_id     BIGINT  NOT NULL,
    environment TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    raised      BOOLEAN NOT NULL,
    reason      TEXT    NOT NULL,
    action_id   TEXT    NOT NULL,
    changed_at  BIGINT  NOT NULL,
    PRIMARY KEY (repo_id, environment, source)
);
