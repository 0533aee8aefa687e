package appspec

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// sshd is a real sshd of this machine on loopback, with keys of its own.
type sshd struct {
	t     *testing.T
	dir   string
	addr  string
	user  string
	key   string // private, of whoever deploys
	known string // file
	host  ssh.PublicKey
}

// startSSHD starts one; without the program the test is skipped, or fails where CI=true.
func startSSHD(t *testing.T) *sshd {
	t.Helper()
	program, err := exec.LookPath("sshd")
	if err != nil {
		program = "/usr/sbin/sshd"
	}
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no sshd here (apt-get install openssh-server): deployments by SSH were not tried")
		}
		t.Skip("no sshd here (apt-get install openssh-server): deployments by SSH were not tried")
	}
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &sshd{t: t, dir: t.TempDir(), user: who.Username}
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // where Debian's wants to be
			t.Fatal(err)
		}
	}
	hostPEM, host := newKey(t)
	own, public := newKey(t)
	s.key, s.host, s.known = own, host, s.path("known_hosts")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(s.addr)
	s.write("host", hostPEM)
	s.write("authorized", string(ssh.MarshalAuthorizedKey(public)))
	s.write("known_hosts", knownhosts.Line([]string{s.addr}, host)+"\n")
	s.write("config", strings.Join([]string{
		"Port " + port, "ListenAddress 127.0.0.1", "HostKey " + s.path("host"), "AuthorizedKeysFile " + s.path("authorized"), "StrictModes no",
		"PidFile none", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes", "MaxStartups 100",
	}, "\n")+"\n")
	var log bytes.Buffer
	// It closes every descriptor there could be, for each command: with a limit of a million that takes a second.
	cmd := exec.Command("/bin/sh", "-c", `ulimit -n 1024; exec "$0" "$@"`, program, "-D", "-e", "-f", s.path("config"))
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	until(t, "an answer of sshd", func() bool {
		conn, err := net.DialTimeout("tcp", s.addr, time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return s
}

func (s *sshd) path(name string) string { return filepath.Join(s.dir, name) }

func (s *sshd) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func newKey(t *testing.T) (private string, public ssh.PublicKey) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	if public, err = ssh.NewPublicKey(pub); err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), public
}

// machines are hosts on the sshd, each with a root of its own.
func (s *sshd) machines(names ...string) []any {
	var out []any
	for _, n := range names {
		out = append(out, map[string]any{"name": n, "ssh": s.user + "@" + s.addr, "root": s.path("root-" + n), "dir": s.path("state")})
	}
	return out
}

func (w *world) overSSH(s *sshd) *Executor {
	w.t.Helper()
	e, err := New(Options{
		Dir: filepath.Join(w.dir, "hosts"), Artifacts: w, Ring: w.bell.Ring, SSH: SSH{Key: s.key, KnownHosts: s.known},
		Allowed:    func(string, string) bool { return true },
		SSHAllowed: func(_, repo, machine string) bool { return repo == "shop" && machine == s.user+"@"+s.addr },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = e.Close() })
	return e
}

func (s *sshd) served(host string) string {
	b, _ := os.ReadFile(filepath.Join(s.path("root-"+host), "live", "srv", "version"))
	return string(b)
}

