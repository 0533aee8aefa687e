package bare

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Kinds of objects.
const (
	KindCommit = "commit"
	KindTree   = "tree"
	KindBlob   = "blob"
	KindTag    = "tag"
)

// Signature is who wrote a commit or tag, and when.
type Signature struct {
	Name, Email string
	When        time.Time
}

func (s Signature) String() string {
	return fmt.Sprintf("%s <%s> %d %s", s.Name, s.Email, s.When.Unix(), s.When.Format("-0700"))
}

// Commit is a commit object.
type Commit struct {
	SHA, Tree         string
	Parents           []string
	Author, Committer Signature
	Message           string
	Signed            bool
}

// Tag is an annotated tag.
type Tag struct {
	SHA, Object, Kind, Name string
	Tagger                  Signature
	Message                 string
}

// Entry is a line of a tree.
type Entry struct {
	Mode string // 100644 100755 120000 160000 40000
	Name string
	SHA  string
}

// Kind is the kind of the object the entry names.
func (e Entry) Kind() string {
	switch e.Mode {
	case "40000":
		return KindTree
	case "160000":
		return KindCommit
	}
	return KindBlob
}

// IsSHA tells whether s is a full object name.
func IsSHA(s string) bool {
	if len(s) != 40 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Object reads an object. One that does not exist is ErrNotFound.
func (r *Repo) Object(sha string) (kind string, data []byte, err error) {
	if !IsSHA(sha) {
		return "", nil, fmt.Errorf("object %q: %w", sha, ErrNotFound)
	}
	for _, dir := range []string{r.extra, filepath.Join(r.Dir, "objects"), r.shared} {
		if dir == "" {
			continue
		}
		f, err := os.Open(filepath.Join(dir, sha[:2], sha[2:]))
		if err != nil {
			continue
		}
		kind, data, err = inflate(f)
		f.Close()
		if err != nil {
			return "", nil, fmt.Errorf("object %s: %w", sha, err)
		}
		return kind, data, nil
	}
	if packs, _ := filepath.Glob(filepath.Join(r.Dir, "objects/pack/*.pack")); len(packs) == 0 && r.extra == "" {
		return "", nil, fmt.Errorf("object %s: %w", sha, ErrNotFound)
	}
	return r.packedObject(sha)
}

func inflate(f io.Reader) (kind string, data []byte, err error) {
	z, err := zlib.NewReader(bufio.NewReader(f))
	if err != nil {
		return "", nil, err
	}
	defer z.Close()
	b, err := io.ReadAll(z)
	if err != nil {
		return "", nil, err
	}
	head, data, ok := bytes.Cut(b, []byte{0})
	if !ok {
		return "", nil, fmt.Errorf("no header")
	}
	kind, _, _ = strings.Cut(string(head), " ")
	return kind, data, nil
}

func (r *Repo) packedObject(sha string) (kind string, data []byte, err error) {
	out, _, err := r.git(context.Background(), sha+"\n", "cat-file", "--batch")
	if err != nil {
		return "", nil, err
	}
	head, rest, ok := bytes.Cut(out, []byte("\n"))
	f := strings.Fields(string(head))
	if !ok || len(f) != 3 {
		return "", nil, fmt.Errorf("object %s: %w", sha, ErrNotFound)
	}
	n, err := strconv.Atoi(f[2])
	if err != nil || n > len(rest) {
		return "", nil, fmt.Errorf("object %s: git cat-file says %q", sha, head)
	}
	return f[1], rest[:n], nil
}

// Write stores an object and returns its name.
func (r *Repo) Write(kind string, data []byte) (string, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %d\x00", kind, len(data))
	b.Write(data)
	sum := sha1.Sum(b.Bytes())
	sha := hex.EncodeToString(sum[:])
	path := filepath.Join(r.Dir, "objects", sha[:2], sha[2:])
	if _, err := os.Stat(path); err == nil {
		return sha, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "tmp_obj_")
	if err != nil {
		return "", err
	}
	z, err := zlib.NewWriterLevel(tmp, zlib.BestSpeed)
	if err != nil {
		return "", err
	}
	_, err = z.Write(b.Bytes())
	for _, f := range []func() error{z.Close, tmp.Close, func() error { return os.Chmod(tmp.Name(), 0o444) }, func() error { return os.Rename(tmp.Name(), path) }} {
		if e := f(); err == nil {
			err = e
		}
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return "", fmt.Errorf("writing object %s: %w", sha, err)
	}
	return sha, nil
}

// Commit reads a commit.
func (r *Repo) Commit(sha string) (*Commit, error) {
	if r.memo != nil {
		if c, ok := recall(r.memo, r.memo.commits, sha); ok {
			return c, nil
		}
	}
	kind, data, err := r.Object(sha)
	if err != nil {
		return nil, err
	}
	if kind != KindCommit {
		return nil, fmt.Errorf("%s is a %s, not a commit: %w", sha, kind, ErrNotFound)
	}
	c := parseCommit(sha, string(data))
	if r.memo != nil {
		remember(r.memo, r.memo.commits, sha, c)
	}
	return c, nil
}

func parseCommit(sha, data string) *Commit {
	c := &Commit{SHA: sha}
	head, message, _ := strings.Cut(data, "\n\n")
	c.Message = message
	for line := range strings.SplitSeq(head, "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "tree":
			c.Tree = value
		case "parent":
			c.Parents = append(c.Parents, value)
		case "author":
			c.Author = parseSignature(value)
		case "committer":
			c.Committer = parseSignature(value)
		case "gpgsig":
			c.Signed = true
		}
	}
	return c
}

