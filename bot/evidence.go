package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// evidenceFormat is raised when a field changes its meaning; new fields may come at any time.
const evidenceFormat = 1

// maxEvidence is how many audit entries the evidence of a release holds, maxDeployments how many deployments of the
// repository are looked through for it.
const (
	maxEvidence    = 5000
	maxDeployments = 2000
)

// Evidence is what is recorded about a release: what an auditor asks for, in one document. It holds no more than the
// records do, and no secret.
type Evidence struct {
	Format      int       `json:"format"`
	Repository  string    `json:"repository"`
	RepoID      int64     `json:"repository_id"`
	GeneratedAt time.Time `json:"generated_at"`

	Component string          `json:"component,omitempty"` // of a monorepo
	Version   string          `json:"version"`
	Kind      string          `json:"kind"` // release, hotfix
	Status    string          `json:"status"`
	Bad       bool            `json:"bad,omitempty"` // rolled back, or failed in production
	Reason    string          `json:"reason,omitempty"`
	Tag       string          `json:"tag"`
	Branch    string          `json:"branch"`
	Pull      int             `json:"pull_request,omitempty"`
	StartedBy EvidencePerson  `json:"started_by"`
	AskedBy   *EvidencePerson `json:"promotion_asked_by,omitempty"`
	Started   time.Time       `json:"started_at"`
	Released  time.Time       `json:"released_at,omitzero"`
	Commits   EvidenceCommits `json:"commits"`
	Image     EvidenceImage   `json:"image"`

	Approvals   []EvidenceApproval   `json:"approvals"`
	Emergency   *EvidenceEmergency   `json:"emergency,omitempty"`
	Checks      []EvidenceCheck      `json:"checks"`
	Executions  []EvidenceExecution  `json:"executions"`
	Deployments []EvidenceDeployment `json:"deployments"`
	Secrets     []EvidenceSecrets    `json:"secret_scans"`
	Audit       EvidenceAudit        `json:"audit"`
}

// EvidencePerson is an account. ID stays the same when the login changes.
type EvidencePerson struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Bot   bool   `json:"bot,omitempty"`
}

func personOf(u forge.User) EvidencePerson {
	return EvidencePerson{ID: u.ID, Login: u.Login, Bot: u.Bot}
}

// EvidenceCommits are the commits of a release, full SHAs; empty where there is none yet.
type EvidenceCommits struct {
	Cut        string `json:"cut"`
	Candidate  string `json:"candidate"`  // what was built, tested and approved
	Head       string `json:"head"`       // of the branch
	Production string `json:"production"` // the production branch after the merge
}

// EvidenceImage is what was built, and what the promotion put into the production registry.
type EvidenceImage struct {
	Candidate        string `json:"candidate,omitempty"`
	CandidateDigest  string `json:"candidate_digest,omitempty"`
	Production       string `json:"production,omitempty"`
	ProductionDigest string `json:"production_digest,omitempty"`
	// Same is true when both digests are known and the same: production has what was tested.
	Same bool `json:"same"`
	// Signatures are those that were asked for and found to hold before the promotion.
	Signatures []EvidenceSignature `json:"signatures,omitempty"`
}

// EvidenceApproval is one person's word, and what it was bound to.
type EvidenceApproval struct {
	By          EvidencePerson `json:"by"`
	Verdict     string         `json:"verdict"`
	Environment string         `json:"environment"`
	SHA         string         `json:"sha"`
	Digest      string         `json:"digest"`
	ConfigHash  string         `json:"configuration_hash"`
	Reason      string         `json:"reason,omitempty"`
	Via         string         `json:"via"`
	CommentID   int64          `json:"comment,omitempty"`
	At          time.Time      `json:"at"`
	VoidedAt    time.Time      `json:"voided_at,omitzero"`
	VoidReason  string         `json:"void_reason,omitempty"`
}

// EvidenceEmergency is a promotion by the emergency path, and its review.
type EvidenceEmergency struct {
	Asked      EvidencePerson `json:"asked_by"`
	Second     EvidencePerson `json:"confirmed_by"`
	Reason     string         `json:"reason"`
	Skipped    string         `json:"not_waited_for"`
	At         time.Time      `json:"at"`
	Reviewer   EvidencePerson `json:"reviewed_by"`
	ReviewedAt time.Time      `json:"reviewed_at,omitzero"`
	Review     string         `json:"review,omitempty"`
	Agreed     bool           `json:"agreed"`
}

