package buildspec

import (
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// vault is a Secrets of values that the test wrote down.
type vault map[string]string

func (v vault) Find(_ context.Context, owner, repo string, l Lookup) (string, error) {
	if owner != "acme" || repo != "shop" {
		return "", executor.Permanentf("%s/%s may have nothing", owner, repo)
	}
	if value, ok := v[l.Name()]; ok {
		return value, nil
	}
	return "", executor.Permanentf("there is no %s", l.Name())
}

func withVault(v Secrets) func(*Options) { return func(o *Options) { o.Lookup = v } }

func TestParametersAndSecretsAreMaskedEverywhere(t *testing.T) {
	const password = "pa55/word+$(touch never)"
	w := newWorld(t, spec("env:", "  parameter-store: {DB: /shop/db}", "  secrets-manager: {USER_NAME: 'shop/registry:user', WORD: 'shop/registry:password', ALL: shop/registry, N: 'shop/registry:n'}",
		"  exported-variables: [LEAK, FINE]",
		"phases:", "  build:", "    commands:", "      - echo \"$DB\"; echo $USER_NAME; printf '%s' \"$WORD\" | base64; echo $N", "      - export LEAK=\"x-$WORD-y\" FINE=ok",
		"      - test ! -e never", "      - |", "        false "+password,
		"    finally:", "      - echo \"$ALL\""))
	e := w.executor(withVault(vault{"/shop/db": "postgres://u:secret@db", "shop/registry": `{"user":"ci-user","password":"` + password + `","n":12345678901234567890}`}))
	got := w.run(e, request("ex-1-1-1"))
	if got.Status != pipeline.Failed || !strings.Contains(got.Summary, "phase build failed") {
		t.Errorf("%s %s\n%s", got.Status, got.Summary, got.Log)
	}
	if diff := cmp.Diff(map[string]string{"LEAK": "x-***-y", "FINE": "ok"}, got.Variables); diff != "" {
		t.Errorf("variables (-want +got)\n%s\n%s", diff, got.Log)
	}
	everything := ""
	err := filepath.WalkDir(filepath.Join(w.dir, "builds"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "spec-") { // what the repository itself says
			return err
		}
		b, err := os.ReadFile(path)
		everything += path + "\n" + string(b) + "\n"
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{password, "postgres://u:secret@db", "ci-user", "12345678901234567890", base64.StdEncoding.EncodeToString([]byte(password))[:20]} {
		if i := strings.Index(everything, secret); i >= 0 {
			t.Errorf("%q is on disk: …%s", secret, everything[max(0, i-200):min(len(everything), i+50)])
		}
	}
}

func TestALookupThatFailsNamesItsLine(t *testing.T) {
	files := spec("env:", "  secrets-manager:", "    A: shop/registry:user", "    B: shop/registry:none", "phases: {build: {commands: [echo ran]}}")
	for name, tc := range map[string]struct {
		lookup Secrets
		want   string
		line   int
	}{
		"there is no place for secrets": {nil, "env.secrets-manager.A: the operator has set up no place for secrets", 4},
		"there is no such secret":       {vault{}, "env.secrets-manager.A: there is no shop/registry", 4},
		"it has no such key":            {vault{"shop/registry": `{"user":"x"}`}, "env.secrets-manager.B: secret shop/registry: its value has no key none", 5},
		"it is not JSON":                {vault{"shop/registry": `hunter2`}, "env.secrets-manager.A: secret shop/registry: its value is not a JSON object", 4},
		"it holds a zero byte":          {vault{"shop/registry": `{"user":"a\u0000b"}`}, "zero byte", 4},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, files)
			got := w.run(w.executor(func(o *Options) {
				if tc.lookup != nil {
					o.Lookup = tc.lookup
				}
			}), request("ex-1-1-1"))
			if got.Status != pipeline.Failed || !strings.Contains(got.Summary, tc.want) || strings.Contains(got.Summary, "hunter2") || got.Log != "" {
				t.Errorf("%s %q\n%s", got.Status, got.Summary, got.Log)
			}
			if len(got.Annotations) != 1 || got.Annotations[0].StartLine != tc.line {
				t.Errorf("annotations %+v, want line %d", got.Annotations, tc.line)
			}
		})
	}
}

// down is a Secrets that cannot be reached.
type down struct{}

func (down) Find(context.Context, string, string, Lookup) (string, error) {
	return "", errors.New("the network is down")
}

func TestALookupThatMayWorkLaterIsTriedAgain(t *testing.T) {
	w := newWorld(t, spec("env: {parameter-store: {A: /a}}", "phases: {build: {commands: ['echo have $A']}}"))
	r := request("ex-1-1-1")
	if _, err := w.executor(withVault(down{})).Start(t.Context(), r); err == nil || executor.IsPermanent(err) {
		t.Fatalf("%v, want an error worth a retry", err)
	}
	if got := w.run(w.executor(withVault(vault{"/a": "xyz"})), r); got.Status != pipeline.Succeeded || !strings.Contains(got.Log, "have xyz") {
		t.Errorf("%s %s\n%s", got.Status, got.Summary, got.Log)
	}
}
