package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// flowServer is a running child process: the test binary, started as sluice serve.
type flowServer struct {
	cmd           *exec.Cmd
	ended         chan struct{} // closed when it is gone
	err           error         // why, once ended
	public, admin string        // host:port
}

func (f *flow) logFile() string { return filepath.Join(f.dir, "server.log") }

// serve starts the server, waits until it takes requests, and tells GitHub where it is.
func (f *flow) serve() error {
	if f.server != nil {
		return errors.New("the server runs already")
	}
	log, err := os.OpenFile(f.logFile(), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	from, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	path, err := exec.LookPath("sluice")
	if err != nil {
		return err
	}
	s := &flowServer{cmd: exec.Command(path, "serve"), ended: make(chan struct{})}
	s.cmd.Stderr, s.cmd.Stdout = log, log
	s.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + f.dir, "SLUICE_LISTEN=127.0.0.1:0", "SLUICE_ADMIN_LISTEN=127.0.0.1:0",
		"SLUICE_PUBLIC_URL=http://sluice.test", "SLUICE_DATA=" + filepath.Join(f.dir, "data"), "SLUICE_DATABASE_URL=" + f.database,
		"SLUICE_GITHUB_APP_ID=" + fmt.Sprint(f.app.ID), "SLUICE_GITHUB_PRIVATE_KEY_FILE=" + filepath.Join(f.dir, "app.pem"),
		"SLUICE_GITHUB_WEBHOOK_SECRET=" + flowSecret, "SLUICE_GITHUB_API_URL=" + f.hub.URL() + "/", "SLUICE_GITHUB_URL=" + f.hub.URL() + "/",
		"SLUICE_LOCAL_EXECUTORS=" + flowRepo, "SLUICE_BUILD_SANDBOX=off", // the same on every machine
		"SLUICE_REGISTRY_ALLOW=" + flowRepo + "=" + f.dev + "/" + flowApp + "," + flowRepo + "=" + f.prod + "/" + flowApp + "," +
			flowRepo + "=" + f.dev + "/" + flowApp + "/*," + flowRepo + "=" + f.prod + "/" + flowApp + "/*",
	}, f.builders()...)
	s.cmd.Env = append(s.cmd.Env, f.extra...)
	s.cmd.Env = append(s.cmd.Env, tiedVariable+"=1", clockVariable+"="+string(f.clock()), raceVariable+"="+endSoon, collectVariable+"="+os.Getenv(collectVariable))
	if _, err := s.cmd.StdinPipe(); err != nil { // it is closed when this process dies, and the server ends
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	f.server = s
	err = f.until("the server to be ready", func() (string, bool) {
		select {
		case <-s.ended:
			return "it ended", true
		default:
		}
		s.public, s.admin = readyLine(log, from)
		return "it has not said so", s.public != ""
	})
	if err != nil {
		return err
	}
	if s.public == "" {
		f.server = nil
		return fmt.Errorf("the server did not start: %w", s.err)
	}
	return f.hub.SetWebhook(f.app.ID, "http://"+s.public+"/webhooks/github", flowSecret)
}

// readyLine finds the addresses in the log, from an offset on.
func readyLine(log io.ReaderAt, from int64) (public, admin string) {
	text, _ := io.ReadAll(io.NewSectionReader(log, from, 1<<20))
	for line := range bytes.Lines(text) {
		var l struct{ Msg, Listen, Admin string }
		if json.Unmarshal(line, &l) == nil && l.Msg == "ready" {
			return l.Listen, l.Admin
		}
	}
	return "", ""
}

// stop ends the server with SIGTERM and says how it ended.
func (f *flow) stop() error {
	s := f.server
	if s == nil {
		return errors.New("the server does not run")
	}
	f.server = nil
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-s.ended:
		return s.err
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		<-s.ended
		return fmt.Errorf("the server was still there %v after SIGTERM", patience)
	}
}

// crash ends the server with SIGKILL. It does nothing when there is none.
func (f *flow) crash() {
	s := f.server
	if s == nil {
		return
	}
	f.server = nil
	_ = s.cmd.Process.Kill() // it may be gone already
	<-s.ended
}

// ask is a GET at the server's admin address.
func (f *flow) ask(path string) (status int, body string, err error) {
	s := f.server
	if s == nil {
		return 0, "", errors.New("the server does not run")
	}
	req, err := http.NewRequestWithContext(f.tb.Context(), http.MethodGet, "http://"+s.admin+path, nil)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Accept-Encoding", "identity") // packing takes longer than sending
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// figures are the server's metrics without labels.
func (f *flow) figures() (map[string]float64, error) {
	_, text, err := f.ask("/metrics")
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil && !strings.HasPrefix(name, "#") {
			out[name] = v
		}
	}
	return out, nil
}

// idle waits until everything GitHub has told is handled and nothing that is due is left to do. An action that is being
// worked on outside, such as a build, is not waited for: that is what the checks are for.
//
// The server's figures are asked for when GitHub has heard nothing for a look, and again after three more of them: what was done
// between is in their count, and they cost more than all the rest.
func (f *flow) idle() error {
	const looks = 3
	var call, asked float64 // GitHub's last call, what was done when the figures were asked for first
	quiet, saw := 0, "GitHub still hears something"
	return f.until("the server to have nothing to do", func() (string, bool) {
		if err := f.hub.Settle(f.tb.Context()); err != nil {
			return err.Error(), false
		}
		now := float64(f.hub.LastCall())
		if now != call {
			call, quiet = now, 0
			return saw, false
		}
		if quiet++; quiet != 1 && quiet != 1+looks {
			return saw, false
		}
		m, err := f.figures()
		if err != nil {
			quiet = 0
			return err.Error(), false
		}
		done := m["sluice_queue_done_total"]
		saw = fmt.Sprintf("%v waiting, %v lanes busy, %v done", m["sluice_queue_waiting"], m["sluice_queue_busy_lanes"], done)
		nothing := m["sluice_queue_waiting"] == 0 && m["sluice_queue_busy_lanes"] == 0
		switch {
		case quiet == 1 && nothing:
			asked = done
		case quiet == 1:
			quiet = 0
		case nothing && done == asked:
			return saw, true
		default:
			quiet = 0
		}
		return saw, false
	})
}

// healthy tells what went wrong in silence: letters that were given up, handlers that panicked.
func (f *flow) healthy() error {
	if f.server == nil {
		return nil
	}
	m, err := f.figures()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range []string{"sluice_queue_dead_letters", "sluice_queue_panicked_total"} {
		if m[name] != 0 {
			errs = append(errs, fmt.Errorf("%s is %v", name, m[name]))
		}
	}
	return errors.Join(errs...)
}

// builders has builds run as whoever runs the tests, also where that is root: others do not get into their folders.
func (f *flow) builders() []string {
	if os.Geteuid() != 0 {
		return nil
	}
	return []string{"SLUICE_BUILD_USERS=root"}
}

// buildersOfServe has builds run as whom the server chooses, who is let into the folder.
func (f *flow) buildersOfServe() error {
	f.extra = append(f.extra, "SLUICE_BUILD_USERS=")
	return os.Chmod(f.dir, 0o711)
}
