package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Resolve checks the settings. getenv reads the environment and readFile the files that _FILE variables name (ReadFile
// outside of tests). All wrong settings are in the error, one line each with flag and variable; then there is no Server. What looks
// find wrong is among them.
func (f ServerFlags) Resolve(getenv func(string) string, readFile func(string) (File, error), looks ...Look) (*Server, error) {
	r := resolver{flags: reflect.ValueOf(f), getenv: getenv, readFile: readFile}
	s := &Server{
		Listen:         r.address("Listen", "127.0.0.1:8080"),
		AdminListen:    r.address("AdminListen", "127.0.0.1:9090"),
		Data:           r.data("Data"),
		WriteRate:      r.writeRate("GitHubWriteRate", "20,1"),
		LocalExecutors: rules(&r, "LocalExecutors", ParseRepoGlobs),
		RegistryAllow:  rules(&r, "RegistryAllow", ParseRegistryRules),
		ImageKey:       r.signingKey("ImageKey", "ImageKeyPassword"),
		SSHKey:         NewSecret(r.secret("SSHKey").text),
		SSHKnownHosts:  r.path("SSHKnownHosts"),
		SSHAllow:       rules(&r, "SSHAllow", ParseMachineRules),
		DeployUsers:    rules(&r, "DeployUsers", ParseUserRules),
		BuildSecrets:   r.path("BuildSecrets"),
		BuildRuntimes:  r.path("BuildRuntimes"),
		BuildUsers:     r.users("BuildUsers"),
		BuildSandbox:   r.oneOf("BuildSandbox", "auto", "always", "off"),
		BuildLimits:    r.buildLimits("BuildLimits"),
		AWSRegion:      r.region("AWSRegion"),
		AWS: AWS{
			Topics:             r.topics("AWSTopics"),
			Version1:           r.oneOf("AWSSignatures", "2", "all") == "all",
			EventBridgeSecrets: r.optionalSecrets("AWSEventSecret"),
			Alarms:             rules(&r, "AWSAlarms", ParseAlarmRules),
		},
		GitHub: GitHub{
			AppID:          r.appID("GitHubAppID"),
			PrivateKey:     r.privateKey("GitHubPrivateKey"),
			WebhookSecrets: r.secrets("GitHubWebhookSecret"),
			ClientID:       r.text("GitHubClientID"),
			ClientSecret:   NewSecret(r.secret("GitHubClientSecret").text),
			APIURL:         r.url("GitHubAPIURL", "https://api.github.com/"),
			URL:            r.url("GitHubURL", "https://github.com/"),
		},
	}
	for _, file := range r.secretFiles {
		if abs, err := filepath.Abs(file); err == nil {
			s.SecretFiles = append(s.SecretFiles, abs)
		}
	}
	s.PublicURL = r.publicURL("PublicURL", s.Listen)
	s.Database = r.database("Database", s.Data)
	s.Artifacts = Artifacts{URL: r.artifacts("Artifacts", s.Data), Keep: r.keep("KeepArtifacts", 30*24*time.Hour, 24*time.Hour)}
	if s.Listen != "" && s.Listen == s.AdminListen && !strings.HasSuffix(s.Listen, ":0") {
		r.wrong("AdminListen", "the same address as --listen", "give metrics and health an address of their own")
	}
	if !s.AWS.Alarms.IsZero() && len(s.AWS.Topics)+len(s.AWS.EventBridgeSecrets) == 0 && !r.failed("AWSTopics") && !r.failed("AWSEventSecret") {
		r.wrong("AWSAlarms", "given, though nobody at AWS is listened to", "set --aws-topics or --aws-eventbridge-secret")
	}
	if s.GitHub.ClientID == "" && !s.GitHub.ClientSecret.IsZero() {
		r.wrong("GitHubClientID", "missing, though the client secret is set", "set both or neither")
	}
	if s.GitHub.ClientID != "" && s.GitHub.ClientSecret.IsZero() && !r.failed("GitHubClientSecret") {
		r.wrong("GitHubClientSecret", "missing, though the client id is set", "set both or neither")
	}
	r.pages("PublicURL", s)
	for _, look := range looks {
		if !slices.ContainsFunc(append([]string{look.Field}, look.Needs...), r.failed) {
			if err := look.Try(s); err != nil {
				r.wrong(look.Field, strings.ReplaceAll(err.Error(), "\n", "; "), look.Hint)
			}
		}
	}
	if err := Join(r.errs); err != nil {
		return nil, err
	}
	return s, nil
}

// Look is a check of a setting for which its text is not enough, since it depends on the host or on others.
type Look struct {
	// Field is the setting's in ServerFlags. Needs are others that are looked at. Where one of them is wrong nothing is tried.
	Field string
	Needs []string
	// Try says what is wrong. It changes nothing.
	Try func(*Server) error
	// Hint says what to do about it. May be empty.
	Hint string
}

// resolver collects what is wrong while settings are read. Settings go by the field's name in ServerFlags.
type resolver struct {
	flags    reflect.Value
	getenv   func(string) string
	readFile func(string) (File, error)
	errs     []*Error

	secretFiles []string // that _FILE variables name
}

// label names a setting for people: its flag and its variable.
func (r *resolver) label(field string) (flag, env string) {
	f, ok := r.flags.Type().FieldByName(field)
	if !ok {
		panic("config: no setting " + field)
	}
	return f.Tag.Get("name"), f.Tag.Get("env")
}

func (r *resolver) wrong(field, problem, hint string) {
	flag, env := r.label(field)
	r.errs = append(r.errs, &Error{Field: "--" + flag + " / " + env, Problem: problem, Hint: hint})
}

func (r *resolver) failed(field string) bool {
	flag, env := r.label(field)
	for _, e := range r.errs {
		if e.Field == "--"+flag+" / "+env {
			return true
		}
	}
	return false
}

// text is a setting as given, without blanks around it; empty when it is not.
func (r *resolver) text(field string) string {
	_, env := r.label(field)
	return strings.TrimSpace(cmp.Or(r.flags.FieldByName(field).String(), r.getenv(env)))
}

func (r *resolver) appID(field string) int64 {
	text := r.text(field)
	if text == "" {
		r.wrong(field, "required, and empty", "set it to the number on the App's settings page")
		return 0
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 {
		r.wrong(field, fmt.Sprintf("%.40q is not an App ID", text), "a whole number above 0, from the App's settings page")
		return 0
	}
	return id
}

func (r *resolver) data(field string) string {
	text := cmp.Or(r.text(field), "data")
	abs, err := filepath.Abs(text)
	if err != nil {
		r.wrong(field, fmt.Sprintf("%q has no absolute form: %v", text, err), "name a folder")
	}
	return abs
}

// TryData looks whether the server could write to its data folder, and make it where it is not there. It leaves nothing behind.
// The error is of the form of Resolve's; it is nil where Resolve refuses the setting itself.
func (f ServerFlags) TryData(getenv func(string) string) error {
	r := resolver{flags: reflect.ValueOf(f), getenv: getenv}
	dir := r.data("Data")
	if r.failed("Data") {
		return nil
	}
	if err := TryFolder(dir); err != nil {
		r.wrong("Data", fmt.Sprintf("%q cannot be made or written to: %v", dir, err), "name a folder that the server may write to")
	}
	return Join(r.errs)
}

// TryFolder looks whether a folder can be made or written to: it makes one within it, or within the nearest above it that is there,
// and removes it again.
func TryFolder(dir string) error {
	at := dir
	for {
		_, err := os.Stat(at)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			return err
		}
		at = filepath.Dir(at)
	}
	made, err := os.MkdirTemp(at, ".sluice-try-*")
	if err != nil {
		return err
	}
	return os.Remove(made)
}

func (r *resolver) database(field, data string) Secret {
	text := r.text(field)
	scheme, rest, _ := strings.Cut(text, ":")
	switch scheme {
	case "", "sqlite":
		if text == "" {
			return NewSecret("sqlite:" + filepath.Join(data, "sluice.db"))
		}
		if path, _, _ := strings.Cut(rest, "?"); path == "" {
			r.wrong(field, "no path after sqlite:", "write it like sqlite:/var/lib/sluice/sluice.db")
		}
		return NewSecret(text)
	case "postgres", "postgresql":
		if u, err := url.Parse(text); err != nil || u.Opaque != "" || !strings.HasPrefix(rest, "//") {
			r.wrong(field, "not a Postgres address", "write it like postgres://user@host:5432/database")
		}
		return NewSecret(text)
	}
	r.wrong(field, "neither SQLite nor Postgres", "write sqlite:/path/file.db or postgres://user@host:5432/database")
	return Secret{}
}

func (r *resolver) writeRate(field, fallback string) WriteRate {
	text := cmp.Or(r.text(field), fallback)
	burst, refill, _ := strings.Cut(text, ",")
	b, err1 := strconv.Atoi(strings.TrimSpace(burst))
	f, err2 := strconv.ParseFloat(strings.TrimSpace(refill), 64)
	if err1 != nil || err2 != nil || b < 1 || b > 1000 || math.IsNaN(f) || f <= 0 || f > 100 {
		r.wrong(field, fmt.Sprintf("%.40q is not a rate", text),
			"write burst,refill: writes at once (1 to 1000) and a second (above 0, at most 100), like "+fallback)
		return WriteRate{}
	}
	return WriteRate{Burst: b, Refill: f}
}

// regionForm is what all regions of AWS are named like: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
var regionForm = lazyregexp.New(`^[a-z]+(-[a-z]+)+-[0-9]+$`)

func (r *resolver) region(field string) string {
	text := r.text(field)
	if text != "" && !regionForm.MatchString(text) {
		r.wrong(field, fmt.Sprintf("%.40q is not a region of AWS", text), "write it like eu-west-1, or leave it out for that of AWS's own settings")
	}
	return text
}

func (r *resolver) topics(field string) []string {
	topics := splitList(r.text(field))
	for _, t := range topics {
		if !topicARN.MatchString(t) {
			r.wrong(field, fmt.Sprintf("%.120q is not the ARN of a topic", t), "write it like arn:aws:sns:eu-west-1:111122223333:alarms, without wildcards")
		}
	}
	return topics
}
