package githubactions

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/sarif"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/forge"
)

// Bounds of what a run hands on. Whoever may change the workflow decides what is in it.
const (
	maxArtifacts = 20       // names in with.sarif
	maxArchive   = 20 << 20 // bytes of one archive
	maxFiles     = 20       // SARIF files of one action
	maxUnpacked  = 50 << 20 // bytes of all of them
	maxEntries   = 10_000   // files of one archive, whatever they are
)

// checkArtifacts says which name GitHub gives to no artifact.
func checkArtifacts(names []string) error {
	if len(names) > maxArtifacts {
		return executor.Permanentf("with.sarif: %d artifacts; at most %d are read", len(names), maxArtifacts)
	}
	for _, name := range names {
		if !executor.IsReference(name) && (name == "" || len(name) > 255 || strings.ContainsAny(name, "\":<>|*?\\/\r\n")) {
			return executor.Permanentf("with.sarif: %q is not the name of an artifact of the run", name)
		}
	}
	return nil
}

// analyse adds to the report of a run what its artifacts say that analysers found. What cannot be read fails the action; an error
// means that it is not known yet.
func (e *Executor) analyse(ctx context.Context, report *executor.Report, p parameters, r executor.Request, run int64) error {
	var all []sarif.Result
	read := &unpacking{workspace: "/home/runner/work/" + r.Repo + "/" + r.Repo, mask: supervise.Masking(e.Secrets)}
	for _, name := range p.sarif {
		data, err := e.Repo(r).RunArtifact(ctx, run, name, maxArchive)
		var large *forge.NotAFileError
		switch {
		case errors.Is(err, forge.ErrNotFound):
			sarif.Unread(report, fmt.Sprintf("the run has no artifact %q", name))
			return nil
		case errors.As(err, &large):
			sarif.Unread(report, fmt.Sprintf("artifact %q is an archive of more than %d MiB", name, maxArchive>>20))
			return nil
		case err != nil:
			return classify(fmt.Errorf("artifact %q of run %d: %w", name, run, err))
		}
		results, err := read.archive(data)
		if err != nil {
			sarif.Unread(report, fmt.Sprintf("artifact %q: %v", name, err))
			return nil
		}
		all = append(all, results...)
	}
	sarif.Judge(all, p.threshold).Tell(report)
	return nil
}

// unpacking reads archives, and counts over all of them.
type unpacking struct {
	workspace string // where the runner has the repository
	mask      func(text string) string
	files     int
	bytes     int64
}

// archive reads the SARIF files of one archive. Nothing is written anywhere, so names lead nowhere; other files are left alone.
func (u *unpacking) archive(data []byte) ([]sarif.Result, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("it is no zip archive: %w", err)
	}
	if len(z.File) > maxEntries {
		return nil, fmt.Errorf("it has %d files, more than %d", len(z.File), maxEntries)
	}
	var out []sarif.Result
	found := false
	for _, f := range z.File {
		if name := strings.ToLower(f.Name); !f.Mode().IsRegular() || path.Ext(name) != ".sarif" && !strings.HasSuffix(name, ".sarif.json") {
			continue
		}
		found = true
		results, err := u.file(f)
		if err != nil {
			return nil, fmt.Errorf("%.100q: %w", f.Name, err)
		}
		out = append(out, results...)
	}
	if !found {
		return nil, errors.New("it holds no file whose name ends in .sarif or .sarif.json")
	}
	return out, nil
}

func (u *unpacking) file(f *zip.File) ([]sarif.Result, error) {
	if u.files++; u.files > maxFiles {
		return nil, fmt.Errorf("it is one file too many: %d are read", maxFiles)
	}
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, sarif.MaxBytes+1)) // whatever the archive says of its size
	if err != nil {
		return nil, err
	}
	if u.bytes += int64(len(data)); u.bytes > maxUnpacked {
		return nil, fmt.Errorf("the files have more than %d MiB together", maxUnpacked>>20)
	}
	return sarif.Parse(data, u.workspace, u.mask)
}
