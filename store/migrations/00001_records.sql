-- +goose Up
-- Times are microseconds since 1970 in UTC, 0 for never. Texts are never NULL.

CREATE TABLE counters (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE repos (
    id              BIGINT  NOT NULL PRIMARY KEY,
    installation_id BIGINT  NOT NULL,
    owner           TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    default_branch  TEXT    NOT NULL,
    gone            TEXT    NOT NULL,
    baseline_at     BIGINT  NOT NULL,
    config          BYTEA   NOT NULL,
    config_sha      TEXT    NOT NULL,
    config_problem  TEXT    NOT NULL,
    observe         BOOLEAN NOT NULL,
    updated_at      BIGINT  NOT NULL
);
CREATE INDEX repos_name ON repos (lower(owner), lower(name));

CREATE TABLE branches (
    repo_id    BIGINT NOT NULL,
    name       TEXT   NOT NULL,
    sha        TEXT   NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (repo_id, name)
);

CREATE TABLE tags (
    repo_id BIGINT NOT NULL,
    name    TEXT   NOT NULL,
    sha     TEXT   NOT NULL,
    seq     BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (repo_id, name)
);
CREATE UNIQUE INDEX tags_seq ON tags (repo_id, seq);

CREATE TABLE pushes (
    repo_id      BIGINT  NOT NULL,
    branch       TEXT    NOT NULL,
    sha          TEXT    NOT NULL,
    before_sha   TEXT    NOT NULL,
    at           BIGINT  NOT NULL,
    pusher_id    BIGINT  NOT NULL,
    pusher_login TEXT    NOT NULL,
    pusher_bot   BOOLEAN NOT NULL,
    PRIMARY KEY (repo_id, branch, sha, before_sha)
);

CREATE TABLE pulls (
    repo_id      BIGINT  NOT NULL,
    number       BIGINT  NOT NULL,
    title        TEXT    NOT NULL,
    author_id    BIGINT  NOT NULL,
    author_login TEXT    NOT NULL,
    author_bot   BOOLEAN NOT NULL,
    head_branch  TEXT    NOT NULL,
    head_sha     TEXT    NOT NULL,
    head_repo_id BIGINT  NOT NULL,
    base_branch  TEXT    NOT NULL,
    base_sha     TEXT    NOT NULL,
    is_open      BOOLEAN NOT NULL,
    merged       BOOLEAN NOT NULL,
    problems     BIGINT  NOT NULL,
    verdict      BYTEA   NOT NULL,
    cockpit      BOOLEAN NOT NULL,
    updated_at   BIGINT  NOT NULL,
    PRIMARY KEY (repo_id, number)
);
CREATE INDEX pulls_head ON pulls (repo_id, head_sha);
CREATE INDEX pulls_open ON pulls (repo_id, number) WHERE is_open;

CREATE TABLE releases (
    id                      TEXT    NOT NULL PRIMARY KEY,
    repo_id                 BIGINT  NOT NULL,
    kind                    TEXT    NOT NULL,
    version                 TEXT    NOT NULL,
    hotfix_id               TEXT    NOT NULL,
    branch                  TEXT    NOT NULL,
    tag                     TEXT    NOT NULL,
    cut_sha                 TEXT    NOT NULL,
    head_sha                TEXT    NOT NULL,
    pull                    BIGINT  NOT NULL,
    sha                     TEXT    NOT NULL,
    candidate_image         TEXT    NOT NULL,
    candidate_digest        TEXT    NOT NULL,
    production_image        TEXT    NOT NULL,
    production_digest       TEXT    NOT NULL,
    status                  TEXT    NOT NULL,
    execution_id            TEXT    NOT NULL,
    production_execution_id TEXT    NOT NULL,
    production_tip          TEXT    NOT NULL,
    finished                BOOLEAN NOT NULL,
    problem                 TEXT    NOT NULL,
    started_by_id           BIGINT  NOT NULL,
    started_by_login        TEXT    NOT NULL,
    started_by_bot          BOOLEAN NOT NULL,
    origin                  TEXT    NOT NULL,
    promote_by_id           BIGINT  NOT NULL,
    promote_by_login        TEXT    NOT NULL,
    promote_by_bot          BOOLEAN NOT NULL,
    reason                  TEXT    NOT NULL,
    bad                     BOOLEAN NOT NULL,
    started_at              BIGINT  NOT NULL,
    released_at             BIGINT  NOT NULL,
    updated_at              BIGINT  NOT NULL
);
CREATE INDEX releases_branch ON releases (repo_id, branch);
CREATE INDEX releases_version ON releases (repo_id, version);
CREATE INDEX releases_pull ON releases (repo_id, pull);
CREATE INDEX releases_status ON releases (repo_id, status);

CREATE TABLE executions (
    id               TEXT    NOT NULL PRIMARY KEY,
    repo_id          BIGINT  NOT NULL,
    kind             TEXT    NOT NULL,
    branch           TEXT    NOT NULL,
    sha              TEXT    NOT NULL,
    release_id       TEXT    NOT NULL,
    pull             BIGINT  NOT NULL,
    status           TEXT    NOT NULL,
    state            BYTEA   NOT NULL,
    config_sha       TEXT    NOT NULL,
    config_hash      TEXT    NOT NULL,
    version          TEXT    NOT NULL,
    image            TEXT    NOT NULL,
    digest           TEXT    NOT NULL,
    origin           TEXT    NOT NULL,
    started_by_id    BIGINT  NOT NULL,
    started_by_login TEXT    NOT NULL,
    started_by_bot   BOOLEAN NOT NULL,
    commit_time      BIGINT  NOT NULL,
    rev              BIGINT  NOT NULL,
    created_at       BIGINT  NOT NULL,
    updated_at       BIGINT  NOT NULL,
    ended_at         BIGINT  NOT NULL
);
CREATE INDEX executions_sha ON executions (repo_id, sha);
CREATE INDEX executions_line ON executions (repo_id, kind, branch, created_at);
CREATE INDEX executions_active ON executions (repo_id, created_at) WHERE ended_at = 0;
CREATE INDEX executions_release ON executions (release_id);
CREATE INDEX executions_recent ON executions (created_at);

CREATE TABLE action_runs (
    id           TEXT    NOT NULL PRIMARY KEY,
    execution_id TEXT    NOT NULL,
    repo_id      BIGINT  NOT NULL,
    request      BYTEA   NOT NULL,
    intended     BOOLEAN NOT NULL,
    handle       TEXT    NOT NULL,
    report       BYTEA   NOT NULL,
    final        BOOLEAN NOT NULL,
    stop         BOOLEAN NOT NULL,
    tried_at     BIGINT  NOT NULL,
    started_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL
);
CREATE INDEX action_runs_execution ON action_runs (execution_id);
CREATE INDEX action_runs_repo ON action_runs (repo_id, final);

CREATE TABLE effects (
    effect_key TEXT    NOT NULL PRIMARY KEY,
    repo_id    BIGINT  NOT NULL,
    kind       TEXT    NOT NULL,
    intent     BYTEA   NOT NULL,
    done       BOOLEAN NOT NULL,
    result     BYTEA   NOT NULL,
    attempts   BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL
);
CREATE INDEX effects_kind ON effects (repo_id, kind);

CREATE TABLE approvals (
    id             TEXT    NOT NULL PRIMARY KEY,
    repo_id        BIGINT  NOT NULL,
    release_id     TEXT    NOT NULL,
    execution_id   TEXT    NOT NULL,
    environment    TEXT    NOT NULL,
    sha            TEXT    NOT NULL,
    digest         TEXT    NOT NULL,
    config_hash    TEXT    NOT NULL,
    approver_id    BIGINT  NOT NULL,
    approver_login TEXT    NOT NULL,
    approver_bot   BOOLEAN NOT NULL,
    verdict        TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    comment_id     BIGINT  NOT NULL,
    via            TEXT    NOT NULL,
    at             BIGINT  NOT NULL,
    voided_at      BIGINT  NOT NULL,
    void_reason    TEXT    NOT NULL
);
CREATE INDEX approvals_execution ON approvals (execution_id);
CREATE INDEX approvals_release ON approvals (release_id);
CREATE INDEX approvals_comment ON approvals (repo_id, comment_id);

CREATE TABLE environments (
    repo_id       BIGINT  NOT NULL,
    name          TEXT    NOT NULL,
    version       TEXT    NOT NULL,
    image         TEXT    NOT NULL,
    digest        TEXT    NOT NULL,
    sha           TEXT    NOT NULL,
    execution_id  TEXT    NOT NULL,
    release_id    TEXT    NOT NULL,
    deployed_at   BIGINT  NOT NULL,
    hold          TEXT    NOT NULL,
    hold_by_id    BIGINT  NOT NULL,
    hold_by_login TEXT    NOT NULL,
    hold_by_bot   BOOLEAN NOT NULL,
    hold_at       BIGINT  NOT NULL,
    locked_by     TEXT    NOT NULL,
    fence         BIGINT  NOT NULL,
    occupied_by   TEXT    NOT NULL,
    lent_by       TEXT    NOT NULL,
    updated_at    BIGINT  NOT NULL,
    PRIMARY KEY (repo_id, name)
);

CREATE TABLE deployments (
    id           TEXT   NOT NULL PRIMARY KEY,
    repo_id      BIGINT NOT NULL,
    environment  TEXT   NOT NULL,
    version      TEXT   NOT NULL,
    image        TEXT   NOT NULL,
    digest       TEXT   NOT NULL,
    sha          TEXT   NOT NULL,
    release_id   TEXT   NOT NULL,
    execution_id TEXT   NOT NULL,
    github_id    BIGINT NOT NULL,
    status       TEXT   NOT NULL,
    started_at   BIGINT NOT NULL,
    ended_at     BIGINT NOT NULL
);
CREATE INDEX deployments_history ON deployments (repo_id, environment, started_at);

CREATE TABLE checks (
    repo_id    BIGINT NOT NULL,
    sha        TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    run_id     BIGINT NOT NULL,
    hash       TEXT   NOT NULL,
    status     TEXT   NOT NULL,
    conclusion TEXT   NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (repo_id, sha, name)
);

CREATE TABLE comments (
    repo_id    BIGINT NOT NULL,
    issue      BIGINT NOT NULL,
    marker     TEXT   NOT NULL,
    comment_id BIGINT NOT NULL,
    hash       TEXT   NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (repo_id, issue, marker)
);

CREATE TABLE audit (
    repo_id     BIGINT  NOT NULL,
    seq         BIGINT  NOT NULL,
    at          BIGINT  NOT NULL,
    actor_id    BIGINT  NOT NULL,
    actor_login TEXT    NOT NULL,
    actor_bot   BOOLEAN NOT NULL,
    action      TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    evidence    BYTEA   NOT NULL,
    prev_hash   TEXT    NOT NULL,
    hash        TEXT    NOT NULL,
    PRIMARY KEY (repo_id, seq)
);

-- +goose Down
-- Going back is restoring the backup that was taken before the upgrade.
SELECT 1;
