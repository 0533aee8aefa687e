package appspec

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree makes a folder of files: a text ending in "*" is executable, one that begins with "->" a link, a name that ends in a
// slash a folder.
func tree(t *testing.T, files map[string]string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		case strings.HasPrefix(text, "->"):
			err = os.Symlink(text[2:], path)
		case strings.HasSuffix(text, "*"):
			err = os.WriteFile(path, []byte(text), 0o700)
		default:
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

// show is a tree as text.
func show(t *testing.T, root *os.Root) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			out[name+"/"] = ""
		case d.Type()&fs.ModeSymlink != 0:
			to, err := root.Readlink(name)
			out[name] = "->" + to
			return err
		default:
			text, err := root.ReadFile(name)
			out[name] = info.Mode().Perm().String()[1:] + " " + string(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func spec(t *testing.T, text string) *Spec {
	t.Helper()
	s, err := Parse("appspec.yml", []byte("version: 0.0\nos: linux\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// deploy installs a bundle over what was installed before, and returns what is installed then.
func deploy(t *testing.T, s *Spec, bundle, host *os.Root, before []string) ([]string, error) {
	t.Helper()
	in, err := prepare(s, bundle, host, before)
	if err != nil {
		return nil, err
	}
	return in.targets(), in.carryOut(t.Context(), bundle, host)
}

func TestInstall(t *testing.T) {
	first := tree(t, map[string]string{
		"appspec.yml": "x", "bin/shop": "one*", "lib/a.so": "a", "lib/deep/b.so": "b", "conf/app.conf": "port=1", "current": "->bin/shop",
	})
	host := tree(t, map[string]string{"srv/theirs": "keep me", "etc/": ""})
	s := spec(t, `files:
  - {source: /, destination: /srv/shop}
  - {source: conf/app.conf, destination: /etc}
`)
	installed, err := deploy(t, s, first, host, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"etc/": "", "etc/app.conf": "rw-r--r-- port=1", "srv/": "", "srv/theirs": "rw------- keep me", "srv/shop/": "", "srv/shop/appspec.yml": "rw-r--r-- x",
		"srv/shop/bin/": "", "srv/shop/bin/shop": "rwxr-xr-x one*", "srv/shop/lib/": "", "srv/shop/lib/a.so": "rw-r--r-- a", "srv/shop/lib/deep/": "",
		"srv/shop/lib/deep/b.so": "rw-r--r-- b", "srv/shop/conf/": "", "srv/shop/conf/app.conf": "rw-r--r-- port=1", "srv/shop/current": "->bin/shop",
	}
	if diff := cmp.Diff(want, show(t, host)); diff != "" {
		t.Errorf("first (-want +got):\n%s", diff)
	}
	if slices.Contains(installed, "etc") || !slices.Contains(installed, "srv/shop/lib/deep") {
		t.Errorf("installed %v", installed)
	}

	// The second revision replaces what the first installed, and takes away what it does not have, but nobody else's files.
	if err := host.WriteFile("srv/shop/lib/log", []byte("written by the program"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := tree(t, map[string]string{"appspec.yml": "y", "bin/shop": "two*", "lib/a.so": "a2", "conf/app.conf": "port=2"})
	again, err := deploy(t, s, second, host, installed)
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"srv/shop/current", "srv/shop/lib/deep/", "srv/shop/lib/deep/b.so"} {
		delete(want, gone)
	}
	want["srv/shop/appspec.yml"], want["srv/shop/bin/shop"], want["srv/shop/lib/a.so"] = "rw-r--r-- y", "rwxr-xr-x two*", "rw-r--r-- a2"
	want["srv/shop/conf/app.conf"], want["etc/app.conf"] = "rw-r--r-- port=2", "rw-r--r-- port=2"
	want["srv/shop/lib/log"] = "rw------- written by the program"
	if diff := cmp.Diff(want, show(t, host)); diff != "" {
		t.Errorf("second (-want +got):\n%s", diff)
	}

	// A third one without anything removes what is ours, and leaves the folder that has something else in it.
	if _, err := deploy(t, spec(t, ""), second, host, again); err != nil {
		t.Fatal(err)
	}
	want = map[string]string{"etc/": "", "srv/": "", "srv/theirs": "rw------- keep me", "srv/shop/": "", "srv/shop/lib/": "", "srv/shop/lib/log": "rw------- written by the program"}
	if diff := cmp.Diff(want, show(t, host)); diff != "" {
		t.Errorf("third (-want +got):\n%s", diff)
	}
}

// What is on the host and was not installed by a deployment is treated as file_exists_behavior says.
func TestFileExistsBehavior(t *testing.T) {
	for behaviour, want := range map[string]string{"DISALLOW": "", "OVERWRITE": "rw-r--r-- new", "RETAIN": "rw------- old"} {
		t.Run(behaviour, func(t *testing.T) {
			bundle, host := tree(t, map[string]string{"a": "first", "b": "new"}), tree(t, map[string]string{"srv/b": "old"})
			installed, err := deploy(t, spec(t, "file_exists_behavior: "+behaviour+"\nfiles: [{source: /, destination: /srv}]\n"), bundle, host, nil)
			if want == "" {
				const problem = "appspec.yml:4: /srv/b is on the host already, and the last deployment did not install it; remove it, or set file_exists_behavior to OVERWRITE or RETAIN"
				if err == nil || err.Error() != problem {
					t.Errorf("got %v", err)
				}
				if diff := cmp.Diff(map[string]string{"srv/": "", "srv/b": "rw------- old"}, show(t, host)); diff != "" {
					t.Errorf("a refusal changed the host (-want +got):\n%s", diff)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := show(t, host)["srv/b"]; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if slices.Contains(installed, "srv/b") != (behaviour == "OVERWRITE") {
				t.Errorf("installed %v", installed)
			}
		})
	}
}

func TestInstallRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		bundle, host map[string]string
		spec, want   string
	}{
		"a source that is missing": {map[string]string{"a": ""}, nil, "files: [{source: b, destination: /srv}]\n", "appspec.yml:3: files: the bundle has no b"},
		"a folder in the way":      {map[string]string{"a": ""}, map[string]string{"srv/a/": ""}, "files: [{source: a, destination: /srv}]\n", "/srv/a is a folder on the host and a file in the bundle"},
		"a file in the way":        {map[string]string{"a/b": ""}, map[string]string{"srv/a": ""}, "files: [{source: /, destination: /srv}]\n", "/srv/a is a file on the host and a folder in the bundle"},
		"one target twice":         {map[string]string{"a/x": "", "b/x": ""}, nil, "files:\n  - {source: a, destination: /srv}\n  - {source: b, destination: /srv}\n", "/srv/x is installed from a/x and from b/x"},
		"a link out of the host":   {map[string]string{"a": ""}, map[string]string{"srv": "->../../.."}, "files: [{source: a, destination: /srv/x}]\n", "path escapes from parent"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := deploy(t, spec(t, c.spec), tree(t, c.bundle), tree(t, c.host), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// An installation that was cut off is carried out again, over what is there.
func TestInstallAgain(t *testing.T) {
	bundle, host := tree(t, map[string]string{"a": "new", "b/c": "new"}), tree(t, map[string]string{"srv/": ""})
	s := spec(t, "files: [{source: /, destination: /srv}]\n")
	in, err := prepare(s, bundle, host, nil)
	if err != nil {
		t.Fatal(err)
	}
	written := in.targets()
	if err := put(bundle, host, in.items[0]); err != nil { // and then the process ends
		t.Fatal(err)
	}
	if err := host.WriteFile("srv/.sluice-new-a", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := deploy(t, s, bundle, host, written); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"srv/": "", "srv/a": "rw-r--r-- new", "srv/b/": "", "srv/b/c": "rw-r--r-- new"}, show(t, host)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPermissions(t *testing.T) {
	files := map[string]string{"srv/run.sh": "", "srv/a.txt": "", "srv/sub/b.txt": "", "srv/sub/deep/c.txt": "", "srv/link": "->a.txt"}
	modes := func(host *os.Root) map[string]string {
		out := map[string]string{}
		for _, name := range []string{"srv", "srv/run.sh", "srv/a.txt", "srv/sub", "srv/sub/b.txt", "srv/sub/deep", "srv/sub/deep/c.txt"} {
			info, err := host.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			out[strings.TrimPrefix(name, "srv")] = info.Mode().String()[1:]
		}
		return out
	}
	before := map[string]string{"": "rwxr-xr-x", "/run.sh": "rw-------", "/a.txt": "rw-------", "/sub": "rwxr-xr-x", "/sub/b.txt": "rw-------", "/sub/deep": "rwxr-xr-x", "/sub/deep/c.txt": "rw-------"}
	for name, c := range map[string]struct {
		spec    string
		changed map[string]string
	}{
		"files directly in it":   {"{object: /srv, mode: 0644, type: [file]}", map[string]string{"/run.sh": "rw-r--r--", "/a.txt": "rw-r--r--"}},
		"with a pattern":         {"{object: /srv, pattern: '*.sh', mode: '755'}", map[string]string{"/run.sh": "rwxr-xr-x"}},
		"except some":            {"{object: /srv, mode: 0640, type: [file], except: ['*.sh']}", map[string]string{"/a.txt": "rw-r-----"}},
		"folders below":          {"{object: /srv, mode: 0700, type: [directory]}", map[string]string{"/sub": "rwx------", "/sub/deep": "rwx------"}},
		"files of everywhere":    {"{object: /srv, pattern: '**/*.txt', mode: 0444}", map[string]string{"/a.txt": "r--r--r--", "/sub/b.txt": "r--r--r--", "/sub/deep/c.txt": "r--r--r--"}},
		"one file":               {"{object: /srv/a.txt, mode: 0600}", map[string]string{}},
		"the last part of names": {"{object: /srv, pattern: 'c.txt', mode: 0640}", map[string]string{"/sub/deep/c.txt": "rw-r-----"}},
	} {
		t.Run(name, func(t *testing.T) {
			host := tree(t, files)
			if err := permit(spec(t, "permissions: ["+c.spec+"]\n"), host); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			for k, v := range before {
				want[k] = v
			}
			for k, v := range c.changed {
				want[k] = v
			}
			if diff := cmp.Diff(want, modes(host)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for text, want := range map[string]string{
		"{object: /gone, mode: 0644}":                "appspec.yml:3: permissions of /gone: it is not on the host after the installation",
		"{object: /srv, owner: nobody-of-that-name}": `the host has no user "nobody-of-that-name"`,
		"{object: /srv, group: no-such-group}":       `the host has no group "no-such-group"`,
	} {
		if err := permit(spec(t, "permissions: ["+text+"]\n"), tree(t, files)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
