package fakegithub

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// pageStyle is plain, and light or dark as the reader's system is.
const pageStyle = `:root{color-scheme:light dark;--line:#8884;--soft:#8881}body{font:16px/1.5 system-ui,sans-serif;margin:0}main{max-width:56rem;margin:0 auto;padding:1.5rem 1rem}
h1{font-size:1.5rem;margin:.2em 0}h2{font-size:1.1rem;margin-top:1.6em}a{color:light-dark(#0550ae,#79b8ff);text-decoration:none}a:hover{text-decoration:underline}
code,pre{font:13px/1.5 ui-monospace,monospace}pre{background:var(--soft);padding:.8em;border-radius:6px;overflow:auto;white-space:pre-wrap}
.list{list-style:none;padding:0;border:1px solid var(--line);border-radius:8px}.list li{padding:.6em .9em;border-top:1px solid var(--line)}.list li:first-child{border-top:0}
.tag{font-size:.8rem;border:1px solid var(--line);border-radius:1em;padding:.1em .6em;margin-right:.4em}.soft{opacity:.7}
.good{color:light-dark(#116329,#56d364)}.bad{color:light-dark(#a40e26,#ff7b72)}.wait{color:light-dark(#7d4e00,#e3b341)}
.card{border:1px solid var(--line);border-radius:8px;margin:.8em 0}.card>header{background:var(--soft);padding:.4em .9em;border-radius:8px 8px 0 0}.card>div{padding:.2em .9em;overflow-x:auto}
table{border-collapse:collapse;margin:.6em 0}td,th{border:1px solid var(--line);padding:.25em .7em;text-align:left}blockquote{margin:.6em 0;padding-left:.8em;border-left:3px solid var(--line)}h3{font-size:1rem;margin:.8em 0 .3em}`

var pageTemplates = template.Must(template.New("pages").Funcs(template.FuncMap{"mood": mood, "short": short7, "markdown": markdown}).Parse(`
{{define "head"}}<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.}}</title><style>` + pageStyle + `</style></head><body><main>{{end}}
{{define "foot"}}</main></body></html>{{end}}
{{define "checks"}}{{if .}}<ul class="list">{{range .}}<li><span class="{{mood .Result}}">{{.Result}}</span> <strong>{{.Name}}</strong> {{.Title}}{{if .URL}} · <a href="{{.URL}}">details</a>{{end}}{{if .Summary}}<details><summary class="soft">summary</summary><div>{{markdown .Summary}}</div></details>{{end}}</li>{{end}}</ul>{{else}}<p class="soft">None.</p>{{end}}{{end}}
{{define "home"}}{{template "head" "Stand-in GitHub"}}<h1>Stand-in GitHub</h1><ul class="list">{{range .Repos}}<li><a href="/{{.}}">{{.}}</a></li>{{end}}</ul>{{template "foot"}}{{end}}
{{define "repo"}}{{template "head" .Name}}<h1>{{.Name}}</h1><h2>Pull requests</h2>{{if .Pulls}}<ul class="list">{{range .Pulls}}<li><span class="tag {{mood .State}}">{{.State}}</span><a href="/{{$.Name}}/pull/{{.Number}}">#{{.Number}} {{.Title}}</a> <span class="soft">{{.Head}} → {{.Base}} by {{.Author}}</span></li>{{end}}</ul>{{else}}<p class="soft">None.</p>{{end}}
<h2>Branches</h2><ul class="list">{{range .Branches}}<li><a href="/{{$.Name}}/commit/{{.SHA}}"><code>{{short .SHA}}</code></a> {{.Name}}</li>{{end}}</ul>
<h2>Tags</h2>{{if .Tags}}<ul class="list">{{range .Tags}}<li><a href="/{{$.Name}}/commit/{{.SHA}}"><code>{{short .SHA}}</code></a> {{.Name}}</li>{{end}}</ul>{{else}}<p class="soft">None.</p>{{end}}
<h2>Deployments</h2>{{if .Deployments}}<ul class="list">{{range .Deployments}}<li><span class="{{mood .Result}}">{{.Result}}</span> <strong>{{.Name}}</strong> <code>{{short .SHA}}</code> {{.Title}}</li>{{end}}</ul>{{else}}<p class="soft">None.</p>{{end}}
<h2>Releases</h2>{{if .Releases}}{{range .Releases}}<div class="card"><header><strong>{{.Name}}</strong> <span class="soft">{{.Title}}</span></header><div>{{markdown .Summary}}</div></div>{{end}}{{else}}<p class="soft">None.</p>{{end}}{{template "foot"}}{{end}}
{{define "pull"}}{{template "head" .Title}}<p><a href="/{{.Repo}}">{{.Repo}}</a></p><h1>{{.Title}} <span class="soft">#{{.Number}}</span></h1>
<p><span class="tag {{mood .State}}">{{.State}}</span>{{.Author}} wants to merge <code>{{.Head}}</code> into <code>{{.Base}}</code> at <a href="/{{.Repo}}/commit/{{.SHA}}"><code>{{short .SHA}}</code></a>{{if eq .State "open"}} · <span class="soft">{{.Mergeable}}</span>{{end}}</p>
{{if .Body}}<div class="card"><div>{{markdown .Body}}</div></div>{{end}}<h2>Checks</h2>{{template "checks" .Checks}}<h2>Conversation</h2>
{{range .Comments}}<div class="card"><header><strong>{{.Author}}</strong> <span class="soft">{{.When}}</span> {{.Reactions}}</header><div>{{markdown .Body}}</div></div>{{else}}<p class="soft">No comments.</p>{{end}}{{template "foot"}}{{end}}
{{define "commit"}}{{template "head" .Title}}<p><a href="/{{.Repo}}">{{.Repo}}</a></p><h1>{{.Title}}</h1><p><code>{{.SHA}}</code> <span class="soft">by {{.Author}}</span></p>
{{if .Body}}<pre>{{.Body}}</pre>{{end}}<h2>Checks</h2>{{template "checks" .Checks}}<h2>Files</h2><ul class="list">{{range .Files}}<li><span class="tag">{{.State}}</span>{{.Name}}</li>{{end}}</ul>{{template "foot"}}{{end}}
`))

