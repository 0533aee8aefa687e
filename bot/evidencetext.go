package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// cmdEvidence answers /evidence: of the version that is named, else of the pull request's release, else of what production
// runs.
func (s *session) cmdEvidence(ctx context.Context, q *request) (string, error) {
	var r store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		component, version := store.SplitReleaseKey(q.Arg(0))
		component, version = cmp.Or(component, s.component()), strings.TrimPrefix(version, "v")
		if version == "" && q.release != nil {
			version = q.release.Version
		}
		if version == "" {
			env, err := tx.Environment(ctx, s.repo.ID, s.env(pipeline.EnvironmentProduction))
			if err != nil {
				return err
			}
			version = env.Version
		}
		r, err = tx.ReleaseByVersion(ctx, s.repo.ID, component, version)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound) && q.Arg(0) != "":
		return "", &userError{fmt.Sprintf("There is no release %s that Sluice made. `/status` says what runs where.", code(q.Arg(0)))}
	case errors.Is(err, store.ErrNotFound):
		return "", &userError{"Production runs no release that Sluice made; name a version: `/evidence X.Y.Z`."}
	case err != nil:
		return "", err
	}
	e, err := s.evidence(ctx, r)
	if err != nil {
		return "", err
	}
	return s.finishWith(ctx, q, s.evidenceText(e))
}

// evidenceText is the evidence as a reply.
func (s *session) evidenceText(e *Evidence) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s is %s.\n\n| | |\n|---|---|\n", title(e.Kind), code(e.Version), e.Status)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", name, strings.ReplaceAll(value, "|", "\\|"))
		}
	}
	row("Commit", orCode(e.Commits.Candidate))
	row("Digest, before the promotion", orCode(e.Image.CandidateDigest))
	row("Digest, after it", orCode(e.Image.ProductionDigest))
	if e.Image.ProductionDigest != "" {
		row("", map[bool]string{true: "both are the same: production has what was tested", false: "**they differ**"}[e.Image.Same])
	}
	for _, k := range e.Image.Signatures {
		row("Signed by", fmt.Sprintf("key %s, seen %s", code(k.Key[:min(16, len(k.Key))]), day(k.VerifiedAt)))
	}
	for _, a := range e.Approvals {
		text := fmt.Sprintf("%s by %s on %s%s", day(a.At), code(a.By.Login), short(a.SHA), withDigest(a.Digest))
		if !a.VoidedAt.IsZero() {
			text += ", no longer counts: " + prose(a.VoidReason)
		}
		row(title(a.Verdict)+" for "+code(a.Environment), text)
	}
	if m := e.Emergency; m != nil {
		row("Emergency", fmt.Sprintf("%s by %s, confirmed by %s: %s", day(m.At), code(m.Asked.Login), code(m.Second.Login), code(m.Reason)))
	}
	for _, x := range e.Executions {
		failed := 0
		for _, a := range x.Actions {
			if a.Status == pipeline.Failed {
				failed++
			}
		}
		text := fmt.Sprintf("%s, %d actions", x.Status, len(x.Actions))
		if failed > 0 {
			text += fmt.Sprintf(", %d failed", failed)
		}
		row(title(x.Kind)+" pipeline at "+short(x.SHA), text+", configuration "+code(shortDigest(x.ConfigHash)))
	}
	row("Checks at the commit", checksText(e.Checks))
	for _, d := range e.Deployments {
		row("Deployed to "+code(d.Environment), fmt.Sprintf("%s: %s%s", day(d.StartedAt), d.Status, withDigest(d.Digest)))
	}
	for _, c := range e.Secrets {
		text := "under way"
		if c.Done {
			text = fmt.Sprintf("%d found, %d not looked through", len(c.Leaks), len(c.Unread))
		}
		row("Secrets in what it brings to "+code(c.Base), text)
	}
	row("Audit log", auditText(e.Audit))
	fmt.Fprintf(&b, "\nThe whole record: %s/%s/%s/releases/%s/evidence.json", s.b.PublicURL, s.repo.Owner, s.repo.Name, store.ReleaseKey(e.Component, e.Version))
	return b.String()
}

func auditText(a EvidenceAudit) string {
	if len(a.Entries) == 0 {
		return "no entry"
	}
	text := fmt.Sprintf("entries %d to %d, up to hash %s", a.FirstSeq, a.LastSeq, code(a.LastHash))
	if !a.Intact {
		text += "; **the chain of hashes is broken**"
	}
	return text
}

// checksText counts checks by conclusion, and names those that did not succeed.
func checksText(checks []EvidenceCheck) string {
	good := 0
	var rest []string
	for _, c := range checks {
		switch c.Conclusion {
		case string(forge.Success), "neutral", "skipped":
			good++
		default:
			state := c.Conclusion
			if state == "" {
				state = c.Status
			}
			rest = append(rest, code(c.Name)+" "+state)
		}
	}
	return strings.Join(append([]string{fmt.Sprintf("%d of %d passed", good, len(checks))}, rest...), ", ")
}

// orCode is a code span, or nothing for nothing.
func orCode(s string) string {
	if s == "" {
		return ""
	}
	return code(s)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
