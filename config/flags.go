package config

// ServerFlags are the flags of sluice serve, for kong. All are texts: Resolve checks them, so that every wrong one is
// reported and not just the first. A flag that is not given takes its variable, then for secrets the file that the
// variable with _FILE names, then its default.
type ServerFlags struct {
	Listen              string `name:"listen" env:"SLUICE_LISTEN" placeholder:"HOST:PORT" help:"Address of webhooks and dashboard. Default 127.0.0.1:8080."`
	AdminListen         string `name:"admin-listen" env:"SLUICE_ADMIN_LISTEN" placeholder:"HOST:PORT" help:"Address of metrics and health. Default 127.0.0.1:9090."`
	PublicURL           string `name:"public-url" env:"SLUICE_PUBLIC_URL" placeholder:"URL" help:"Where people reach the dashboard. Default http://<listen>."`
	Data                string `name:"data" env:"SLUICE_DATA" placeholder:"DIR" help:"Folder of database, artifacts and logs. Default ./data."`
	Database            string `name:"database" env:"SLUICE_DATABASE_URL" placeholder:"URL" help:"sqlite:/path/file.db, or postgres://… for several replicas. Default SQLite in the data folder."`
	Artifacts           string `name:"artifacts" env:"SLUICE_ARTIFACTS" placeholder:"PLACE" help:"Where what builds hand on is kept: a folder, or s3://bucket?region=…. Default the folder artifacts in the data folder."`
	KeepArtifacts       string `name:"keep-artifacts" env:"SLUICE_KEEP_ARTIFACTS" placeholder:"TIME" help:"How long artifacts are kept that no release, execution or rollback needs. Default 30d."`
	Setup               string `name:"setup" env:"SLUICE_SETUP" placeholder:"ORG" help:"While there is no App: make one for this organization (- for your own account), by a link that is printed and works once. Default: do not start without an App."`
	GitHubAppID         string `name:"github-app-id" env:"SLUICE_GITHUB_APP_ID" placeholder:"ID" help:"ID of the GitHub App. Required."`
	GitHubPrivateKey    string `name:"github-private-key" env:"SLUICE_GITHUB_PRIVATE_KEY" placeholder:"PEM" help:"Private key of the App, PEM. Required; SLUICE_GITHUB_PRIVATE_KEY_FILE names a file."`
	GitHubWebhookSecret string `name:"github-webhook-secret" env:"SLUICE_GITHUB_WEBHOOK_SECRET" placeholder:"SECRET,…" help:"Secrets of the webhook, any of which is accepted. Required; SLUICE_GITHUB_WEBHOOK_SECRET_FILE names a file."`
	GitHubClientID      string `name:"github-client-id" env:"SLUICE_GITHUB_CLIENT_ID" placeholder:"ID" help:"Client ID of the App, for sign-in to the dashboard."`
	GitHubClientSecret  string `name:"github-client-secret" env:"SLUICE_GITHUB_CLIENT_SECRET" placeholder:"SECRET" help:"Client secret of the App; SLUICE_GITHUB_CLIENT_SECRET_FILE names a file."`
	GitHubAPIURL        string `name:"github-api-url" env:"SLUICE_GITHUB_API_URL" placeholder:"URL" help:"GitHub's REST API. Default https://api.github.com/."`
	GitHubURL           string `name:"github-url" env:"SLUICE_GITHUB_URL" placeholder:"URL" help:"GitHub's pages. Default https://github.com/."`
	GitHubWriteRate     string `name:"github-write-rate" env:"SLUICE_GITHUB_WRITE_RATE" placeholder:"BURST,REFILL" help:"Writes to GitHub per installation: at once, and a second after that. Default 20,1."`
	LocalExecutors      string `name:"local-executors" env:"SLUICE_LOCAL_EXECUTORS" placeholder:"OWNER/REPO,…" help:"Repositories (globs) whose code embedded executors may run on this host. Default none."`
	RegistryAllow       string `name:"registry-allow" env:"SLUICE_REGISTRY_ALLOW" placeholder:"OWNER/REPO=HOST/PATH,…" help:"Image repositories (globs) that repositories may name. Default none."`
	ImageKey            string `name:"image-signing-key" env:"SLUICE_IMAGE_SIGNING_KEY" placeholder:"PEM" help:"Key (cosign.key) that signs the images which uses: image pushes; SLUICE_IMAGE_SIGNING_KEY_FILE names a file. Default none: they are not signed."`
	ImageKeyPassword    string `name:"image-signing-password" env:"SLUICE_IMAGE_SIGNING_PASSWORD" placeholder:"PASSWORD" help:"Password of that key; SLUICE_IMAGE_SIGNING_PASSWORD_FILE names a file."`
	SSHKey              string `name:"ssh-key" env:"SLUICE_SSH_KEY" placeholder:"PEM" help:"Private key, without passphrase, for hosts that are deployed to by SSH; SLUICE_SSH_KEY_FILE names a file."`
	SSHKnownHosts       string `name:"ssh-known-hosts" env:"SLUICE_SSH_KNOWN_HOSTS" placeholder:"FILE" help:"Keys of those hosts, as in ssh's known_hosts. Others are not spoken to."`
	SSHAllow            string `name:"ssh-allow" env:"SLUICE_SSH_ALLOW" placeholder:"OWNER/REPO=USER@HOST,…" help:"Machines (globs) that repositories may deploy to by SSH. Default none."`
	DeployUsers         string `name:"deploy-users" env:"SLUICE_DEPLOY_USERS" placeholder:"OWNER/REPO=USER,…" help:"Users of this host that scripts of a deployment to its folders may run as (runas), for repositories (globs). Default the server's own."`
	BuildSecrets        string `name:"build-secrets" env:"SLUICE_BUILD_SECRETS" placeholder:"FILE" help:"File that says which parameters and secrets the builds of each repository may have. Default none."`
	BuildRuntimes       string `name:"build-runtimes" env:"SLUICE_BUILD_RUNTIMES" placeholder:"DIR" help:"Folder with NAME/VERSION/bin for the runtime-versions of buildspecs. Default none: what is installed on this host."`
	BuildUsers          string `name:"build-users" env:"SLUICE_BUILD_USERS" placeholder:"USER,…" help:"Users that builds may run as, the first unless their run-as names another. Needs root. Default: nobody where the server is root, else the server's own."`
	BuildSandbox        string `name:"build-sandbox" env:"SLUICE_BUILD_SANDBOX" placeholder:"MODE" help:"auto: builds run by bubblewrap where it works; always: or not at all; off. Default auto."`
	BuildLimits         string `name:"build-limits" env:"SLUICE_BUILD_LIMITS" placeholder:"NAME=N,…" help:"What a build may use: memory, disk, output (such as 4GiB) and processes; the builds of a batch share it, batch of them at a time. Default processes=4096,output=4GiB,disk=50GiB,batch=4."`
	AWSTopics           string `name:"aws-topics" env:"SLUICE_AWS_TOPICS" placeholder:"ARN,…" help:"SNS topics whose messages are taken at /webhooks/aws. Default none."`
	AWSSignatures       string `name:"aws-signatures" env:"SLUICE_AWS_SIGNATURES" placeholder:"VERSION" help:"Signatures of SNS that are taken: 2 (SHA-256), or all: version 1 (SHA-1) too. Default 2."`
	AWSEventSecret      string `name:"aws-eventbridge-secret" env:"SLUICE_AWS_EVENTBRIDGE_SECRET" placeholder:"SECRET,…" help:"Secrets of EventBridge's API destinations, any of which is accepted at /webhooks/aws; SLUICE_AWS_EVENTBRIDGE_SECRET_FILE names a file. Default none."`
	AWSAlarms           string `name:"aws-alarms" env:"SLUICE_AWS_ALARMS" placeholder:"ARN=OWNER/REPO:ENV,…" help:"Which alarms (ARNs of alarms or topics, * for any text) are about which environment. Default none."`
	AWSRegion           string `name:"aws-region" env:"SLUICE_AWS_REGION" placeholder:"REGION" help:"Region of AWS, for secrets and for builds. Default: that of AWS's own settings."`
}