func mood(state string) string {
	switch state {
	case "success", "open", "merged", "neutral":
		return "good"
	case "failure", "error", "timed_out", "closed", "cancelled":
		return "bad"
	case "queued", "in_progress", "pending", "waiting", "action_required":
		return "wait"
	}
	return ""
}

func short7(sha string) string { return sha[:min(7, len(sha))] }

// line is one entry of a list on a page.
type line struct{ Name, SHA, Title, Result, Summary, URL, State string }

// servePage shows repositories, pull requests and commits to people, without sign-in: the stand-in listens on loopback.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	name, data := "", any(nil)
	s.mu.Lock()
	switch {
	case parts[0] == "":
		name, data = "home", s.homePage()
	case len(parts) >= 2:
		if repo := s.repoNamed(parts[0] + "/" + parts[1]); repo != nil {
			name, data = s.repoPage(repo, parts[2:])
		}
	}
	s.mu.Unlock()
	var b bytes.Buffer
	if name == "" {
		http.NotFound(w, r)
		return
	}
	if err := pageTemplates.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_, _ = w.Write(b.Bytes()) // the browser went away
}

func (s *Server) sortedAccounts() []*Account {
	return slices.SortedFunc(maps.Values(s.accounts), func(a, b *Account) int { return cmp.Compare(a.ID, b.ID) })
}

func (s *Server) homePage() any {
	var names []string
	for _, r := range s.sortedRepos() {
		names = append(names, r.fullName())
	}
	return map[string]any{"Repos": names}
}

func (s *Server) repoPage(r *repository, rest []string) (string, any) {
	switch {
	case len(rest) == 0:
		return "repo", s.overview(r)
	case len(rest) >= 2 && (rest[0] == "pull" || rest[0] == "issues"):
		if i := r.issues[atoi(rest[1])]; i != nil {
			return "pull", s.pullPage(r, i)
		}
	case len(rest) >= 2 && (rest[0] == "commit" || rest[0] == "tree"):
		if sha, err := r.git.Resolve(strings.Join(rest[1:], "/")); err == nil {
			return "commit", s.commitPage(r, sha)
		}
	case rest[0] == "releases":
		return "repo", s.overview(r)
	case len(rest) == 2 && rest[0] == "runs":
		for _, x := range r.checks {
			if x.ID == int64(atoi(rest[1])) {
				return "commit", s.commitPage(r, x.SHA)
			}
		}
	}
	return "", nil
}

