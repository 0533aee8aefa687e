// Package lookup finds the parameters and secrets that builds name: in a file of the operator's, in the server's environment,
// or at AWS (Systems Manager's Parameter Store and Secrets Manager).
//
// The operator's file says what each repository may have, and nothing else is given out: whoever may push to a repository
// decides what its builds ask for. It is read anew for every lookup, so that a secret is changed without a restart.
//
//	acme/shop:                      # a repository, or a glob such as acme/*
//	  parameters:
//	    /shop/database-url: postgres://…
//	  secrets:
//	    shop/registry: {user: ci, password: …}
//	  environment:                  # values that are in the server's environment
//	    shop/token: SHOP_TOKEN
//	  aws: ["/shop/*", "shop/**"]   # names that AWS is asked for, with the server's own credentials
package lookup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/goccy/go-yaml"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Ref names a value: one of Parameter and Secret is set. Stage or Version choose which of a secret's versions it is;
// neither is the current one.
type Ref struct {
	Parameter              string
	Secret, Stage, Version string
}

// name is how the value is called where it is kept; of an ARN it is what follows "secret:".
func (r Ref) name() string {
	if r.Parameter != "" {
		return r.Parameter
	}
	if _, name, arn := strings.Cut(r.Secret, ":secret:"); arn {
		return name
	}
	return r.Secret
}

// arnEnd is what AWS adds to the name of a secret in its ARN.
var arnEnd = lazyregexp.New(`-[A-Za-z0-9]{6}\z`)

// known are the names by which the file may have the value: of an ARN also the secret's own, without what AWS adds to it.
func (r Ref) known() []string {
	name := r.name()
	if plain := arnEnd.ReplaceAllString(name, ""); name != r.Secret && r.Parameter == "" && plain != name {
		return []string{name, plain}
	}
	return []string{name}
}

// AWS is what is asked of Amazon. An error that executor.Permanent marked is one that no retry mends.
type AWS interface {
	Parameter(ctx context.Context, name string) (string, error)
	Secret(ctx context.Context, id, stage, version string) (string, error)
}

// Source finds values. It may be used by several goroutines.
type Source struct {
	// File is the operator's file. Only its owner may be able to read it.
	File string
	// Getenv reads the server's environment.
	Getenv func(string) string
	// AWS is asked for the names that the file allows.
	AWS AWS
}

// section is what the repositories that a pattern matches may have.
type section struct {
	pattern     string
	Parameters  map[string]any    `yaml:"parameters"`
	Secrets     map[string]any    `yaml:"secrets"`
	Environment map[string]string `yaml:"environment"`
	AWS         []string          `yaml:"aws"`
}

// maxFile is the size of the operator's file at most, in bytes.
const maxFile = 1 << 20

// Check reads the file and says what is wrong with it.
func (s *Source) Check() error {
	_, err := s.read()
	return err
}

func (s *Source) read() ([]section, error) {
	f, err := os.Open(s.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", s.File)
	case info.Mode()&fs.FileMode(0o077) != 0:
		return nil, fmt.Errorf("%s can be read by others (mode %04o); chmod 600 it", s.File, info.Mode().Perm())
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s is larger than %d KiB", s.File, maxFile>>10)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, err
	}
	return parse(s.File, text)
}

// parse reads a file. Errors name the place and never a value.
func parse(name string, text []byte) ([]section, error) {
	var order yaml.MapSlice
	if err := yaml.Unmarshal(text, &order); err != nil {
		return nil, fmt.Errorf("%s: %w", name, withoutSource(err))
	}
	var sections map[string]section
	if err := yaml.UnmarshalWithOptions(text, &sections, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, withoutSource(err))
	}
	var out []section
	for _, item := range order {
		one := sections[fmt.Sprint(item.Key)]
		one.pattern = fmt.Sprint(item.Key)
		if !doublestar.ValidatePattern(one.pattern) || strings.Count(one.pattern, "/") != 1 {
			return nil, fmt.Errorf("%s: %q is not OWNER/REPO or a glob for it", name, one.pattern)
		}
		for key, v := range one.Parameters {
			if _, text := v.(string); !text {
				return nil, fmt.Errorf("%s: %s: parameters: %s is not a text; put it into quotes, so that it stays as it is", name, one.pattern, key)
			}
		}
		for key, v := range one.Secrets {
			_, text := v.(string)
			if _, object := v.(map[string]any); !text && !object {
				return nil, fmt.Errorf("%s: %s: secrets: %s is neither a text nor a mapping; put a number into quotes", name, one.pattern, key)
			}
		}
		for _, pattern := range one.AWS {
			if !doublestar.ValidatePattern(pattern) {
				return nil, fmt.Errorf("%s: %s: aws: %q is not a valid pattern", name, one.pattern, pattern)
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// withoutSource is a YAML error without the lines around it, which may hold secrets.
func withoutSource(err error) error {
	first, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
	return errors.New(first)
}

// Find returns a value. Where several sections of the file are about the repository, the first that has the name wins. An
// error that executor.Permanent marked says that there is no such value for this repository.
func (s *Source) Find(ctx context.Context, owner, repo string, r Ref) (string, error) {
	sections, err := s.read()
	if err != nil {
		return "", fmt.Errorf("the operator's secrets: %w", err)
	}
	sections = slices.DeleteFunc(sections, func(one section) bool {
		return !doublestar.MatchUnvalidated(strings.ToLower(one.pattern), strings.ToLower(owner+"/"+repo))
	})
	for _, one := range sections {
		if value, found, err := s.local(one, r); found || err != nil {
			return value, err
		}
	}
	for _, one := range sections {
		if !one.asksAWS(r.name()) {
			continue
		}
		if r.Parameter != "" {
			return s.AWS.Parameter(ctx, r.Parameter)
		}
		return s.AWS.Secret(ctx, r.Secret, r.Stage, r.Version)
	}
	return "", executor.Permanentf("%s/%s may not have %s: the operator adds it to %s", owner, repo, r.name(), s.File)
}

// local finds a value in the file or the environment. Other versions than the current one are only at AWS.
func (s *Source) local(one section, r Ref) (value string, found bool, err error) {
	if r.Version != "" || r.Stage != "" && r.Stage != "AWSCURRENT" {
		return "", false, nil
	}
	for _, name := range r.known() {
		if value, found, err = s.called(one, r, name); found || err != nil {
			return value, found, err
		}
	}
	return "", false, nil
}

// called finds what a section has by a name.
func (s *Source) called(one section, r Ref, name string) (value string, found bool, err error) {
	if r.Parameter != "" {
		value, found = one.Parameters[name].(string)
	} else if v, ok := one.Secrets[name]; ok {
		text, plain := v.(string)
		if !plain {
			var b []byte
			if b, err = json.Marshal(v); err != nil {
				return "", true, executor.Permanentf("secret %s in %s cannot be written as JSON", name, s.File)
			}
			text = string(b)
		}
		value, found = text, true
	}
	if found {
		return value, true, nil
	}
	variable, found := one.Environment[name]
	if !found {
		return "", false, nil
	}
	if value = s.Getenv(variable); value == "" {
		return "", true, executor.Permanentf("%s is to come from the server's variable %s, which is not set", name, variable)
	}
	return value, true, nil
}

func (one section) asksAWS(name string) bool {
	return slices.ContainsFunc(one.AWS, func(p string) bool { return doublestar.MatchUnvalidated(p, name) })
}
