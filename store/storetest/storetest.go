// Package storetest says what a store is: one suite that every engine passes.
package storetest

import (
	"testing"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/store"
)

// Child is for crash tests.
func Child() (bool, int) { return false, 0 }

// Run runs the suite.
func Run(t *testing.T, url func(testing.TB) string) {
	t.Run("smoke", func(t *testing.T) {
		s, err := store.Open(t.Context(), url(t), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, id := range []string{"a", "b", "a"} {
			o, err := s.Accept(t.Context(), event.Delivery{ID: id, RepoID: 1, Name: "push", Body: []byte("{}")})
			t.Log(o, err)
		}
	})
}
