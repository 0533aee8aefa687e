-- +goose Up
-- A token lets its owner in without a browser. Of its secret only a hash is kept.
CREATE TABLE access_tokens (
    id          TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL,
    owner_id    BIGINT  NOT NULL,
    owner_login TEXT    NOT NULL,
    owner_bot   BOOLEAN NOT NULL,
    scope       TEXT    NOT NULL,
    secret_hash BYTEA   NOT NULL,
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL,
    used_at     BIGINT  NOT NULL,
    revoked_at  BIGINT  NOT NULL
);
CREATE INDEX access_tokens_owner ON access_tokens (owner_id, created_at);

-- An operation is a command that came neither from a comment nor from a check run: it waits in its repository's lane,
-- and who gave it comes back for the answer.
CREATE TABLE operations (
    id           TEXT    NOT NULL PRIMARY KEY,
    repo_id      BIGINT  NOT NULL,
    by_id        BIGINT  NOT NULL,
    by_login     TEXT    NOT NULL,
    by_bot       BOOLEAN NOT NULL,
    via          TEXT    NOT NULL,
    token_id     TEXT    NOT NULL,
    command      TEXT    NOT NULL,
    pull         BIGINT  NOT NULL,
    version      TEXT    NOT NULL,
    execution_id TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    reply        TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    ended_at     BIGINT  NOT NULL
);
CREATE INDEX operations_created ON operations (created_at);

-- +goose Down
SELECT 1;
