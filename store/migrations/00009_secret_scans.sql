-- +goose Up
-- What was looked through for credentials that were committed. A report names rules, places and fingerprints; the text
-- that was looked through is not kept.

CREATE TABLE secret_scans (
    repo_id    BIGINT  NOT NULL,
    sha        TEXT    NOT NULL,
    base       TEXT    NOT NULL,
    base_sha   TEXT    NOT NULL,
    done       BOOLEAN NOT NULL,
    report     BYTEA   NOT NULL,
    updated_at BIGINT  NOT NULL,
    PRIMARY KEY (repo_id, sha, base)
);
