package bare

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// EmptyTree is the name of the tree without entries.
const EmptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// Tree reads a tree. The result is shared: do not change it.
func (r *Repo) Tree(sha string) ([]Entry, error) {
	if sha == EmptyTree {
		return nil, nil
	}
	if r.memo != nil {
		if t, ok := recall(r.memo, r.memo.trees, sha); ok {
			return t, nil
		}
	}
	kind, data, err := r.Object(sha)
	if err != nil {
		return nil, err
	}
	if kind != KindTree {
		return nil, fmt.Errorf("%s is a %s, not a tree: %w", sha, kind, ErrNotFound)
	}
	var t []Entry
	for len(data) > 0 {
		head, rest, ok := bytes.Cut(data, []byte{0})
		if !ok || len(rest) < 20 {
			return nil, fmt.Errorf("tree %s is damaged", sha)
		}
		mode, name, _ := strings.Cut(string(head), " ")
		t = append(t, Entry{Mode: mode, Name: name, SHA: hex.EncodeToString(rest[:20])})
		data = rest[20:]
	}
	if r.memo != nil {
		remember(r.memo, r.memo.trees, sha, t)
	}
	return t, nil
}

// WriteTree stores a tree of the entries, in any order.
func (r *Repo) WriteTree(entries []Entry) (string, error) {
	entries = slices.Clone(entries)
	key := func(e Entry) string { // git sorts folders as if their names ended in a slash
		if e.Mode == "40000" {
			return e.Name + "/"
		}
		return e.Name
	}
	sort.Slice(entries, func(i, j int) bool { return key(entries[i]) < key(entries[j]) })
	var b bytes.Buffer
	for _, e := range entries {
		raw, err := hex.DecodeString(e.SHA)
		if err != nil || len(raw) != 20 {
			return "", fmt.Errorf("entry %s has no valid object name %q", e.Name, e.SHA)
		}
		fmt.Fprintf(&b, "%s %s\x00%s", strings.TrimLeft(e.Mode, "0"), e.Name, raw)
	}
	return r.Write(KindTree, b.Bytes())
}

// Lookup finds a path in a tree. The empty path is the tree itself.
func (r *Repo) Lookup(tree, path string) (Entry, error) {
	e := Entry{Mode: "40000", SHA: tree}
	path = strings.Trim(path, "/")
	if path == "" {
		return e, nil
	}
	for part := range strings.SplitSeq(path, "/") {
		if e.Kind() != KindTree {
			return Entry{}, fmt.Errorf("%s: %w", path, ErrNotFound)
		}
		entries, err := r.Tree(e.SHA)
		if err != nil {
			return Entry{}, err
		}
		i := slices.IndexFunc(entries, func(e Entry) bool { return e.Name == part })
		if i < 0 {
			return Entry{}, fmt.Errorf("%s: %w", path, ErrNotFound)
		}
		e = entries[i]
	}
	return e, nil
}

// Put returns a tree that differs in one path: there is the entry (its Name is ignored), or nothing when its SHA is
// empty. Folders are made, and vanish when they become empty.
func (r *Repo) Put(tree, path string, e Entry) (string, error) {
	name, rest, deep := strings.Cut(strings.Trim(path, "/"), "/")
	if name == "" || name == "." || name == ".." || name == ".git" {
		return "", fmt.Errorf("path %q is not valid in git", path)
	}
	entries, err := r.Tree(tree)
	if err != nil {
		return "", err
	}
	entries = slices.Clone(entries)
	i := slices.IndexFunc(entries, func(x Entry) bool { return x.Name == name })
	if deep {
		sub := EmptyTree
		if i >= 0 && entries[i].Mode == "40000" {
			sub = entries[i].SHA
		}
		if sub, err = r.Put(sub, rest, e); err != nil {
			return "", err
		}
		e = Entry{Mode: "40000", SHA: sub}
		if sub == EmptyTree {
			e.SHA = ""
		}
	}
	e.Name = name
	switch {
	case e.SHA == "" && i >= 0:
		entries = slices.Delete(entries, i, i+1)
	case e.SHA == "":
	case i >= 0:
		entries[i] = e
	default:
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return EmptyTree, nil
	}
	return r.WriteTree(entries)
}

// PutFiles returns a tree with the files changed; empty content deletes a file. A file keeps its mode.
func (r *Repo) PutFiles(tree string, files map[string]string) (string, error) {
	for path, content := range files {
		e := Entry{Mode: "100644"}
		if old, err := r.Lookup(tree, path); err == nil && old.Kind() == KindBlob {
			e.Mode = old.Mode
		}
		if strings.HasPrefix(content, "#!") {
			e.Mode = "100755"
		}
		if content != "" {
			sha, err := r.Write(KindBlob, []byte(content))
			if err != nil {
				return "", err
			}
			e.SHA = sha
		}
		var err error
		if tree, err = r.Put(tree, path, e); err != nil {
			return "", err
		}
	}
	return tree, nil
}

// Changed names the files that differ between two trees, without looking for renames: A added, D deleted, M modified.
func (r *Repo) Changed(from, to string, f func(path string, kind byte)) error {
	return r.changed("", Entry{Mode: "40000", SHA: from}, Entry{Mode: "40000", SHA: to}, f)
}

func (r *Repo) changed(prefix string, from, to Entry, f func(path string, kind byte)) error {
	if from.SHA == to.SHA && from.Mode == to.Mode {
		return nil
	}
	old, err := r.children(from)
	if err != nil {
		return err
	}
	now, err := r.children(to)
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for name := range old {
		names[name] = true
	}
	for name := range now {
		names[name] = true
	}
	for name := range names {
		a, b := old[name], now[name]
		if a.SHA == b.SHA && a.Mode == b.Mode {
			continue
		}
		aFile, bFile := a.SHA != "" && a.Kind() != KindTree, b.SHA != "" && b.Kind() != KindTree
		switch {
		case aFile && bFile:
			f(prefix+name, 'M')
		case aFile:
			f(prefix+name, 'D')
		case bFile:
			f(prefix+name, 'A')
		}
		if err := r.changed(prefix+name+"/", a, b, f); err != nil {
			return err
		}
	}
	return nil
}

// children are the entries of a tree by name; none of what is no tree.
func (r *Repo) children(e Entry) (map[string]Entry, error) {
	out := map[string]Entry{}
	if e.SHA == "" || e.Kind() != KindTree {
		return out, nil
	}
	entries, err := r.Tree(e.SHA)
	for _, x := range entries {
		out[x.Name] = x
	}
	return out, err
}
