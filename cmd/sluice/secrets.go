package main

import (
	"context"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/secretscan"
)

// secrets is the scanner for credentials as the bot sees it. Its places are its own: a search takes two minutes at most, and
// must not wait for an image that takes longer.
type secrets struct {
	scanner *secretscan.Scanner
	places  *executor.Places
}

// Turn implements bot.SecretScanner.
func (s secrets) Turn(ctx context.Context) (leave func(), err error) { return s.places.Take(ctx) }

// Patch implements bot.SecretScanner.
func (s secrets) Patch(ctx context.Context, path, patch string) ([]bot.Leak, error) {
	return leaks(s.scanner.Patch(ctx, path, patch))
}

// File implements bot.SecretScanner.
func (s secrets) File(ctx context.Context, path, text string) ([]bot.Leak, error) {
	return leaks(s.scanner.File(ctx, path, text))
}

// Skips implements bot.SecretScanner.
func (s secrets) Skips(path string) bool { return s.scanner.Skips(path) }

func leaks(found []secretscan.Finding, err error) ([]bot.Leak, error) {
	var out []bot.Leak
	for _, f := range found {
		out = append(out, bot.Leak{
			Rule: f.Rule, Description: f.Description, Path: f.Path, Line: f.Line, EndLine: f.EndLine, Fingerprint: f.Fingerprint,
		})
	}
	return out, err
}
