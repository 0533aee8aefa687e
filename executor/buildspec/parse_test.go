package buildspec

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor/document"
)

func TestParse(t *testing.T) {
	got, err := Parse("ci/build.yml", []byte(`version: 0.2
env:
  shell: bash
  variables:
    KEY: "value"
  parameter-store: {DB: /shop/db}
  secrets-manager:
    A: shop/registry:password
    B: arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/x-AbCdEf:k::v1
    C: shop/y
    D: "shop/z::AWSPREVIOUS"
  exported-variables: [VERSION]
  git-credential-helper: yes
run-as: builder
proxy: {upload-artifacts: yes, logs: no}
batch: {fast-fail: yes, build-list: [{identifier: a, buildspec: b.yml, ignore-failure: true, env: {variables: {X: y}}}]}
phases:
  install:
    runtime-versions: {go: 1.22, nodejs: 20.x, java: corretto17, python: latest, ruby: $RUBY}
  build:
    on-failure: RETRY-2-timeout.*
    commands:
      - echo one
      - |
        echo two
        echo three
    finally:
      - 'echo done: yes'
artifacts:
  name: app-$(date +%Y)
  base-directory: my-*
  files: ["**/*"]
  exclude-paths: [./**/*.map]
  discard-paths: yes
  enable-symlinks: true
  s3-prefix: releases
  secondary-artifacts:
    docs: {files: [docs/**/*, $CODEBUILD_SRC_DIR/x/*]}
cache:
  key: go-$(codebuild-hash-files go.sum)
  fallback-keys: [go-]
  action: restore
  paths: [/root/.cache/go-build/**/*, ~/go/pkg, ./node_modules/]
reports:
  unit: {files: ['**/*.xml'], base-directory: out, file-format: JunitXml}
`))
	if err != nil {
		t.Fatal(err)
	}
	const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/x-AbCdEf"
	want := &Spec{
		File: "ci/build.yml", Shell: "/bin/bash", RunAs: &document.Name{Text: "builder", Line: 14}, GitCredentials: true, Variables: map[string]string{"KEY": "value"}, Exported: []document.Name{{Text: "VERSION", Line: 12}},
		Looked: []Lookup{
			{Variable: "DB", Line: 6, Parameter: "/shop/db"}, {Variable: "A", Line: 8, Secret: "shop/registry", Key: "password"},
			{Variable: "B", Line: 9, Secret: arn, Key: "k", Version: "v1"}, {Variable: "C", Line: 10, Secret: "shop/y"},
			{Variable: "D", Line: 11, Secret: "shop/z", Stage: "AWSPREVIOUS"},
		},
		Runtimes: []Runtime{
			{"golang", "1.22", 19}, {"nodejs", "20.x", 19}, {"java", "corretto17", 19}, {"python", "latest", 19}, {"ruby", "$RUBY", 19},
		},
		Phases: []Phase{{Name: Install, Line: 18}, {
			Name: Build, Line: 20, OnFailure: OnFailure{Action: Retry, Retries: 2, Pattern: "timeout.*"},
			Commands: []Command{{"echo one", 23}, {"echo two\necho three\n", 24}}, Finally: []Command{{"echo done: yes", 28}},
		}},
		Primary: &ArtifactSpec{
			Name: "app-$(date +%Y)", Line: 29, Files: []document.Name{{Text: "**/*", Line: 32}}, Exclude: []string{"**/*.map"}, Base: "my-*", Flat: true, Symlinks: true,
			Prefix: "releases",
		},
		Secondary: map[string]*ArtifactSpec{"docs": {Line: 38, Files: []document.Name{
			{Text: "docs/**/*", Line: 38}, {Text: "$CODEBUILD_SRC_DIR/x/*", Line: 38},
		}}},
		Reports: []ReportSpec{{Group: "unit", Line: 45, Format: "JUNITXML", Files: []document.Name{{Text: "**/*.xml", Line: 45}}, Base: "out"}},
		Cache: &CacheSpec{
			Line: 39, Key: "go-$(codebuild-hash-files go.sum)", Fallback: []string{"go-"}, Restore: true,
			Paths: []document.Name{{Text: "$HOME/.cache/go-build/**/*", Line: 43}, {Text: "$HOME/go/pkg", Line: 43}, {Text: "node_modules", Line: 43}},
		},
		Remarks: []document.Name{
			{Text: "proxy.upload-artifacts: they stay on this host, so they need no proxy", Line: 15},
		},
		Batch: &BatchSpec{Kind: "build-list", Line: 16, FastFail: true, Tasks: []Task{
			{Identifier: "a", Line: 16, Buildspec: "b.yml", Variables: map[string]string{"X": "y"}, IgnoreFailure: true},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestParseRefuses(t *testing.T) {
	const ok = "version: 0.2\nphases: {build: {commands: [make]}}\n"
	for name, tc := range map[string]struct{ in, want string }{
		"an unknown key":             {"version: 0.2\nphases:\n  build:\n    comands: [make]\n", `4:5: phases.build.comands is not known; known: commands, finally, on-failure, run-as, runtime-versions`},
		"an unknown phase":           {"version: 0.2\nphases:\n  test: {commands: [make]}\n", "3:3: phases.test is not known; known: install, pre_build, build, post_build"},
		"a missing version":          {"phases: {build: {commands: [make]}}\n", "1:1: version is missing; write version: 0.2"},
		"version 0.1":                {"version: 0.1\nphases: {build: {commands: [make]}}\n", "1:1: version 0.1 is not run, only 0.2"},
		"no phases":                  {"version: 0.2\n", "1:1: phases is missing"},
		"empty phases":               {"version: 0.2\nphases:\n", "2:1: phases has none of"},
		"no commands":                {"version: 0.2\nphases: {build: {finally: [x]}}\n", "phases.build.commands is missing"},
		"commands that are no list":  {"version: 0.2\nphases: {build: {commands: make}}\n", "phases.build.commands must be a list"},
		"a command with a colon":     {"version: 0.2\nphases:\n  build:\n    commands:\n      - echo a: b\n", "5:9: phases.build.commands: every entry must be a text; a command with a colon needs quotes"},
		"a duplicate key":            {ok + "version: 0.2\n", "3:1: version is there twice, first in line 1"},
		"a second document":          {"---\n" + ok + "---\n" + ok, "4:1: a second document"},
		"an alias of nothing":        {"version: 0.2\nphases: *p\n", "2:9: no value above is called &p"},
		"a glob without quotes":      {ok + "artifacts:\n  files:\n    - **/*\n", "; a text that begins with * needs quotes"},
		"a tag":                      {"version: !!python/object/apply:os.system 0.2\n", "1:10: tags are not read"},
		"no YAML":                    {"version: [0.2\n", "this is not YAML"},
		"nothing":                    {"", "the file is empty"},
		"a scalar":                   {"make", "a buildspec must be a mapping"},
		"runtime-versions elsewhere": {"version: 0.2\nphases: {build: {runtime-versions: {go: 1.22}, commands: [x]}}\n", "phases.build.runtime-versions belongs to phases.install"},
		"a runtime of AWS's images":  {"version: 0.2\nphases: {install: {runtime-versions: {android: 28}}}\n", "runtime-versions.android is part of AWS's images"},
		"a runtime nobody knows":     {"version: 0.2\nphases: {install: {runtime-versions: {cobol: 85}}}\n", "runtime-versions.cobol is not known"},
		"a runtime twice":            {"version: 0.2\nphases:\n  install:\n    runtime-versions:\n      go: 1.22\n      golang: 1.23\n", "6:7: phases.install.runtime-versions.golang is there twice, first in line 5"},
		"a runtime of no version":    {"version: 0.2\nphases: {install: {runtime-versions: {go: '1.22; rm'}}}\n", `"1.22; rm" is not a version`},
		"a breakpoint":               {"version: 0.2\nphases:\n  build:\n    commands:\n      - make\n      - codebuild-breakpoint\n", "6:9: phases.build.commands: codebuild-breakpoint needs AWS Session Manager"},
		"PowerShell":                 {ok + "env: {shell: powershell.exe}\n", "env.shell powershell.exe needs Windows"},
		"proxy of another kind":      {ok + "proxy: {all: yes}\n", "proxy.all is not known; known: logs, upload-artifacts"},
		"a parameter without a name": {ok + "env: {parameter-store: {A: 'a b'}}\n", `"a b" is not the name of a parameter`},
		"a parameter for LD_PRELOAD": {ok + "env: {parameter-store: {LD_PRELOAD: /a}}\n", "env.parameter-store.LD_PRELOAD is refused"},
		"a secret's stage and id":    {ok + "env: {secrets-manager: {A: 's:k:AWSCURRENT:v1'}}\n", "names a stage and a version"},
		"a secret of many parts":     {ok + "env: {secrets-manager: {A: 's:k:a:b:c'}}\n", "too many parts"},
		"a secret's ARN of another":  {ok + "env: {secrets-manager: {A: 'arn:aws:s3:::b'}}\n", "is not the ARN of a secret"},
		"a variable looked up twice": {ok + "env:\n  parameter-store: {A: /a}\n  secrets-manager: {A: s}\n", "5:21: env.secrets-manager.A is in env.parameter-store too, in line 4"},
		"a secret exported":          {ok + "env: {parameter-store: {A: /a}, exported-variables: [A]}\n", "A is a secret from env.parameter-store, and is not handed on"},
		"a batch of nothing":         {ok + "batch: {fast-fail: true}\n", "3:1: batch has none of build-list"},
		"a batch of two kinds":       {ok + "batch: {build-list: [{identifier: a}], build-graph: [{identifier: b}]}\n", "batch has build-list and build-graph; it has one"},
		"a computer of AWS's":        {ok + "batch:\n  build-list:\n    - identifier: a\n      env: {compute-type: BUILD_GENERAL1_LARGE}\n", "6:13: batch.build-list.env.compute-type chooses a computer of AWS's"},
		"a debug session":            {ok + "batch: {build-graph: [{identifier: a, debug-session: true}]}\n", "batch.build-graph.debug-session needs AWS Session Manager"},
		"a task without identifier":  {ok + "batch: {build-list: [{buildspec: b.yml}]}\n", "a task has no identifier"},
		"a task after nothing":       {ok + "batch: {build-graph: [{identifier: a, depend-on: [b]}]}\n", "3:9: batch.build-graph.depend-on: there is no task b (line 3)"},
		"a circle":                   {ok + "batch: {build-graph: [{identifier: a, depend-on: [c]}, {identifier: b}, {identifier: c, depend-on: [a]}]}\n", "batch.build-graph.depend-on: a, c wait for each other"},
		"a task twice":               {ok + "batch: {build-list: [{identifier: a}, {identifier: a}]}\n", "batch.build-list: two tasks are called a"},
		"no tasks":                   {ok + "batch: {build-list: []}\n", "3:1: batch.build-list has no builds"},
		"a matrix of nothing":        {ok + "batch: {build-matrix: {dynamic: {env: {variables: {A: []}}}}}\n", "3:1: batch.build-matrix has no builds"},
		"a task of another file":     {ok + "batch: {build-list: [{identifier: a, buildspec: ../b.yml}]}\n", `batch.build-list.buildspec: "../b.yml" is not a path below`},
		"a task's LD_PRELOAD":        {ok + "batch: {build-list: [{identifier: a, env: {variables: {LD_PRELOAD: x}}}]}\n", "batch.build-list.env.variables.LD_PRELOAD is refused"},
		"a matrix of many":           {ok + "batch: {build-matrix: {dynamic: {env: {variables: {A: [1,2,3,4,5], B: [1,2,3,4,5], C: [1,2,3,4,5]}}}}}\n", "at most 100 are run"},
		"a matrix of computers":      {ok + "batch: {build-matrix: {dynamic: {env: {compute-type: [a, b]}}}}\n", "batch.build-matrix.dynamic.env.compute-type chooses a computer of AWS's"},
		"a cache of nothing":         {ok + "cache: {key: x}\n", "3:1: cache.paths is missing"},
		"a cache of the host":        {ok + "cache: {paths: [/var/lib/docker/**/*]}\n", "cache.paths: /var/lib/docker/**/* is outside of the source and of HOME"},
		"a cache above":              {ok + "cache: {paths: ['~/../x']}\n", "is not a path below the source's root"},
		"six fallback keys":          {ok + "cache: {paths: [x], key: k, fallback-keys: [a, b, c, d, e, f]}\n", "6 keys; at most 5 are tried"},
		"a cache that does nothing":  {ok + "cache: {paths: [x], action: none}\n", `cache.action: "none"; want restore or save`},
		"run-as nobody's name":       {ok + "run-as: 'a b'\n", `3:1: run-as: "a b" is not the name of a user`},
		"run-as of a phase":          {"version: 0.2\nphases: {build: {run-as: '$X', commands: [make]}}\n", `phases.build.run-as: "$X" is not the name of a user`},
		"reports without files":      {ok + "reports: {unit: {base-directory: x}}\n", "3:11: reports.unit.files is missing"},
		"reports of no format":       {ok + "reports: {unit: {files: [x], file-format: PDF}}\n", `reports.unit.file-format: report format "PDF": want one of CLOVERXML`},
		"six groups of reports":      {ok + "reports: {a1: {files: [x]}, a2: {files: [x]}, a3: {files: [x]}, a4: {files: [x]}, a5: {files: [x]}, a6: {files: [x]}}\n", "6 groups of reports; at most 5"},
		"a group of no name":         {ok + "reports: {'arn:aws:s3:::b': {files: [x]}}\n", "is neither the name nor the ARN of a group"},
		"a shell there is not":       {ok + "env: {shell: fish}\n", "env.shell fish is not run"},
		"LD_PRELOAD":                 {ok + "env:\n  variables:\n    LD_PRELOAD: /x\n", "5:5: env.variables.LD_PRELOAD is refused: it changes what programs load"},
		"PATH":                       {ok + "env: {variables: {PATH: /x}}\n", "env.variables.PATH is refused"},
		"GIT_SSH":                    {ok + "env: {variables: {GIT_SSH: /x}}\n", "env.variables.GIT_SSH is refused"},
		"BASH_ENV":                   {ok + "env: {variables: {BASH_ENV: /x}}\n", "env.variables.BASH_ENV is refused"},
		"SLUICE_IMAGE":               {ok + "env: {variables: {SLUICE_IMAGE: x}}\n", "env.variables.SLUICE_IMAGE is refused: the name is reserved"},
		"CODEBUILD_BUILD_ID":         {ok + "env: {variables: {CODEBUILD_BUILD_ID: x}}\n", "the name is reserved"},
		"a variable that is no name": {ok + "env: {variables: {A-B: x}}\n", "env.variables.A-B is not a variable's name"},
		"AWS_ exported":              {ok + "env: {exported-variables: [AWS_SECRET]}\n", "AWS_SECRET is not exported"},
		"on-failure":                 {"version: 0.2\nphases: {build: {on-failure: STOP, commands: [x]}}\n", `"STOP" is not ABORT`},
		"on-failure 101":             {"version: 0.2\nphases: {build: {on-failure: RETRY-101, commands: [x]}}\n", "at most 100 retries"},
		"on-failure regex":           {"version: 0.2\nphases: {build: {on-failure: 'RETRY-1-(', commands: [x]}}\n", "missing closing"},
		"artifacts without files":    {ok + "artifacts: {name: x}\n", "artifacts.files is missing"},
		"artifacts above":            {ok + "artifacts: {files: [../x]}\n", `"../x" is not a path below the source's root`},
		"artifacts elsewhere":        {ok + "artifacts: {files: [/etc/passwd]}\n", "is not a path below the source's root"},
		"artifacts by a command":     {ok + "artifacts: {files: ['$(ls)/y']}\n", "only variables are expanded in paths"},
		"artifacts by a bad glob":    {ok + "artifacts: {files: ['[']}\n", `"[" is not a pattern`},
		"an artifact that is a path": {ok + "artifacts: {files: [x], secondary-artifacts: {../x: {files: [y]}}}\n", "is not an identifier"},
		"5,000 commands":             {"version: 0.2\nphases: {build: {commands: [" + strings.Repeat("x,", 5000) + "x]}}\n", "5001 commands; at most 1000 are run"},
		"1 MB of text":               {ok + "#" + strings.Repeat("x", 1<<20), "at most 262144 are read"},
		"100,000 brackets":           {strings.Repeat("[", 100_000), "100000 brackets"},
		"1,000 brackets":             {"a: " + strings.Repeat("[", 1000), "nested deeper than 32"},
		"1,000 dashes":               {strings.Repeat("- ", 1000) + "x", "nested deeper than 32"},
		"bytes that are no text":     {"version: \xff", "not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := Parse("b.yml", []byte(tc.in))
			var errs document.Errors
			if spec != nil || !errors.As(err, &errs) {
				t.Fatalf("%+v, %v; want Errors", spec, err)
			}
			if !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "b.yml:") {
				t.Errorf("error %q, want %q", err, tc.want)
			}
		})
	}
}

func TestParseReadsWhatWindowsWrites(t *testing.T) {
	s, err := Parse("b.yml", []byte("\xef\xbb\xbfversion: 0.2\r\nphases:\r\n  build:\r\n    commands:\r\n      - |\r\n        a\r\n        b\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Command{{"a\nb\n", 5}}, s.Phases[0].Commands); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestParseReportsEverythingAtOnce(t *testing.T) {
	_, err := Parse("b.yml", []byte("version: 0.1\ncache: {}\nphases:\n  build: {x: y}\nrun-as: A\n"))
	var errs document.Errors
	if !errors.As(err, &errs) {
		t.Fatal(err)
	}
	var lines []int
	for _, e := range errs {
		lines = append(lines, e.Line)
	}
	if diff := cmp.Diff([]int{1, 2, 4, 4, 5}, lines); diff != "" {
		t.Errorf("lines (-want +got)\n%s\n%v", diff, err)
	}
}

// What is there in the wrong form is not missing as well.
func TestParseSaysOneThing(t *testing.T) {
	const ok = "version: 0.2\nphases: {build: {commands: [make]}}\n"
	for in, want := range map[string]string{
		ok + "artifacts: {files: {a: b}}\n":                              "3:13: artifacts.files must be a list",
		ok + "artifacts: {files: }\n":                                    "3:13: artifacts.files must be a list",
		ok + "artifacts: {files: []}\n":                                  "3:1: artifacts.files is empty",
		ok + "artifacts: {files: [{a: b}]}\n":                            "3:21: artifacts.files: every entry must be a text",
		ok + "artifacts: {}\n":                                           "3:1: artifacts.files is missing",
		ok + "artifacts: dist\n":                                         "3:12: artifacts must be a mapping",
		ok + "artifacts: {files: [x], secondary-artifacts: {a: dist}}\n": "3:50: artifacts.secondary-artifacts.a must be a mapping",
		ok + "artifacts: {secondary-artifacts: {a: {files: {b: c}}}}\n":  "3:39: artifacts.secondary-artifacts.a.files must be a list",
		ok + "artifacts: {secondary-artifacts: {a: {files: []}}}\n":      "3:35: artifacts.secondary-artifacts.a.files is empty",
		ok + "cache: {paths: {x: y}}\n":                                  "3:9: cache.paths must be a list",
		ok + "cache: x\n":                                                "3:8: cache must be a mapping",
		ok + "reports: {unit: {files: {x: y}}}\n":                        "3:18: reports.unit.files must be a list",
		ok + "reports: {unit: x}\n":                                      "3:17: reports.unit must be a mapping",
		"version: 0.2\nphases: {build: {commands: make}}\n":              "2:18: phases.build.commands must be a list",
		"version: 0.2\nphases: {build: make}\n":                          "2:17: phases.build must be a mapping",
	} {
		_, err := Parse("b.yml", []byte(in))
		if err == nil || err.Error() != "b.yml:"+want {
			t.Errorf("%s\ngot  %v\nwant %s", in, err, want)
		}
	}
}

// With secondary artifacts alone, as pipelines have them, there is no primary one, and the log says what CodeBuild makes of it.
func TestParseSecondaryArtifactsAlone(t *testing.T) {
	for artifacts, remarks := range map[string][]document.Name{
		"artifacts: {secondary-artifacts: {app: {files: [x]}}}\n": {
			{Text: "artifacts.files is missing, so there are only secondary artifacts; CodeBuild refuses that outside of CodePipeline", Line: 3},
		},
		"artifacts: {files: [], secondary-artifacts: {app: {files: [x]}}}\n": nil,
	} {
		s, err := Parse("b.yml", []byte("version: 0.2\nphases: {build: {commands: [make]}}\n"+artifacts))
		if err != nil {
			t.Errorf("%s: %v", artifacts, err)
			continue
		}
		want := map[string]*ArtifactSpec{"app": {Line: s.Secondary["app"].Line, Files: []document.Name{{Text: "x", Line: 3}}}}
		if diff := cmp.Diff(want, s.Secondary); diff != "" || s.Primary != nil {
			t.Errorf("%s: primary %+v (-want +got)\n%s", artifacts, s.Primary, diff)
		}
		if diff := cmp.Diff(remarks, s.Remarks); diff != "" {
			t.Errorf("%s: remarks (-want +got)\n%s", artifacts, diff)
		}
	}
}

// Whatever the file, Parse answers, and what it accepts keeps its promises.
func FuzzParse(f *testing.F) {
	f.Add([]byte("version: 0.2\nenv: {variables: {A: b}}\nphases:\n  build:\n    commands:\n      - |\n        make\nartifacts: {files: ['**/*'], base-directory: out}\n"))
	f.Add([]byte("version: 0.2\nphases: {install: {on-failure: RETRY-3-x, finally: [y]}}"))
	f.Add([]byte("- - - {[}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse("b.yml", b)
		if err != nil {
			if s != nil {
				t.Error("both a spec and an error")
			}
			return
		}
		if len(s.Phases) == 0 {
			t.Error("no phases")
		}
		for name := range s.Variables {
			if dangerous(name) != "" || !nameRE.MatchString(name) {
				t.Errorf("variable %q", name)
			}
		}
		for _, a := range append([]*ArtifactSpec{s.Primary}, s.Secondary["x"]) {
			if a == nil {
				continue
			}
			for _, p := range a.Files {
				if filepath.IsAbs(p.Text) || strings.HasPrefix(p.Text, "..") {
					t.Errorf("path %q", p.Text)
				}
			}
		}
	})
}

func TestReadSpecStaysInTheClone(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret.yml")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	src := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(src, "buildspec.yml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(src, "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"buildspec.yml": "no regular file", "dir": "no regular file", "gone.yml": "no such file",
	} {
		if b, err := readSpec(src, file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v; want %q", file, b, err, want)
		}
	}
}
