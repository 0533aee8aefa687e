package config

import (
	"cmp"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// File is what a file of a secret holds, and its permissions.
type File struct {
	Data []byte
	Mode fs.FileMode
}

// maxSecretFile is the size of a file with a secret at most.
const maxSecretFile = 64 << 10

// ReadFile reads a file for Resolve. It refuses what is not a regular file, and more than 64 KiB.
func ReadFile(name string) (File, error) {
	f, err := os.Open(name)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return File{}, err
	case !info.Mode().IsRegular():
		return File{}, fmt.Errorf("%s is not a regular file", name)
	case info.Size() > maxSecretFile:
		return File{}, fmt.Errorf("%s is larger than %d KiB", name, maxSecretFile>>10)
	}
	data := make([]byte, info.Size())
	n, err := f.ReadAt(data, 0)
	if n < len(data) && err != nil {
		return File{}, err
	}
	return File{Data: data, Mode: info.Mode()}, nil
}

// Resolve checks the settings. getenv reads the environment and readFile the files that _FILE variables name (ReadFile
// outside of tests). All wrong settings are in the error, one line each with flag and variable; then there is no Server.
func (f ServerFlags) Resolve(getenv func(string) string, readFile func(string) (File, error)) (*Server, error) {
	r := resolver{flags: reflect.ValueOf(f), getenv: getenv, readFile: readFile}
	s := &Server{
		Listen:         r.address("Listen", "127.0.0.1:8080"),
		AdminListen:    r.address("AdminListen", "127.0.0.1:9090"),
		Data:           r.data("Data"),
		WriteRate:      r.writeRate("GitHubWriteRate", "20,1"),
		LocalExecutors: r.repoGlobs("LocalExecutors"),
		RegistryAllow:  r.registryRules("RegistryAllow"),
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
	s.PublicURL = r.publicURL("PublicURL", s.Listen)
	s.Database = r.database("Database", s.Data)
	if s.Listen != "" && s.Listen == s.AdminListen && !strings.HasSuffix(s.Listen, ":0") {
		r.wrong("AdminListen", "the same address as --listen", "give metrics and health an address of their own")
	}
	if s.GitHub.ClientID == "" && !s.GitHub.ClientSecret.IsZero() {
		r.wrong("GitHubClientID", "missing, though the client secret is set", "set both or neither")
	}
	if s.GitHub.ClientID != "" && s.GitHub.ClientSecret.IsZero() && !r.failed("GitHubClientSecret") {
		r.wrong("GitHubClientSecret", "missing, though the client id is set", "set both or neither")
	}
	if err := Join(r.errs); err != nil {
		return nil, err
	}
	return s, nil
}

// resolver collects what is wrong while settings are read. Settings go by the field's name in ServerFlags.
type resolver struct {
	flags    reflect.Value
	getenv   func(string) string
	readFile func(string) (File, error)
	errs     []*Error
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

// given is the text of a secret setting and, when it came from a file, the file.
type given struct {
	text string
	file string
	mode fs.FileMode
}

func (r *resolver) secret(field string) given {
	_, env := r.label(field)
	text, file := r.text(field), r.getenv(env+"_FILE")
	switch {
	case text != "" && file != "":
		r.wrong(field, "given twice: also by "+env+"_FILE", "keep one of the two")
	case file != "":
		f, err := r.readFile(file)
		if err != nil {
			r.wrong(field, fmt.Sprintf("%s_FILE cannot be read: %v", env, err), "name a readable file")
			return given{}
		}
		if text = strings.TrimSpace(string(f.Data)); text == "" {
			r.wrong(field, fmt.Sprintf("the file %q that %s_FILE names is empty", file, env), "write the secret into it")
		}
		return given{text: text, file: file, mode: f.Mode}
	}
	return given{text: text}
}

func (r *resolver) secrets(field string) []Secret {
	_, env := r.label(field)
	before := len(r.errs)
	g := r.secret(field)
	if g.text == "" {
		if len(r.errs) == before {
			r.wrong(field, "required, and empty", "set it to the webhook's secret, or name a file by "+env+"_FILE")
		}
		return nil
	}
	var all []Secret
	for i, part := range strings.Split(g.text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			r.wrong(field, fmt.Sprintf("secret number %d of the list is empty", i+1), "take out the comma")
			continue
		}
		all = append(all, NewSecret(part))
	}
	return all
}

func (r *resolver) privateKey(field string) PrivateKey {
	_, env := r.label(field)
	before := len(r.errs)
	g := r.secret(field)
	if g.text == "" {
		if len(r.errs) == before {
			r.wrong(field, "required, and empty", "set it to the App's private key, or name the .pem file by "+env+"_FILE")
		}
		return PrivateKey{}
	}
	if g.file != "" && g.mode.Perm()&0o077 != 0 {
		r.wrong(field, fmt.Sprintf("the file %q can be read by others (mode %04o)", g.file, g.mode.Perm()), "chmod 600 it")
	}
	key, err := parsePrivateKey(g.text)
	if err != nil {
		r.wrong(field, err.Error(), "give the .pem file that GitHub made for the App")
	}
	return PrivateKey{key: key}
}

// parsePrivateKey reads an RSA key, PKCS #1 (as GitHub makes them) or PKCS #8. Its errors say nothing of the content.
func parsePrivateKey(text string) (*rsa.PrivateKey, error) {
	// A variable in an env file often holds the key on one line.
	block, _ := pem.Decode([]byte(strings.ReplaceAll(text, `\n`, "\n")))
	if block == nil {
		return nil, errors.New("no PEM block found")
	}
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("the PEM block is no RSA private key")
		}
		return checkKey(key)
	case "PRIVATE KEY":
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		key, ok := parsed.(*rsa.PrivateKey)
		if err != nil || !ok {
			return nil, errors.New("the PEM block is no RSA private key")
		}
		return checkKey(key)
	}
	return nil, fmt.Errorf("the PEM block is %.40q and not a private key", block.Type)
}

