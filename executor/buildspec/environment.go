package buildspec

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
)

// environment is the whole environment of a build. Later values win; reserved names come last.
func (e *Executor) environment(r executor.Request, p params, spec *Spec, looked map[string]string, work string) map[string]string {
	env := map[string]string{"LANG": "C.UTF-8", "AWS_EC2_METADATA_DISABLED": "true"} // the host's role is not the build's
	if e.o.Region != "" {
		env["AWS_REGION"], env["AWS_DEFAULT_REGION"] = e.o.Region, e.o.Region
	}
	maps.Copy(env, spec.Variables)
	maps.Copy(env, looked)
	maps.Copy(env, r.Env)
	maps.Copy(env, p.env)
	action := r
	action.ID = actionID(r.ID)
	own := map[string]string{
		"HOME": filepath.Join(work, homeFolder), "TMPDIR": filepath.Join(work, tmpFolder), "PATH": e.o.Path,
		"CODEBUILD_BUILD_ARN":               "arn:sluice:build:" + e.o.Region + ":" + r.Owner + ":" + r.Repo + "/" + r.ID,
		"CODEBUILD_BUILD_ID":                "sluice:" + r.ID,
		"CODEBUILD_BUILD_IMAGE":             "host",
		"CODEBUILD_BUILD_NUMBER":            strconv.Itoa(max(r.Attempt, 1)),
		"CODEBUILD_BUILD_SUCCEEDING":        "1",
		"CODEBUILD_INITIATOR":               "sluice/" + r.ExecutionID,
		"CODEBUILD_LOG_PATH":                r.ID,
		"CODEBUILD_PUBLIC_BUILD_URL":        e.o.Page(action),
		"CODEBUILD_RESOLVED_SOURCE_VERSION": r.SHA,
		"CODEBUILD_SOURCE_VERSION":          r.SHA,
		"CODEBUILD_SOURCE_REPO_URL":         r.CloneURL,
		"CODEBUILD_SRC_DIR":                 filepath.Join(work, srcFolder),
		"CODEBUILD_START_TIME":              strconv.FormatInt(time.Now().UnixMilli(), 10),
		"CODEBUILD_WEBHOOK_EVENT":           "PUSH",
		"CODEBUILD_WEBHOOK_TRIGGER":         "branch/" + r.Branch,
		"CODEBUILD_WEBHOOK_HEAD_REF":        "refs/heads/" + r.Branch,
		"CODEBUILD_WEBHOOK_PREV_COMMIT":     r.PreviousSHA,
	}
	if _, identifier, ok := strings.Cut(r.ID, batchMark); ok {
		own["CODEBUILD_BATCH_BUILD_IDENTIFIER"] = identifier
	}
	if r.ActorID != 0 {
		own["CODEBUILD_WEBHOOK_ACTOR_ACCOUNT_ID"] = strconv.FormatInt(r.ActorID, 10)
	}
	for name, value := range own {
		if value != "" || !strings.HasPrefix(name, "CODEBUILD_") { // what is not known is not set
			env[name] = value
		}
	}
	for name := range r.Inputs {
		env["CODEBUILD_SRC_DIR_"+strings.ReplaceAll(name, "-", "_")] = filepath.Join(work, inputsFolder, name)
	}
	return env
}

// useRuntimes puts the versions of languages that the buildspec wants into an environment, and returns what the log says
// of them. The error is a *document.Error.
func (e *Executor) useRuntimes(ctx context.Context, spec *Spec, env map[string]string) (said []string, err error) {
	chosen, err := e.chooseRuntimes(ctx, spec, env)
	if err != nil {
		return nil, err
	}
	for _, c := range chosen {
		said = append(said, fmt.Sprintf("Runtime %s %s is %s from %s", c.Name, c.Version, c.found, cmp.Or(c.home, "this host")))
		if c.home == "" {
			continue
		}
		env["PATH"] = filepath.Join(c.home, "bin") + ":" + env["PATH"]
		if c.Name == "java" {
			env["JAVA_HOME"] = c.home
		}
	}
	return said, nil
}

// list writes an environment as processes take it, sorted.
func list(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !strings.ContainsRune(env[name], 0) {
			out = append(out, name+"="+env[name])
		}
	}
	return out
}