// EvidenceCheck is a check or commit status at the candidate's commit, as GitHub has it now.
type EvidenceCheck struct {
	Name       string `json:"name"`
	AppID      int64  `json:"app_id,omitempty"` // 0: a commit status
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`
}

// EvidenceExecution is one pass of a pipeline of the release.
type EvidenceExecution struct {
	ID        string          `json:"id"`
	Kind      string          `json:"kind"`
	SHA       string          `json:"sha"`
	Digest    string          `json:"digest,omitempty"`
	Status    pipeline.Status `json:"status"`
	ConfigSHA string          `json:"configuration_commit"`
	// OrganizationSHA is the commit that the organization's defaults and pipeline models were read at.
	OrganizationSHA string         `json:"organization_commit,omitempty"`
	ConfigHash      string         `json:"configuration_hash"`
	StartedBy       EvidencePerson `json:"started_by"`
	// Variables are the values that StartedBy gave for the pipeline's variables.
	Variables map[string]string `json:"variables,omitempty"`
	StartedAt time.Time         `json:"started_at"`
	EndedAt   time.Time         `json:"ended_at,omitzero"`
	Actions   []EvidenceAction  `json:"actions"`
	// Overrides are the conditions of its stages that were overridden.
	Overrides []EvidenceOverride `json:"overrides,omitempty"`
}

// EvidenceOverride is a condition of a stage that somebody has overridden.
type EvidenceOverride struct {
	Stage     string               `json:"stage"`
	Condition pipeline.ConditionAt `json:"condition"`
	Found     string               `json:"found"` // why it did not hold
	By        EvidencePerson       `json:"by"`
	Reason    string               `json:"reason"`
	At        time.Time            `json:"at"`
}

// EvidenceAction is what an action came to.
type EvidenceAction struct {
	Stage     string             `json:"stage"`
	Name      string             `json:"name"`
	Status    pipeline.Status    `json:"status"`
	Summary   string             `json:"summary,omitempty"`
	URL       string             `json:"url,omitempty"`
	Attempts  int                `json:"attempts"`
	StartedAt time.Time          `json:"started_at,omitzero"`
	EndedAt   time.Time          `json:"ended_at,omitzero"`
	Findings  []executor.Finding `json:"findings,omitempty"` // of analysers
}

// EvidenceDeployment is one attempt to put the release into an environment.
type EvidenceDeployment struct {
	Environment string          `json:"environment"`
	Version     string          `json:"version"`
	SHA         string          `json:"sha"`
	Digest      string          `json:"digest,omitempty"`
	Status      pipeline.Status `json:"status"`
	ExecutionID string          `json:"execution"`
	StartedAt   time.Time       `json:"started_at"`
	EndedAt     time.Time       `json:"ended_at,omitzero"`
}

// EvidenceSecrets is a search for credentials in what the candidate's commit brings to a branch.
type EvidenceSecrets struct {
	Base    string   `json:"base"`
	BaseSHA string   `json:"base_sha"`
	Done    bool     `json:"done"`
	Leaks   []Leak   `json:"findings"`
	Unread  []unread `json:"not_looked_through"`
}

// EvidenceAudit is the part of the repository's audit log from the first entry about the release to the last, without a
// gap: entries about other things are given by their hashes alone, so that the chain can be followed.
type EvidenceAudit struct {
	FirstSeq int64                `json:"first_seq,omitempty"`
	LastSeq  int64                `json:"last_seq,omitempty"`
	PrevHash string               `json:"previous_hash"` // of the entry before the first
	LastHash string               `json:"last_hash"`
	Intact   bool                 `json:"intact"` // all hashes were recomputed from the entries, and fit
	Cut      bool                 `json:"cut,omitempty"`
	Entries  []EvidenceAuditEntry `json:"entries"`
}

// EvidenceAuditEntry is one decision.
type EvidenceAuditEntry struct {
	Seq      int64           `json:"seq"`
	About    bool            `json:"about_this_release"` // false: the fields up to the hashes are left out
	At       time.Time       `json:"at,omitzero"`
	Actor    *EvidencePerson `json:"actor,omitempty"`
	Action   string          `json:"action,omitempty"`
	Subject  string          `json:"subject,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Evidence json.RawMessage `json:"evidence,omitempty"`
	PrevHash string          `json:"previous_hash"`
	Hash     string          `json:"hash"`
}

// Evidence gives the evidence of a release to somebody who may have it (DoorEvidence). It reads only, so it needs no turn
// in the repository's lane. *NotAllowedError: they may not; store.ErrNotFound: there is no such release.
func (b *Bot) Evidence(ctx context.Context, repoID int64, who forge.User, version string) (*Evidence, error) {
	s, err := b.reading(ctx, repoID)
	if err != nil {
		return nil, err
	}
	no, err := s.authorize(ctx, ask{door: DoorEvidence, who: who, release: true})
	if err != nil {
		return nil, err
	}
	if no != nil {
		return nil, &NotAllowedError{Text: no.String()}
	}
	var r store.Release
	err = b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		component, number := store.SplitReleaseKey(version)
		r, err = tx.ReleaseByVersion(ctx, repoID, component, number)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.evidence(ctx, r)
}

