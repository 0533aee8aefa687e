package appspec

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pipeline"
)

// accessLists are the lists of files as getfacl of the host shows them; without the program the test is skipped, or fails where
// CI=true.
func accessLists(t *testing.T, dir string, names ...string) map[string]string {
	t.Helper()
	if _, err := exec.LookPath("getfacl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no getfacl here (apt-get install acl): access control lists were not looked at")
		}
		t.Skip("no getfacl here (apt-get install acl): access control lists were not looked at")
	}
	out := map[string]string{}
	for _, name := range names {
		said, err := exec.CommandContext(t.Context(), "getfacl", "--omit-header", "--absolute-names", "--no-effective", filepath.Join(dir, name)).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		out[name] = strings.Join(strings.Fields(string(said)), " ")
	}
	return out
}

// Entries of acls add to what the mode allows, take the place of those that were there, and are set by SSH as in a folder.
func TestAccessLists(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	w := newWorld(t)
	e := w.overSSH(s)
	revision := func(acls string) map[string]string {
		return map[string]string{
			"appspec.yml": "version: 0.0\nos: linux\nfiles: [{source: app, destination: /srv}]\npermissions:\n" +
				"  - {object: /srv, mode: '0640', type: [file], acls: [" + acls + "]}\n" +
				"  - {object: /srv, type: [directory], acls: ['u:daemon:rwx', 'd:g:mail:r-x', 'default:user:daemon:7']}\n" +
				"  - {object: /srv/sub/with, mode: '0660', acls: ['u:daemon:r']}\n" +
				"  - {object: /srv/sub/without, acls: ['d:u:mail:r']}\n",
			"app/a": "a", "app/it's b": "b", "app/sub/c": "c", "app/sub/with": "", "app/sub/without": "",
		}
	}
	const folder = "user::rwx user:daemon:rwx group::r-x mask::rwx other::r-x" +
		" default:user::rwx default:user:daemon:rwx default:group::r-x default:group:mail:r-x default:mask::rwx default:other::r-x"
	for i, c := range []struct{ acls, file, inner string }{
		{"'u:daemon:rw', 'group:mail:4'", "user::rw- user:daemon:rw- group::r-- group:mail:r-- mask::rw- other::---", "user::rw- group::r-- other::r--"},
		// A file has no defaults. What is installed later has those of its folder.
		{"'u:mail:x', 'd:u:mail:x'", "user::rw- user:mail:--x group::r-- mask::r-x other::---", "user::rw- user:daemon:rwx group::r-x group:mail:r-x mask::r-- other::r--"},
	} {
		want := map[string]string{"a": c.file, "it's b": c.file, "sub": folder, "sub/c": c.inner,
			// Of a list that a file has from its folder nothing stays, neither in place of the mode nor as its bits.
			"sub/with": "user::rw- user:daemon:r-- group::rw- mask::rw- other::---", "sub/without": "user::rw- group::r-- other::r--"}
		for host, dir := range map[string]string{"web-1": w.host("web-1"), "m-1": s.path("root-m-1")} {
			hosts := s.machines("m-1")
			if host == "web-1" {
				hosts = []any{host}
			}
			got := w.deploy(e, w.request(fmt.Sprintf("%s-%d", host, i), w.save(revision(c.acls)), map[string]any{"hosts": hosts}))
			if got.Status != pipeline.Succeeded {
				t.Fatalf("%s: %+v", host, got)
			}
			if diff := cmp.Diff(want, accessLists(t, filepath.Join(dir, "live", "srv"), slices.Collect(maps.Keys(want))...)); diff != "" {
				t.Errorf("%s, %s (-want +got)\n%s", host, c.acls, diff)
			}
		}
	}
	// Again on files that have a list already: the group's own bits are not those that the list shows as the mode's.
	host := tree(t, map[string]string{"srv/a": ""})
	const listed = "user::rw- user:daemon:rwx group::--- mask::rwx other::---"
	for _, c := range []struct{ permission, want string }{
		{"acls: ['u:daemon:rwx']", listed},
		{"acls: ['u:daemon:rwx']", listed},
		{"mode: '0660', acls: ['u:daemon:r']", "user::rw- user:daemon:r-- group::rw- mask::rw- other::---"},
		{"mode: '0600', acls: ['u:daemon:rwx']", listed},
		{"acls: ['d:u:daemon:r']", "user::rw- group::--- other::---"},
	} {
		if err := permit(spec(t, "permissions: [{object: /srv/a, "+c.permission+"}]\n"), host); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"srv/a": c.want}, accessLists(t, host.Name(), "srv/a")); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.permission, diff)
		}
	}
	if err := permit(spec(t, "permissions: [{object: /srv/a, acls: ['u:nobody-of-that-name:r']}]\n"), host); err == nil || !strings.Contains(err.Error(), `the host has no user "nobody-of-that-name"`) {
		t.Errorf("%v", err)
	}
}
