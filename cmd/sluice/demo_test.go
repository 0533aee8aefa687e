package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/test/fakegithub/fakegithubtest"
)

// demoBound is how long the demo may take on a machine that has other things to do. On a quiet one it is under 45 s, which
// the test logs and does not hold: it cannot know who else is at work.
const demoBound = 15 * time.Minute

var digestText = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// told is the object that the demo prints at its end. Keys that it does not have are errors.
type told struct {
	Releases []struct {
		Version          string `json:"version"`
		Kind             string `json:"kind"`
		Branch           string `json:"branch"`
		Tag              string `json:"tag"`
		SHA              string `json:"sha"`
		CandidateImage   string `json:"candidate_image"`
		CandidateDigest  string `json:"candidate_digest"`
		ProductionImage  string `json:"production_image"`
		ProductionDigest string `json:"production_digest"`
		Status           string `json:"status"`
	} `json:"releases"`
	Environments map[string]struct {
		Version string `json:"version"`
		Image   string `json:"image"`
		Digest  string `json:"digest"`
	} `json:"environments"`
	Branches map[string]string `json:"branches"`
	Tags     map[string]string `json:"tags"`
	Checks   []struct {
		SHA        string `json:"sha"`
		Name       string `json:"name"`
		Status     string `json:"status"`
		Conclusion string `json:"conclusion"`
	} `json:"checks"`
	Duration float64 `json:"duration_seconds"`
}

// The demo is played by a process of its own, and everything it asks of GitHub fits GitHub's description. The object it
// prints tells a release, a hotfix and a candidate that waits, and what it says of them fits together.
func TestDemo(t *testing.T) {
	t.Parallel()
	d := playDemo(t)
	t.Logf("the story took %.1f s; it is to take less than 45 on a quiet machine with two cores", d.Duration)
	kinds := map[string][]string{}
	for _, r := range d.Releases {
		kinds[r.Version] = []string{r.Kind, r.Branch, r.Tag, r.Status}
	}
	want := map[string][]string{
		"1.4.0":           {"release", "release/1.4.0", "v1.4.0", "released"},
		"1.5.0":           {"release", "release/1.5.0", "v1.5.0", "open"},
		"1.4.0-hotfix-17": {"hotfix", "hotfix/17", "v1.4.0-hotfix-17", "rolled-back"},
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Fatalf("releases (-want +got):\n%s", diff)
	}
	names := func(m map[string]string) (out []string) {
		for name, sha := range m {
			out = append(out, name)
			if len(sha) != 40 {
				t.Errorf("%s is at %q", name, sha)
			}
		}
		slices.Sort(out)
		return out
	}
	// What ended is gone: neither release/1.4.0 nor hotfix/17.
	if diff := cmp.Diff([]string{"development", "feature/ABC-12-greeting", "issue-30", "issue-31", "master", "release/1.5.0"}, names(d.Branches)); diff != "" {
		t.Errorf("branches (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"v1.3.0", "v1.4.0", "v1.4.0-hotfix-17"}, names(d.Tags)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	for _, r := range d.Releases {
		word := map[string]string{"release": "-candidate", "hotfix": ""}[r.Kind]
		if tag := "/orders:" + r.Version + word + "-" + r.SHA[:7]; !strings.HasSuffix(r.CandidateImage, tag) || !digestText.MatchString(r.CandidateDigest) {
			t.Errorf("%s: the candidate %s, %s is not that of %s", r.Version, r.CandidateImage, r.CandidateDigest, r.SHA)
		}
		if r.Status == "open" {
			if r.SHA != d.Branches[r.Branch] || r.ProductionImage+r.ProductionDigest != "" {
				t.Errorf("%s is open at %s with %q in production; its branch is at %s", r.Version, r.SHA, r.ProductionImage, d.Branches[r.Branch])
			}
			continue
		}
		if d.Tags[r.Tag] != r.SHA {
			t.Errorf("%s: the tag is at %s, the candidate at %s", r.Version, d.Tags[r.Tag], r.SHA)
		}
		if !strings.HasSuffix(r.ProductionImage, "/orders:"+r.Version) || r.ProductionDigest != r.CandidateDigest {
			t.Errorf("%s: production has %s, %s; %s was approved", r.Version, r.ProductionImage, r.ProductionDigest, r.CandidateDigest)
		}
	}
	demoEnvironments(t, d)
	demoChecks(t, d)
}

// playDemo runs the command and reads what it prints. Neither a proxy, which is for what is elsewhere, nor the variables that git sets
// for its hooks lead it away.
func playDemo(t *testing.T) told {
	t.Helper()
	path, err := exec.LookPath("sluice")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), demoBound)
	defer cancel()
	dir := t.TempDir()
	cmd := exec.CommandContext(ctx, path, "demo", "--auto", "--json")
	cmd.Env = append(os.Environ(), descriptionVariable+"="+fakegithubtest.Modules(t), "TMPDIR="+dir,
		"http_proxy=http://127.0.0.1:1", "ALL_PROXY=http://127.0.0.1:1", "GIT_DIR="+filepath.Join(dir, "nowhere"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the demo ended with %v: %s", err, stderr.String())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the demo leaves %v behind, %v", left, err)
	}
	var d told
	dec := json.NewDecoder(bytes.NewReader(out))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		t.Fatalf("the object at the end: %v\n%s", err, out)
	}
	return d
}

