package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/config"
)

func TestBuildUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can have others build")
	}
	some, problems := config.ParseRepoGlobs("acme/*")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for name, tc := range map[string]struct {
		cfg  config.Server
		want []string
	}{
		"nobody, where none is named":      {config.Server{LocalExecutors: some}, []string{"nobody"}},
		"nobody builds where none may":     {config.Server{}, nil},
		"whom the operator names":          {config.Server{LocalExecutors: some, BuildUsers: []string{"daemon", "nobody"}}, []string{"daemon", "nobody"}},
		"root, where the operator is sure": {config.Server{LocalExecutors: some, BuildUsers: []string{"root"}}, []string{"root"}},
	} {
		t.Run(name, func(t *testing.T) {
			users, err := buildUsers(&tc.cfg)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, u := range users {
				got = append(got, u.name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Where the user of the builds does not get into the data folder the server says so when it starts, and not each build.
func TestAFolderThatBuildersDoNotReach(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can have others build")
	}
	some, _ := config.ParseRepoGlobs("acme/*")
	above := t.TempDir()
	data := filepath.Join(above, "data")
	for _, dir := range []string{data, filepath.Join(data, "builds"), filepath.Join(data, "artifacts")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(data, "sluice.db"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := &server{cfg: &config.Server{LocalExecutors: some, Data: data}}
	if err := os.Chmod(above, 0o700); err != nil {
		t.Fatal(err)
	}
	err := s.letUsersIn(t.Context())
	if err == nil || !strings.Contains(err.Error(), "builds run as nobody (--build-users): that user cannot get into "+data+"/builds") ||
		!strings.Contains(err.Error(), "or name root") {
		t.Errorf("%v", err)
	}
	for ; above != filepath.Clean(os.TempDir()); above = filepath.Dir(above) {
		if err := os.Chmod(above, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.letUsersIn(t.Context()); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]os.FileMode{"": 0o711, "builds": 0o711, "artifacts": 0o700, "sluice.db": 0o600} {
		info, err := os.Stat(filepath.Join(data, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v %v, want %v", name, info.Mode(), err, want)
		}
	}
}