func parseSignature(s string) Signature {
	name, rest, _ := strings.Cut(s, " <")
	email, when, _ := strings.Cut(rest, "> ")
	sig := Signature{Name: strings.TrimPrefix(name, "<"), Email: email}
	unix, zone, _ := strings.Cut(when, " ")
	n, _ := strconv.ParseInt(unix, 10, 64)
	sig.When = time.Unix(n, 0).UTC()
	if t, err := time.Parse("-0700", zone); err == nil && zone != "+0000" {
		sig.When = sig.When.In(t.Location())
	}
	return sig
}

// WriteCommit stores a commit and returns its name. SHA and Signed of c are ignored.
func (r *Repo) WriteCommit(c Commit) (string, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "tree %s\n", c.Tree)
	for _, p := range c.Parents {
		fmt.Fprintf(&b, "parent %s\n", p)
	}
	fmt.Fprintf(&b, "author %s\ncommitter %s\n\n%s", c.Author, c.Committer, c.Message)
	return r.Write(KindCommit, b.Bytes())
}

// Tag reads an annotated tag.
func (r *Repo) Tag(sha string) (*Tag, error) {
	kind, data, err := r.Object(sha)
	if err != nil {
		return nil, err
	}
	if kind != KindTag {
		return nil, fmt.Errorf("%s is a %s, not a tag: %w", sha, kind, ErrNotFound)
	}
	t := &Tag{SHA: sha}
	head, message, _ := strings.Cut(string(data), "\n\n")
	t.Message = message
	for line := range strings.SplitSeq(head, "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "object":
			t.Object = value
		case "type":
			t.Kind = value
		case "tag":
			t.Name = value
		case "tagger":
			t.Tagger = parseSignature(value)
		}
	}
	return t, nil
}

// WriteTag stores an annotated tag and returns its name.
func (r *Repo) WriteTag(t Tag) (string, error) {
	return r.Write(KindTag, fmt.Appendf(nil, "object %s\ntype %s\ntag %s\ntagger %s\n\n%s", t.Object, t.Kind, t.Name, t.Tagger, t.Message))
}

// Peel follows annotated tags to the commit; ErrNotFound when there is none at the end.
func (r *Repo) Peel(sha string) (string, error) {
	for range 10 {
		if r.memo != nil {
			if _, ok := recall(r.memo, r.memo.commits, sha); ok {
				return sha, nil
			}
		}
		kind, _, err := r.Object(sha)
		if err != nil {
			return "", err
		}
		switch kind {
		case KindCommit:
			return sha, nil
		case KindTag:
			t, err := r.Tag(sha)
			if err != nil {
				return "", err
			}
			sha = t.Object
		default:
			return "", fmt.Errorf("%s is a %s: %w", sha, kind, ErrNotFound)
		}
	}
	return "", fmt.Errorf("tag %s points at tags without end: %w", sha, ErrNotFound)
}
