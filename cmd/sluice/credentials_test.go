package main

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
)

// ofEverybody are settings by which every repository may run builds, as that user.
func ofEverybody(t *testing.T, user string) *config.Server {
	t.Helper()
	all, err := config.ParseRepoGlobs("*/*")
	if err != nil {
		t.Fatal(err)
	}
	return &config.Server{Data: t.TempDir(), LocalExecutors: all, BuildUsers: []string{user}, BuildSandbox: "off"}
}

// Who lets builds run where the cloud hands out the host's credentials is told whether builds are kept from them, and what to do
// where they are not.
func TestDoctorSeesTheHostsCredentials(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root has builds run as somebody else")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]finding{
		"root": {Status: doubtful, What: "credentials of the host", Remedy: credentialsRemedy,
			Says: "127.0.0.1 answers on this host, and builds with a network reach it as the host does: it runs as root, to whom nothing of the server's is refused"},
		"nobody": {Status: healthy, What: "credentials of the host", Says: "127.0.0.1 answers on this host and is refused to builds"},
	} {
		if err := supervise.MayRefuse(); err != nil && user == "nobody" {
			want.Status, want.Remedy, want.Says = doubtful, credentialsRemedy, "127.0.0.1 answers on this host, and builds with a network reach it as the host does: "+err.Error()
		}
		d := &diagnosis{}
		d.credentials(t.Context(), listener.Addr().String(), ofEverybody(t, user))
		if diff := cmp.Diff([]finding{want}, d.Findings, cmp.AllowUnexported(finding{})); diff != "" {
			t.Errorf("%s (-want +got)\n%s", user, diff)
		}
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	d := &diagnosis{}
	if d.credentials(t.Context(), listener.Addr().String(), ofEverybody(t, "root")); len(d.Findings) > 0 {
		t.Errorf("where nothing answers: %+v", d.Findings)
	}
}

// A server whose builds cannot be kept from the host's credentials says so when it starts; one that does it says nothing.
func TestTheStartSaysWhetherBuildsReachTheHostsCredentials(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root has builds run as somebody else")
	}
	for user, said := range map[string]bool{"root": true, "nobody": supervise.MayRefuse() != nil} {
		var log bytes.Buffer
		s := &server{cfg: ofEverybody(t, user), log: slog.New(slog.NewTextHandler(&log, nil))}
		store, err := artifact.Open(t.Context(), artifact.Options{URL: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.builds(gitHub{}, store, executor.NewBell(), wiring{})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if strings.Contains(log.String(), "level=WARN msg=\"builds with a network reach 169.254.169.254") != said || said && !strings.Contains(log.String(), "(network: none)") {
			t.Errorf("%s: %s", user, log.String())
		}
	}
}

// Rules of routing that are left of a server that was killed are listed, with the way to be rid of them.
func TestDoctorListsRulesOfRouting(t *testing.T) {
	const priority = 1999 // no server's
	if err := supervise.MayRefuse(); err != nil {
		t.Skip(err)
	}
	d := &diagnosis{}
	_ = supervise.Refuse(priority, 4242, supervise.CloudCredentials())
	d.refusals()
	if err := supervise.Allow(priority); err != nil {
		t.Fatal(err)
	}
	want := finding{Status: healthy, What: "rules of routing", Says: "those with priority 1999 keep builds from the host's credentials",
		Remedy: "the server that made them takes them away when it ends; if it was killed and does not come back: ip rule del priority 1999 and ip -6 rule del priority 1999, until there is none"}
	if len(d.Findings) == 0 || d.Findings[0] != want {
		t.Errorf("%+v", d.Findings)
	}
	d = &diagnosis{}
	if d.refusals(); len(d.Findings) > 0 && d.Findings[0] == want {
		t.Errorf("they are gone: %+v", d.Findings)
	}
}
