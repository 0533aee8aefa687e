// Package pgtest starts a real Postgres for tests.
//
// One server is started for a test process, when the first test asks for it, from the binaries that are installed
// (Debian's postgresql, or what is in PATH). It listens on loopback only, on a port that was free, keeps its data in a
// temporary folder and is stopped and removed by Main. Each test gets a database of its own,
// empty (URL) or a copy of one that was prepared (Copy).
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
//
//	func TestPostgres(t *testing.T) { storetest.Run(t, pgtest.URL) }
//
// Where there are no binaries a test is skipped, with the reason; with CI=true it fails.
package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// shared is the server of this process. It is started once and never replaced.
var shared = sync.OnceValues(start)

// started is closed over by Main to know whether there is something to stop.
var started = make(chan struct{})

// Main runs the tests and stops the server, if one was started. It returns the exit status.
func Main(m *testing.M) int {
	status := m.Run()
	Stop()
	return status
}

// Stop stops the server of this process, if one was started, and removes its folder. Main does it; it is for a TestMain
// that has more to do.
func Stop() {
	select {
	case <-started:
		if s, err := shared(); err == nil {
			s.stop()
		}
	default:
	}
}

// URL makes an empty database for a test and returns its URL. It is dropped when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	return create(t, running(t), "template1")
}

// Copy makes a database for a test, like the one that prepare made of an empty one, and returns its URL. prepare is called
// once for a name in a test process. The copy is dropped when the test ends.
func Copy(t testing.TB, name string, prepare func(url string) error) string {
	t.Helper()
	s := running(t)
	if err := s.prepare(name, prepare); err != nil {
		t.Fatalf("Postgres: prepare %s: %v", name, err)
	}
	return create(t, s, "template_"+name)
}

func running(t testing.TB) *server {
	t.Helper()
	s, err := shared()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("Postgres: %v", err)
		}
		t.Skipf("Postgres: %v", err)
	}
	return s
}

func create(t testing.TB, s *server, template string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	name := "test_" + strings.ToLower(rand.Text())
	s.copying.Lock() // a template must not be copied twice at the same time
	err := s.admin(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template)
	s.copying.Unlock()
	if err != nil {
		t.Fatalf("Postgres: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.admin(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("Postgres: %v", err)
		}
	})
	return s.url(name)
}

func (s *server) prepare(name string, prepare func(url string) error) error {
	s.copying.Lock()
	defer s.copying.Unlock()
	if s.templates[name] {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.admin(ctx, "CREATE DATABASE template_"+name); err != nil {
		return err
	}
	if err := prepare(s.url("template_" + name)); err != nil {
		return err
	}
	s.templates[name] = true
	return nil
}

func (s *server) url(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// admin runs a statement in the database that is always there.
func (s *server) admin(ctx context.Context, statement string) error {
	c, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, statement)
	return err
}
