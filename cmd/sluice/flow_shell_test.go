package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// What people do at the shell, and with the tokens they make for it on the dashboard.

// shellCommands are the commands of scripts for that.
func shellCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"token":  {"[-scope act|read|alarms] who: signs in on the dashboard and makes a token for the shell", cmdToken},
		"revoke": {"who: revokes the token made last", cmdRevoke},
		"api":    {"who path [file]: reads something below /api/v1 with somebody's token, or posts a file there, and prints status and body", cmdAPI},
		"waits":  {"who pattern: why the work stands still, as the API says it", cmdWaits},
		"shell":  {"[-exit status] who command ...: runs sluice with somebody's token against the server; with ! it must fail with status 1", cmdShell},
	}
}

// signIn has the server's dashboard let people in; to be called before it is started.
func (f *flow) signIn() {
	f.extra = append(f.extra, "SLUICE_PUBLIC_URL=http://localhost:1", "SLUICE_GITHUB_CLIENT_ID="+f.app.ClientID, "SLUICE_GITHUB_CLIENT_SECRET="+f.app.ClientSecret)
}

// browserOf is a browser in which somebody has signed in.
func (f *flow) browserOf(who string) (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	b := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	follow := func(at string) (string, error) {
		res, err := b.Get(at)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		return res.Header.Get("Location"), nil
	}
	toGitHub, err := follow("http://" + f.server.public + "/login")
	if err != nil {
		return nil, err
	}
	back, err := follow(toGitHub + "&login=" + url.QueryEscape(who))
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(back)
	if err != nil {
		return nil, err
	}
	_, err = follow("http://" + f.server.public + "/login/callback?" + u.RawQuery)
	return b, err
}

// tokensPage sends a form to the page of tokens, with the session's own token, and returns the page after it.
func (f *flow) tokensPage(b *http.Client, form url.Values) (string, error) {
	at := "http://" + f.server.public + "/tokens"
	page, err := readPage(b.Get(at))
	if err != nil {
		return "", err
	}
	form.Set("csrf", firstOf(append(regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(page), "", "")[1:]...))
	if _, err := readPage(b.PostForm(at, form)); err != nil {
		return "", err
	}
	return readPage(b.Get(at))
}

func (f *flow) tokenFile(who string) string { return filepath.Join(f.dir, "token-"+who) }

func cmdToken(s *scripted, args []string) error {
	scope := s.flags.String("scope", "act", "")
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	b, err := s.browserOf(args[0])
	if err != nil {
		return err
	}
	page, err := s.tokensPage(b, url.Values{"name": {"script"}, "scope": {*scope}, "days": {"7"}})
	if err != nil {
		return err
	}
	text := regexp.MustCompile(`sluice_[0-9a-z]+_[0-9a-f]+`).FindString(page)
	if text == "" {
		return fmt.Errorf("the page shows no token:\n%s", page)
	}
	return os.WriteFile(s.tokenFile(args[0]), []byte(text+"\n"), 0o600)
}

func cmdRevoke(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(s.tokenFile(args[0]))
	if err != nil {
		return err
	}
	b, err := s.browserOf(args[0])
	if err != nil {
		return err
	}
	page, err := s.tokensPage(b, url.Values{"revoke": {strings.Split(string(text), "_")[1]}})
	if err == nil && !strings.Contains(page, "is revoked") {
		err = fmt.Errorf("the page does not say so:\n%s", page)
	}
	return err
}

func cmdAPI(s *scripted, args []string) error {
	args, err := s.args(args, 2, 3)
	if err != nil {
		return err
	}
	var body []byte
	if len(args) == 3 {
		if body, err = os.ReadFile(s.ts.MkAbs(args[2])); err != nil {
			return err
		}
	}
	status, answer, err := s.callAPI(args[0], args[1], body)
	fmt.Fprintf(s.ts.Stdout(), "%d\n%s\n", status, answer)
	return err
}

// callAPI reads something below /api/v1 with somebody's token, or posts a body there.
func (f *flow) callAPI(who, path string, body []byte) (status int, answer []byte, err error) {
	token, err := os.ReadFile(f.tokenFile(who))
	if err != nil {
		return 0, nil, err
	}
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(f.tb.Context(), method, "http://"+f.server.public+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// cmdWaits looks at what the API says about the work that stands still.
func cmdWaits(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	re, err := regexp.Compile(args[1])
	if err != nil {
		return err
	}
	return s.until("the work to wait because of "+args[1], func() (string, bool) {
		_, text, err := s.callAPI(args[0], "/repos/"+s.flow.name, nil)
		if err != nil {
			return err.Error(), false
		}
		var answer struct {
			Waits string    `json:"waits"`
			Until time.Time `json:"waits_until"`
		}
		err = json.Unmarshal(text, &answer)
		return fmt.Sprintf("%s (%v)", text, err), re.MatchString(answer.Waits) && !answer.Until.IsZero()
	})
}

func cmdShell(s *scripted, args []string) error {
	want := s.flags.Int("exit", 0, "")
	args, err := s.args(args, 2, -1)
	if err != nil {
		return err
	}
	if s.not() && *want == 0 {
		*want = exitFailed
	}
	path, err := exec.LookPath("sluice")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(s.tb.Context(), path, args[1:]...)
	cmd.Dir = filepath.Join(s.dir, "clone-"+args[0])
	if _, err := os.Stat(cmd.Dir); err != nil {
		cmd.Dir = s.dir
	}
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "SLUICE_SERVER=http://" + s.server.public, "SLUICE_TOKEN_FILE=" + s.tokenFile(args[0]), raceVariable + "=" + endSoon,
	}
	var out, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &wrong
	err = cmd.Run()
	fmt.Fprint(s.ts.Stdout(), out.String())
	fmt.Fprint(s.ts.Stderr(), wrong.String())
	status := 0
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		status = ended.ExitCode()
	} else if err != nil {
		return err
	}
	if status != *want {
		return fmt.Errorf("exit status %d, want %d\n%s%s", status, *want, out.String(), wrong.String())
	}
	return nil
}
