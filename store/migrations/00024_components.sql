-- +goose Up

-- component is the application of a monorepo that a release or execution belongs to; empty: the repository is one.
ALTER TABLE releases ADD COLUMN component TEXT NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN component TEXT NOT NULL DEFAULT '';
