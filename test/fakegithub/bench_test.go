package fakegithub_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// BenchmarkCalls measures the stand-in alone, without network and validation: what it costs whoever is measured
// against it.
func BenchmarkCalls(b *testing.B) {
	s, err := fakegithub.New(fakegithub.Options{RateLimit: -1, CallLog: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	s.AddOrg("acme", "ann")
	app, err := s.AddApp(fakegithub.AppConfig{PrivateKey: key()})
	if err != nil {
		b.Fatal(err)
	}
	repo, err := s.AddRepo("acme/shop", fakegithub.RepoConfig{})
	if err != nil {
		b.Fatal(err)
	}
	inst, err := s.Install(app.ID, "acme")
	if err != nil {
		b.Fatal(err)
	}
	token, err := s.InstallationToken(inst.ID)
	if err != nil {
		b.Fatal(err)
	}
	repo.Grant("ann", fakegithub.RoleWrite)
	for i := range 100 {
		if _, err := repo.Seed("main", "work", map[string]string{"a.txt": fmt.Sprint(i)}); err != nil {
			b.Fatal(err)
		}
	}
	ctx, ann := context.Background(), s.As("ann")
	sha, err := ann.Commit(ctx, "acme/shop", "feature", "Work", map[string]string{"b.txt": "b"})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := ann.OpenPull(ctx, "acme/shop", "feature", "main", "Work", ""); err != nil {
		b.Fatal(err)
	}
	bot := s.With(token)
	do := func(method, path string, body any) func(*testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				if err := bot.Do(ctx, method, path, body, nil); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("repository", do(http.MethodGet, "/repos/acme/shop", nil))
	b.Run("ref", do(http.MethodGet, "/repos/acme/shop/git/ref/heads/feature", nil))
	b.Run("pull", do(http.MethodGet, "/repos/acme/shop/pulls/1", nil))
	b.Run("compare", do(http.MethodGet, "/repos/acme/shop/compare/main...feature", nil))
	b.Run("contents", do(http.MethodGet, "/repos/acme/shop/contents/a.txt", nil))
	b.Run("check", do(http.MethodPost, "/repos/acme/shop/check-runs", map[string]any{"name": "c", "head_sha": sha}))
	b.Run("comment", do(http.MethodPost, "/repos/acme/shop/issues/1/comments", map[string]any{"body": "hello"}))
	b.Run("commit", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := ann.Commit(ctx, "acme/shop", "work", "Work", map[string]string{"c.txt": fmt.Sprint(i)}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
