package config

import (
	"strings"
	"testing"
)

func TestBuildLimits(t *testing.T) {
	defaults := BuildLimits{Disk: 50 << 30, Output: 4 << 30, Processes: 4096, Batch: 4}
	for text, tc := range map[string]struct {
		want BuildLimits
		bad  string
	}{
		"":                                  {defaults, ""},
		"memory=4GiB, processes=100":        {BuildLimits{Memory: 4 << 30, Disk: 50 << 30, Output: 4 << 30, Processes: 100, Batch: 4}, ""},
		"disk=0,output=10MiB,memory=1000":   {BuildLimits{Memory: 1000, Output: 10 << 20, Processes: 4096, Batch: 4}, ""},
		"batch=1":                           {BuildLimits{Disk: 50 << 30, Output: 4 << 30, Processes: 4096, Batch: 1}, ""},
		"batch=0":                           {bad: `"batch=0" is not a limit`},
		"batch=two":                         {bad: `"batch=two" is not a limit`},
		"memory=4GB":                        {bad: `"memory=4GB" is not a limit`},
		"cpu=3":                             {bad: `"cpu=3" is not a limit`},
		"processes=-1":                      {bad: `"processes=-1" is not a limit`},
		"memory=99999999999999999999GiB":    {bad: "is not a limit"},
		"memory=9000000GiB,disk=1,output=2": {bad: `"memory=9000000GiB" is not a limit`},
	} {
		env := enough()
		s, err := ServerFlags{BuildLimits: text}.Resolve(func(n string) string { return env[n] }, nil)
		if tc.bad != "" {
			if err == nil || !strings.Contains(err.Error(), tc.bad) || !strings.Contains(err.Error(), "--build-limits") {
				t.Errorf("%q: %v, want %q", text, err, tc.bad)
			}
			continue
		}
		if err != nil || s.BuildLimits != tc.want {
			t.Errorf("%q: %+v, %v; want %+v", text, s, err, tc.want)
		}
	}
}

func TestBuildSettingsThatAreWrong(t *testing.T) {
	_, err := ServerFlags{BuildSandbox: "maybe", BuildUsers: "a b", BuildSecrets: "/nowhere/secrets.yml"}.Resolve(func(n string) string { return enough()[n] }, nil)
	for _, want := range []string{"--build-sandbox / SLUICE_BUILD_SANDBOX", `"maybe" is not known`, `"a b" is not the name of a user`, "/nowhere/secrets.yml: no such file"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}
