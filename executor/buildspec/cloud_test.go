package buildspec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// ownNetwork tells a test that it runs in a network of its own.
const ownNetwork = "SLUICE_TEST_OWN_NETWORK"

// inOwnNetwork runs the test again, in a network that only it has. It returns false where that was done and judged.
func inOwnNetwork(t *testing.T) bool {
	t.Helper()
	if os.Getenv(ownNetwork) != "" {
		if err := supervise.MayRefuse(); err != nil {
			t.Skip(err)
		}
		return true
	}
	if _, err := exec.LookPath("ip"); err != nil || os.Geteuid() != 0 {
		t.Skipf("only root can have a network of its own, by iproute2: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), ownNetwork+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		t.Skipf("no network of its own: %v", err)
	}
	if strings.Contains(string(out), "--- SKIP: "+t.Name()+" ") {
		t.Skipf("%s", out)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

func ip(t *testing.T, arguments string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "ip", strings.Fields(arguments)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", arguments, err, out)
	}
}

// metadata answers at the addresses at which clouds hand out a host's credentials, on this test's own network.
func metadata(t *testing.T) (addresses []string) {
	t.Helper()
	ip(t, "link set lo up")
	off, err := os.ReadFile("/proc/sys/net/ipv6/conf/lo/disable_ipv6")
	withoutIPv6 := err != nil || strings.TrimSpace(string(off)) != "0"
	for _, a := range supervise.CloudCredentials() {
		if a.Is6() && withoutIPv6 {
			continue
		}
		if a.Is6() {
			ip(t, "addr add "+a.String()+"/128 dev lo nodad")
		} else {
			ip(t, "addr add "+a.String()+"/32 dev lo")
		}
		l, err := net.Listen("tcp", net.JoinHostPort(a.String(), "80"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, "role-of-the-host\n")
				_ = c.Close()
			}
		}()
		addresses = append(addresses, a.String())
	}
	return addresses
}

// elsewhere makes the addresses what they are in a cloud: not the host's own, which are looked for before all rules.
func elsewhere(t *testing.T) {
	t.Helper()
	for _, family := range []string{"-4", "-6"} {
		if _, err := os.Stat("/proc/sys/net/ipv6"); err != nil && family == "-6" {
			continue
		}
		ip(t, family+" rule add priority 32000 lookup local")
		ip(t, family+" rule del priority 0 lookup local")
	}
}

// asks is a build that asks each address for the credentials, by TCP and UDP.
func asks(addresses []string, more ...string) map[string]string {
	files := spec("phases:", "  install: {commands: [id -u]}", "  build: {commands: [. ./ask.sh]}", strings.Join(more, "\n"))
	var script strings.Builder
	for _, a := range addresses {
		fmt.Fprintf(&script, "timeout 5 bash -c 'exec 3<>/dev/tcp/%s/80 && cat <&3' && echo SEEN %s\n", a, a)
		fmt.Fprintf(&script, "timeout 5 bash -c 'echo x > /dev/udp/%s/53' && echo SENT %s\n", a, a)
	}
	files["ask.sh"] = script.String() + "echo works\n"
	return files
}

// A build with a network does not reach where the cloud hands out the host's credentials, and its log says so.
func TestBuildsAreKeptFromTheHostsCredentials(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	addresses := metadata(t)
	// run runs a build, and once more, and returns what the second time gave.
	run := func(t *testing.T, files map[string]string, change ...func(*Options)) executor.Report {
		t.Helper()
		w := newWorld(t, files)
		openToAll(t, w.dir)
		e := w.executor(append(change, func(o *Options) {
			o.Users = map[string]supervise.User{"other": {UID: 65533, GID: 65533}, "root": {}}
		})...)
		w.run(e, request("ex-1-1-1"))
		got := w.run(e, request("ex-1-1-2"))
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if rules := refusals(t, e); rules != 0 {
			t.Errorf("%d rules are left on the host", rules)
		}
		return got
	}
	asNobody := func(o *Options) { o.User = nobody() }

	got := run(t, asks(addresses), asNobody)
	if want := "[sluice] Credentials of the host: 169.254.169.254, where clouds hand out the host's credentials, is reached by this build as by the host: " +
		"169.254.169.254 is reached in spite of the rule of routing"; !strings.Contains(got.Log, want) || !strings.Contains(got.Log, "\nSEEN 169.254.169.254\n") {
		t.Fatalf("an address of the host's own:\n%s", got.Log)
	}
	elsewhere(t)
	got = run(t, asks(addresses))
	for _, a := range addresses {
		if !strings.Contains(got.Log, "\nrole-of-the-host\nSEEN "+a+"\n") || !strings.Contains(got.Log, "\nSENT "+a+"\n") {
			t.Fatalf("the host's user does not reach %s, so that this test proves nothing:\n%s", a, got.Log)
		}
	}
	for name, tc := range map[string]struct {
		files  map[string]string
		change []func(*Options)
	}{
		"who builds run as":   {asks(addresses), []func(*Options){asNobody}},
		"in a sandbox":        {asks(addresses), []func(*Options){asNobody, sandboxed(t)}},
		"another by run-as":   {asks(addresses, "run-as: other"), []func(*Options){asNobody}},
		"another for a phase": {phaseAs(asks(addresses), "other"), []func(*Options){asNobody}},
	} {
		t.Run(name, func(t *testing.T) {
			got := run(t, tc.files, tc.change...)
			const says = "\n[sluice] Credentials of the host: 169.254.169.254 and where else clouds hand out the host's credentials is refused to this build\n"
			if got.Status != pipeline.Succeeded || !strings.Contains("\n"+got.Log, says) || !strings.Contains(got.Log, "\nworks\n") ||
				strings.Contains(got.Log, "\nSEEN") || strings.Contains(got.Log, "\nSENT") || strings.Contains(got.Log, "role-of-the-host") {
				t.Errorf("%s %s\n%s", got.Status, got.Summary, got.Log)
			}
			for _, a := range addresses {
				c, err := net.Dial("tcp", net.JoinHostPort(a, "80"))
				if err != nil {
					t.Fatalf("the host itself: %v", err)
				}
				_ = c.Close()
			}
		})
	}
	got = run(t, asks(addresses, "run-as: root"), asNobody)
	if want := "is reached by this build as by the host: it runs as root, to whom nothing of the server's is refused; with network: none it has no network"; !strings.Contains(got.Log, want) {
		t.Errorf("as root:\n%s", got.Log)
	}
}

// phaseAs has the phase of the build run as somebody else.
func phaseAs(files map[string]string, user string) map[string]string {
	files["buildspec.yml"] = strings.Replace(files["buildspec.yml"], "build: {", "build: {run-as: "+user+", ", 1)
	return files
}

// refusals are how many rules of routing the executor's server has on this host, where others may have theirs.
func refusals(t *testing.T, e *Executor) (n int) {
	t.Helper()
	rules, err := supervise.Refusals()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		if r.Priority == e.priority {
			n++
		}
	}
	return n
}

