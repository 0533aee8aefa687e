package main

import (
	"context"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/secretscan"
)

// secrets is the scanner for credentials as the bot sees it. Its places are its own: a search ends within two minutes, and must not wait
// for an image that takes longer.
type secrets struct {
	scanner *secretscan.Scanner
	places  *executor.Places
}

// Patch implements bot.SecretScanner.
func (s secrets) Patch(ctx context.Context, path, patch string) ([]bot.Leak, error) {
	leave, err := s.places.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return leaks(s.scanner.Patch(ctx, path, patch))
}

// File implements bot.SecretScanner.
func (s secrets) File(ctx context.Context, path, text string) ([]bot.Leak, error) {
	leave, err := s.places.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
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
