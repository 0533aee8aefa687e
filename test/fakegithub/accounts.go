package fakegithub

import (
	"crypto/rsa"
	"time"
)

// Account is a user, an organization, or the bot account of an App.
type Account struct {
	ID    int64
	Login string
	Name  string
	Email string
	// Type is GitHub's word: User, Organization or Bot.
	Type string
	// Token signs API calls and git over HTTP; empty for organizations and bots.
	Token     string
	CreatedAt time.Time
}

// Team is a team of an organization.
type Team struct {
	ID   int64
	Org  string // login
	Slug string
	Name string
	// Members are logins, in the order in which they joined.
	Members []string
}

// Role is what somebody may do in a repository: GitHub's role_name.
type Role string

// Roles in rising order. RoleNone is for somebody without any.
const (
	RoleNone     Role = "none"
	RoleRead     Role = "read"
	RoleTriage   Role = "triage"
	RoleWrite    Role = "write"
	RoleMaintain Role = "maintain"
	RoleAdmin    Role = "admin"
)

// AppConfig describes a GitHub App that is to be registered.
type AppConfig struct {
	// ID is the App's ID. Zero: one is given.
	ID int64
	// Slug names the App; its bot account is "<slug>[bot]". Defaults to "sluice".
	Slug string
	// PrivateKey is the RSA key as PEM (PKCS #1 or #8) that signs the App's JWT. Nil: one is made.
	PrivateKey []byte
	// WebhookURL is where deliveries go. Empty: none are sent (SetWebhook can say later).
	WebhookURL    string
	WebhookSecret string
	// ClientID and ClientSecret are for the OAuth sign-in of the dashboard. Empty: they are made up.
	ClientID, ClientSecret string
	// CallbackURLs are allowed redirect targets of the sign-in. A target fits when it begins with one of them.
	CallbackURLs []string
	// Permissions maps GitHub's names (contents, checks, …) to read or write. Nil: what Sluice asks for,
	// see [SluicePermissions].
	Permissions map[string]string
	// Events are the subscribed webhook events. Nil: those Sluice subscribes to, see [SluiceEvents].
	Events []string
}

// App is a registered GitHub App.
type App struct {
	ID           int64
	Slug         string
	Owner        string // login
	PrivateKey   []byte // PEM
	ClientID     string
	ClientSecret string
	WebhookURL   string
	Secret       string // of the webhook
	Permissions  map[string]string
	Events       []string
	// Bot is the App's own account.
	Bot       Account
	CreatedAt time.Time

	key       *rsa.PublicKey
	callbacks []string
}

// Installation is an App on an account.
type Installation struct {
	ID      int64
	AppID   int64
	Account string // login
	// Repos are the full names of the chosen repositories; nil means all, also those to come.
	Repos       []string
	Permissions map[string]string
	Suspended   bool
	CreatedAt   time.Time
}

// SluicePermissions are the permissions Sluice asks for, workflows left out as by default.
func SluicePermissions() map[string]string {
	return map[string]string{
		"metadata": "read", "contents": "write", "pull_requests": "write", "issues": "write", "checks": "write",
		"actions": "write", "deployments": "write", "merge_queues": "read", "statuses": "read",
		"administration": "read", "members": "read",
	}
}

// SluiceEvents are the webhook events Sluice subscribes to.
func SluiceEvents() []string {
	return []string{
		"push", "create", "delete", "pull_request", "pull_request_review", "issue_comment", "check_run", "check_suite",
		"status", "workflow_run", "merge_group", "release", "repository", "member", "membership", "team",
	}
}