func TestSSHInPlace(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	w := newWorld(t)
	e := w.overSSH(s)
	with := func() map[string]any {
		return map[string]any{"hosts": s.machines("m-1", "m-2"), "config": "HalfAtATime"}
	}
	if got := w.deploy(e, w.request("d-1", w.hooked("1", ""), with())); got.Status != pipeline.Succeeded {
		t.Fatalf("%+v", got)
	}
	if one, two := s.served("m-1"), s.served("m-2"); one != "1" || two != "1" {
		t.Errorf("the machines serve %q and %q", one, two)
	}
	bad := w.hooked("2", "test $LIFECYCLE_EVENT = ValidateService && { echo it answers 500; exit 7; }\nexit 0")
	got := w.deploy(e, w.request("d-2", bad, with()))
	if got.Status != pipeline.Failed || !strings.Contains(got.Summary, "m-1: ValidateService: run: ScriptFailed: exit status 7: it answers 500; rolled back to") {
		t.Errorf("%+v", got)
	}
	if one, two := s.served("m-1"), s.served("m-2"); one != "1" || two != "1" {
		t.Errorf("after the rollback the machines serve %q and %q", one, two)
	}
	want := []string{
		"BeforeInstall 1 blue", "AfterInstall 1 blue", "ApplicationStart 1 blue", "ValidateService 1 blue",
		"ApplicationStop 1 blue", "BeforeInstall 2 blue", "AfterInstall 2 blue", "ApplicationStart 2 blue", "ValidateService 2 blue",
		"ApplicationStop 1 blue", "BeforeInstall 1 blue", "AfterInstall 1 blue", "ApplicationStart 1 blue", "ValidateService 1 blue",
	}
	if diff := cmp.Diff(want, w.trace("m-1")); diff != "" {
		t.Errorf("events (-want +got)\n%s", diff)
	}
}

func TestSSHBlueGreen(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	w := newWorld(t)
	e := w.overSSH(s)
	for version, script := range []string{"", "test $LIFECYCLE_EVENT != AfterAllowTraffic"} {
		got := w.deploy(e, w.request(fmt.Sprintf("d-%d", version), w.hooked(fmt.Sprint(version), script), map[string]any{"hosts": s.machines("m-1"), "type": "blue-green"}))
		if (got.Status == pipeline.Succeeded) != (version == 0) || s.served("m-1") != "0" {
			t.Fatalf("version %d: %s is served: %+v", version, s.served("m-1"), got)
		}
	}
}