// Rules of routing stay while a build goes on that they hold for, and come back if somebody takes them away; the next server over
// the folder does, and leaves those of others.
func TestRulesOfRoutingStayForBuildsThatGoOn(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	w := newWorld(t, spec("phases: {build: {commands: ['until [ -e go ]; do sleep 0.05; done']}}"))
	openToAll(t, w.dir)
	var log bytes.Buffer
	as := func(o *Options) { o.User, o.Log = nobody(), slog.New(slog.NewTextHandler(&log, nil)) }
	first := w.executor(as)
	r := request("ex-1-1-1")
	handle, err := first.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	ip(t, fmt.Sprintf("rule add priority %d uidrange 7-7 to 169.254.169.254/32 prohibit", first.priority))
	all := refusals(t, first)
	if all < 3 { // those of IPv4
		t.Fatalf("%d rules", all)
	}
	if err := first.Close(); err != nil || refusals(t, first) != all || !strings.Contains(log.String(), "builds go on") {
		t.Errorf("%v, %d rules of %d: %s", err, refusals(t, first), all, log.String())
	}
	second := w.executor(as)
	if err := supervise.Allow(second.priority); err != nil || refusals(t, second) != 0 {
		t.Fatalf("%v, %d rules", err, refusals(t, second))
	}
	if got, err := second.Status(t.Context(), r, handle); err != nil || got.Status.Final() || refusals(t, second) != all {
		t.Errorf("%v, %s: %d rules of %d after they were taken away", err, got.Status, refusals(t, second), all)
	}
	sources, err := filepath.Glob(filepath.Join(w.dir, "builds", "*", "work-1", srcFolder))
	if err != nil || len(sources) != 1 {
		t.Fatal(sources, err)
	}
	if err := os.WriteFile(filepath.Join(sources[0], "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := w.end(second, r, handle); got.Status != pipeline.Succeeded {
		t.Errorf("%s: %s", got.Status, got.Log)
	}
	if err := second.Close(); err != nil || refusals(t, second) != 0 {
		t.Errorf("%v, %d rules", err, refusals(t, second))
	}
	if out, err := exec.CommandContext(t.Context(), "ip", "rule").CombinedOutput(); err != nil || !strings.Contains(string(out), "uidrange 7-7 prohibit") {
		t.Errorf("another's rule: %v\n%s", err, out)
	}
}

// The number of a server's rules goes by the folder: another way to it leads to the same, another folder has another.
func TestRulesOfRoutingGoByTheFolder(t *testing.T) {
	one, other := t.TempDir(), t.TempDir()
	link := filepath.Join(other, "link")
	if err := os.Symlink(one, link); err != nil {
		t.Fatal(err)
	}
	first, err := priorityOf(one)
	if err != nil || first < firstPriority || first >= firstPriority+priorities {
		t.Fatalf("%d, %v", first, err)
	}
	if again, err := priorityOf(link); err != nil || again != first {
		t.Errorf("by a link: %d and %d, %v", first, again, err)
	}
	numbers := map[uint32]bool{first: true}
	for i := range 3 { // one may be the same by accident
		dir := filepath.Join(other, fmt.Sprint(i))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		n, err := priorityOf(dir)
		if err != nil {
			t.Fatal(err)
		}
		numbers[n] = true
	}
	if len(numbers) == 1 {
		t.Errorf("four folders have the number %d", first)
	}
	if _, err := priorityOf(filepath.Join(other, "none")); err == nil {
		t.Error("a folder that is not there has a number")
	}
}

// A server ends well whatever becomes of its rules of routing, and says what it could not do.
func TestRulesOfRoutingThatStayAreNoFailure(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	var log bytes.Buffer
	w := newWorld(t, nil)
	as := func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) }
	plain := w.executor(as)
	_ = supervise.Refuse(plain.priority, nobody().UID, supervise.CloudCredentials())
	rules := refusals(t, plain)
	withoutNetworkAdministration(t, func() { plain.allowCredentials() })
	if log.Len() > 0 || rules == 0 || refusals(t, plain) != rules {
		t.Errorf("without users of builds: %d rules of %d: %s", refusals(t, plain), rules, log.String())
	}
	e := w.executor(as, func(o *Options) { o.User = nobody() })
	withoutNetworkAdministration(t, func() { e.allowCredentials() })
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "operation not permitted") || refusals(t, e) != rules {
		t.Errorf("%d rules of %d: %s", refusals(t, e), rules, log.String())
	}
	if err := e.Close(); err != nil || refusals(t, e) != 0 {
		t.Errorf("%v, %d rules", err, refusals(t, e))
	}
}

