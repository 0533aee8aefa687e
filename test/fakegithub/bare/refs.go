package bare

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Ref is a full name and the object it points at.
type Ref struct{ Name, SHA string }

// StaleError says that a ref is not where it was expected.
type StaleError struct{ Name, Want, Have string }

func (e *StaleError) Error() string {
	return fmt.Sprintf("%s is at %s, not at %s", e.Name, or(e.Have, "nothing"), or(e.Want, "nothing"))
}

func or(s, t string) string {
	if s == "" {
		return t
	}
	return s
}

// Head is the branch that HEAD names.
func (r *Repo) Head() string {
	b, err := os.ReadFile(filepath.Join(r.Dir, "HEAD"))
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(strings.TrimSpace(string(b)), "ref: refs/heads/")
}

// Ref reads a ref by its full name; empty when there is none.
func (r *Repo) Ref(name string) string {
	if !ValidRef(name) {
		return ""
	}
	b, err := os.ReadFile(filepath.Join(r.Dir, name))
	if err != nil {
		return r.packed()[name]
	}
	return strings.TrimSpace(string(b))
}

func (r *Repo) packed() map[string]string {
	b, err := os.ReadFile(filepath.Join(r.Dir, "packed-refs"))
	if err != nil {
		return nil
	}
	refs := map[string]string{}
	for line := range strings.Lines(string(b)) {
		sha, name, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && len(sha) == 40 {
			refs[name] = sha
		}
	}
	return refs
}

// Refs lists the refs whose full names begin with prefix, by name.
func (r *Repo) Refs(prefix string) []Ref {
	all := r.packed()
	if all == nil {
		all = map[string]string{}
	}
	dir := prefix
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		dir = prefix[:i]
	}
	root := filepath.Join(r.Dir, dir)
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".lock") {
			return nil // vanished meanwhile, or another's lock
		}
		name, err := filepath.Rel(r.Dir, path)
		if err != nil {
			return err
		}
		if b, err := os.ReadFile(path); err == nil {
			all[filepath.ToSlash(name)] = strings.TrimSpace(string(b))
		}
		return nil
	})
	var out []Ref
	for name, sha := range all {
		if strings.HasPrefix(name, prefix) && len(sha) == 40 {
			out = append(out, Ref{name, sha})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// UpdateRef moves a ref from old to new, which must exist. Old empty: the ref must not exist. New empty: it is deleted.
// A ref that is elsewhere is a *StaleError.
func (r *Repo) UpdateRef(name, old, sha string) error {
	if !ValidRef(name) {
		return fmt.Errorf("%q is no valid ref name", name)
	}
	path := filepath.Join(r.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("%s: a ref with a shorter name is in the way: %w", name, err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("%s is locked by a push: %w", name, err)
	}
	defer os.Remove(path + ".lock")
	defer lock.Close()
	if have := r.Ref(name); have != old {
		return &StaleError{Name: name, Want: old, Have: have}
	}
	if sha == "" {
		return r.deleteRef(name)
	}
	if _, err := lock.WriteString(sha + "\n"); err != nil {
		return err
	}
	if err := lock.Close(); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		removeEmpty(path)
	}
	if err := os.Rename(path+".lock", path); err != nil {
		return fmt.Errorf("%s: refs with longer names are in the way: %w", name, err)
	}
	return nil
}

func (r *Repo) deleteRef(name string) error {
	if packed := r.packed(); packed[name] != "" {
		delete(packed, name)
		var b strings.Builder
		for n, s := range packed {
			fmt.Fprintf(&b, "%s %s\n", s, n)
		}
		if err := os.WriteFile(filepath.Join(r.Dir, "packed-refs"), []byte(b.String()), 0o644); err != nil {
			return err
		}
	}
	path := filepath.Join(r.Dir, name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// removeEmpty removes a folder of empty folders, which deleted refs leave behind.
func removeEmpty(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			removeEmpty(filepath.Join(dir, e.Name()))
		}
	}
	_ = os.Remove(dir) // fails, as it should, when something is in it
}

// ValidRef tells whether git accepts a full ref name, as git check-ref-format does.
func ValidRef(name string) bool {
	if !strings.HasPrefix(name, "refs/") || strings.HasSuffix(name, "/") || strings.HasSuffix(name, ".") ||
		strings.Contains(name, "..") || strings.Contains(name, "//") || strings.Contains(name, "@{") || strings.Count(name, "/") < 2 {
		return false
	}
	for _, c := range []byte(name) {
		if c < 0x20 || c == 0x7f || strings.IndexByte(" ~^:?*[\\", c) >= 0 {
			return false
		}
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}
