package store

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
)

// migrations is the one source of the schema. A migration only adds, since replicas of the version before may still be
// at work; what nothing reads any more is removed a version later. It is written in what both engines understand; what they do not share is
// replaced by dialect.
//
//go:embed migrations/*.sql
var migrations embed.FS

// dialect rewrites a migration for an engine: SQLite calls bytes BLOB, Postgres sorts texts by their bytes as SQLite
// does, and statements marked "--postgres" are its alone.
func dialect(engine goose.Dialect, source []byte) []byte {
	if engine == goose.DialectSQLite3 {
		return bytes.ReplaceAll(source, []byte("BYTEA "), []byte("BLOB  "))
	}
	source = bytes.ReplaceAll(source, []byte("--postgres "), nil)
	return bytes.ReplaceAll(source, []byte(" TEXT "), []byte(` TEXT COLLATE "C" `))
}

// rewritten is the folder of migrations in an engine's dialect.
type rewritten struct {
	fs.FS
	engine goose.Dialect
}

// Open returns a file with its text rewritten, a folder as it is.
func (r rewritten) Open(name string) (fs.File, error) {
	f, err := r.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return f, err
	}
	source, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return rewrittenFile{f, bytes.NewReader(dialect(r.engine, source))}, nil
}

type rewrittenFile struct {
	fs.File
	text *bytes.Reader
}

// Read reads the rewritten text.
func (f rewrittenFile) Read(p []byte) (int, error) { return f.text.Read(p) }

// migrate brings the schema to this version. The caller holds the lock that keeps other processes from doing the same.
func migrate(ctx context.Context, engine goose.Dialect, db *sql.DB, log *slog.Logger) error {
	p, err := provider(engine, db)
	if err != nil {
		return err
	}
	if err := refuseNewer(ctx, p); err != nil {
		return err
	}
	applied, err := p.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate the database; the last complete version stays usable: %w", err)
	}
	for _, m := range applied {
		log.InfoContext(ctx, "schema migrated", "version", m.Source.Version, "duration", m.Duration)
	}
	return nil
}

func provider(engine goose.Dialect, db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	p, err := goose.NewProvider(engine, db, rewritten{files, engine}, goose.WithDisableGlobalRegistry(true), goose.WithTableName("schema_version"),
		goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, fmt.Errorf("prepare the migrations: %w", err)
	}
	return p, nil
}

func refuseNewer(ctx context.Context, p *goose.Provider) error {
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if have > want {
		return fmt.Errorf("schema version %d, this sluice knows up to %d: install the newer version again, or restore the backup "+
			"taken before the upgrade: %w", have, want, ErrNewerSchema)
	}
	return nil
}

// migrateRiver brings River's tables to the version of the library.
func migrateRiver[T any](ctx context.Context, driver riverdriver.Driver[T], log *slog.Logger) error {
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: RiverLog(log)})
	if err != nil {
		return fmt.Errorf("prepare the queue's migrations: %w", err)
	}
	known := m.AllVersions()
	existing, err := m.ExistingVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the queue's schema version, which a newer sluice may have written: %w", err)
	}
	if len(existing) > 0 && existing[len(existing)-1].Version > known[len(known)-1].Version {
		return fmt.Errorf("queue schema version %d, this sluice knows up to %d: %w", existing[len(existing)-1].Version,
			known[len(known)-1].Version, ErrNewerSchema)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the queue's tables: %w", err)
	}
	return nil
}

// requireCurrent refuses a schema that is not this version's, for those who may not migrate it.
func requireCurrent(ctx context.Context, p *goose.Provider) error {
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if have > want {
		return fmt.Errorf("schema version %d, this sluice knows up to %d: %w", have, want, ErrNewerSchema)
	}
	if have < want {
		return fmt.Errorf("schema version %d, this sluice wants %d: start the server once to migrate it", have, want)
	}
	return nil
}
