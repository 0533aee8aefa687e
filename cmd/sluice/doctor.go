package main

import (
	"context"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/executor/buildspec"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/store"
)

// doctorCmd is "sluice doctor": are the settings right, is GitHub reached, is the App what Sluice needs? It changes
// nothing and prints no secret, only fingerprints.
type doctorCmd struct {
	config.ServerFlags

	JSON bool `name:"json" help:"Print one JSON object."`
}

// Verdicts of a finding.
const (
	healthy  = "ok"
	doubtful = "warning" // it works, or may work, and somebody should look
	sick     = "problem" // it does not work
)

// finding is one thing that was looked at.
type finding struct {
	Status string `json:"status"`
	What   string `json:"what"`
	// Says is what was found; Remedy what to do about it, empty where nothing is to be done.
	Says   string `json:"says"`
	Remedy string `json:"remedy,omitempty"`

	account string // whose installation it is about
}

// diagnosis is what --json prints.
type diagnosis struct {
	OK       bool      `json:"ok"` // no problem; warnings are allowed
	Findings []finding `json:"findings"`

	account string // of the findings that are added now
	each    bool   // each repository is looked at, which takes some calls
}

func (d *diagnosis) add(status, what, says, remedy string) {
	d.Findings = append(d.Findings, finding{Status: status, What: what, Says: says, Remedy: remedy, account: d.account})
}

// Run looks and reports. The exit status is 1 when there is a problem.
func (c *doctorCmd) Run(e *env) error {
	d := &diagnosis{each: true}
	d.wrong(c, e)
	if cfg, err := c.Resolve(e.getenv, config.ReadFile); err == nil {
		d.settings(e.ctx, cfg)
		if tryDatabase(cfg) == nil { // else it is among the settings that are wrong
			d.database(e.ctx, cfg)
		}
		d.artifacts(e.ctx, cfg)
		d.gitHub(e.ctx, cfg)
	}
	d.OK = true
	for _, f := range d.Findings {
		d.OK = d.OK && f.Status != sick
	}
	if err := d.print(e, c.JSON); err != nil {
		return err
	}
	if !d.OK {
		return &silentError{exitFailed}
	}
	return nil
}

func (d *diagnosis) print(e *env, asJSON bool) error {
	if asJSON {
		return printJSON(e.stdout, d)
	}
	for _, f := range d.Findings {
		fmt.Fprintf(e.stdout, "%-8s %s: %s\n", f.Status, f.What, f.Says)
		if f.Remedy != "" {
			fmt.Fprintf(e.stdout, "%-8s %s\n", "", f.Remedy)
		}
	}
	return nil
}

// wrong lists the settings with which the server does not start. Who builds run as and where artifacts are is looked at apart; the
// addresses may be taken by the server itself, which runs.
func (d *diagnosis) wrong(c *doctorCmd, e *env) {
	rest := slices.DeleteFunc(looks(e.ctx), func(l config.Look) bool {
		return slices.Contains([]string{"BuildUsers", "Artifacts", "Listen", "AdminListen"}, l.Field)
	})
	_, err := c.Resolve(e.getenv, config.ReadFile, rest...)
	if err = errors.Join(err, c.TryData(e.getenv)); err == nil {
		d.add(healthy, "settings", "all can be used", "")
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		d.add(sick, "settings", line, "")
	}
}

