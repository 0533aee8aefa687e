package config

import (
	"regexp"
	"strings"
	"testing"
)

func TestVariablesThatTakeOverAreDenied(t *testing.T) {
	inSchema := regexp.MustCompile(deniedPattern())
	for _, name := range []string{
		"PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "DYLD_INSERT_LIBRARIES", "BASH_ENV", "ENV", "IFS", "GIT_SSH_COMMAND",
		"GIT_CONFIG_COUNT", "NODE_OPTIONS", "PYTHONPATH", "PYTHONSTARTUP", "PERL5OPT", "PERL5LIB", "RUBYOPT", "JAVA_TOOL_OPTIONS",
		"SLUICE_SHA", "SLUICE_ANYTHING", "BASH_FUNC_x", "path", "Ld_Preload", "sluice_sha", "HOME", "_JAVA_OPTIONS", "PS4",
	} {
		if DeniedEnv(name) == "" {
			t.Errorf("%s is let through", name)
		}
		if !inSchema.MatchString(name) {
			t.Errorf("%s is let through by the schema", name)
		}
	}
	for _, name := range []string{"GOFLAGS", "PATHS", "MY_PATH", "ENVIRONMENT", "GITHUB_TOKEN", "LDFLAGS", "LEVEL", "A", "PORT", "SLUICE"} {
		if problem := DeniedEnv(name); problem != "" {
			t.Errorf("%s is denied: %s", name, problem)
		}
		if inSchema.MatchString(name) {
			t.Errorf("%s is denied by the schema", name)
		}
	}
}

func TestDeniedVariableNamesItself(t *testing.T) {
	if problem := DeniedEnv("LD_PRELOAD"); !strings.Contains(problem, "LD_PRELOAD") || !strings.Contains(problem, "LD_*") {
		t.Errorf("%s", problem)
	}
}
