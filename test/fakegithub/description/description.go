// Package description compares what passes through the stand-in GitHub with GitHub's own description of its REST API, its schema of
// GraphQL and its description of webhooks (npm @octokit/openapi, @octokit/graphql-schema and @octokit/openapi-webhooks). It is apart from package fakegithub, so that the
// demonstration does not link a validator.
package description

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/sluicehq/sluice/internal/lazyregexp"
	"github.com/sluicehq/sluice/test/fakegithub"
)

// Description is GitHub's description of its API or of its webhooks, loaded. It may be shared by any number of servers.
type Description struct {
	doc        *openapi3.T
	graph      *ast.Schema // nil for webhooks
	exemptions []fakegithub.Exemption
}

// LoadAPI reads the description of the REST API and the schema of GraphQL from the folder of npm packages, test/node_modules. The
// error wraps fs.ErrNotExist where they are not installed. It takes a second: load it once per process.
func LoadAPI(modules string) (*Description, error) {
	d, err := load(filepath.Join(modules, "@octokit/openapi/generated/api.github.com.json"))
	if err != nil {
		return nil, err
	}
	if d.graph, err = loadGraph(filepath.Join(modules, "@octokit/graphql-schema/schema.graphql")); err != nil {
		return nil, fmt.Errorf("reading GitHub's schema of GraphQL (run npm ci in the folder test): %w", err)
	}
	return d, nil
}

// LoadWebhooks is as LoadAPI, for the description of webhooks.
func LoadWebhooks(modules string) (*Description, error) {
	return load(filepath.Join(modules, "@octokit/openapi-webhooks/generated/api.github.com.json"))
}

// load reads a description. Of the thousand operations only those the stand-in has are kept, which takes half a second instead of
// several. The description is not validated itself, since GitHub's has paths that conflict.
func load(path string) (*Description, error) {
	raw, err := os.ReadFile(path)
	if err == nil {
		raw, err = prune(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("reading GitHub's description (run npm ci in the folder test): %w", err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		return nil, fmt.Errorf("reading GitHub's description %s: %w", path, err)
	}
	return &Description{doc: doc, exemptions: fakegithub.Exemptions()}, nil
}

// Has tells whether GitHub's description has an operation, its path spelled as there.
func (d *Description) Has(method, path string) bool {
	if method == http.MethodPost && path == graphPath {
		return d.graph != nil
	}
	item := d.doc.Paths.Value(path)
	return item != nil && item.GetOperation(method) != nil
}

// sent are the names of the webhooks the stand-in sends.
var sent = lazyregexp.New(`^(` + strings.Join([]string{
	`check-run-(created|completed|requested-action|rerequested)`, `check-suite-(requested|rerequested|completed)`, `create`, `delete`, `push`, `status`,
	`deployment-created`, `deployment-status-created`, `installation-(created|deleted|new-permissions-accepted)`, `installation-repositories-(added|removed)`,
	`issue-comment-(created|edited|deleted)`, `issues-(opened|closed|reopened|edited|labeled|unlabeled|assigned)`, `member-(added|edited|removed)`,
	`membership-(added|removed)`, `merge-group-(checks-requested|destroyed)`, `release-(created|published|released|edited|deleted)`,
	`pull-request-(opened|closed|reopened|edited|synchronize|labeled|unlabeled|assigned|review-requested|enqueued|dequeued|ready-for-review|converted-to-draft)`, `pull-request-review-(submitted|edited|dismissed)`,
	`repository-(created|edited|archived|unarchived|renamed|transferred|deleted)`, `workflow-run-(requested|in-progress|completed)`,
}, "|") + `)$`)

var refRE = lazyregexp.New(`"#/components/([a-zA-Z]+)/([^"]+)"`)

// prune drops the operations the stand-in does not have, and the components that nothing refers to then.
func prune(raw []byte) ([]byte, error) {
	doc, err := members(raw)
	if err != nil {
		return nil, err
	}
	parts := map[string]map[string]json.RawMessage{}
	for _, key := range []string{"paths", "webhooks", "components"} {
		if len(doc[key]) == 0 {
			continue
		}
		if parts[key], err = members(doc[key]); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	paths, webhooks := parts["paths"], parts["webhooks"]
	components := map[string]map[string]json.RawMessage{}
	for kind, text := range parts["components"] {
		if components[kind], err = members(text); err != nil {
			return nil, fmt.Errorf("components/%s: %w", kind, err)
		}
	}
	has := map[string]bool{}
	for _, r := range fakegithub.Routes() {
		has[r.Path] = true
	}
	maps.DeleteFunc(paths, func(path string, _ json.RawMessage) bool { return !has[path] })
	maps.DeleteFunc(webhooks, func(name string, _ json.RawMessage) bool { return !sent.MatchString(name) })

	kept := map[string]map[string]json.RawMessage{}
	todo := slices.AppendSeq(slices.Collect(maps.Values(paths)), maps.Values(webhooks))
	if paths != nil {
		for _, name := range []string{refusalSchema, invalidSchema, invalidSimpleSchema} {
			todo = append(todo, json.RawMessage(`"#/components/schemas/`+name+`"`))
		}
	}
	for len(todo) > 0 {
		text := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, m := range refRE.Regexp().FindAllSubmatch(text, -1) {
			kind, name := string(m[1]), strings.NewReplacer("~1", "/", "~0", "~").Replace(string(m[2]))
			name, _, _ = strings.Cut(name, "/")
			if kept[kind][name] != nil || components[kind][name] == nil {
				continue
			}
			if kept[kind] == nil {
				kept[kind] = map[string]json.RawMessage{}
			}
			kept[kind][name] = components[kind][name]
			todo = append(todo, components[kind][name])
		}
	}
	out := map[string]any{"openapi": doc["openapi"], "info": doc["info"], "components": kept}
	if paths != nil {
		out["paths"] = paths
	}
	if webhooks != nil {
		out["webhooks"] = webhooks
	}
	return json.Marshal(out)
}