func checkKey(key *rsa.PrivateKey) (*rsa.PrivateKey, error) {
	if bits := key.N.BitLen(); bits < 2048 {
		return nil, fmt.Errorf("the RSA key has %d bits, fewer than 2048", bits)
	}
	return key, nil
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

func (r *resolver) address(field, fallback string) string {
	text := cmp.Or(r.text(field), fallback)
	_, port, err := net.SplitHostPort(text)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || strconv.FormatUint(n, 10) != port {
		r.wrong(field, fmt.Sprintf("%.80q is not an address", text), "write it as host:port, like "+fallback)
		return ""
	}
	return text
}

// url reads an http or https address and gives it a slash at its end.
func (r *resolver) url(field, fallback string) *url.URL {
	u, problem := parseURL(cmp.Or(r.text(field), fallback))
	if problem != "" {
		r.wrong(field, problem, "write it like "+fallback)
		return nil
	}
	u.Path = strings.TrimRight(u.Path, "/") + "/"
	return u
}

func (r *resolver) publicURL(field, listen string) *url.URL {
	text := r.text(field)
	if text == "" {
		if listen == "" {
			return nil // said already
		}
		text = "http://" + reachable(listen)
	}
	u, problem := parseURL(text)
	if problem != "" {
		r.wrong(field, problem, "write it like https://sluice.example.com")
		return nil
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u
}

// reachable turns an address to listen on into one to go to: no host, or all of them, becomes localhost.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return listen
}

func parseURL(text string) (u *url.URL, problem string) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, "not an address" // the error of net/url repeats the text, which may hold a password
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, "an address begins with http:// or https://"
	case u.Host == "" || u.Opaque != "":
		return nil, "the address has no host"
	case u.User != nil:
		return nil, "the address holds a user or password"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, "the address has a query or a fragment"
	}
	return u, ""
}

func (r *resolver) data(field string) string {
	text := cmp.Or(r.text(field), "data")
	abs, err := filepath.Abs(text)
	if err != nil {
		r.wrong(field, fmt.Sprintf("%q has no absolute form: %v", text, err), "name a folder")
	}
	return abs
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

func (r *resolver) repoGlobs(field string) RepoGlobs {
	g, errs := ParseRepoGlobs(r.text(field))
	for _, err := range errs {
		r.wrong(field, err.Problem, err.Hint)
	}
	return g
}

func (r *resolver) registryRules(field string) RegistryRules {
	g, errs := ParseRegistryRules(r.text(field))
	for _, err := range errs {
		r.wrong(field, err.Problem, err.Hint)
	}
	return g
}
