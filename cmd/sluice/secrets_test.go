package main

import (
	"context"
	"errors"
	"testing"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/secretscan"
)

// A search for credentials takes a place for each text and gives it back.
func TestSecretsTakePlaces(t *testing.T) {
	scanner, err := secretscan.New()
	if err != nil {
		t.Fatal(err)
	}
	s := secrets{scanner, executor.NewPlaces(1)}
	looks := map[string]func(context.Context) error{
		"patch": func(ctx context.Context) error { _, err := s.Patch(ctx, "a", "@@ -0,0 +1 @@\n+x\n"); return err },
		"file":  func(ctx context.Context) error { _, err := s.File(ctx, "a", "x\n"); return err },
	}
	for name, look := range looks {
		for range 2 { // the place is there again
			if err := look(t.Context()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		leave, err := s.places.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ctx = executor.OnWait(ctx, func(string) { cancel() })
		if err := look(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, without a place: %v", name, err)
		}
		cancel()
		leave()
	}
}
