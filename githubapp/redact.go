package githubapp

import "github.com/sluicehq/sluice/internal/lazyregexp"

// credentials match GitHub's tokens of all kinds, the App's JWT, and the user part of addresses. Nothing is assumed of a
// token's length: those of installations have grown to hundreds of characters, with dots.
var credentials = lazyregexp.New(`gh[oprsu]_[A-Za-z0-9._-]{16,}|github_pat_[A-Za-z0-9_]{16,}|v1\.[0-9a-f]{40}` +
	`|eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+)*|//[^/@\s"]+@|(?i:(?:bearer|basic)\s+[A-Za-z0-9+/=._-]{16,})` +
	`|(?i:(?:access_token|client_secret)=[^&\s"]+)|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?`)

func redact(s string) string { return credentials.ReplaceAllString(s, "[secret]") }
