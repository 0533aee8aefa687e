package appspec

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/sluicehq/sluice/executor"
)

// SSH is how machines are reached. It prints no key.
type SSH struct {
	// Key is a private key in OpenSSH's or PEM format, without passphrase.
	Key string `json:"key,omitempty"`
	// KnownHosts is a file as ssh's known_hosts. A host that is not in it is not spoken to.
	KnownHosts string `json:"known_hosts,omitempty"`
}

// String tells nothing of the key.
func (s SSH) String() string { return "known hosts in " + s.KnownHosts }

const (
	dialTime = 15 * time.Second
	// shellTime is how long a command of ours, as opposed to a script of the revision, may take.
	shellTime = 10 * time.Minute
)

// machine is a connection to a machine, made when it is first needed and again when it is lost.
type machine struct {
	user, addr string // addr is host:port
	access     SSH

	mu     sync.Mutex
	client *ssh.Client
}

// dial returns a connection.
func (m *machine) dial(ctx context.Context) (*ssh.Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.client != nil {
		if _, _, err := m.client.SendRequest("keepalive@openssh.com", true, nil); err == nil {
			return m.client, nil
		}
		_ = m.client.Close()
		m.client = nil
	}
	client, err := m.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("ssh to %s@%s: %w", m.user, m.addr, err)
	}
	m.client = client
	return client, nil
}

// close ends the connection.
func (m *machine) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.client != nil {
		_ = m.client.Close()
		m.client = nil
	}
}

func (m *machine) connect(ctx context.Context) (*ssh.Client, error) {
	signer, err := ssh.ParsePrivateKey([]byte(strings.TrimSpace(m.access.Key) + "\n"))
	if err != nil {
		return nil, errors.New("the key of --ssh-key cannot be read: it must be a private key without passphrase")
	}
	known, err := knownhosts.New(m.access.KnownHosts)
	if err != nil {
		return nil, fmt.Errorf("--ssh-known-hosts: %w", err)
	}
	config := &ssh.ClientConfig{
		User: m.user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, Timeout: dialTime,
		HostKeyAlgorithms: algorithms(known, m.addr),
		HostKeyCallback: func(host string, remote net.Addr, key ssh.PublicKey) error {
			return m.explain(known(host, remote, key), key)
		},
	}
	conn, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, "tcp", m.addr)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(dialTime))
	c, channels, requests, err := ssh.NewClientConn(conn, m.addr, config)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = conn.SetDeadline(time.Time{})
	return ssh.NewClient(c, channels, requests), nil
}

// algorithms are those of the keys that are known of a host: a machine has several, and would offer one that is not known.
func algorithms(known ssh.HostKeyCallback, addr string) []string {
	nobodys, err := ssh.NewPublicKey(ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)))
	if err != nil {
		return nil
	}
	var wrong *knownhosts.KeyError
	if !errors.As(known(addr, &net.TCPAddr{}, nobodys), &wrong) {
		return nil
	}
	var out []string
	for _, k := range wrong.Want {
		if t := k.Key.Type(); t == ssh.KeyAlgoRSA {
			out = append(out, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		} else {
			out = append(out, t)
		}
	}
	return out
}

// explain says what a key that is not the known one means, and what to do.
func (m *machine) explain(err error, key ssh.PublicKey) error {
	var wrong *knownhosts.KeyError
	if !errors.As(err, &wrong) {
		return err
	}
	print := ssh.FingerprintSHA256(key)
	if len(wrong.Want) == 0 {
		return fmt.Errorf("the host is not in %s; it shows the key %s: compare that on the host, and add the line %q",
			m.access.KnownHosts, print, knownhosts.Line([]string{m.addr}, key))
	}
	w := wrong.Want[0]
	return fmt.Errorf("the host key is not the known one: it shows %s, and line %d of %s has %s; if the host was set up anew, "+
		"compare the key on the host and replace that line, else somebody answers in its place",
		print, w.Line, w.Filename, ssh.FingerprintSHA256(w.Key))
}

// shell runs a script of ours by /bin/sh on the machine and returns what it writes. Its text comes by the standard input, so
// that nobody on the machine sees it among the processes; with data, that comes there and the text as an argument.
func (m *machine) shell(ctx context.Context, script string, data io.Reader) (string, error) {
	client, err := m.dial(ctx)
	if err != nil {
		return "", err
	}
	s, err := client.NewSession()
	if err != nil {
		return "", err
	}
	defer s.Close()
	var out, problem bytes.Buffer
	s.Stdout, s.Stderr = &out, &problem
	command := "/bin/sh -s"
	if data != nil {
		command, s.Stdin = "/bin/sh -c "+quote(script), data
	} else {
		s.Stdin = strings.NewReader(script)
	}
	ctx, cancel := context.WithTimeout(ctx, shellTime)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Run(command); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if text := executor.OneLine(problem.String()); text != "" {
			return "", fmt.Errorf("%w: %s", err, text)
		}
		return "", err
	}
	return out.String(), nil
}

// quote makes one word of text for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
