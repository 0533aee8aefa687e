package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Names of the files, all in the data folder and with mode 0600.
const (
	KeyFile           = "github-app.pem"
	WebhookSecretFile = "github-webhook-secret"
	ClientSecretFile  = "github-client-secret"
	EnvFile           = "sluice.env" // variables for sluice serve, naming the others
)

// prepare makes the folder, and looks that nothing is overwritten and files can be made: an App whose key could not be
// written would be lost.
func prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data folder (--data): %w", err)
	}
	var there []string
	for _, name := range []string{KeyFile, WebhookSecretFile, ClientSecretFile, EnvFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			there = append(there, name)
		}
	}
	if len(there) > 0 {
		return fmt.Errorf("%s has %s already: there is an App; move these away, or give another --data", dir, strings.Join(there, ", "))
	}
	probe, err := os.CreateTemp(dir, ".setup-*")
	if err != nil {
		return fmt.Errorf("data folder (--data) cannot be written to: %w", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// save writes the files, the one that names the others last. What was written is taken back when the rest fails.
func (s *Server) save(c conversion) (envFile string, err error) {
	path := func(name string) string { return filepath.Join(s.opts.Dir, name) }
	env := append([]string{
		fmt.Sprintf("SLUICE_GITHUB_APP_ID=%d", c.ID),
		"SLUICE_GITHUB_PRIVATE_KEY_FILE=" + path(KeyFile),
		"SLUICE_GITHUB_WEBHOOK_SECRET_FILE=" + path(WebhookSecretFile),
		"SLUICE_GITHUB_CLIENT_ID=" + c.ClientID,
		"SLUICE_GITHUB_CLIENT_SECRET_FILE=" + path(ClientSecretFile),
	}, s.opts.Env...)
	for i, line := range env {
		env[i] = quoted(line)
	}
	written := []string{}
	defer func() {
		if err != nil {
			for _, name := range written {
				err = errors.Join(err, os.Remove(path(name)))
			}
		}
	}()
	for _, f := range []struct{ name, text string }{
		{KeyFile, strings.TrimSpace(c.Key)}, {WebhookSecretFile, c.WebhookSecret}, {ClientSecretFile, c.ClientSecret},
		{EnvFile, "# Variables of sluice serve, written by sluice setup.\n" + strings.Join(env, "\n")},
	} {
		made, err := writeNew(path(f.name), f.text+"\n")
		if made {
			written = append(written, f.name)
		}
		if err != nil {
			return "", err
		}
	}
	return path(EnvFile), syncFolder(s.opts.Dir)
}

// writeNew writes a file that must not be there yet, to the disk.
func writeNew(path, text string) (made bool, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false, err
	}
	_, err = f.WriteString(text)
	return true, errors.Join(err, f.Sync(), f.Close())
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

var plainValue = lazyregexp.New(`^[A-Za-z0-9_=./:@%+,-]*$`)

// quoted writes NAME=value so that a shell, systemd and docker --env-file read the same. Docker knows no quotes, so there
// are some only where a shell could not do without.
func quoted(line string) string {
	name, value, _ := strings.Cut(line, "=")
	if plainValue.MatchString(value) {
		return line
	}
	return name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

// ReadEnv reads the file of variables that a set-up has written into a folder: names and values. The error is fs.ErrNotExist
// where there was no set-up.
func ReadEnv(dir string) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, EnvFile))
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("%s: %.40q is not NAME=value", filepath.Join(dir, EnvFile), line)
		}
		if inner, is := strings.CutPrefix(value, "'"); is {
			inner = strings.TrimSuffix(inner, "'")
			value = strings.ReplaceAll(inner, `'\''`, "'")
		}
		env[name] = value
	}
	return env, nil
}