func (i *Issue) stateWord() string {
	switch {
	case i.Pull != nil && i.Pull.Merged:
		return "merged"
	case i.Open:
		return "open"
	}
	return "closed"
}

func (s *Server) overview(r *repository) any {
	type pull struct {
		Number                           int
		Title, State, Head, Base, Author string
	}
	var pulls []pull
	for _, i := range slices.Backward(r.sortedIssues()) {
		p := pull{Number: i.Number, Title: i.Title, State: i.stateWord(), Author: i.Author}
		if i.Pull != nil {
			p.Head, p.Base = i.Pull.HeadRef, i.Pull.BaseRef
		}
		pulls = append(pulls, p)
	}
	refs := func(prefix string) (out []line) {
		for _, ref := range r.git.Refs(prefix) {
			sha, err := r.git.Peel(ref.SHA)
			if err != nil {
				sha = ref.SHA
			}
			out = append(out, line{Name: strings.TrimPrefix(ref.Name, prefix), SHA: sha})
		}
		return out
	}
	var deployments, releases []line
	for _, d := range slices.Backward(r.deployments) {
		deployments = append(deployments, line{Name: d.Environment, SHA: d.SHA, Result: d.State(), Title: d.Description})
	}
	for _, x := range slices.Backward(r.releases) {
		releases = append(releases, line{Name: x.Tag, Title: x.Name, Summary: x.Body})
	}
	return map[string]any{"Name": r.fullName(), "Pulls": pulls, "Branches": refs("refs/heads/"), "Tags": refs("refs/tags/"), "Deployments": deployments, "Releases": releases}
}

func (s *Server) checkLines(r *repository, sha string) []line {
	var out []line
	for _, x := range latestChecks(r.checksAt[sha]) {
		result := x.Conclusion
		if result == "" {
			result = x.Status
		}
		u := x.DetailsURL
		if !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") {
			u = ""
		}
		out = append(out, line{Name: x.Name, Title: x.Title, Result: result, Summary: strings.TrimSpace(x.Summary + "\n\n" + x.Text), URL: u})
	}
	for _, x := range r.latestStatuses(sha) {
		out = append(out, line{Name: x.Context, Title: x.Description, Result: x.State})
	}
	return out
}

func (s *Server) pullPage(r *repository, i *Issue) any {
	type comment struct{ Author, When, Body, Reactions string }
	var comments []comment
	for _, x := range r.comments {
		if x.Issue == i.Number {
			var words []string
			for _, re := range r.reactions {
				if re.Comment == x.ID {
					words = append(words, ":"+re.Content+":")
				}
			}
			comments = append(comments, comment{x.Author, ts(x.CreatedAt), x.Body, strings.Join(words, " ")})
		}
	}
	page := map[string]any{"Repo": r.fullName(), "Number": i.Number, "Title": i.Title, "Body": i.Body, "State": i.stateWord(), "Author": i.Author, "Comments": comments}
	if i.Pull != nil {
		_, mergeable := s.mergeability(r, i)
		page["Head"], page["Base"], page["SHA"], page["Mergeable"] = i.Pull.HeadRef, i.Pull.BaseRef, i.Pull.HeadSHA, mergeable
		page["Checks"] = s.checkLines(r, i.Pull.HeadSHA)
	} else {
		page["Head"], page["Base"], page["SHA"], page["Checks"] = "", "", "", []line(nil)
	}
	return page
}

func (s *Server) commitPage(r *repository, sha string) any {
	c, err := r.git.Commit(sha)
	if err != nil {
		return map[string]any{"Repo": r.fullName(), "SHA": sha, "Title": fmt.Sprintf("commit %.7s", sha)}
	}
	title, body, _ := strings.Cut(c.Message, "\n")
	var files []line
	for path, kind := range s.touched(r, c) {
		files = append(files, line{Name: path, State: string(kind)})
	}
	slices.SortFunc(files, func(a, b line) int { return cmp.Compare(a.Name, b.Name) })
	return map[string]any{"Repo": r.fullName(), "SHA": sha, "Title": title, "Body": strings.TrimSpace(body), "Author": c.Author.Name, "Checks": s.checkLines(r, sha), "Files": files}
}
