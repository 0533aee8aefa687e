-- +goose Up

-- When the head of a pull request came to be what it is, by GitHub's clock: a command about the head counts only if whoever
-- gave it could see that head.
ALTER TABLE pulls ADD COLUMN head_at BIGINT NOT NULL DEFAULT 0;