// NotAllowedError is a no to somebody who asked for what they may not have: why, and who may.
type NotAllowedError struct{ Text string }

func (e *NotAllowedError) Error() string { return e.Text }

// reading is a session that changes nothing.
func (b *Bot) reading(ctx context.Context, repoID int64) (*session, error) {
	us, err := b.identity(ctx)
	if err != nil {
		return nil, err
	}
	var repo store.Repo
	err = b.Store.Read(ctx, func(tx *store.Tx) error {
		repo, err = tx.Repo(ctx, repoID)
		return err
	})
	if err != nil {
		return nil, err
	}
	if repo.Gone != "" || repo.BaselineAt.IsZero() {
		return nil, fmt.Errorf("repository %d: %w", repoID, store.ErrNotFound)
	}
	s := b.sessionOf(repo, us)
	names, err := s.branchNames(ctx)
	if err != nil {
		return nil, err
	}
	cfg, problems, err := s.inForce(names)
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("configuration of %s/%s: %s", repo.Owner, repo.Name, problems[0].Error())
	}
	s.cfg, s.whole = cfg, cfg
	return s, err
}

// evidence gathers what is recorded about a release.
func (s *session) evidence(ctx context.Context, r store.Release) (*Evidence, error) {
	e := &Evidence{
		Format: evidenceFormat, Repository: s.repo.Owner + "/" + s.repo.Name, RepoID: s.repo.ID, GeneratedAt: s.b.Now().UTC(),
		Component: r.Component, Version: r.Version, Kind: r.Kind, Status: string(r.Status), Bad: r.Bad, Reason: r.Reason, Tag: r.Tag, Branch: r.Branch, Pull: r.Pull,
		StartedBy: personOf(r.StartedBy), Started: r.StartedAt, Released: r.ReleasedAt,
		Commits: EvidenceCommits{Cut: r.CutSHA, Candidate: r.SHA, Head: r.HeadSHA, Production: r.ProductionTip},
		Image: EvidenceImage{
			Candidate: r.CandidateImage, CandidateDigest: r.CandidateDigest, Production: r.ProductionImage, ProductionDigest: r.ProductionDigest,
			Same: r.CandidateDigest != "" && r.CandidateDigest == r.ProductionDigest,
		},
		Approvals: []EvidenceApproval{}, Checks: []EvidenceCheck{}, Executions: []EvidenceExecution{}, Deployments: []EvidenceDeployment{}, Secrets: []EvidenceSecrets{},
	}
	if r.PromoteBy.ID != 0 {
		by := personOf(r.PromoteBy)
		e.AskedBy = &by
	}
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		for _, part := range []func(context.Context, *store.Tx, store.Release, *Evidence) error{
			s.evidenceApprovals, s.evidenceExecutions, s.evidenceDeployments, s.evidenceSecrets, s.evidenceSignatures, s.evidenceAudit,
		} {
			if err := part(ctx, tx, r, e); err != nil {
				return fmt.Errorf("evidence of %s: %w", r.Version, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return e, s.evidenceChecks(ctx, r.SHA, e)
}

// evidenceChecks asks GitHub for what was reported at the candidate's commit.
func (s *session) evidenceChecks(ctx context.Context, sha string, e *Evidence) error {
	if sha == "" {
		return nil
	}
	runs, err := s.gh.CheckRuns(ctx, sha)
	if err != nil {
		return ignoreNotFound(err)
	}
	newest := map[string]forge.CheckRun{}
	for _, c := range runs {
		key := fmt.Sprintf("%s\x00%d", c.Name, c.AppID)
		if c.ID >= newest[key].ID {
			newest[key] = c
		}
	}
	for _, c := range newest {
		e.Checks = append(e.Checks, EvidenceCheck{Name: c.Name, AppID: c.AppID, Status: c.Status, Conclusion: string(c.Conclusion)})
	}
	statuses, err := s.gh.Statuses(ctx, sha)
	if err != nil {
		return ignoreNotFound(err)
	}
	for _, c := range statuses {
		e.Checks = append(e.Checks, EvidenceCheck{Name: c.Context, Status: "completed", Conclusion: c.State})
	}
	slices.SortFunc(e.Checks, func(a, b EvidenceCheck) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return int(a.AppID - b.AppID)
	})
	return nil
}

func ignoredMissing[T any](v T, err error) (T, bool, error) {
	if errors.Is(err, store.ErrNotFound) {
		return v, false, nil
	}
	return v, err == nil, err
}
