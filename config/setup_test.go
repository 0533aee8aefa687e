package config

import "testing"

// An App is made only for a server that is told to and has no settings of one.
func TestWanted(t *testing.T) {
	for name, c := range map[string]struct {
		flags ServerFlags
		env   map[string]string
		want  string
	}{
		"not told to":        {},
		"told to":            {flags: ServerFlags{Setup: "acme"}, want: "acme"},
		"by a variable":      {env: map[string]string{"SLUICE_SETUP": " - "}, want: "-"},
		"with an ID":         {flags: ServerFlags{Setup: "acme", GitHubAppID: "7"}},
		"with a key":         {flags: ServerFlags{Setup: "acme"}, env: map[string]string{"SLUICE_GITHUB_PRIVATE_KEY": "x"}},
		"with a key's file":  {flags: ServerFlags{Setup: "acme"}, env: map[string]string{"SLUICE_GITHUB_PRIVATE_KEY_FILE": "/x"}},
		"with a secret":      {flags: ServerFlags{Setup: "acme"}, env: map[string]string{"SLUICE_GITHUB_WEBHOOK_SECRET_FILE": "/x"}},
		"with sign-in alone": {flags: ServerFlags{Setup: "acme", GitHubClientID: "x"}, want: "acme"},
	} {
		if got := c.flags.Wanted(func(n string) string { return c.env[n] }); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
