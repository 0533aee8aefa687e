package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
	"github.com/sluicehq/sluice/store"
)

// ignoreMissing drops ErrNotFound.
func ignoreMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

func (s *Server) releases(ctx context.Context, v *visit) (any, error) {
	r, err := s.repoOf(ctx, v.person, v.param("owner"), v.param("repo"))
	if err != nil {
		return nil, err
	}
	w, list := s.scribe(r, v), Releases{}
	err = s.opts.Store.Read(ctx, func(tx *store.Tx) error {
		all, err := tx.Releases(ctx, r.ID)
		if err != nil {
			return err
		}
		slices.Reverse(all)
		list.Total = len(all)
		all, list.Page, list.Pages = onePage(all, rowsOnPage, v)
		list.Releases = make([]ReleaseLine, 0, len(all))
		for _, release := range all {
			executions, err := executionsOf(ctx, tx, release)
			if err != nil {
				return err
			}
			list.Releases = append(list.Releases, w.release(release, executions))
		}
		return nil
	})
	return list, err
}

func (s *Server) release(ctx context.Context, v *visit) (any, error) {
	r, err := s.repoOf(ctx, v.person, v.param("owner"), v.param("repo"))
	if err != nil {
		return nil, err
	}
	w := s.scribe(r, v)
	var p Release
	err = s.opts.Store.Read(ctx, func(tx *store.Tx) error {
		component, version := store.SplitReleaseKey(v.param("version"))
		rel, err := tx.ReleaseByVersion(ctx, r.ID, component, version)
		if err != nil {
			return err
		}
		p = Release{
			Tag: rel.Tag, SHA: rel.SHA, CommitURL: w.commitURL(rel.SHA), CutSHA: rel.CutSHA, CutURL: w.commitURL(rel.CutSHA),
			HeadSHA: rel.HeadSHA, HeadURL: w.commitURL(rel.HeadSHA), CandidateImage: rel.CandidateImage,
			CandidateDigest: rel.CandidateDigest, ProductionImage: rel.ProductionImage, ProductionDigest: rel.ProductionDigest,
			Reason: rel.Reason, Bad: rel.Bad, Finished: rel.Finished, Executions: []ExecutionRow{}, Approvals: []Approval{},
		}
		if p.VersionWhy, err = w.versionWhy(rel); err != nil {
			return err
		}
		executions, err := tx.ExecutionsByRelease(ctx, rel.ID)
		if err != nil {
			return err
		}
		p.ReleaseLine = w.release(rel, executions)
		stops, err := w.stops(ctx, tx)
		if err != nil {
			return err
		}
		p.Stops = stopsOf(stops, store.StopRelease(rel.ID))
		for _, x := range slices.Backward(executions) {
			p.Executions = append(p.Executions, w.row(x))
			if x.ID == rel.ExecutionID || x.ID == rel.ProductionExecutionID {
				more, err := s.buttons(ctx, tx, v.person, w, x)
				if err != nil {
					return err
				}
				p.Buttons = s.merge(p.Buttons, more, p.Path)
			}
		}
		said, err := tx.ApprovalsByRelease(ctx, rel.ID)
		if err != nil {
			return err
		}
		for _, a := range said {
			p.Approvals = append(p.Approvals, w.approval(a))
		}
		p.Audit, p.AuditCut, err = auditOf(ctx, tx, rel, executions)
		return err
	})
	return p, err
}

// versionWhy is why a release has its version; nothing where that was not noted.
func (w scribe) versionWhy(r store.Release) (why []VersionReason, err error) {
	if r.VersionWhy == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(r.VersionWhy), &why); err != nil {
		return nil, fmt.Errorf("why %s has its version: %w", r.Key(), err)
	}
	for _, reason := range why {
		for i, f := range reason.Facts {
			if f.Name == "commit" && fullSHA.MatchString(f.Value) {
				reason.Facts[i].CommitURL = w.commitURL(f.Value)
			}
		}
	}
	return why, nil
}

// fullSHA matches a commit's whole name, of either kind of repository.
var fullSHA = lazyregexp.New(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`) //nolint:gochecknoglobals // a constant

const (
	auditPage  = 500   // entries read at a time
	auditReach = 20000 // entries looked through for one page
	auditShown = 200   // entries shown
)

// auditOf returns the entries of the audit log that are about a release: its version, its branch, its executions. Those
// from before it began are not looked at.
func auditOf(ctx context.Context, tx *store.Tx, r store.Release, executions []store.Execution) (out []AuditEntry, cut bool, err error) {
	about := map[string]bool{r.ID: true, r.Key(): true, r.Branch: true, r.Tag: true}
	delete(about, "")
	for _, x := range executions {
		about[x.ID] = true
	}
	after, err := auditBefore(ctx, tx, r)
	out = []AuditEntry{}
	for looked := 0; err == nil && looked < auditReach; looked += auditPage {
		entries, err := tx.AuditLog(ctx, r.RepoID, after, auditPage)
		if err != nil {
			return nil, false, err
		}
		for _, e := range entries {
			after = e.Seq
			if !about[e.Subject] && !strings.HasPrefix(e.Subject, r.Key()+" ") {
				continue
			}
			if len(out) == auditShown {
				return out, true, nil
			}
			out = append(out, auditEntry(e))
		}
		if len(entries) < auditPage {
			return out, false, nil
		}
	}
	return out, true, err
}

func auditEntry(e store.AuditEntry) AuditEntry {
	return AuditEntry{Seq: e.Seq, At: e.At, Actor: e.Actor.Login, Action: e.Action, Subject: e.Subject, Reason: e.Reason, Hash: e.Hash}
}

// auditBefore finds the last entry from before a release began, in a log that is in the order of time and may be long.
func auditBefore(ctx context.Context, tx *store.Tx, r store.Release) (seq int64, err error) {
	early := func(n int) bool { // entry n+1 is there and was written before the release began
		if err != nil {
			return false
		}
		var entries []store.AuditEntry
		entries, err = tx.AuditLog(ctx, r.RepoID, int64(n), 1)
		return err == nil && len(entries) == 1 && entries[0].At.Before(r.StartedAt)
	}
	high := 1
	for early(high) {
		high *= 2
	}
	n := sort.Search(high, func(n int) bool { return !early(n) })
	return int64(n), err
}
