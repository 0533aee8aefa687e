package buildspec

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/pipeline"
)

// chosen pairs the outputs an action declares with what the buildspec makes: a secondary artifact of the output's name,
// else, for the first output, the primary artifact. A buildspec without any artifacts makes none: its tests may be all
// that is wanted, and an action that needs the output says so itself.
func chosen(spec *Spec, outputs []string) (map[string]*ArtifactSpec, error) {
	out := map[string]*ArtifactSpec{}
	for i, name := range outputs {
		switch a, ok := spec.Secondary[name]; {
		case ok:
			out[name] = a
		case i == 0 && spec.Primary != nil:
			out[name] = spec.Primary
		case i == 0 && len(spec.Secondary) == 0:
		case i == 0:
			return nil, fmt.Errorf("the action's output %q needs artifacts.files, or artifacts.secondary-artifacts.%s", name, name)
		default:
			return nil, fmt.Errorf("the action's output %q needs artifacts.secondary-artifacts.%s", name, name)
		}
	}
	return out, nil
}

// collect stores what the build made. remarks are for the log.
func collect(ctx context.Context, store Artifacts, tree *artifact.Tree, specs map[string]*ArtifactSpec, at time.Time) (
	out map[string]pipeline.Artifact, remarks []string, err error,
) {
	out = map[string]pipeline.Artifact{}
	for name, spec := range specs {
		files, some, err := match(ctx, tree, spec)
		if err != nil {
			return nil, nil, &collectError{name: name, line: spec.Line, err: err}
		}
		for _, r := range some {
			remarks = append(remarks, fmt.Sprintf("artifact %s: %s", name, r))
		}
		out[name], err = store.Save(ctx, name, tree, files, at)
		if errors.Is(err, artifact.ErrUnfit) {
			err = &collectError{name: name, line: spec.Line, err: errors.Unwrap(err)} // which names the artifact too
		}
		if err != nil {
			return nil, nil, err
		}
	}
	slices.Sort(remarks)
	return out, remarks, nil
}

// collectError says that a build did not make what its buildspec promises.
type collectError struct {
	name string
	line int
	err  error
}

func (e *collectError) Error() string { return fmt.Sprintf("artifact %s: %v", e.name, e.err) }
func (e *collectError) Unwrap() error { return e.err }

// match lists the files of an artifact, with CodeBuild's globs: relative to each folder that base-directory matches,
// whose own name is not part of theirs. The clone's .git is never part of an artifact.
func match(ctx context.Context, tree *artifact.Tree, spec *ArtifactSpec) (files []artifact.File, remarks []string, err error) {
	bases := []string{"."}
	if spec.Base != "" && spec.Base != "." {
		if bases, err = folders(ctx, tree, spec.Base); err != nil {
			return nil, nil, err
		}
		if len(bases) == 0 {
			return nil, nil, fmt.Errorf("no folder matches base-directory %s", spec.Base)
		}
	}
	matched := map[string]bool{} // patterns
	taken := map[string]string{} // names
	left := 0
	for _, base := range bases {
		err := tree.Walk(ctx, base, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel := strings.TrimPrefix(strings.TrimPrefix(p, base), "/")
			if base == "." {
				rel = p
			}
			if d.IsDir() {
				if p == ".git" {
					return fs.SkipDir
				}
				return nil
			}
			pattern := firstMatch(spec, rel)
			if pattern == "" {
				return nil
			}
			link := d.Type()&fs.ModeSymlink != 0
			if !regular(tree, p) && !(link && spec.Symlinks) {
				left++ // a socket, a link to a folder or out of the tree
				return nil
			}
			matched[pattern] = true
			name := rel
			if spec.Flat {
				name = path.Base(rel)
			}
			if other, twice := taken[name]; twice {
				return fmt.Errorf("%s and %s would both be called %s", other, p, name)
			}
			taken[name] = p
			files = append(files, artifact.File{Path: p, Name: name, Link: link && spec.Symlinks})
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	for _, f := range spec.Files {
		if !matched[f.Text] {
			remarks = append(remarks, fmt.Sprintf("%s matches no file", f.Text))
		}
	}
	if left > 0 {
		remarks = append(remarks, fmt.Sprintf("%d entries are no regular files and were left out", left))
	}
	if len(files) == 0 {
		return nil, nil, errors.New("no matching artifact paths found: " + strings.Join(remarks, "; ") +
			" (a folder's content is dir/**/*)")
	}
	return files, remarks, nil
}

// firstMatch is the first pattern that takes a file; empty when none does or the file is excluded.
func firstMatch(spec *ArtifactSpec, rel string) string {
	for _, x := range spec.Exclude {
		if doublestar.MatchUnvalidated(x, rel) {
			return ""
		}
	}
	for _, f := range spec.Files {
		if doublestar.MatchUnvalidated(f.Text, rel) {
			return f.Text
		}
	}
	return ""
}

// regular tells whether a path is a regular file, or a link to one in the tree.
func regular(tree *artifact.Tree, p string) bool {
	info, err := tree.Root().Stat(p)
	return err == nil && info.Mode().IsRegular()
}

// folders lists the folders that a pattern matches, sorted.
func folders(ctx context.Context, tree *artifact.Tree, pattern string) ([]string, error) {
	var out []string
	err := glob(ctx, tree, pattern, func(p string, d fs.FileInfo) {
		if d.IsDir() && p != ".git" {
			out = append(out, p)
		}
	})
	slices.Sort(out)
	return out, err
}

// glob calls found for what a pattern matches, without following links below the folder that it names without wildcards.
func glob(ctx context.Context, tree *artifact.Tree, pattern string, found func(p string, info fs.FileInfo)) error {
	look := func(p string) {
		if info, err := tree.Root().Lstat(p); err == nil {
			found(p, info)
		}
	}
	if !strings.ContainsAny(pattern, `*?[{\`) {
		look(pattern)
		return nil
	}
	base, _ := doublestar.SplitPattern(pattern)
	if (base != "." || pattern == "**") && doublestar.MatchUnvalidated(pattern, base) {
		look(base)
	}
	err := tree.Walk(ctx, base, func(p string, d fs.DirEntry, err error) error {
		if err == nil && doublestar.MatchUnvalidated(pattern, p) {
			look(p)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return err
}
