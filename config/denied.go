package config

import (
	"fmt"
	"slices"
	"strings"
)

// deniedNames are variables that change which program runs or what it reads at its start.
func deniedNames() []string {
	return []string{
		"PATH", "HOME", "SHELL", "ENV", "IFS", "PS4", "BASH_ENV", "BASHOPTS", "SHELLOPTS", "PROMPT_COMMAND", "CDPATH", "GLOBIGNORE",
		"NODE_OPTIONS", "NODE_PATH", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "RUBYOPT", "RUBYLIB",
		"PERL5OPT", "PERL5LIB", "PERL5DB", "GCONV_PATH", "LOCPATH", "NLSPATH", "HOSTALIASES", "RES_OPTIONS",
		"EDITOR", "VISUAL", "PAGER", "LESSOPEN", "LESSCLOSE", "BROWSER",
	}
}

// deniedPrefixes begin the names of families of such variables, and of Sluice's own.
func deniedPrefixes() []string {
	return []string{"LD_", "DYLD_", "GIT_", "PYTHON", "PERL5", "BASH_FUNC_", "NPM_CONFIG_", "GLIBC_", "MALLOC_", ownPrefix}
}

// ownPrefix begins the variables that Sluice sets itself.
const ownPrefix = "SLUICE_"

// DeniedEnv says why a file may not set an environment variable of that name; empty: it may. Refused are the variables
// by which a program is made to run something else than what it says (search paths, preloaded libraries, start-up files,
// options of git and of language runtimes) and Sluice's own. Case does not matter.
func DeniedEnv(name string) (problem string) {
	upper := strings.ToUpper(name)
	if slices.Contains(deniedNames(), upper) {
		return fmt.Sprintf("the variable %s may not be set: it changes which program runs", name)
	}
	for _, prefix := range deniedPrefixes() {
		switch {
		case !strings.HasPrefix(upper, prefix):
		case prefix == ownPrefix:
			return fmt.Sprintf("the variable %s may not be set: %s* is what Sluice says itself", name, prefix)
		default:
			return fmt.Sprintf("the variable %s may not be set: %s* changes which program runs", name, prefix)
		}
	}
	return ""
}
