package bot

import (
	"errors"
	"strings"

	"github.com/sluicehq/sluice/forge"
)

// goesOn ends every sentence about a step that GitHub refused: nobody has to start anything again.
const goesOn = " Sluice goes on by itself once that is done, and at once with /retry."

// refusedText says what GitHub refused, and what people can do about it.
func refusedText(err error) string {
	var no *forge.RefusedError
	if !errors.As(err, &no) {
		return lastCause(err)
	}
	text := "GitHub refused the next step: " + strings.TrimRight(no.Message, ". ") + ". "
	switch said := strings.ToLower(no.Message); {
	case strings.Contains(said, "workflow") && (no.Permission || strings.Contains(said, "permission")):
		return text + "Grant the App the permission \"Workflows: write\", or have somebody with write access merge the pull request with a merge commit." + goesOn
	case no.Permission:
		return text + "Grant the App that permission, and accept it in the organization's settings." + goesOn
	case strings.Contains(said, "signature"):
		return text + "Every commit of the release must be signed; sign them anew on the branch, or take the rule off." + goesOn
	}
	return text + "Change that rule or setting, or let the App bypass it." + goesOn
}
