-- +goose Up

-- A promotion by the emergency path: who asked, who confirmed, what it did not wait for, and the review that is owed
-- until somebody gives it. id is the action execution ID of the approval that was passed.
CREATE TABLE emergencies (
    id             TEXT    NOT NULL PRIMARY KEY,
    repo_id        BIGINT  NOT NULL,
    release_id     TEXT    NOT NULL,
    execution_id   TEXT    NOT NULL,
    environment    TEXT    NOT NULL,
    version        TEXT    NOT NULL,
    sha            TEXT    NOT NULL,
    digest         TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    skipped        TEXT    NOT NULL,
    asked_id       BIGINT  NOT NULL,
    asked_login    TEXT    NOT NULL,
    asked_bot      BOOLEAN NOT NULL,
    second_id      BIGINT  NOT NULL,
    second_login   TEXT    NOT NULL,
    second_bot     BOOLEAN NOT NULL,
    at             BIGINT  NOT NULL,
    reminders      BIGINT  NOT NULL,
    remind_at      BIGINT  NOT NULL,
    reviewer_id    BIGINT  NOT NULL,
    reviewer_login TEXT    NOT NULL,
    reviewer_bot   BOOLEAN NOT NULL,
    reviewed_at    BIGINT  NOT NULL,
    review         TEXT    NOT NULL,
    agreed         BOOLEAN NOT NULL
);
CREATE INDEX emergencies_release ON emergencies (release_id);
CREATE INDEX emergencies_owed ON emergencies (repo_id) WHERE reviewed_at = 0;

-- +goose Down
SELECT 1;
