package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/store"
)

func (s *session) evidenceApprovals(ctx context.Context, tx *store.Tx, r store.Release, e *Evidence) error {
	all, err := tx.ApprovalsByRelease(ctx, r.ID)
	if err != nil {
		return err
	}
	for _, a := range all {
		e.Approvals = append(e.Approvals, EvidenceApproval{
			By: personOf(a.By), Verdict: string(a.Verdict), Environment: a.Environment, SHA: a.SHA, Digest: a.Digest, ConfigHash: a.ConfigHash,
			Reason: a.Reason, Via: a.Via, CommentID: a.CommentID, At: a.At, VoidedAt: a.VoidedAt, VoidReason: a.VoidReason,
		})
	}
	m, there, err := ignoredMissing(tx.EmergencyByRelease(ctx, r.ID))
	if there {
		e.Emergency = &EvidenceEmergency{
			Asked: personOf(m.Asked), Second: personOf(m.Second), Reason: m.Reason, Skipped: m.Skipped, At: m.At, Reviewer: personOf(m.Reviewer), ReviewedAt: m.ReviewedAt,
			Review: m.Review, Agreed: m.Agreed,
		}
	}
	return err
}

func (s *session) evidenceExecutions(ctx context.Context, tx *store.Tx, r store.Release, e *Evidence) error {
	all, err := tx.ExecutionsByRelease(ctx, r.ID)
	if err != nil {
		return err
	}
	for _, x := range all {
		runs, err := tx.ActionRuns(ctx, x.ID)
		if err != nil {
			return err
		}
		found := map[string][]executor.Finding{}
		for _, run := range runs {
			if len(run.Report) == 0 {
				continue
			}
			var report executor.Report
			if err := json.Unmarshal(run.Report, &report); err != nil {
				return fmt.Errorf("report of %s: %w", run.ID, err)
			}
			found[run.ID] = report.Findings
		}
		out := EvidenceExecution{
			ID: x.ID, Kind: x.Kind, SHA: x.SHA, Digest: x.State.Digest(), Status: x.Status, ConfigSHA: x.ConfigSHA, OrganizationSHA: x.OrganizationSHA, ConfigHash: x.ConfigHash,
			StartedBy: personOf(x.StartedBy), Variables: x.State.Given, StartedAt: x.CreatedAt, EndedAt: x.EndedAt, Actions: []EvidenceAction{},
		}
		for _, stage := range x.State.Stages {
			for _, o := range stage.Overrides {
				by := EvidencePerson{ID: o.By.ID, Login: o.By.Login}
				out.Overrides = append(out.Overrides, EvidenceOverride{Stage: stage.Name, Condition: o.Condition, Found: o.Found, By: by, Reason: o.Reason, At: o.At})
			}
			for _, a := range stage.Actions {
				out.Actions = append(out.Actions, EvidenceAction{
					Stage: stage.Name, Name: a.Name, Status: a.Status, Summary: a.Summary, URL: a.URL, Attempts: a.Number,
					StartedAt: a.StartedAt, EndedAt: a.EndedAt, Findings: found[a.ID],
				})
			}
		}
		e.Executions = append(e.Executions, out)
	}
	return nil
}

func (s *session) evidenceDeployments(ctx context.Context, tx *store.Tx, r store.Release, e *Evidence) error {
	all, err := tx.Deployments(ctx, s.repo.ID, "", maxDeployments)
	if err != nil {
		return err
	}
	for _, d := range slices.Backward(all) { // oldest first
		if d.ReleaseID != r.ID {
			continue
		}
		e.Deployments = append(e.Deployments, EvidenceDeployment{
			Environment: d.Environment, Version: d.Version, SHA: d.SHA, Digest: d.Digest, Status: d.Status, ExecutionID: d.ExecutionID,
			StartedAt: d.StartedAt, EndedAt: d.EndedAt,
		})
	}
	return nil
}

func (s *session) evidenceSecrets(ctx context.Context, tx *store.Tx, r store.Release, e *Evidence) error {
	if r.SHA == "" {
		return nil
	}
	all, err := tx.SecretScans(ctx, s.repo.ID, r.SHA)
	if err != nil {
		return err
	}
	for _, c := range all {
		report, err := secretReportOf(c)
		if err != nil {
			return err
		}
		e.Secrets = append(e.Secrets, EvidenceSecrets{Base: c.Base, BaseSHA: c.BaseSHA, Done: c.Done, Leaks: report.Leaks, Unread: report.Unread})
	}
	return nil
}

// evidenceAudit takes the entries from the first about the release to the last, and recomputes their chain.
func (s *session) evidenceAudit(ctx context.Context, tx *store.Tx, r store.Release, e *Evidence) error {
	names := []string{r.ID, r.Key(), r.Branch, r.SHA, r.CandidateDigest}
	for _, x := range e.Executions {
		names = append(names, x.ID)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == "" })
	about := func(a store.AuditEntry) bool {
		return slices.ContainsFunc(names, func(n string) bool {
			quoted, _ := json.Marshal(n)
			return a.Subject == n || bytes.Contains(a.Evidence, quoted)
		})
	}
	const page = 1000
	var kept, pending []store.AuditEntry // pending follow the last about the release
	var before, last store.AuditEntry
	for {
		entries, err := tx.AuditLog(ctx, s.repo.ID, last.Seq, page)
		if err != nil {
			return err
		}
		for _, a := range entries {
			switch mine := about(a); {
			case e.Audit.Cut:
			case mine && len(kept)+len(pending) >= maxEvidence:
				e.Audit.Cut = true
			case mine && len(kept) == 0:
				kept, before = append(kept, a), last
			case mine:
				kept, pending = append(append(kept, pending...), a), nil
			case len(kept) > 0 && len(pending) < maxEvidence:
				pending = append(pending, a)
			}
			last = a
		}
		if len(entries) < page {
			break
		}
	}
	e.Audit.Entries = []EvidenceAuditEntry{}
	if len(kept) == 0 {
		return nil
	}
	for _, a := range kept {
		if !about(a) { // the whole log is not for everybody who may see a release; the chain is
			e.Audit.Entries = append(e.Audit.Entries, EvidenceAuditEntry{Seq: a.Seq, PrevHash: a.PrevHash, Hash: a.Hash})
			continue
		}
		actor := personOf(a.Actor)
		e.Audit.Entries = append(e.Audit.Entries, EvidenceAuditEntry{
			Seq: a.Seq, At: a.At, Actor: &actor, Action: a.Action, Subject: a.Subject, Reason: a.Reason, Evidence: a.Evidence, About: true,
			PrevHash: a.PrevHash, Hash: a.Hash,
		})
	}
	end := kept[len(kept)-1]
	e.Audit.FirstSeq, e.Audit.LastSeq, e.Audit.PrevHash, e.Audit.LastHash = kept[0].Seq, end.Seq, kept[0].PrevHash, end.Hash
	e.Audit.Intact = store.VerifyAudit(before, kept) == nil
	return nil
}
