-- +goose Up

-- A delivery as it was accepted. body is s2-compressed, empty once it was pruned; body_hash tells a repetition from another
-- delivery under the same ID.
CREATE TABLE deliveries (
    id              TEXT   NOT NULL PRIMARY KEY,
    name            TEXT   NOT NULL,
    installation_id BIGINT NOT NULL,
    repo_id         BIGINT NOT NULL,
    received_at     BIGINT NOT NULL,
    body            BYTEA  NOT NULL,
    body_hash       BYTEA  NOT NULL,
    state           TEXT   NOT NULL,
    attempts        BIGINT NOT NULL,
    problem         TEXT   NOT NULL,
    handled_at      BIGINT NOT NULL
);
--postgres ALTER TABLE deliveries ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX deliveries_received ON deliveries (received_at);
CREATE INDEX deliveries_waiting ON deliveries (received_at) WHERE state = 'waiting';
CREATE INDEX deliveries_dead ON deliveries (received_at) WHERE state = 'dead';

-- A lane is an ordered inbox. Whoever posts locks its row until the commit, so that a worker that finds nothing more to
-- do, and locks the row first, has overlooked nothing. owner, fence and lease_until tell who works on it; job_id is the
-- River job that stands behind it in case nobody does.
CREATE TABLE lanes (
    name        TEXT    NOT NULL PRIMARY KEY,
    last_seq    BIGINT  NOT NULL,
    is_open     BOOLEAN NOT NULL,
    due_at      BIGINT  NOT NULL,
    owner       TEXT    NOT NULL,
    fence       BIGINT  NOT NULL,
    lease_until BIGINT  NOT NULL,
    job_id      BIGINT  NOT NULL,
    touched_at  BIGINT  NOT NULL
);
CREATE INDEX lanes_due ON lanes (due_at) WHERE is_open;
CREATE INDEX lanes_owner ON lanes (owner) WHERE owner <> '';

-- waits_key is the item's key until it is handed out for the first time; own_key is its key for good. held is true from
-- then on: the lane waits for a held item, while one that is due later and was never handed out holds nobody up.
CREATE TABLE lane_items (
    lane        TEXT    NOT NULL,
    seq         BIGINT  NOT NULL,
    kind        TEXT    NOT NULL,
    own_key     TEXT    NOT NULL,
    waits_key   TEXT    NOT NULL,
    payload     BYTEA   NOT NULL,
    delivery_id TEXT    NOT NULL,
    posted_at   BIGINT  NOT NULL,
    due_at      BIGINT  NOT NULL,
    held        BOOLEAN NOT NULL,
    attempts    BIGINT  NOT NULL,
    dead_at     BIGINT  NOT NULL,
    problem     TEXT    NOT NULL,
    PRIMARY KEY (lane, seq)
);
CREATE UNIQUE INDEX lane_items_key ON lane_items (lane, waits_key) WHERE waits_key <> '';
CREATE INDEX lane_items_dead ON lane_items (dead_at) WHERE dead_at > 0;
CREATE INDEX lane_items_due ON lane_items (due_at) WHERE dead_at = 0;

-- +goose Down
SELECT 1;
