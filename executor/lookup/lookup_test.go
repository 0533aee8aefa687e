package lookup

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/executor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const operators = `
acme/shop:
  parameters:
    /shop/url: "postgres://u:p@db/shop"
  secrets:
    shop/registry: {user: ci, password: "s3 cret"}
    shop/token: plain
  environment:
    shop/env: SHOP_ENV
    /shop/unset: SHOP_UNSET
  aws: ["/shop/*"]
acme/*:
  parameters:
    /shop/url: another
    /all/x: everybody
  aws: ["all/**"]
`

// asked is an AWS that says what it was asked.
type asked struct{}

func (asked) Parameter(_ context.Context, name string) (string, error) {
	return "parameter " + name, nil
}
func (asked) Secret(_ context.Context, id, stage, version string) (string, error) {
	return strings.TrimSpace("secret " + id + " " + stage + " " + version), nil
}

func source(t *testing.T, text string, mode os.FileMode) *Source {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secrets.yml")
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"SHOP_ENV": "from the environment"}
	return &Source{File: file, Getenv: func(n string) string { return env[n] }, AWS: asked{}}
}

func TestFind(t *testing.T) {
	const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
	for name, tc := range map[string]struct {
		repo string
		ref  Ref
		want string
		err  string
	}{
		"a parameter":                      {"shop", Ref{Parameter: "/shop/url"}, "postgres://u:p@db/shop", ""},
		"the first section wins":           {"Shop", Ref{Parameter: "/shop/url"}, "postgres://u:p@db/shop", ""},
		"another repository's section":     {"web", Ref{Parameter: "/shop/url"}, "another", ""},
		"a later section has it too":       {"shop", Ref{Parameter: "/all/x"}, "everybody", ""},
		"an object is JSON":                {"shop", Ref{Secret: "shop/registry"}, `{"password":"s3 cret","user":"ci"}`, ""},
		"a text is a text":                 {"shop", Ref{Secret: "shop/token", Stage: "AWSCURRENT"}, "plain", ""},
		"an ARN by its name":               {"shop", Ref{Secret: arn + "shop/token"}, "plain", ""},
		"an ARN with what AWS adds to it":  {"shop", Ref{Secret: arn + "shop/registry-AbC1eF"}, `{"password":"s3 cret","user":"ci"}`, ""},
		"such an ARN, in the environment":  {"shop", Ref{Secret: arn + "shop/env-AbC1eF"}, "from the environment", ""},
		"a name that ends like an ARN":     {"shop", Ref{Secret: "shop/token-AbC1eF"}, "", "acme/shop may not have shop/token-AbC1eF"},
		"an ARN of another secret":         {"shop", Ref{Secret: arn + "shop/token-prod-AbC1eF"}, "", "acme/shop may not have shop/token-prod-AbC1eF"},
		"the environment":                  {"shop", Ref{Secret: "shop/env"}, "from the environment", ""},
		"a variable that is not set":       {"shop", Ref{Parameter: "/shop/unset"}, "", "variable SHOP_UNSET, which is not set"},
		"AWS for what is allowed":          {"shop", Ref{Parameter: "/shop/other"}, "parameter /shop/other", ""},
		"AWS for another version":          {"shop", Ref{Secret: "all/x", Version: "v1"}, "secret all/x  v1", ""},
		"an older version is only at AWS":  {"shop", Ref{Secret: "shop/token", Stage: "AWSPREVIOUS"}, "", "acme/shop may not have shop/token"},
		"not what is another repository's": {"web", Ref{Secret: "shop/token"}, "", "acme/web may not have shop/token"},
		"no repository of another owner":   {"../rival/x", Ref{Parameter: "/all/x"}, "", "may not have"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := source(t, operators, 0o600).Find(t.Context(), "acme", tc.repo, tc.ref)
			if got != tc.want || (err == nil) != (tc.err == "") || err != nil && !(strings.Contains(err.Error(), tc.err) && executor.IsPermanent(err)) {
				t.Errorf("%q, %v; want %q, %q", got, err, tc.want, tc.err)
			}
		})
	}
}

