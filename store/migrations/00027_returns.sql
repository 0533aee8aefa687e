-- +goose Up

-- return_by is the execution that was last started to put something back into an environment: a rollback, or a candidate that
-- had given way to another. Empty: there was none, or something was deployed after it.
ALTER TABLE environments ADD COLUMN return_by TEXT NOT NULL DEFAULT '';
