package config

import (
	"net/url"

	"github.com/sluicehq/sluice/signature"
)

// Server is the checked settings of sluice serve. It prints no secret, however it is printed.
type Server struct {
	Listen      string // host:port of webhooks and dashboard
	AdminListen string // host:port of metrics and health
	// PublicURL is where people reach the dashboard: http or https, no slash at the end.
	PublicURL *url.URL
	Data      string // folder of database, artifacts and logs; absolute
	// Database is a store URL, sqlite:/path/file.db or postgres://…; it may hold a password.
	Database  Secret
	Artifacts Artifacts
	GitHub    GitHub
	WriteRate WriteRate
	// LocalExecutors are the repositories whose code embedded executors may run on this host.
	LocalExecutors RepoGlobs
	// RegistryAllow says which image repositories each repository may name.
	RegistryAllow RegistryRules
	// ImageKey signs the images that uses: image pushes; the zero key: they are not signed.
	ImageKey signature.PrivateKey
	// SSHKey is a private key without passphrase, SSHKnownHosts the file of the hosts' keys, absolute; SSHAllow says which
	// machines each repository may deploy to.
	SSHKey        Secret
	SSHKnownHosts string
	SSHAllow      MachineRules
	// DeployUsers says which users of this host scripts of deployments may run as.
	DeployUsers UserRules
	// BuildSecrets is the file of package lookup, BuildRuntimes a folder with NAME/VERSION/bin; absolute, or empty.
	BuildSecrets, BuildRuntimes string
	// BuildUsers are the users that builds may run as, the usual one first; none: the server's own.
	BuildUsers []string
	// SecretFiles are those that secrets were read from, absolute.
	SecretFiles []string
	// BuildSandbox is auto, always or off.
	BuildSandbox string
	BuildLimits  BuildLimits
	AWS          AWS
	// AWSRegion is empty where AWS's own settings hold.
	AWSRegion string
}

// GitHub is how the server reaches GitHub as its App.
type GitHub struct {
	AppID      int64
	PrivateKey PrivateKey
	// WebhookSecrets are all accepted; at least one, none empty. Several while one is being replaced by another.
	WebhookSecrets []Secret
	// ClientID and ClientSecret sign people in to the dashboard. Both or neither are set.
	ClientID     string
	ClientSecret Secret
	// APIURL and URL are the addresses of the REST API and of the web pages, with a slash at the end.
	APIURL, URL *url.URL
}

// AWS is who is listened to at AWS. The zero AWS is nobody.
type AWS struct {
	// Topics are ARNs of SNS topics, Version1 takes their SHA-1 signatures too.
	Topics   []string
	Version1 bool
	// EventBridgeSecrets are all accepted, none is empty.
	EventBridgeSecrets []Secret
	Alarms             AlarmRules
}

// WriteRate paces writes to GitHub, per installation.
type WriteRate struct {
	Burst  int     // writes at once, 1 to 1000
	Refill float64 // writes a second after that, above 0 and at most 100
}