func TestCheckNamesThePlaceAndNoValue(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"others can read it": {operators, 0o644, "can be read by others"},
		"no YAML":            {"acme/shop: {parameters: [hunter2", 0o600, ""},
		"an unknown key":     {"acme/shop:\n  parameter: {/a: hunter2}\n", 0o600, "parameter"},
		"a number":           {"acme/shop:\n  parameters: {/a: 0123}\n", 0o600, "/a is not a text; put it into quotes"},
		"a secret's number":  {"acme/shop:\n  secrets: {/a: 0123}\n", 0o600, "put a number into quotes"},
		"no repository":      {"acme:\n  parameters: {/a: hunter2}\n", 0o600, `"acme" is not OWNER/REPO`},
		"a wrong pattern":    {"acme/shop:\n  aws: ['[']\n", 0o600, "is not a valid pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			err := source(t, tc.text, tc.mode).Check()
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v; want %q and no value", err, tc.want)
			}
		})
	}
	if err := source(t, operators, 0o600).Check(); err != nil {
		t.Error(err)
	}
}

// TestAmazon speaks with a server that answers as AWS does.
func TestAmazon(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in map[string]any
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
			t.Errorf("request: %v, authorization %q", err, r.Header.Get("Authorization"))
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		fail := func(status int, code string) {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": "no"})
		}
		switch target := r.Header.Get("X-Amz-Target"); {
		case target == "AmazonSSM.GetParameters" && named(in, "/shop/url") && in["WithDecryption"] == true:
			_, _ = w.Write([]byte(`{"Parameters":[{"Name":"/shop/url","Value":"v1"}],"InvalidParameters":[]}`))
		case target == "AmazonSSM.GetParameters" && named(in, "/shop/busy"):
			fail(http.StatusBadRequest, "ThrottlingException")
		case target == "AmazonSSM.GetParameters" && named(in, "/shop/none"):
			_, _ = w.Write([]byte(`{"Parameters":[],"InvalidParameters":["/shop/none"]}`))
		case target == "secretsmanager.GetSecretValue" && in["SecretId"] == "s" && in["VersionStage"] == "AWSPREVIOUS":
			_, _ = w.Write([]byte(`{"Name":"s","SecretString":"v2"}`))
		case target == "secretsmanager.GetSecretValue" && in["SecretId"] == "binary":
			_, _ = w.Write([]byte(`{"Name":"binary","SecretBinary":"AAAA"}`))
		default:
			fail(http.StatusBadRequest, "AccessDeniedException")
		}
	}))
	defer server.Close()
	client := server.Client()
	defer client.CloseIdleConnections()
	config := aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, HTTPClient: client, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "SECRET", ""),
	}
	a := &Amazon{load: func(context.Context) (aws.Config, error) { return config, nil }}
	ctx := t.Context()

	if got, err := a.Parameter(ctx, "/shop/url"); got != "v1" || err != nil {
		t.Errorf("parameter: %q, %v", got, err)
	}
	if got, err := a.Secret(ctx, "s", "AWSPREVIOUS", ""); got != "v2" || err != nil {
		t.Errorf("secret: %q, %v", got, err)
	}
	for name, tc := range map[string]struct {
		err       error
		permanent bool
		want      string
	}{
		"not there":  {second(a.Parameter(ctx, "/shop/none")), true, "parameter /shop/none: AWS has none of this name"},
		"too fast":   {second(a.Parameter(ctx, "/shop/busy")), false, "ThrottlingException"},
		"no right":   {second(a.Secret(ctx, "other", "", "v")), true, "secret other: AWS says AccessDeniedException"},
		"not a text": {second(a.Secret(ctx, "binary", "", "")), true, "is not a text"},
	} {
		if tc.err == nil || !strings.Contains(tc.err.Error(), tc.want) || executor.IsPermanent(tc.err) != tc.permanent {
			t.Errorf("%s: %v (permanent %v); want %q, %v", name, tc.err, executor.IsPermanent(tc.err), tc.want, tc.permanent)
		}
	}
}

func second(_ string, err error) error { return err }

// named tells whether a request is for one parameter.
func named(in map[string]any, name string) bool {
	return cmp.Equal(in["Names"], []any{name})
}

func TestAmazonWithoutCredentials(t *testing.T) {
	for name, tc := range map[string]struct {
		config aws.Config
		want   string
	}{
		"no region":      {aws.Config{}, "--aws-region"},
		"no credentials": {aws.Config{Region: "eu-west-1"}, "no credentials for AWS"},
		"none found": {aws.Config{Region: "eu-west-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("nowhere")
		})}, "no credentials for AWS on this host: nowhere"},
	} {
		a := &Amazon{load: func(context.Context) (aws.Config, error) { return tc.config, nil }}
		if _, err := a.Parameter(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}
