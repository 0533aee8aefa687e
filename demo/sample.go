package demo

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"text/template"
)

// The sample application: a program that answers over HTTP with the version it was built as.
const sampleMain = `// Command orders takes orders and says which version it is.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

// version and revision are set by the build.
var version, revision = "unknown", "unknown"

func main() {
	if len(os.Args) == 2 && os.Args[1] == "check" {
		check("http://" + os.Getenv("LISTEN"))
		return
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "%s (%s)\n", greeting(version), revision) })
	srv := &http.Server{Addr: os.Getenv("LISTEN"), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(srv.ListenAndServe())
}

// check asks a running program until it answers, and fails when the answer does not say what answers.
func check(address string) {
	for try := 0; ; try++ {
		resp, err := http.Get(address)
		if err != nil && try < 200 {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		if !strings.HasPrefix(string(text), "orders ") {
			log.Fatalf("it answers %q, which does not name the program", strings.TrimSpace(string(text)))
		}
		return
	}
}
`

const sampleGreeting = `package main

func greeting(version string) string { return "orders " + version }
`

const sampleTest = `package main

import (
	"strings"
	"testing"
)

func TestGreeting(t *testing.T) {
	if got := greeting("1.0.0"); !strings.Contains(got, "1.0.0") {
		t.Errorf("%q does not say the version", got)
	}
}
`

// Without -trimpath, which would have the standard library compiled anew where this machine has built only Sluice.
const sampleBuildspec = `version: 0.2
env:
  variables:
    CGO_ENABLED: "0"
    GOFLAGS: -buildvcs=false
    GOTOOLCHAIN: local
    GOPROXY: "off"
    GOCACHE: {{.Cache}}
phases:
  pre_build:
    commands:
      - go test ./...
  build:
    commands:
      - go build -ldflags "-s -w -X main.version=${SLUICE_VERSION:-$SLUICE_IMAGE_TAG} -X main.revision=$SLUICE_REVISION" -o out/orders .
      - mkdir hosts && cp -r appspec.yml deploy out/orders hosts/
artifacts:
  base-directory: out
  files:
    - orders
  secondary-artifacts:
    hosts:
      base-directory: hosts
      files: ["**/*"]
`

// How the program comes to the hosts of development: each is a folder with an address of its own.
const sampleAppspec = `version: 0.0
os: linux
files:
  - { source: orders, destination: /srv/orders }
hooks:
  ApplicationStop: [{ location: deploy/stop, timeout: 20 }]
  ApplicationStart: [{ location: deploy/start, timeout: 20 }]
  ValidateService: [{ location: deploy/validate, timeout: 20 }]
`

const sampleAddress = `case $SLUICE_HOST in
{{range .Hosts}}{{.Name}}) LISTEN={{.Address}} ;;
{{end}}esac
export LISTEN
`

const sampleStart = `#!/bin/sh
. "$(dirname "$0")/address"
cd "$SLUICE_HOST_ROOT/srv/orders" || exit 1
./orders >orders.log 2>&1 </dev/null &
echo $! >orders.pid
`

const sampleStop = `#!/bin/sh
pid=$(cat "$SLUICE_HOST_ROOT/srv/orders/orders.pid") || exit 0
kill "$pid" || exit 0
while grep -q orders "/proc/$pid/cmdline" 2>/dev/null; do sleep 0.02; done
`

const sampleValidate = `#!/bin/sh
. "$(dirname "$0")/address"
exec "$SLUICE_HOST_ROOT/srv/orders/orders" check
`

const sampleConfig = `version: 1
app: orders
registries:
  development: {{.Development}}/orders
  production: {{.Production}}/orders
environments:
  development:
    deploy: { uses: appspec, with: { from: hosts, config: "1", hosts: [{{range $i, $h := .Hosts}}{{if $i}}, {{end}}{{$h.Name}}{{end}}] } }
  staging:
    deploy: { uses: process, with: { listen: "{{.Ports.staging}}", health: / } }
  production:
    approve: { teams: [qa] }
    promote: { teams: [release-managers], auto: false }
    deploy: { uses: process, with: { listen: "{{.Ports.production}}", health: / } }
pipelines:
{{- range .Kinds}}
  {{.Kind}}:
    stages:
      - name: Build
        actions:
          - { name: build, uses: buildspec, outputs: [orders, hosts] }
          - { name: image, uses: image, run_order: 2, inputs: [orders], with: { base: scratch, from: orders, workdir: /app, entrypoint: [/app/orders] } }
      - name: Deploy
        actions:
          - { name: {{.Environment}}, uses: deploy, with: { environment: {{.Environment}} } }
{{- end}}
`

// sample is the application's repository.
func (w *world) sample() (map[string]string, error) {
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		return nil, fmt.Errorf("the sample application is built with Go, which was not found: %w", err)
	}
	data := map[string]any{
		"Cache": strings.TrimSpace(string(cache)), "Development": w.development, "Production": w.production, "Ports": w.ports, "Hosts": w.hosts,
		"Kinds": []map[string]string{
			{"Kind": "feature", "Environment": "development"}, {"Kind": "development", "Environment": "development"},
			{"Kind": "release", "Environment": "staging"}, {"Kind": "hotfix", "Environment": "staging"},
		},
	}
	files := map[string]string{
		"go.mod": "module example.com/orders\n\ngo 1.24\n", "main.go": sampleMain, "greeting.go": sampleGreeting,
		"greeting_test.go": sampleTest, "README.md": "# orders\n\nA sample application.\n",
	}
	for name, text := range map[string]string{
		"buildspec.yml": sampleBuildspec, ".github/sluice.yml": sampleConfig, "appspec.yml": sampleAppspec, "deploy/address": sampleAddress,
		"deploy/start": sampleStart, "deploy/stop": sampleStop, "deploy/validate": sampleValidate,
	} {
		t, err := template.New(name).Parse(text)
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		if err := t.Execute(&out, data); err != nil {
			return nil, err
		}
		files[name] = out.String()
	}
	return files, nil
}
