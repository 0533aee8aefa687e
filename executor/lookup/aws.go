package lookup

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/executor"
)

// Amazon asks Systems Manager and Secrets Manager with the credentials that AWS's tools find too: environment, shared
// files, web identity, the instance's or the task's role. They are looked for when something is asked for the first time.
type Amazon struct {
	load func(ctx context.Context) (aws.Config, error)

	mu     sync.Mutex
	config *aws.Config
}

// NewAmazon makes it. An empty region is the one that AWS's tools would take.
func NewAmazon(region string) *Amazon {
	return &Amazon{load: func(ctx context.Context) (aws.Config, error) {
		return awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(region))
	}}
}

// ready returns the configuration with credentials in it.
func (a *Amazon) ready(ctx context.Context) (aws.Config, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.config != nil {
		return *a.config, nil
	}
	c, err := a.load(ctx)
	if err != nil {
		return c, fmt.Errorf("AWS's configuration: %w", err)
	}
	if c.Region == "" {
		return c, executor.Permanentf("no region of AWS is set; the operator sets --aws-region")
	}
	if c.Credentials == nil {
		return c, executor.Permanentf("there are no credentials for AWS on this host")
	}
	if _, err := c.Credentials.Retrieve(ctx); err != nil {
		return c, fmt.Errorf("there are no credentials for AWS on this host: %w", err)
	}
	a.config = &c
	return c, nil
}

// Parameter asks for a parameter, decrypted, by the call that CodeBuild makes: a role that was made for its builds may do that, and
// need not do another.
func (a *Amazon) Parameter(ctx context.Context, name string) (string, error) {
	c, err := a.ready(ctx)
	if err != nil {
		return "", err
	}
	out, err := ssm.NewFromConfig(c).GetParameters(ctx, &ssm.GetParametersInput{Names: []string{name}, WithDecryption: aws.Bool(true)})
	if err != nil {
		return "", explained("parameter "+name, err)
	}
	if len(out.Parameters) != 1 || out.Parameters[0].Value == nil {
		return "", executor.Permanentf("parameter %s: AWS has none of this name", name)
	}
	return *out.Parameters[0].Value, nil
}

// Secret asks for the text of a secret.
func (a *Amazon) Secret(ctx context.Context, id, stage, version string) (string, error) {
	c, err := a.ready(ctx)
	if err != nil {
		return "", err
	}
	in := &secretsmanager.GetSecretValueInput{SecretId: &id}
	if stage != "" {
		in.VersionStage = &stage
	}
	if version != "" {
		in.VersionId = &version
	}
	out, err := secretsmanager.NewFromConfig(c).GetSecretValue(ctx, in)
	if err != nil {
		return "", explained("secret "+id, err)
	}
	if out.SecretString == nil {
		return "", executor.Permanentf("secret %s is not a text", id)
	}
	return *out.SecretString, nil
}

// explained is an error of AWS's in few words. What AWS says is the caller's fault no retry mends, but for its pace.
func explained(what string, err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return fmt.Errorf("%s: %w", what, err)
	}
	short := fmt.Errorf("%s: AWS says %s: %s", what, api.ErrorCode(), api.ErrorMessage())
	switch api.ErrorCode() {
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "ExpiredTokenException":
		return short
	}
	if api.ErrorFault() == smithy.FaultServer {
		return short
	}
	return executor.Permanent(short)
}
