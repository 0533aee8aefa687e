-- +goose Up

-- When the head of a pull request came to be what it is, by GitHub's clock: a command about the head counts only if whoever
-- gave it could see that head.
ALTER TABLE pulls ADD COLUMN head_at BIGINT NOT NULL DEFAULT 0;

-- What somebody allowed for one head of a pull request, and where base_branch is set for one base: it ends when either moves.
CREATE TABLE permits (
    id          TEXT    NOT NULL PRIMARY KEY,
    repo_id     BIGINT  NOT NULL,
    pull        BIGINT  NOT NULL,
    name        TEXT    NOT NULL,
    head_sha    TEXT    NOT NULL,
    base_branch TEXT    NOT NULL,
    base_sha    TEXT    NOT NULL,
    giver_id    BIGINT  NOT NULL,
    giver_login TEXT    NOT NULL,
    giver_bot   BOOLEAN NOT NULL,
    reason      TEXT    NOT NULL,
    comment_id  BIGINT  NOT NULL,
    at          BIGINT  NOT NULL,
    ended_at    BIGINT  NOT NULL,
    end_reason  TEXT    NOT NULL
);
CREATE INDEX permits_pull ON permits (repo_id, pull);
CREATE INDEX permits_base ON permits (repo_id, base_branch) WHERE ended_at = 0;
