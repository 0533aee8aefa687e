package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// auditCmd holds the commands about the audit log: who decided what, when, why and on which evidence.
type auditCmd struct {
	Export auditExportCmd `cmd:"" help:"Print the audit log, one JSON object a line, with its chain of hashes."`
	Verify auditVerifyCmd `cmd:"" help:"Prove that nothing in the audit log, or in an exported file, was changed."`
}

// auditExportCmd is "sluice audit export".
type auditExportCmd struct {
	databaseFlags
}

// auditVerifyCmd is "sluice audit verify [FILE]".
type auditVerifyCmd struct {
	databaseFlags

	File string   `arg:"" optional:"" placeholder:"FILE" help:"File that audit export wrote, - for standard input. Default: the database."`
	Head []string `placeholder:"HASH" help:"Hash that must be in the log: the last one of an earlier check, kept elsewhere. It proves that nothing was cut off since."`
	JSON bool     `name:"json" help:"Print one JSON object."`
}

// auditLine is an entry as exported. Evidence is the JSON that was recorded; what could not be put back byte by byte is
// in EvidenceBytes instead, in base64.
type auditLine struct {
	Repo          int64           `json:"repo"` // GitHub's ID; 0: the installation as a whole
	Name          string          `json:"name,omitempty"`
	Seq           int64           `json:"seq"`
	At            time.Time       `json:"at"`
	Actor         auditActor      `json:"actor"`
	Action        string          `json:"action"`
	Subject       string          `json:"subject,omitempty"`
	Reason        string          `json:"reason,omitempty"`
	Evidence      json.RawMessage `json:"evidence,omitempty"`
	EvidenceBytes []byte          `json:"evidence_base64,omitempty"`
	PrevHash      string          `json:"prev_hash"`
	Hash          string          `json:"hash"`
}

type auditActor struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Bot   bool   `json:"bot,omitempty"`
}

// Run writes every entry, repository by repository, in order.
func (c *auditExportCmd) Run(e *env) error {
	out := bufio.NewWriter(e.stdout)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	err := c.read(e, func(ctx context.Context, s *store.Store) error {
		return eachAudit(ctx, s, func(name string, entry store.AuditEntry) error { return enc.Encode(exported(name, entry)) })
	})
	return errors.Join(err, out.Flush())
}

// auditPage is how many entries are read at a time.
const auditPage = 500

// eachAudit calls fn with every entry and the name of its repository.
func eachAudit(ctx context.Context, s *store.Store, fn func(name string, entry store.AuditEntry) error) error {
	return s.Read(ctx, func(tx *store.Tx) error {
		ids, err := tx.AuditRepos(ctx)
		if err != nil {
			return err
		}
		for _, id := range ids {
			name := ""
			if repo, err := tx.Repo(ctx, id); err == nil {
				name = repo.Owner + "/" + repo.Name
			} else if !errors.Is(err, store.ErrNotFound) {
				return err
			}
			for after := int64(0); ; {
				entries, err := tx.AuditLog(ctx, id, after, auditPage)
				if err != nil {
					return err
				}
				for _, entry := range entries {
					if err := fn(name, entry); err != nil {
						return err
					}
					after = entry.Seq
				}
				if len(entries) < auditPage {
					break
				}
			}
		}
		return nil
	})
}

func exported(name string, a store.AuditEntry) auditLine {
	l := auditLine{
		Repo: a.RepoID, Name: name, Seq: a.Seq, At: a.At.UTC(), Actor: auditActor(a.Actor), Action: a.Action, Subject: a.Subject,
		Reason: a.Reason, PrevHash: a.PrevHash, Hash: a.Hash,
	}
	var same bytes.Buffer
	if json.Compact(&same, a.Evidence) == nil && bytes.Equal(same.Bytes(), a.Evidence) {
		l.Evidence = a.Evidence
	} else {
		l.EvidenceBytes = a.Evidence
	}
	return l
}

func (l auditLine) entry() store.AuditEntry {
	a := store.AuditEntry{
		RepoID: l.Repo, Seq: l.Seq, At: l.At, Actor: forge.User(l.Actor), Action: l.Action, Subject: l.Subject, Reason: l.Reason,
		Evidence: l.EvidenceBytes, PrevHash: l.PrevHash, Hash: l.Hash,
	}
	if l.Evidence != nil {
		a.Evidence = l.Evidence
	}
	return a
}

// auditChain is the log of one repository, checked as far as it was read.
type auditChain struct {
	Repo    int64  `json:"repo"`
	Name    string `json:"name,omitempty"`
	Entries int64  `json:"entries"`
	// Head is the hash of the last entry, to be kept elsewhere for --head; At is that entry's time.
	Head string    `json:"head"`
	At   time.Time `json:"at"`

	last store.AuditEntry
}

// auditProof collects the chains.
type auditProof struct {
	OK     bool          `json:"ok"`
	Chains []*auditChain `json:"chains"`

	heads []string // not seen yet
}

// take checks the next entry of its chain.
func (p *auditProof) take(name string, a store.AuditEntry) error {
	i := slices.IndexFunc(p.Chains, func(c *auditChain) bool { return c.Repo == a.RepoID })
	if i < 0 {
		i = len(p.Chains)
		p.Chains = append(p.Chains, &auditChain{Repo: a.RepoID, Name: name})
	}
	c := p.Chains[i]
	if err := store.VerifyAudit(c.last, []store.AuditEntry{a}); err != nil {
		return fmt.Errorf("repository %d: %w", a.RepoID, err)
	}
	c.Entries, c.Head, c.At, c.last = c.Entries+1, a.Hash, a.At, a
	p.heads = slices.DeleteFunc(p.heads, func(h string) bool { return h == a.Hash })
	return nil
}

// Run checks every chain from its beginning. The exit status is 1 when anything is missing or was changed.
func (c *auditVerifyCmd) Run(e *env) error {
	p := &auditProof{Chains: []*auditChain{}, heads: slices.Clone(c.Head)}
	err := c.prove(e, p)
	if err == nil && len(p.heads) > 0 {
		err = fmt.Errorf("the log does not hold the hash %s: entries were cut off, or it is another log", p.heads[0])
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no audit log to prove: %w", err)
	}
	if err != nil {
		return fmt.Errorf("the audit log is not whole: %w", err)
	}
	p.OK = true
	if c.JSON {
		return printJSON(e.stdout, p)
	}
	for _, chain := range p.Chains {
		name := chain.Name
		if name == "" {
			name = fmt.Sprintf("repository %d", chain.Repo)
		}
		fmt.Fprintf(e.stdout, "%s: %d entries, the last %s, hash %s\n", name, chain.Entries, chain.At.UTC().Format(time.RFC3339), chain.Head)
	}
	fmt.Fprintln(e.stdout, "ok: no entry is missing or was changed; keep the hashes elsewhere and give them to --head the next time")
	return nil
}

func (c *auditVerifyCmd) prove(e *env, p *auditProof) error {
	if c.File == "" {
		return c.read(e, func(ctx context.Context, s *store.Store) error { return eachAudit(ctx, s, p.take) })
	}
	from := e.stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		from = f
	}
	dec := json.NewDecoder(from)
	dec.DisallowUnknownFields()
	for n := 1; ; n++ {
		var l auditLine
		switch err := dec.Decode(&l); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("entry %d of %s: %w", n, c.File, err)
		}
		if err := p.take(l.Name, l.entry()); err != nil {
			return err
		}
	}
}
