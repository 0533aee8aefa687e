package appspec

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor/document"
)

const whole = `version: 0.0
os: linux
files:
  - source: /
    destination: /srv/shop
  - source: config/app.conf
    destination: /etc/shop/
file_exists_behavior: OVERWRITE
permissions:
  - object: /srv/shop
    pattern: "**"
    except: ["*.sh"]
    owner: shop
    group: www-data
    mode: 0644
    type:
      - file
  - object: /srv/shop/bin
    mode: "4755"
    type: [directory]
hooks:
  ApplicationStop:
    - location: scripts/stop.sh
      timeout: 30
      runas: root
  AfterInstall:
    - location: ./scripts/migrate.sh
    - location: scripts/warm.sh
      timeout: 60
  ValidateService:
`

func TestParse(t *testing.T) {
	got, err := Parse("appspec.yml", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	want := &Spec{
		File: "appspec.yml", Exists: Overwrite,
		Files: []FileSpec{{Source: ".", Destination: "/srv/shop", Line: 4}, {Source: "config/app.conf", Destination: "/etc/shop", Line: 6}},
		Permissions: []Permission{
			{Object: "/srv/shop", Pattern: "**", Except: []string{"*.sh"}, Owner: "shop", Group: "www-data", Mode: 0o644, HasMode: true, Files: true, Line: 10},
			{Object: "/srv/shop/bin", Pattern: "**", Mode: 0o4755, HasMode: true, Folders: true, Line: 18},
		},
		Hooks: map[Event][]Script{
			ApplicationStop: {{Location: "scripts/stop.sh", Timeout: 30 * time.Second, RunAs: "root", Line: 23}},
			AfterInstall:    {{Location: "scripts/migrate.sh", Timeout: time.Hour, Line: 27}, {Location: "scripts/warm.sh", Timeout: time.Minute, Line: 28}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got, err = Parse("appspec.yml", []byte("version: 0.0\nos: linux\n"))
	if err != nil || got.Exists != Disallow || len(got.Files) != 0 {
		t.Errorf("the least there can be: %+v, %v", got, err)
	}
}

func TestParseRefuses(t *testing.T) {
	head := "version: 0.0\nos: linux\n"
	for name, c := range map[string]struct{ text, want string }{
		"no version":            {"os: linux\n", "a:1:1: version is missing; write version: 0.0"},
		"another version":       {"version: 0.1\nos: linux\n", "a:1:1: version 0.1 is not known; write version: 0.0"},
		"no os":                 {"version: 0.0\n", "a:1:1: os is missing; write os: linux"},
		"windows":               {"version: 0.0\nos: windows\n", "a:2:1: os windows is not deployed to; there is linux"},
		"for ECS":               {"version: 0.0\nResources: []\n", "a:2:1: Resources: this is an appspec for Amazon ECS or AWS Lambda"},
		"an unknown key":        {head + "file: []\n", "a:3:1: file is not known; known: version, os, files"},
		"a source outside":      {head + "files:\n  - source: ../../etc\n    destination: /srv\n", `a:4:5: files[0].source "../../etc" is not a path in the bundle`},
		"a sneaky source":       {head + "files:\n  - source: a/../../b\n    destination: /srv\n", `a:4:5: files[0].source "a/../../b"`},
		"a relative target":     {head + "files:\n  - source: /\n    destination: srv\n", `a:5:5: files[0].destination "srv" is not an absolute path`},
		"the root as target":    {head + "files:\n  - source: /\n    destination: /\n", `a:5:5: files[0].destination "/"`},
		"a target with dots":    {head + "files:\n  - source: /\n    destination: /srv/../etc\n", `a:5:5: files[0].destination "/srv/../etc"`},
		"no target":             {head + "files:\n  - source: /\n", "a:4:5: files[0] needs source and destination"},
		"files as a mapping":    {head + "files: {source: /}\n", "a:3:1: files must be a list"},
		"a behaviour":           {head + "file_exists_behavior: REPLACE\n", "a:3:1: file_exists_behavior REPLACE is not known; there are DISALLOW, OVERWRITE and RETAIN"},
		"no object":             {head + "permissions:\n  - mode: 644\n", "a:4:5: permissions[0] needs object"},
		"a symbolic mode":       {head + "permissions:\n  - object: /srv\n    mode: u+x\n", `a:5:5: permissions[0].mode "u+x" is not an octal mode`},
		"a mode of five digits": {head + "permissions:\n  - object: /srv\n    mode: \"10644\"\n", `a:5:5: permissions[0].mode "10644"`},
		"a mode with an eight":  {head + "permissions:\n  - object: /srv\n    mode: \"0648\"\n", `a:5:5: permissions[0].mode "0648"`},
		"a type":                {head + "permissions:\n  - object: /srv\n    type: [link]\n", `a:5:5: permissions[0].type "link" is not known`},
		"an owner":              {head + "permissions:\n  - object: /srv\n    owner: \"a b\"\n", `a:5:5: permissions[0].owner "a b" is not a name`},
		"lists of access":       {head + "permissions:\n  - object: /srv\n    acls: [\"u::rw\"]\n", "a:5:5: permissions[0].acls: \"u::rw\" is not an entry of a named user or group"},
		"two that are none":     {head + "permissions:\n  - object: /srv\n    acls: [\"u::rw\", \"g::rw\"]\n", "a:5:5: permissions[0].acls: \"u::rw\" is not an entry of a named user or group, like u:bob:rw, g:staff:r-x or d:u:bob:rwx\na:5:5: permissions[0].acls: \"g::rw\" is not"},
		"an entry twice":        {head + "permissions:\n  - object: /srv\n    acls: [\"u:a:rw\", \"user:a:r\"]\n", "a:5:5: permissions[0].acls: a is there twice"},
		"labels":                {head + "permissions:\n  - object: /srv\n    context: {type: x}\n", "a:5:5: permissions[0].context is not supported"},
		"a pattern":             {head + "permissions:\n  - object: /srv\n    pattern: \"[\"\n", `a:5:5: permissions[0].pattern "[" is not a pattern`},
		"a fixed event":         {head + "hooks:\n  Install:\n    - location: a\n", "a:4:3: hooks.Install runs no scripts; there are BeforeBlockTraffic, AfterBlockTraffic"},
		"an unknown event":      {head + "hooks:\n  AfterStart:\n    - location: a\n", "a:4:3: hooks.AfterStart is not an event"},
		"an event of ECS":       {head + "hooks:\n  AfterAllowTestTraffic:\n    - location: a\n", "a:4:3: hooks.AfterAllowTestTraffic is not an event"},
		"a script outside":      {head + "hooks:\n  AfterInstall:\n    - location: ../x.sh\n", `a:5:7: hooks.AfterInstall[0].location "../x.sh" is not a file of the bundle`},
		"no location":           {head + "hooks:\n  AfterInstall:\n    - timeout: 3\n", "a:5:7: hooks.AfterInstall[0] needs location"},
		"no time at all":        {head + "hooks:\n  AfterInstall:\n    - location: a\n      timeout: 0\n", `a:6:7: hooks.AfterInstall[0].timeout "0" is not a number of seconds from 1 to 3600`},
		"too long together":     {head + "hooks:\n  AfterInstall:\n    - {location: a, timeout: 3000}\n    - {location: b, timeout: 700}\n", "a:4:3: hooks.AfterInstall: its timeouts are 1h1m40s together; at most 1h0m0s"},
		"too many scripts":      {head + "hooks:\n  AfterInstall:\n" + strings.Repeat("    - location: a\n", 101), "a:4:3: hooks.AfterInstall has 101 entries; at most 100 are read"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse("a", []byte(c.text))
			var errs document.Errors
			if !errors.As(err, &errs) || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, %v; want %s", got, err, c.want)
			}
		})
	}
}

func TestLifecycle(t *testing.T) {
	short := "ApplicationStop DownloadBundle BeforeInstall Install AfterInstall ApplicationStart ValidateService"
	long := "BeforeBlockTraffic BlockTraffic AfterBlockTraffic " + short + " BeforeAllowTraffic AllowTraffic AfterAllowTraffic"
	for traffic, want := range map[bool]string{false: short, true: long} {
		var got []string
		for _, e := range Lifecycle(traffic) {
			got = append(got, string(e))
		}
		if diff := cmp.Diff(strings.Fields(want), got); diff != "" {
			t.Errorf("traffic %v (-want +got):\n%s", traffic, diff)
		}
	}
}

// What is read stays inside the bundle and below the host's root, whatever is written.
func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("a", []byte(text))
		if err != nil {
			return
		}
		for _, one := range s.Files {
			if strings.Contains("/"+one.Source+"/", "/../") || strings.HasPrefix(one.Source, "/") || !strings.HasPrefix(one.Destination, "/") || one.Destination == "/" {
				t.Errorf("%+v", one)
			}
		}
		for event, scripts := range s.Hooks {
			for _, one := range scripts {
				if event.Fixed() || one.Timeout <= 0 || one.Timeout > MaxEventTime || strings.Contains(fmt.Sprintf("/%s/", one.Location), "/../") {
					t.Errorf("%s: %+v", event, one)
				}
			}
		}
	})
}
