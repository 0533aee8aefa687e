package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/tagging"
)

// shipNotes is how long the notes in a status comment may be, in bytes: GitHub takes 65,536 characters, and the rest of the
// comment needs its own.
const shipNotes = 30_000

// maxWorth is how many files are named as worth a look.
const maxWorth = 20

// shipped is what will ship, as it was written for certain commits.
type shipped struct {
	For  string `json:"for"`
	Text string `json:"text"`
}

func (s *session) shipKey(r *store.Release) string { return fmt.Sprintf("ship/%d/%s", s.repo.ID, r.ID) }

// shipText tells, before anybody approves, what a candidate would change in production: versions, digests, the files that
// change how it runs, and the notes since what runs. It is written anew when one of them changed.
func (s *session) shipText(ctx context.Context, r *store.Release, w *world) (string, error) {
	runs, candidate := w.Environment.Runs, w.Candidate
	if candidate.SHA == "" {
		return "", nil
	}
	is := strings.Join([]string{r.Version, runs.Version, runs.SHA, runs.Digest, candidate.SHA, candidate.Digest}, " ")
	var known shipped
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		raw, err := tx.Setting(ctx, s.shipKey(r))
		if err != nil || raw == "" {
			return err
		}
		return json.Unmarshal([]byte(raw), &known)
	})
	if err != nil || known.For == is {
		return known.Text, err
	}
	text, err := s.writeShip(ctx, r, w)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(shipped{For: is, Text: text})
	if err != nil {
		return "", err
	}
	return text, s.b.Store.Write(ctx, func(tx *store.Tx) error { return tx.SetSetting(ctx, s.shipKey(r), string(raw)) })
}

func (s *session) writeShip(ctx context.Context, r *store.Release, w *world) (string, error) {
	v, err := tagging.ParseVersion(r.Version)
	if err != nil {
		return "", err
	}
	runs, candidate := w.Environment.Runs, w.Candidate
	base, name := runs.SHA, runs.Version
	if base == "" { // nothing was deployed by Sluice: the release before is the best that is known
		log, _, err := s.history(ctx, r.ID)
		if err != nil {
			return "", err
		}
		previous, ok := log.Previous(v)
		if !ok {
			return "#### What will ship\n\nThis is the first release.\n\n", nil
		}
		base, name = previous.SHA, previous.Version.String()
	}
	n := tagging.Notes{Version: v, RepoURL: s.htmlURL(), Previous: base, Current: candidate.SHA, Limit: shipNotes}
	c, err := s.noted(ctx, &n, base, candidate.SHA)
	if err != nil {
		return "", ignoreNotFound(err)
	}
	var b strings.Builder
	b.WriteString("#### What will ship\n\n| | In production | This release |\n|---|---|---|\n")
	fmt.Fprintf(&b, "| Version | %s | %s |\n", code(name), code(r.Version))
	fmt.Fprintf(&b, "| Commit | %s | %s |\n", short(base), short(candidate.SHA))
	if runs.Digest != "" || candidate.Digest != "" {
		fmt.Fprintf(&b, "| Digest | %s | %s |\n", code(shortDigest(runs.Digest)), code(shortDigest(candidate.Digest)))
	}
	fmt.Fprintf(&b, "| Changes | | %d commit(s), %d pull request(s) |\n", c.AheadBy, len(n.PullRequests))
	if c.BehindBy > 0 {
		fmt.Fprintf(&b, "| Lacks | %d commit(s) that this release does not have | |\n", c.BehindBy)
	}
	b.WriteString("\n" + worthText(c))
	if why := noWayBack(c.Commits); why != "" {
		fmt.Fprintf(&b, "**No way back:** with this release production cannot go back to %s: %s.\n\n", code(name), why)
	}
	fmt.Fprintf(&b, "<details><summary>Release notes since %s</summary>\n\n%s\n</details>\n\n", tagging.EscapeMarkdown(name), n.Markdown())
	return b.String(), nil
}

// worthText names the changed files that change how the application is built, deployed or stores its data.
func worthText(c forge.Comparison) string {
	worth := worthALook(c.Files)
	if len(worth) == 0 && !c.FilesTruncated {
		return ""
	}
	var b strings.Builder
	if len(worth) > 0 {
		b.WriteString("**Worth a look before the approval:** ")
		for i, f := range worth[:min(len(worth), maxWorth)] {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(code(f))
		}
		if more := len(worth) - maxWorth; more > 0 {
			fmt.Fprintf(&b, " and %d more", more)
		}
		b.WriteString("\n\n")
	}
	if c.FilesTruncated {
		b.WriteString("GitHub shows 300 of the changed files; there may be more of that kind among the others.\n\n")
	}
	return b.String()
}

// worthALook picks files that matter to whoever approves: migrations, recipes for images, builds and deployments,
// infrastructure, configuration.
func worthALook(files []string) []string {
	return slices.DeleteFunc(slices.Clone(files), func(name string) bool {
		base := strings.ToLower(path.Base(name))
		parts := strings.Split(strings.ToLower(path.Dir(name)), "/")
		in := func(folders ...string) bool {
			return slices.ContainsFunc(parts, func(p string) bool { return slices.Contains(folders, p) })
		}
		switch {
		case in("migrations", "migration", "migrate"):
		case strings.HasPrefix(base, "dockerfile"), strings.HasSuffix(base, ".dockerfile"), base == "containerfile":
		case strings.HasPrefix(base, "buildspec"), strings.HasPrefix(base, "appspec"), strings.HasPrefix(base, "taskdef"):
		case strings.HasPrefix(base, "docker-compose"), strings.HasPrefix(base, "compose."), base == "procfile":
		case strings.HasPrefix(name, ".github/workflows/"), strings.HasPrefix(name, ".github/sluice"):
		case strings.HasSuffix(base, ".tf"), strings.HasSuffix(base, ".tfvars"), in("terraform", "cloudformation", "helm", "charts", "k8s", "kubernetes"):
		case strings.HasPrefix(base, ".env"), strings.HasSuffix(base, ".env"):
		default:
			return true
		}
		return false
	})
}
