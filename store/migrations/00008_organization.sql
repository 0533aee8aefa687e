-- +goose Up
-- organization is what the last good configuration was read with, as JSON; organization_sha the commit of the
-- organization's repository that was looked at last; config_misfit why the configuration in force no longer fits.
ALTER TABLE repos ADD COLUMN organization BYTEA NOT NULL DEFAULT '';
ALTER TABLE repos ADD COLUMN organization_sha TEXT NOT NULL DEFAULT '';
ALTER TABLE repos ADD COLUMN config_misfit TEXT NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN organization_sha TEXT NOT NULL DEFAULT '';

-- +goose Down
SELECT 1;