// settings looks at what was given, beyond what the server refuses.
func (d *diagnosis) settings(ctx context.Context, cfg *config.Server) {
	if print, err := keyFingerprint(cfg.GitHub.PrivateKey.Reveal()); err != nil {
		d.add(sick, "private key", err.Error(), "make a new key on the App's settings page")
	} else {
		d.add(healthy, "private key", "fingerprint "+print+", as the App's settings page shows it", "")
	}
	for i, s := range cfg.GitHub.WebhookSecrets {
		says := fmt.Sprintf("number %d of %d, fingerprint %s", i+1, len(cfg.GitHub.WebhookSecrets), secretFingerprint(s.Reveal()))
		if len(s.Reveal()) < 16 {
			d.add(doubtful, "webhook secret", says+", fewer than 16 characters", "replace it: openssl rand -hex 32")
			continue
		}
		d.add(healthy, "webhook secret", says, "")
	}
	host := cfg.PublicURL.Hostname()
	switch {
	case host == "localhost" || strings.HasPrefix(host, "127.") || host == "::1":
		d.add(doubtful, "public URL", cfg.PublicURL.String()+" can be reached from this host only", "set --public-url to what people and GitHub use")
	case cfg.PublicURL.Scheme != "https":
		d.add(doubtful, "public URL", cfg.PublicURL.String()+" is not encrypted", "put a proxy with TLS before the server and set --public-url to its https address")
	default:
		d.add(healthy, "public URL", cfg.PublicURL.String(), "")
	}
	if list := cfg.LocalExecutors.String(); list != "" {
		d.add(doubtful, "local executors", "code of "+list+" runs on the server's own host", "take away --local-executors where that is not meant")
		d.builders(ctx, cfg)
		d.credentials(ctx, net.JoinHostPort(cloudCredentials, "80"), cfg)
		d.refusals()
	}
}

// builders looks at who builds run as, and in what.
func (d *diagnosis) builders(ctx context.Context, cfg *config.Server) {
	users, err := builders(ctx, cfg)
	if err != nil {
		d.add(sick, "users of builds", err.Error(), "")
		return
	}
	var who *supervise.User
	if len(users) > 0 {
		who = &users[0].User
	}
	if who != nil && who.UID == 0 {
		d.add(doubtful, "users of builds", "builds run as root and can do what the server can", "name another user with --build-users, or leave it out")
	}
	if cfg.BuildSandbox == "off" {
		return
	}
	if _, err := supervise.TrySandbox(ctx, buildspec.Bubblewrap, who); err != nil {
		d.add(doubtful, "isolation of builds", err.Error(), "install bubblewrap and allow user namespaces, or run builds as another user (--build-users)")
	}
}

// keyFingerprint is the fingerprint GitHub shows beside a key: SHA-256 of the public half.
func keyFingerprint(key *rsa.PrivateKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(der)
	return "SHA256:" + base64.StdEncoding.EncodeToString(sum[:]), nil
}

// secretFingerprint tells two secrets apart and is too short to find one by trying.
func secretFingerprint(secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("sluice fingerprint"))
	return hex.EncodeToString(mac.Sum(nil)[:3])
}

// database looks whether the database can be used. It is opened for reading only, so a server may be running.
func (d *diagnosis) database(ctx context.Context, cfg *config.Server) {
	url := cfg.Database.Reveal()
	path, isSQLite := strings.CutPrefix(url, "sqlite:")
	if isSQLite {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			d.add(healthy, "database", path+" is not there yet; the server makes it when it first starts", "")
			return
		}
	}
	s, err := store.Open(ctx, url, store.Options{ReadOnly: true})
	if err != nil {
		d.add(sick, "database", err.Error(), "see --database; the server migrates the schema when it starts")
		return
	}
	dead := 0
	err = s.Read(ctx, func(tx *store.Tx) error {
		items, err := tx.DeadItems(ctx, 1000)
		dead = len(items)
		return err
	})
	undurable, err2 := s.Undurable(ctx)
	if undurable != "" {
		d.add(doubtful, "durability", undurable, "turn it on in the server's configuration")
	}
	switch err = errors.Join(err, err2, s.Close()); {
	case err != nil:
		d.add(sick, "database", err.Error(), "")
	case dead > 0:
		d.add(doubtful, "database", fmt.Sprintf("it can be read; %d deliveries or jobs were given up", dead), "see sluice replay --dead")
	default:
		d.add(healthy, "database", "it can be read, its schema is this version's, and nothing was given up", "")
	}
}
