package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/test/fakegithub/fakegithubtest"
)

// probe asks the admin address. status 0: nobody answers.
func probe(t testing.TB, url string) (status int, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// readyIs waits until /readyz answers so, with a text that has the words, and looks that the process counts as alive.
func readyIs(t *testing.T, admin string, want int, words string) {
	t.Helper()
	if err := await(t.Context(), patience, fmt.Sprintf("/readyz to answer %d and %q", want, words), func() (string, bool) {
		status, body := probe(t, admin+"/readyz")
		return fmt.Sprintf("%d %q", status, body), status == want && strings.Contains(body, words)
	}); err != nil {
		t.Fatal(err)
	}
	if status, body := probe(t, admin+"/livez"); status != http.StatusOK {
		t.Errorf("/livez answers %d %q meanwhile", status, body)
	}
}

// /readyz says whether deliveries can be taken in, and why not, though none comes; it is no reason to restart.
func TestReadyz(t *testing.T) {
	n := newNear(t, "")
	set := func(pragma string) {
		t.Helper()
		if _, err := n.srv.store.Handles().SQLite.ExecContext(t.Context(), "PRAGMA "+pragma); err != nil {
			t.Fatal(err)
		}
	}
	readyIs(t, n.admin, http.StatusOK, "ok")
	set("query_only = on")
	readyIs(t, n.admin, http.StatusServiceUnavailable, "readonly")
	set("query_only = off")
	readyIs(t, n.admin, http.StatusOK, "ok")

	set("max_page_count = 1")      // no more than there are: the disk is full
	noise := make([]byte, 200_000) // which does not compress
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	ping := parcel{n.public, "ping", "00000000-0000-4000-8000-00000000000a", fmt.Appendf(nil, `{"zen":"%x"}`, noise)}
	if status, err := ping.post(t.Context()); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("a delivery on a full disk is answered %d, %v", status, err)
	}
	readyIs(t, n.admin, http.StatusServiceUnavailable, "full")
	set("max_page_count = 1000000")
	readyIs(t, n.admin, http.StatusOK, "ok")
	if status, err := ping.post(t.Context()); err != nil || status != http.StatusAccepted {
		t.Errorf("with room again it is answered %d, %v", status, err)
	}
	n.idle()
}

// While a server makes its App it takes no deliveries.
func TestReadyzInSetup(t *testing.T) {
	hub := fakegithubtest.New(t, fakegithub.Options{})
	hub.AddOrg("acme", "boss")
	s := serveWith(t, []string{
		"--setup=acme", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--public-url=http://127.0.0.1:8080",
		"--data=" + filepath.Join(t.TempDir(), "data"), "--github-url=" + hub.URL(), "--github-api-url=" + hub.URL(),
	}, nil)
	readyIs(t, "http://"+s.logged("there is no App", "admin"), http.StatusServiceUnavailable, "there is no App yet")
}
