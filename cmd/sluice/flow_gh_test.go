package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
)

// gh stands in for GitHub's program of that name, which speaks to real hosts over TLS only: of its documented commands those that
// Sluice prints, with the flags and arguments that they are documented to take, and what they are documented to do. Who runs it, and
// against which GitHub, stands in the address of origin.
//
// https://cli.github.com/manual/gh_pr
type gh struct {
	hub    url.URL // with the account's name and token
	repo   string  // owner/name
	stdout io.Writer
}

// ghPull is a pull request as the REST API shows it.
type ghPull struct {
	Number int
	Head   struct {
		Ref  string
		Repo struct {
			FullName string `json:"full_name"`
		}
	}
}

// runGH is the program; it returns its exit status.
func runGH(args []string, stdout, stderr io.Writer) int {
	if err := ghCommand(args, stdout); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func ghCommand(args []string, stdout io.Writer) error {
	origin, err := gitHere("remote", "get-url", "origin")
	if err != nil {
		return err
	}
	at, err := url.Parse(origin)
	if err != nil {
		return err
	}
	g := gh{repo: strings.TrimSuffix(strings.TrimPrefix(at.Path, "/"), ".git"), stdout: stdout}
	g.hub = *at
	g.hub.Path = ""
	if len(args) < 2 || args[0] != "pr" {
		return fmt.Errorf("unknown command %q for \"gh\"", args)
	}
	verb, args := args[1], args[2:]
	flags := map[string]string{}
	var rest []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case verb == "create" && (arg == "--fill" || arg == "-f"):
			flags["fill"] = "true"
		case (verb == "create" || verb == "edit") && (arg == "--base" || arg == "-B"):
			if len(args) == 0 {
				return fmt.Errorf("flag needs an argument: %s", arg)
			}
			flags["base"], args = args[0], args[1:]
		case strings.HasPrefix(arg, "-"):
			return fmt.Errorf("unknown flag: %s", arg)
		default:
			rest = append(rest, arg)
		}
	}
	if verb == "create" {
		return g.create(rest, flags)
	}
	if len(rest) != 1 {
		return fmt.Errorf("gh pr %s: accepts 1 arg, received %d", verb, len(rest))
	}
	n, err := strconv.Atoi(rest[0])
	if err != nil {
		return err
	}
	path := fmt.Sprintf("/repos/%s/pulls/%d", g.repo, n)
	switch verb {
	case "edit":
		if flags["base"] == "" {
			return errors.New("--title, --body, --base, … required when not running interactively")
		}
		return g.call(http.MethodPatch, path, map[string]any{"base": flags["base"]}, nil)
	case "close":
		return g.call(http.MethodPatch, path, map[string]any{"state": "closed"}, nil)
	case "checkout":
		var p ghPull
		if err := g.call(http.MethodGet, path, nil, &p); err != nil {
			return err
		}
		return g.checkout(p)
	}
	return fmt.Errorf("unknown command %q for \"gh pr\"", verb)
}

// checkout fetches the head of a pull request and goes to it. One of a fork is not tracked: its branch is pushed to the fork's address.
func (g gh) checkout(p ghPull) error {
	branch := p.Head.Ref
	steps := [][]string{{"fetch", "origin", fmt.Sprintf("refs/pull/%d/head:refs/heads/%s", p.Number, branch)}, {"checkout", branch}}
	if p.Head.Repo.FullName == g.repo {
		steps = [][]string{{"fetch", "origin"}, {"checkout", "-b", branch, "--track", "origin/" + branch}}
	} else {
		fork := g.hub
		fork.Path = "/" + p.Head.Repo.FullName + ".git"
		for key, value := range map[string]string{"remote": fork.String(), "pushRemote": fork.String(), "merge": "refs/heads/" + branch} {
			steps = append(steps, []string{"config", "branch." + branch + "." + key, value})
		}
	}
	for _, step := range steps {
		if _, err := gitHere(step...); err != nil {
			return err
		}
	}
	return nil
}

// create opens a pull request from the branch that is checked out, which must have been pushed.
func (g gh) create(rest []string, flags map[string]string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unknown argument %q", rest[0])
	}
	if flags["fill"] == "" {
		return errors.New("must provide `--title` and `--body` (or `--fill` or `fill-first` or `--fillverbose`) when not running interactively")
	}
	branch, err := gitHere("branch", "--show-current")
	if err != nil {
		return err
	}
	title, err := gitHere("log", "-1", "--format=%s")
	if err != nil {
		return err
	}
	return g.call(http.MethodPost, "/repos/"+g.repo+"/pulls", map[string]any{"title": title, "head": branch, "base": flags["base"]}, nil)
}

func (g gh) call(method, path string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	at := g.hub
	at.User, at.Path = nil, "/api/v3"+path
	req, err := http.NewRequest(method, at.String(), bytes.NewReader(raw))
	if err != nil {
		return err
	}
	token, _ := g.hub.User.Password()
	req.Header.Set("Authorization", "token "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "GitHub CLI")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return err
	case res.StatusCode >= http.StatusMultipleChoices:
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, answer)
	case into == nil:
		return nil
	}
	return json.Unmarshal(answer, into)
}

// gitHere runs git in the current folder.
func gitHere(args ...string) (string, error) {
	out, err := exec.Command("git", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
