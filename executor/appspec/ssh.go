package appspec

import (
	"cmp"
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
	// Silence is how long a machine may say nothing, though it is asked, until the connection counts as lost. Defaults to
	// DefaultSilence.
	Silence time.Duration `json:"silence,omitempty"`
}

// CheckKey says why the key cannot be used; no key is none that is wrong.
func (s SSH) CheckKey() error {
	if s.Key == "" {
		return nil
	}
	_, err := s.signer()
	return err
}

// CheckKnownHosts says why the file of known hosts cannot be used; no file is none that is wrong.
func (s SSH) CheckKnownHosts() error {
	if s.KnownHosts == "" {
		return nil
	}
	_, err := s.known()
	return err
}

func (s SSH) signer() (ssh.Signer, error) {
	signer, err := ssh.ParsePrivateKey([]byte(strings.TrimSpace(s.Key) + "\n"))
	if err != nil {
		return nil, errors.New("the key of --ssh-key cannot be read: it must be a private key without passphrase")
	}
	return signer, nil
}

func (s SSH) known() (ssh.HostKeyCallback, error) {
	known, err := knownhosts.New(s.KnownHosts)
	if err != nil {
		return nil, fmt.Errorf("--ssh-known-hosts: %w", err)
	}
	return known, nil
}

// DefaultSilence is SSH.Silence when it is zero.
const DefaultSilence = 30 * time.Second

// String tells nothing of the key.
func (s SSH) String() string { return "known hosts in " + s.KnownHosts }

const (
	// dialTime is how long a connection, or a channel in it, may take until it stands.
	dialTime = 15 * time.Second
	// shellTime is how long a command of ours, as opposed to a script of the revision, may take, and bundleTime how long bringing a
	// bundle may.
	shellTime  = 10 * time.Minute
	bundleTime = MaxEventTime
	// maxAnswer is how much a command of ours may write: more than the largest list of files there is.
	maxAnswer = 32 << 20
)

// machine is a connection to a machine, made when it is first needed and again when it is lost.
type machine struct {
	user, addr string // addr is host:port
	access     SSH

	mu   sync.Mutex
	line *line
}

// dial returns a connection that is not known to be lost.
func (m *machine) dial(ctx context.Context) (*line, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.line != nil {
		if !m.line.over() {
			return m.line, nil
		}
		m.line.close()
		m.line = nil
	}
	l, err := m.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("ssh to %s@%s: %w", m.user, m.addr, err)
	}
	m.line = l
	return l, nil
}

// session opens a channel for one command.
func (m *machine) session(ctx context.Context) (*line, *ssh.Session, error) {
	l, err := m.dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, dialTime, fmt.Errorf("%s@%s opens no channel within %s", m.user, m.addr, dialTime))
	defer cancel()
	defer context.AfterFunc(ctx, l.drop)()
	s, err := l.client.NewSession()
	if err != nil {
		return nil, nil, m.failure(ctx, l, err)
	}
	return l, s, nil
}

// failure is what an error on a connection comes from: the end of the time, or the machine's silence. How a command ended that did
// stays as it is.
func (m *machine) failure(ctx context.Context, l *line, err error) error {
	var ended *ssh.ExitError
	switch {
	case err == nil || errors.As(err, &ended):
		return err
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	case l.silent.Load():
		return &lostError{fmt.Sprintf("%s@%s has said nothing for %s, and the connection was given up", m.user, m.addr, l.silence)}
	case l.over():
		return &lostError{fmt.Sprintf("the connection to %s@%s was lost", m.user, m.addr)}
	}
	return err
}

// lostError is the loss of a connection under a command.
type lostError struct{ text string }

func (e *lostError) Error() string { return e.text }

// close ends the connection.
func (m *machine) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.line != nil {
		m.line.close()
		m.line = nil
	}
}

func (m *machine) connect(ctx context.Context) (*line, error) {
	signer, err := m.access.signer()
	if err != nil {
		return nil, err
	}
	known, err := m.access.known()
	if err != nil {
		return nil, err
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
	heard := &heardConn{Conn: conn, began: time.Now()}
	_ = conn.SetDeadline(time.Now().Add(dialTime))
	c, channels, requests, err := ssh.NewClientConn(heard, m.addr, config)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = conn.SetDeadline(time.Time{})
	return newLine(heard, ssh.NewClient(c, channels, requests), cmp.Or(m.access.Silence, DefaultSilence)), nil
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
	ctx, cancel := context.WithTimeoutCause(ctx, shellTime, fmt.Errorf("%s@%s has not done a command within %s", m.user, m.addr, shellTime))
	defer cancel()
	return m.ask(ctx, script, data)
}

// ask is shell with the context's deadline.
func (m *machine) ask(ctx context.Context, script string, data io.Reader) (string, error) {
	l, s, err := m.session(ctx)
	if err != nil {
		return "", err
	}
	defer s.Close()
	out, problem := &capped{most: maxAnswer}, &capped{most: maxLine}
	s.Stdout, s.Stderr = out, problem
	command := "/bin/sh -s"
	if data != nil {
		command, s.Stdin = "/bin/sh -c "+quote(script), data
	} else {
		s.Stdin = strings.NewReader(script)
	}
	defer context.AfterFunc(ctx, l.drop)()
	if err := s.Run(command); err != nil {
		if text := executor.OneLine(problem.String()); text != "" && ctx.Err() == nil && !l.over() {
			return "", fmt.Errorf("%w: %s", err, text)
		}
		return "", m.failure(ctx, l, err)
	}
	if out.more {
		return "", fmt.Errorf("%s@%s answers with more than %d MiB", m.user, m.addr, maxAnswer>>20)
	}
	return out.String(), nil
}

// quote makes one word of text for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