// What is installed by SSH is what is installed in a folder: files, links, modes, what goes, and what is refused.
func TestSSHInstallsAsAFolder(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	w := newWorld(t)
	e := w.overSSH(s)
	one := map[string]string{
		"appspec.yml": "version: 0.0\nos: linux\nfiles: [{source: app, destination: /srv/my app}]\n" +
			"permissions: [{object: /srv/my app, pattern: '*.conf', mode: '0600', type: [file]}, {object: /srv/my app/bin, mode: '0750', type: [directory]}]\n",
		"app/it's.conf": "a", "app/old/gone": "b", "app/bin/deep/run": "#!/bin/sh\n",
	}
	two := map[string]string{"appspec.yml": strings.ReplaceAll(one["appspec.yml"], "/bin, mode", ", mode"), "app/it's.conf": "c"}
	deploy := func(host any, name string) map[string]string {
		for i, files := range []map[string]string{one, two} {
			got := w.deploy(e, w.request(fmt.Sprintf("%s-%d", name, i), w.save(files), map[string]any{"hosts": []any{host}}))
			if got.Status != pipeline.Succeeded {
				t.Fatalf("%s: %+v", name, got)
			}
			if i == 0 {
				continue
			}
		}
		dir := filepath.Join(w.host("web-1"), "live")
		if name == "ssh" {
			dir = filepath.Join(s.path("root-m-1"), "live")
		}
		dir, err := filepath.EvalSymlinks(dir)
		if err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		return show(t, root)
	}
	if diff := cmp.Diff(deploy("web-1", "folder"), deploy(s.machines("m-1")[0], "ssh")); diff != "" {
		t.Errorf("(-folder +ssh)\n%s", diff)
	}
	if err := os.WriteFile(filepath.Join(s.path("root-m-1"), "live", "srv", "my app", "theirs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := w.deploy(e, w.request("refused", w.save(map[string]string{"appspec.yml": two["appspec.yml"], "app/theirs": "x"}), map[string]any{"hosts": s.machines("m-1")}))
	if got.Status != pipeline.Failed || !strings.Contains(got.Summary, "theirs is on the host already") {
		t.Errorf("%+v", got)
	}
}

// A machine whose clock is wrong is named after the deployment.
func TestSSHClock(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	w := newWorld(t)
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "date"), []byte("#!/bin/sh\necho $(( $(PATH=/usr/bin:/bin date +%s) + 7200 ))\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.write("authorized", `command="PATH=`+bin+`:$PATH; eval \"$SSH_ORIGINAL_COMMAND\"" `+w.read(s.path("authorized")))
	got := w.deploy(w.overSSH(s), w.request("d", w.hooked("1", ""), map[string]any{"hosts": s.machines("m-1")}))
	if got.Status != pipeline.Succeeded || !regexp.MustCompile(`the clock of m-1 is (2h0m|1h59m5\d)\d*s ahead$`).MatchString(got.Summary) {
		t.Errorf("%+v", got)
	}
}

func TestSSHScriptTimesOut(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	w := newWorld(t)
	a := w.save(map[string]string{
		"appspec.yml": "version: 0.0\nos: linux\nhooks: {ApplicationStart: [{location: run, timeout: 1}]}\n",
		"run":         "#!/bin/sh\ntrap '' TERM\nsh -c 'echo $$ > " + w.dir + "/child; exec sleep 300' &\necho waits\nwait\nsleep 300\n",
	})
	got := w.deploy(w.overSSH(s), w.request("d", a, map[string]any{"hosts": s.machines("m-1")}))
	if got.Status != pipeline.Failed || !strings.Contains(got.Summary, "ScriptTimedOut: it took longer than 1s and was ended: waits") {
		t.Errorf("%+v", got)
	}
	child := strings.TrimSpace(w.read(w.dir, "child"))
	if child == "" {
		t.Fatal("the script did not run")
	}
	until(t, "the end of what the script left", func() bool {
		b, err := os.ReadFile("/proc/" + child + "/cmdline")
		return err != nil || len(b) == 0
	})
}

func TestSSHRefusals(t *testing.T) {
	s := startSSHD(t)
	_, other := newKey(t)
	for name, c := range map[string]struct {
		known string
		want  string
	}{
		"another key": {knownhosts.Line([]string{s.addr}, other) + "\n", "the host key is not the known one: it shows " + ssh.FingerprintSHA256(s.host)},
		"unknown":     {"", "the host is not in " + s.known},
	} {
		t.Run(name, func(t *testing.T) {
			s.write("known_hosts", c.known)
			w := newWorld(t)
			got := w.deploy(w.overSSH(s), w.request("d", w.hooked("1", ""), map[string]any{"hosts": s.machines("m-1")}))
			if got.Status != pipeline.Failed || len(got.Hosts) != 1 || !strings.Contains(got.Hosts[0].Message, c.want) {
				t.Errorf("%+v, want %q", got, c.want)
			}
			if trace := w.trace("m-1"); trace != nil {
				t.Errorf("scripts ran: %v", trace)
			}
		})
	}
	for name, access := range map[string]SSH{"no key": {KnownHosts: s.known}, "no known hosts": {Key: s.key}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := w.overSSH(s)
			e.o.SSH = access
			_, err := e.Start(t.Context(), w.request("d", w.hooked("1", ""), map[string]any{"hosts": s.machines("m-1")}))
			if !executor.IsPermanent(err) || !strings.Contains(err.Error(), "the operator sets --ssh-key and --ssh-known-hosts") {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("not allowed", func(t *testing.T) {
		w := newWorld(t)
		r := w.request("d", w.hooked("1", ""), map[string]any{"hosts": []any{map[string]any{"name": "m", "ssh": "root@db.example.com"}}})
		if _, err := w.overSSH(s).Start(t.Context(), r); !executor.IsPermanent(err) || !strings.Contains(err.Error(), "--ssh-allow acme/shop=root@db.example.com:22") {
			t.Errorf("%v", err)
		}
	})
}
