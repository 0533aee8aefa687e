package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/executor/appspec"
	"github.com/sluicehq/sluice/executor/buildspec"
	"github.com/sluicehq/sluice/executor/lookup"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/store"
)

// looks are the checks of settings that depend on this host, or on others. Serve makes them before it does anything, doctor as well.
func looks(ctx context.Context) []config.Look {
	access := func(cfg *config.Server) appspec.SSH {
		return appspec.SSH{Key: cfg.SSHKey.Reveal(), KnownHosts: cfg.SSHKnownHosts}
	}
	const elsewhere = "stop what listens there, or name another address"
	return []config.Look{
		{Field: "Listen", Try: func(cfg *config.Server) error { return tryAddress(ctx, cfg.Listen) }, Hint: elsewhere},
		{Field: "AdminListen", Try: func(cfg *config.Server) error { return tryAddress(ctx, cfg.AdminListen) }, Hint: elsewhere},
		{Field: "Database", Needs: []string{"Data"}, Try: tryDatabase, Hint: "write sqlite:/path/file.db, in a folder that the server may write to, or postgres://user@host:5432/database"},
		{Field: "BuildUsers", Needs: []string{"LocalExecutors", "Data"}, Try: func(cfg *config.Server) error { _, err := builders(ctx, cfg); return err }},
		{Field: "BuildSandbox", Needs: []string{"LocalExecutors", "BuildUsers"}, Try: func(cfg *config.Server) error { return trySandbox(ctx, cfg) },
			Hint: "install bubblewrap and allow user namespaces, or write auto"},
		{Field: "BuildSecrets", Try: trySecrets},
		{Field: "SSHKey", Try: func(cfg *config.Server) error { return access(cfg).CheckKey() }},
		{Field: "SSHKnownHosts", Try: func(cfg *config.Server) error { return access(cfg).CheckKnownHosts() }},
		{Field: "Artifacts", Needs: []string{"Data"}, Try: func(cfg *config.Server) error { return tryArtifacts(ctx, cfg) },
			Hint: "name a folder that the server may write to, or a bucket that it may use"},
	}
}

// tryAddress looks whether the server could listen on an address.
func tryAddress(ctx context.Context, address string) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

// tryDatabase looks whether the database could be opened, as far as that is seen without connecting to it or making it. The data folder
// is tried by itself.
func tryDatabase(cfg *config.Server) error {
	path, isSQLite := strings.CutPrefix(cfg.Database.Reveal(), "sqlite:")
	if !isSQLite {
		return store.CheckPostgresURL(cfg.Database.Reveal())
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder", path)
	}
	if filepath.Dir(path) == cfg.Data {
		return nil
	}
	return config.TryFolder(filepath.Dir(path))
}

// builders are those that builds may run as, who can get to where the data folder is.
func builders(ctx context.Context, cfg *config.Server) ([]namedUser, error) {
	users, err := buildUsers(cfg)
	if err != nil {
		return nil, err
	}
	above := filepath.Dir(cfg.Data)
	if _, err := os.Stat(above); errors.Is(err, fs.ErrNotExist) {
		return users, nil // it is made with the data folder
	}
	for _, u := range users {
		if u.UID == 0 {
			continue
		}
		if err := supervise.Reaches(ctx, above, u.User); err != nil {
			return nil, unreached(u, err)
		}
	}
	return users, nil
}

// unreached is that a user of builds does not get to them.
func unreached(u namedUser, err error) error {
	return fmt.Errorf("builds run as %s (--build-users): %w; put the data folder (--data) where every folder above it may be passed through (chmod o+x), "+
		"or name root to have builds do what the server can", u.name, err)
}

func trySandbox(ctx context.Context, cfg *config.Server) error {
	users, err := buildUsers(cfg)
	if err != nil {
		return nil //nolint:nilerr // it is said of --build-users
	}
	var who *supervise.User
	if len(users) > 0 {
		who = &users[0].User
	}
	return buildspec.CheckSandbox(ctx, buildspec.SandboxMode(cfg.BuildSandbox), who)
}

func trySecrets(cfg *config.Server) error {
	if cfg.BuildSecrets == "" {
		return nil
	}
	return (&lookup.Source{File: cfg.BuildSecrets}).Check()
}

// tryArtifacts looks whether the bucket of artifacts can be reached, or their folder written to.
func tryArtifacts(ctx context.Context, cfg *config.Server) error {
	place := cfg.Artifacts.URL
	if filepath.IsAbs(place) {
		return config.TryFolder(place)
	}
	ctx, cancel := context.WithTimeout(ctx, reachArtifacts)
	defer cancel()
	a, err := artifact.Open(ctx, artifact.Options{URL: place})
	if err != nil {
		return err
	}
	return errors.Join(a.Check(ctx), a.Close())
}
