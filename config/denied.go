package config

import (
	"fmt"
	"strings"
)

// DeniedEnv says why a file may not set an environment variable of that name; empty: it may. Refused are the variables
// by which a program is made to run something else than what it says (search paths, preloaded libraries, start-up files,
// options of git and of language runtimes) and Sluice's own. Case does not matter.
func DeniedEnv(name string) (problem string) {
	upper := strings.ToUpper(name)
	switch upper {
	case "PATH", "BASH_ENV", "ENV", "IFS", "SHELLOPTS", "BASHOPTS", "PS4", "PROMPT_COMMAND", "CDPATH", "GLOBIGNORE",
		"HOME", "SHELL", "NODE_OPTIONS", "NODE_PATH", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS",
		"RUBYOPT", "RUBYLIB", "PERL5OPT", "PERL5LIB", "PERL5DB", "GCONV_PATH", "LOCPATH", "NLSPATH", "HOSTALIASES",
		"RES_OPTIONS", "EDITOR", "VISUAL", "PAGER", "LESSOPEN", "LESSCLOSE", "BROWSER":
		return fmt.Sprintf("the variable %s may not be set: it changes which program runs", name)
	}
	for _, prefix := range [...]string{"LD_", "DYLD_", "GIT_", "PYTHON", "BASH_FUNC_", "NPM_CONFIG_", "GLIBC_", "MALLOC_"} {
		if strings.HasPrefix(upper, prefix) {
			return fmt.Sprintf("the variable %s may not be set: %s* changes which program runs", name, prefix)
		}
	}
	if strings.HasPrefix(upper, "SLUICE_") {
		return fmt.Sprintf("the variable %s may not be set: SLUICE_* is what Sluice says itself", name)
	}
	return ""
}
