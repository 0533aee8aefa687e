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
	"log"
	"net/http"
	"os"
	"time"
)

// version is set by the build.
var version = "unknown"

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, greeting(version)) })
	srv := &http.Server{Addr: os.Getenv("LISTEN"), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(srv.ListenAndServe())
}
`

const sampleGreeting = `package main

func greeting(version string) string { return "orders " + version }
`

const sampleTest = `package main

import "testing"

func TestGreeting(t *testing.T) {
	if got := greeting("1.0.0"); got == "" {
		t.Error("it says nothing")
	}
}
`

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
      - go vet ./...
  build:
    commands:
      - go build -trimpath -ldflags "-s -w -X main.version=${SLUICE_VERSION:-$SLUICE_IMAGE_TAG}" -o out/orders .
artifacts:
  base-directory: out
  files:
    - orders
`

const sampleConfig = `version: 1
app: orders
registries:
  development: {{.Development}}/orders
  production: {{.Production}}/orders
environments:
  development:
    deploy: { uses: process, with: { listen: "{{.Ports.development}}", health: / } }
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
          - { name: build, uses: buildspec, outputs: [orders] }
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
		"Cache": strings.TrimSpace(string(cache)), "Development": w.development, "Production": w.production, "Ports": w.ports,
		"Kinds": []map[string]string{
			{"Kind": "feature", "Environment": "development"}, {"Kind": "development", "Environment": "development"},
			{"Kind": "release", "Environment": "staging"}, {"Kind": "hotfix", "Environment": "staging"},
		},
	}
	files := map[string]string{
		"go.mod": "module example.com/orders\n\ngo 1.24\n", "main.go": sampleMain, "greeting.go": sampleGreeting,
		"greeting_test.go": sampleTest, "README.md": "# orders\n\nA sample application.\n",
	}
	for name, text := range map[string]string{"buildspec.yml": sampleBuildspec, ".github/sluice.yml": sampleConfig} {
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
