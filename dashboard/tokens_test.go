package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// tokenOn finds the text of a token on a page.
func tokenOn(page string) string {
	return regexp.MustCompile(`sluice_[0-9a-z]{20}_[0-9a-f]{64}`).FindString(page)
}

func (w *world) makeToken(b *http.Client, name, scope, days string) reply {
	w.t.Helper()
	return w.send(b, http.MethodPost, "/tokens", url.Values{"csrf": {w.csrf(b)}, "name": {name}, "scope": {scope}, "days": {days}})
}

func (w *world) tokensOf(login string) []store.AccessToken {
	w.t.Helper()
	var all []store.AccessToken
	err := w.store.Read(w.t.Context(), func(tx *store.Tx) (err error) {
		all, err = tx.AccessTokens(w.t.Context(), w.viewer.people[login])
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// What each token may is said in its row.
func TestTokensSayWhatTheyMay(t *testing.T) {
	w := newWorld(t, nil)
	b := w.signedIn("qa")
	for scope, want := range map[string]string{"read": "read", "act": "read and act", "alarms": "raise alarms"} {
		w.makeToken(b, "for "+scope, scope, "30")
		row := regexp.MustCompile(`(?s)<span class="main">for ` + scope + `</span>.*?</td>\s*<td>([^<]*)</td>`).FindStringSubmatch(w.get(b, "/tokens").body)
		if row == nil || row[1] != want {
			t.Errorf("%s: %q, want %q", scope, row, want)
		}
	}
}

func TestTokenIsShownOnce(t *testing.T) {
	w := newWorld(t, nil)
	b := w.signedIn("qa")
	if r := w.makeToken(b, "nightly", "act", "30"); r.status != http.StatusSeeOther || tokenOn(r.body) != "" {
		t.Fatalf("made: %d %s", r.status, r.body)
	}
	text := tokenOn(w.get(b, "/tokens").body)
	if text == "" {
		t.Fatal("the token is not shown")
	}
	if again := w.get(b, "/tokens").body; tokenOn(again) != "" || !strings.Contains(again, "nightly") || !strings.Contains(again, "never used") {
		t.Errorf("the second time:\n%s", again)
	}
	for _, made := range w.tokensOf("qa") {
		if strings.Contains(fmt.Sprintf("%+v %x %s", made, made.SecretHash, made.SecretHash), text[len(text)-64:]) {
			t.Error("the secret is in the database")
		}
		if made.Owner.Login != "qa-renamed" {
			t.Errorf("of %s: not who it is at GitHub now", made.Owner.Login)
		}
	}
	if r := w.api(text, http.MethodGet, "/user", ""); r.status != http.StatusOK || !strings.Contains(r.body, `"scope": "act"`) {
		t.Errorf("used: %d %s", r.status, r.body)
	}
	if page := w.get(b, "/tokens").body; strings.Contains(page, "never used") {
		t.Error("the last use is not shown")
	}
	id := w.tokensOf("qa")[0].ID
	stranger := w.signedIn("mallory")
	w.send(stranger, http.MethodPost, "/tokens", url.Values{"csrf": {w.csrf(stranger)}, "revoke": {id}})
	if r := w.api(text, http.MethodGet, "/user", ""); r.status != http.StatusOK {
		t.Errorf("revoked by somebody else: %d", r.status)
	}
	for _, says := range []string{"is revoked", "no such token"} {
		w.send(b, http.MethodPost, "/tokens", url.Values{"csrf": {w.csrf(b)}, "revoke": {id}})
		if page := w.get(b, "/tokens").body; !strings.Contains(page, says) {
			t.Errorf("revoked; the page does not say %q:\n%s", says, page)
		}
	}
	if r := w.api(text, http.MethodGet, "/user", ""); r.status != http.StatusUnauthorized {
		t.Errorf("revoked: %d", r.status)
	}
	var got []string
	err := w.store.Read(t.Context(), func(tx *store.Tx) error {
		entries, err := tx.AuditLog(t.Context(), 0, 0, 10)
		for _, e := range entries {
			got = append(got, fmt.Sprintf("%s by %d of %t", e.Action, e.Actor.ID, e.Subject == id))
			if strings.Contains(string(e.Evidence), text[len(text)-64:]) {
				t.Error("the secret is in the audit log")
			}
		}
		return err
	})
	if diff := cmp.Diff([]string{"token.create by 7 of true", "token.revoke by 7 of true"}, got); diff != "" || err != nil {
		t.Errorf("audit (-want +got):\n%s%v", diff, err)
	}
}

func TestTokensThatAreNotMade(t *testing.T) {
	for name, c := range map[string]struct{ name, scope, days, says string }{
		"without a name":      {" ", "read", "30", "needs a name"},
		"with a long name":    {strings.Repeat("n", maxTokenName+1), "read", "30", "needs a name"},
		"of another scope":    {"x", "admin", "30", "read, or act"},
		"for ever":            {"x", "read", "91", "1 to 90 days"},
		"for no time":         {"x", "read", "0", "1 to 90 days"},
		"for a while or so":   {"x", "read", "a week", "1 to 90 days"},
		"before it was asked": {"x", "read", "-1", "1 to 90 days"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			b := w.signedIn("qa")
			w.makeToken(b, c.name, c.scope, c.days)
			if page := w.get(b, "/tokens").body; !strings.Contains(page, c.says) || len(w.tokensOf("qa")) > 0 {
				t.Errorf("made %d; the page does not say %q:\n%s", len(w.tokensOf("qa")), c.says, page)
			}
		})
	}
	t.Run("by another site", func(t *testing.T) {
		w := newWorld(t, nil)
		b := w.signedIn("qa")
		form := url.Values{"name": {"x"}, "scope": {"act"}, "days": {"30"}}
		if r := w.send(b, http.MethodPost, "/tokens", form); r.status != http.StatusForbidden {
			t.Errorf("without the session's token: %d", r.status)
		}
		form.Set("csrf", w.csrf(b))
		if r := w.send(b, http.MethodPost, "/tokens", form, "Sec-Fetch-Site", "cross-site"); r.status != http.StatusForbidden {
			t.Errorf("from another site: %d", r.status)
		}
		if n := len(w.tokensOf("qa")); n > 0 {
			t.Errorf("%d were made", n)
		}
	})
	t.Run("too many", func(t *testing.T) {
		w := newWorld(t, nil)
		b := w.signedIn("qa")
		ctx := context.Background()
		err := w.store.Write(ctx, func(tx *store.Tx) error {
			for range maxTokens {
				_, record := newToken(store.AccessToken{Owner: forge.User{ID: 7}, ExpiresAt: noon.AddDate(0, 0, 1)})
				if err := tx.CreateAccessToken(ctx, record); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		w.makeToken(b, "one more", "read", "7")
		if page := w.get(b, "/tokens").body; !strings.Contains(page, "Revoke one first") || len(w.tokensOf("qa")) != maxTokens {
			t.Errorf("made %d:\n%s", len(w.tokensOf("qa")), page)
		}
	})
	t.Run("while nobody can sign in", func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.Viewer, o.OpenToLocal = nil, true })
		if r := w.get(w.browser(), "/tokens"); r.status != http.StatusNotFound {
			t.Errorf("status %d", r.status)
		}
	})
}
