package buildspec

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pipeline"
)

// What CodeBuild's guide says about how a build runs, sentence by sentence.
func TestSemantics(t *testing.T) {
	for _, tc := range []struct {
		name    string
		spec    []string
		status  pipeline.Status
		said    []string
		summary string
	}{
		{"phases run in their order, whatever theirs in the file", []string{
			"phases:", "  post_build: {commands: [echo 4]}", "  build: {commands: [echo 3]}",
			"  pre_build: {commands: [echo 2]}", "  install: {commands: [echo 1]}",
		}, pipeline.Succeeded, []string{"1", "2", "3", "4"}, ""},

		{"all commands share one shell", []string{
			"phases:", "  install: {commands: [mkdir sub, cd sub, 'X=1', 'export Y=2', 'f() { echo f$1; }']}",
			"  build: {commands: ['echo ${PWD##*/} $X $Y', f 3, 'sh -c \"echo $X-$Y\"', 'sh -c ''echo [$X] $Y''']}",
		}, pipeline.Succeeded, []string{"sub 1 2", "f3", "1-2", "[] 2"}, ""},

		{"a multi-line block is one command, judged by its last status", []string{
			"phases:", "  build:", "    commands:", "      - |", "        false", "        echo on", "      - |", "        set -e", "        false", "        echo off",
		}, pipeline.Failed, []string{"on"}, "phase build failed: COMMAND_EXECUTION_ERROR: Error while executing command: set -e …. Reason: exit status 1"},

		{"the first failure skips the rest of the list, finally runs", []string{
			"phases:", "  build:", "    commands: [echo a, 'sh -c \"exit 7\"', echo b]", "    finally: [echo c $CODEBUILD_BUILD_SUCCEEDING]",
		}, pipeline.Failed, []string{"a", "c 0"}, "Reason: exit status 7"},

		{"finally alone can fail a phase, and skips its own rest", []string{
			"phases:", "  build: {commands: [echo a], finally: [false, echo b]}", "  post_build: {commands: [echo c $CODEBUILD_BUILD_SUCCEEDING]}",
		}, pipeline.Failed, []string{"a", "c 0"}, "phase build failed"},

		{"a failed install ends the build", []string{
			"phases:", "  install: {commands: [false], finally: [echo f]}", "  pre_build: {commands: [echo p]}", "  build: {commands: [echo b]}", "  post_build: {commands: [echo q]}",
		}, pipeline.Failed, []string{"f"}, "phase install failed"},

		{"a failed pre_build ends the build", []string{
			"phases:", "  pre_build: {commands: [false]}", "  build: {commands: [echo b]}", "  post_build: {commands: [echo q]}",
		}, pipeline.Failed, nil, "phase pre_build failed"},

		{"a failed build still runs post_build, which can tell", []string{
			"phases:", "  pre_build: {commands: [echo $CODEBUILD_BUILD_SUCCEEDING]}", "  build: {commands: [false]}", "  post_build: {commands: [echo $CODEBUILD_BUILD_SUCCEEDING]}",
		}, pipeline.Failed, []string{"1", "0"}, "phase build failed"},

		{"on-failure ABORT ends it", []string{
			"phases:", "  build: {on-failure: ABORT, commands: [false]}", "  post_build: {commands: [echo q]}",
		}, pipeline.Failed, nil, "phase build failed"},

		{"on-failure CONTINUE goes on, and the build has failed", []string{
			"phases:", "  install: {on-failure: CONTINUE, commands: [false]}", "  build: {commands: [echo b $CODEBUILD_BUILD_SUCCEEDING]}",
		}, pipeline.Failed, []string{"b 0"}, "phase install failed"},

		{"a command that ends the shell is judged by its status, the next finds folder and environment", []string{
			"phases:", "  build: {commands: ['export X=1; mkdir d; cd d', 'exit 0', 'echo $X ${PWD##*/}', 'exit 4', echo no], finally: ['echo fin $X']}",
		}, pipeline.Failed, []string{"1 d", "fin 1"}, "Reason: exit status 4"},

		{"so is exec, a syntax error, an unset variable, a signal", []string{
			"phases:", "  build: {on-failure: CONTINUE, commands: ['exec echo replaced', 'echo on', 'if then'], finally: ['set -u; echo $NOPE']}",
			"  post_build: {commands: ['kill -9 $$'], finally: [echo end]}",
		}, pipeline.Failed, []string{"replaced", "on", "end"}, "phase build failed"},

		{"a command has no input and no descriptors of the shell's", []string{
			"phases:", "  build: {commands: ['read x || echo none', 'echo x 2>/dev/null >&9 || echo nine', 'read y 2>/dev/null <&8 || echo eight']}",
		}, pipeline.Succeeded, []string{"none", "nine", "eight"}, ""},

		{"what runs in the background does not hold the build up", []string{
			"phases:", "  build: {commands: ['sleep 1000 & echo started', 'nohup sleep 1000 >/dev/null 2>&1 & (setsid sleep 1000 &)']}",
		}, pipeline.Succeeded, []string{"started"}, ""},

		{"variables are literal and the shell can be bash", []string{
			"env:", "  shell: bash", "  variables: {A: '$HOME:x', B: 1.10, C: '', 'D': yes}",
			"phases:", "  build: {commands: ['echo \"$A\" $B [$C] $D', 'a=(1 2); echo ${#a[@]}']}",
		}, pipeline.Succeeded, []string{"$HOME:x 1.10 [] yes", "2"}, ""},

		{"values of the request stay values", []string{
			"phases:", "  build: {commands: ['echo \"$SLUICE_BRANCH\" $SLUICE_VERSION', 'test ! -e /tmp/never']}",
		}, pipeline.Succeeded, []string{"release/1.4.0; touch /tmp/never 1.4.0"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, spec(tc.spec...))
			got := w.run(w.executor(), request("ex-1-1-1"))
			if got.Status != tc.status || !strings.Contains(got.Summary, tc.summary) {
				t.Errorf("%s (%s), want %s (%s)", got.Status, got.Summary, tc.status, tc.summary)
			}
			lines := said(got.Log)
			for i, l := range lines { // what a shell says of its own trouble differs
				if strings.Contains(l, "command-0") || strings.Contains(l, "Killed") {
					lines[i] = ""
				}
			}
			lines = strings.Fields(strings.Join(lines, "\n"))
			if diff := cmp.Diff(strings.Fields(strings.Join(tc.said, "\n")), lines); diff != "" {
				t.Errorf("(-want +got)\n%s\n%s", diff, got.Log)
			}
		})
	}
}

