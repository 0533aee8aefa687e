-- +goose Up
-- Signatures of images that were checked and hold. A signature does not cease to be right, so the registry is not asked
-- again about one that is here. One that does not hold is not kept: it may be made at any time.

CREATE TABLE signatures (
    repo_id     BIGINT NOT NULL,
    digest      TEXT   NOT NULL,
    key_id      TEXT   NOT NULL,
    image       TEXT   NOT NULL,
    verified_at BIGINT NOT NULL,
    PRIMARY KEY (repo_id, digest, key_id)
);
