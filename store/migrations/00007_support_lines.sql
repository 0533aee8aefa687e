-- +goose Up

-- line is the support line a release belongs to, "1.4"; empty: none. version_why is why it has its version, as JSON, noted
-- when it was started.
ALTER TABLE releases ADD COLUMN line TEXT NOT NULL DEFAULT '';
ALTER TABLE releases ADD COLUMN version_why TEXT NOT NULL DEFAULT '';
