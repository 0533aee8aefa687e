package artifact

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pipeline"
)

var commit = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func open(t testing.TB, l Limits) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{URL: filepath.Join(t.TempDir(), "artifacts"), Work: t.TempDir(), Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left, err := os.ReadDir(s.work); err != nil || len(left) > 0 {
			t.Errorf("left behind in the folder of work: %v, %v", left, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// write makes a tree: a value that begins with "->" is a link, a name that ends in "*" is executable.
func write(t testing.TB, tree map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range tree {
		mode := fs.FileMode(0o644)
		if n, ok := strings.CutSuffix(name, "*"); ok {
			name, mode = n, 0o755
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, ok := strings.CutPrefix(body, "->"); ok {
			err = os.Symlink(to, path)
		} else {
			err = os.WriteFile(path, []byte(body), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read is the reverse of write.
func read(t testing.TB, dir string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			to, err := os.Readlink(path)
			tree[name] = "->" + to
			return err
		}
		if info.Mode()&0o111 != 0 {
			name += "*"
		}
		b, err := os.ReadFile(path)
		tree[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestSaveThenExtractIsIdentity(t *testing.T) {
	s := open(t, Limits{})
	tree := map[string]string{"bin/shop*": "program", "web/index.html": "<p>", "web/current": "->index.html", "empty": ""}
	dir := write(t, tree)
	files := []File{{Path: "web/index.html"}, {Path: "bin/shop"}, {Path: "web/current", Link: true}, {Path: "empty"}}
	a, err := s.Save(t.Context(), "app", treeOf(t, dir), files, commit)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := s.Extract(t.Context(), a, out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree, read(t, out)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(s.folder, a.Location))
	if err != nil || info.Size() != a.Size {
		t.Errorf("stored %v, %v; want %d bytes", info, err, a.Size)
	}
	if left, _ := filepath.Glob(filepath.Join(s.folder, "sha256/*/*.tmp")); len(left) > 0 {
		t.Errorf("temporary files stay behind: %v", left)
	}
}

func TestEqualFilesGiveTheEqualDigest(t *testing.T) {
	digest := func(files []File, tree map[string]string, at time.Time) string {
		a, err := open(t, Limits{}).Save(t.Context(), "app", treeOf(t, write(t, tree)), files, at)
		if err != nil {
			t.Fatal(err)
		}
		return a.Digest
	}
	ab := []File{{Path: "a"}, {Path: "b"}}
	first := digest(ab, map[string]string{"a": "1", "b": "2"}, commit)
	for name, tc := range map[string]struct {
		got  string
		same bool
	}{
		"another order":     {digest([]File{{Path: "b"}, {Path: "a"}}, map[string]string{"a": "1", "b": "2"}, commit), true},
		"another time zone": {digest(ab, map[string]string{"a": "1", "b": "2"}, commit.In(time.FixedZone("x", 3600))), true},
		"other content":     {digest(ab, map[string]string{"a": "1", "b": "3"}, commit), false},
		"another name":      {digest([]File{{Path: "a"}, {Path: "b", Name: "c"}}, map[string]string{"a": "1", "b": "2"}, commit), false},
		"executable":        {digest(ab, map[string]string{"a*": "1", "b": "2"}, commit), false},
	} {
		if (tc.got == first) != tc.same {
			t.Errorf("%s: same digest %v, want %v", name, tc.got == first, tc.same)
		}
	}
}

func TestSaveRefuses(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := write(t, map[string]string{
		"a": "1", "b": "2", "out": "->" + outside, "up": "->../secret", "in": "->a", "big": strings.Repeat("x", 2000),
	})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string][]File{
		"a link that leads out":         {{Path: "out"}},
		"a link that leads up":          {{Path: "up"}},
		"a link that leads out, kept":   {{Path: "out", Link: true}},
		"a link that leads up, kept":    {{Path: "up", Link: true}},
		"a named pipe":                  {{Path: "pipe"}},
		"a path above":                  {{Path: "../secret"}},
		"an absolute path":              {{Path: outside}},
		"a name above":                  {{Path: "a", Name: "../a"}},
		"what is not there":             {{Path: "nothing"}},
		"two files of one name":         {{Path: "a", Name: "x"}, {Path: "b", Name: "x"}},
		"more bytes than allowed":       {{Path: "big"}},
		"more files than allowed (3)":   {{Path: "a"}, {Path: "b"}, {Path: "in"}, {Path: "a", Name: "c"}},
		"one of several that leads out": {{Path: "a"}, {Path: "out"}},
	} {
		s := open(t, Limits{Bytes: 1000, Entries: 3})
		if _, err := s.Save(t.Context(), "app", treeOf(t, dir), files, commit); err == nil {
			t.Errorf("%s: saved", name)
		}
		if left, _ := filepath.Glob(filepath.Join(s.folder, "*")); len(left) > 0 {
			t.Errorf("%s: left behind %v", name, left)
		}
	}
}

func TestExtractFindsWhatWasChanged(t *testing.T) {
	s := open(t, Limits{})
	a, err := s.Save(t.Context(), "app", treeOf(t, write(t, map[string]string{"a": "1"})), []File{{Path: "a"}}, commit)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.folder, a.Location)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := s.Extract(t.Context(), a, out); !errors.Is(err, ErrChanged) {
		t.Errorf("error %v, want ErrChanged", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was unpacked")
	}
	if err := s.Extract(t.Context(), pipeline.Artifact{Digest: "sha256:../../etc/passwd"}, out); err == nil {
		t.Error("a digest that is a path was accepted")
	}
}

// archive is a tar.gz of entries as they are, however bad.
func archive(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	for _, h := range entries {
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(tw, zeros{}, h.Size); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), zw.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestUnpackingHostileArchives(t *testing.T) {
	file := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 1} }
	link := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	for name, entries := range map[string][]tar.Header{
		"a path above":                  {file("../evil")},
		"a path above, hidden":          {file("a/../../evil")},
		"an absolute path":              {file("/tmp/evil")},
		"a backslash":                   {file(`..\evil`)},
		"a link out":                    {link("a", "/etc")},
		"a link up":                     {link("a", "../..")},
		"a link up from below":          {link("a/b", "../../x")},
		"a link below a link":           {link("x", "."), link("x/y", "..")},
		"a file through a link":         {link("a", "/tmp"), file("a/evil")},
		"a hard link out":               {{Typeflag: tar.TypeLink, Name: "a", Linkname: "../../etc/passwd"}},
		"a hard link to a link":         {link("a", "b"), {Typeflag: tar.TypeLink, Name: "c", Linkname: "a"}},
		"a device":                      {{Typeflag: tar.TypeChar, Name: "null", Devmajor: 1, Devminor: 3}},
		"a named pipe":                  {{Typeflag: tar.TypeFifo, Name: "pipe"}},
		"the same name twice":           {file("a"), file("a")},
		"more entries than allowed (3)": {file("a"), file("b"), file("c"), file("d")},
		"a bomb":                        {{Typeflag: tar.TypeReg, Name: "a", Size: 17 << 20}},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "in", "out")
			err := untarGzip(t.Context(), bytes.NewReader(archive(t, entries...)), out, Limits{Bytes: 1 << 30, Entries: 3, Ratio: 100})
			if err == nil {
				t.Error("unpacked")
			}
			for _, evil := range []string{filepath.Join(out, "../evil"), filepath.Join(out, "../../evil"), "/tmp/evil"} {
				if _, err := os.Lstat(evil); err == nil {
					t.Errorf("%s was written", evil)
				}
			}
		})
	}
}

func TestUnpackingMoreBytesThanAllowed(t *testing.T) {
	b := archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 600}, tar.Header{Typeflag: tar.TypeReg, Name: "b", Size: 600})
	for allowed, ok := range map[int64]bool{1199: false, 1200: true} {
		err := untarGzip(t.Context(), bytes.NewReader(b), filepath.Join(t.TempDir(), "out"), Limits{Bytes: allowed, Entries: 9, Ratio: 100})
		if (err == nil) != ok {
			t.Errorf("%d bytes allowed: %v, want ok %v", allowed, err, ok)
		}
	}
}

// An image's links are absolute: they mean its own root.
func TestUntarOfAnImage(t *testing.T) {
	zipped := archive(t,
		tar.Header{Typeflag: tar.TypeReg, Name: "/usr/bin/app", Mode: 0o755, Size: 1},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "bin", Linkname: "/usr/bin"},
		tar.Header{Typeflag: tar.TypeLink, Name: "usr/bin/same", Linkname: "usr/bin/app"},
	)
	zr, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := Untar(t.Context(), zr, out, Limits{}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"usr/bin/app*": "\x00", "usr/bin/same*": "\x00", "bin": "->usr/bin"}
	if diff := cmp.Diff(want, read(t, out)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if b, err := os.ReadFile(filepath.Join(out, "bin/app")); err != nil || string(b) != "\x00" {
		t.Errorf("through the link: %q, %v", b, err)
	}
}

func TestPrune(t *testing.T) {
	s := open(t, Limits{})
	save := func(body string) pipeline.Artifact {
		a, err := s.Save(t.Context(), "app", treeOf(t, write(t, map[string]string{"a": body})), []File{{Path: "a"}}, commit)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	kept, gone := save("kept"), save("gone")
	keep := func(d string) bool { return d == kept.Digest }
	if n, err := s.Prune(t.Context(), keep, time.Now().Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("young ones: %d, %v; want none", n, err)
	}
	if n, err := s.Prune(t.Context(), keep, time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("%d, %v; want 1", n, err)
	}
	if _, err := s.Open(t.Context(), kept); err != nil {
		t.Error(err)
	}
	if _, err := s.Open(t.Context(), gone); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want not found", err)
	}
}

// Whatever the archive, nothing is written outside and no link leads there.
func FuzzUnpack(f *testing.F) {
	f.Add(archive(f, tar.Header{Typeflag: tar.TypeReg, Name: "a/b", Size: 3}))
	f.Add(archive(f, tar.Header{Typeflag: tar.TypeSymlink, Name: "a", Linkname: "../x"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		top := t.TempDir()
		out := filepath.Join(top, "out")
		_ = untarGzip(context.Background(), bytes.NewReader(b), out, Limits{Bytes: 1 << 20, Entries: 100})
		entries, err := os.ReadDir(top)
		if err != nil || len(entries) > 1 {
			t.Fatalf("%v, %v: something was written outside", entries, err)
		}
		_ = filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type()&fs.ModeSymlink != 0 {
				if real, err := filepath.EvalSymlinks(path); err == nil && !strings.HasPrefix(real, top) {
					t.Errorf("%s leads to %s", path, real)
				}
			}
			return nil
		})
	})
}
