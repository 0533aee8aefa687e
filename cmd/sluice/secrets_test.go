package main

import (
	"context"
	"errors"
	"testing"

	"github.com/sluicehq/sluice/executor"
)

// A turn of a search for credentials is a place, which is there again after it.
func TestSecretsTakePlaces(t *testing.T) {
	s := secrets{places: executor.NewPlaces(1)}
	leave, err := s.Turn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ctx = executor.OnWait(ctx, func(string) { cancel() })
	if _, err := s.Turn(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("without a place: %v", err)
	}
	leave()
	if leave, err = s.Turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	leave()
}