// A step that does not come true ends the demo with the reason and a status other than 0, though the story has begun: here
// the machine's compiler fails, as it can on anybody's, once the tests of the sample application have passed.
func TestDemoFails(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("sluice")
	if err != nil {
		t.Fatal(err)
	}
	compiler, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	bin, dir := t.TempDir(), t.TempDir()
	script := "#!/bin/sh\n[ \"$1\" != build ] || { echo 'no room for objects' >&2; exit 1; }\nexec '" + compiler + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), demoBound)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "demo", "--auto")
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "TMPDIR="+dir)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("it ended with %v, want status 1:\n%s%s", err, stdout.String(), stderr.String())
	}
	for _, want := range []string{"A feature branch is pushed: waited for sluice/pipeline", "completed failure", "no room for objects"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("the reason lacks %q:\n%s", want, stderr.String())
		}
	}
	if told := stdout.String(); !strings.Contains(told, "TestGreeting found no version") || strings.Contains(told, "built and deployed") || strings.Contains(told, "The story took") {
		t.Errorf("it told:\n%s", told)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the demo leaves %v behind, %v", left, err)
	}
}

// demoEnvironments: production went back to the release, staging has the candidate that waits, development what is next.
func demoEnvironments(t *testing.T, d told) {
	t.Helper()
	want := map[string][2]string{}
	for _, r := range d.Releases {
		switch r.Version {
		case "1.4.0":
			want["production"] = [2]string{r.Version + " " + r.ProductionImage, r.ProductionDigest}
		case "1.5.0":
			want["staging"] = [2]string{r.Version + " " + r.CandidateImage, r.CandidateDigest}
		}
	}
	next := d.Environments["development"]
	tag := "/orders:1.6.0-snapshot-" + d.Branches["development"][:7]
	if !strings.HasSuffix(next.Image, tag) || next.Version != "1.6.0" || !digestText.MatchString(next.Digest) {
		t.Errorf("development runs %+v, want %s", next, tag)
	}
	want["development"] = [2]string{next.Version + " " + next.Image, next.Digest}
	have := map[string][2]string{}
	for name, e := range d.Environments {
		have[name] = [2]string{e.Version + " " + e.Image, e.Digest}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("environments (-want +got):\n%s", diff)
	}
}

// demoChecks: each name stands once at a commit, all are decided, and what shipped is green.
func demoChecks(t *testing.T, d told) {
	t.Helper()
	at := map[string]map[string]string{}
	failed := map[string]int{}
	for _, c := range d.Checks {
		if len(c.SHA) != 40 || c.Status != "completed" || c.Conclusion == "" || at[c.SHA][c.Name] != "" {
			t.Errorf("check %+v", c)
		}
		if at[c.SHA] == nil {
			at[c.SHA] = map[string]string{}
		}
		at[c.SHA][c.Name] = c.Conclusion
		if c.Conclusion == "failure" {
			failed[c.Name]++
		}
	}
	green := map[string]string{"sluice/branch": "success", "sluice/config": "success", "sluice/pipeline": "success", "sluice/promotion": "success"}
	for _, r := range d.Releases {
		want := maps.Clone(green)
		if r.Status == "open" {
			want["sluice/promotion"] = "action_required"
		}
		if diff := cmp.Diff(want, at[r.SHA]); diff != "" {
			t.Errorf("checks of %s (-want +got):\n%s", r.Version, diff)
		}
	}
	green["sluice/promotion"] = "cancelled" // of the pull request into master, which was closed
	if diff := cmp.Diff(green, at[d.Branches["feature/ABC-12-greeting"]]); diff != "" {
		t.Errorf("checks of the feature (-want +got):\n%s", diff)
	}
	for branch, want := range map[string]string{"development": "success", "issue-30": "failure", "issue-31": "success"} {
		if got := at[d.Branches[branch]]["sluice/pipeline"]; got != want {
			t.Errorf("sluice/pipeline of %s is %q, want %q", branch, got, want)
		}
	}
	// The one whose test failed, and the one whose service was not well.
	if diff := cmp.Diff(map[string]int{"sluice/pipeline": 2}, failed); diff != "" {
		t.Errorf("failed checks (-want +got):\n%s", diff)
	}
}