func TestRetryBeginsAgain(t *testing.T) {
	for _, tc := range []struct {
		name, onFailure string
		works           int // the try, from 0, that succeeds
		status          pipeline.Status
		clones          int
	}{
		{"RETRY-n until it works", "RETRY-2", 2, pipeline.Succeeded, 3},
		{"RETRY-n and not more", "RETRY-1", 5, pipeline.Failed, 2},
		{"RETRY is three times", "RETRY", 9, pipeline.Failed, 4},
		{"RETRY-regex that matches", "RETRY-5-.*exit status 3", 1, pipeline.Succeeded, 2},
		{"RETRY-regex without a number is three times", "RETRY-.*exit status 3", 9, pipeline.Failed, 4},
		{"RETRY-regex that does not", "RETRY-5-.*exit status 4", 1, pipeline.Failed, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			count := w.dir + "/count"
			w.src.files = spec("phases:", "  build: {on-failure: '"+tc.onFailure+"', commands: ['echo x >> "+count+
				"', 'test ! -e left || exit 9', 'touch left', 'test $(wc -l < "+count+") -gt "+string(rune('0'+tc.works))+" || exit 3']}")
			got := w.run(w.executor(), request("ex-1-1-1"))
			if got.Status != tc.status || w.src.clones != tc.clones {
				t.Errorf("%s (%s) after %d clones, want %s after %d", got.Status, got.Summary, w.src.clones, tc.status, tc.clones)
			}
		})
	}
}