// Rules that a server which was killed has left go when the next one begins, where no build runs as their users any more.
func TestRulesOfRoutingOfFormerUsersGo(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	w := newWorld(t, nil)
	plain := w.executor()
	refuse := func() {
		for _, uid := range []uint32{nobody().UID, 65533} {
			_ = supervise.Refuse(plain.priority, uid, supervise.CloudCredentials())
		}
	}
	refuse()
	all := refusals(t, plain)
	ip(t, fmt.Sprintf("rule add priority %d uidrange 7-7 to 169.254.169.254/32 prohibit", plain.priority))
	second := w.executor(func(o *Options) { o.User = nobody() })
	if n := refusals(t, second); n != all/2 || n == 0 {
		t.Errorf("%d rules of %d: want those of who builds run as", n, all)
	}
	refuse()
	if n := refusals(t, w.executor()); n != 0 {
		t.Errorf("%d rules of %d where no builds run as another user", n, all)
	}
	if out, err := exec.CommandContext(t.Context(), "ip", "rule").CombinedOutput(); err != nil || !strings.Contains(string(out), "uidrange 7-7 prohibit") {
		t.Errorf("another's rule: %v\n%s", err, out)
	}
}

// Who may not set rules of routing is told why, before any build and in the log of each.
func TestWithoutTheRightToSetRulesItIsSaid(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can do without a right of root's")
	}
	e := newWorld(t, nil).executor(func(o *Options) { o.User = nobody() })
	if err := supervise.MayRefuse(); err != nil && !strings.Contains(err.Error(), "CAP_NET_ADMIN") {
		t.Skip(err)
	}
	var log string
	var start error
	withoutNetworkAdministration(t, func() {
		log = e.refuseCredentials(nobody(), nil)
		start = RefusedCredentials(*nobody())
	})
	const why = "the server may not set rules of routing here: it needs the capability CAP_NET_ADMIN"
	if !strings.Contains(log, "is reached by this build as by the host: "+why) || start == nil || start.Error() != why || refusals(t, e) != 0 {
		t.Errorf("%s\n%v", log, start)
	}
	for name, users := range map[string][]supervise.User{"own user": nil, "as root": {*nobody(), {}}} {
		if err := RefusedCredentials(users...); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// withoutNetworkAdministration does something in a thread that lacks CAP_NET_ADMIN, and is not used again.
func withoutNetworkAdministration(t *testing.T, do func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: it ends with the goroutine
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		err := unix.Capget(&header, &data[0])
		if err == nil {
			data[0].Effective &^= 1 << unix.CAP_NET_ADMIN
			data[0].Permitted &^= 1 << unix.CAP_NET_ADMIN
			err = unix.Capset(&header, &data[0])
		}
		if err == nil {
			do()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
