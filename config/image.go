package config

import (
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
	"github.com/sluicehq/sluice/tagging"
)

// hostChar and pathChar are what hosts and paths of image repositories are made of, and {owner} and {app} in a template.
const (
	hostChar = `([a-z0-9-]|\{owner\}|\{app\})`
	pathChar = `([a-z0-9]|\{owner\}|\{app\})`
)

// imageTemplateRE is an image repository, or a template of one: a host with a dot, a port or the name localhost, and a path, as OCI
// writes them.
var imageTemplateRE = lazyregexp.New(`^(localhost|` + hostChar + `+(\.` + hostChar + `+)+|` + hostChar + `+(\.` + hostChar + `+)*:[0-9]{1,5}|localhost:[0-9]{1,5})` +
	`(/` + pathChar + `+((\.|_|__|-+)` + pathChar + `+)*)+$`)

// badImage says what is wrong with an image repository; empty: nothing.
func badImage(image string) string {
	switch {
	case len(image) > 255:
		return "longer than 255 characters"
	case strings.Contains(image, "://"):
		return fmt.Sprintf("%q is an address and not an image repository", clip(image))
	case strings.ContainsAny(image, "{}") || !imageTemplateRE.MatchString(image):
		return fmt.Sprintf("%q is not an image repository", clip(image))
	}
	return ""
}

// expandImage puts owner and application into a template.
func expandImage(template, owner, app string) string {
	return strings.NewReplacer("{owner}", strings.ToLower(owner), "{app}", app).Replace(template)
}

// badImageTemplate says what is wrong with a template, whatever the owner and the application are.
func badImageTemplate(template string) string {
	expanded := expandImage(template, "owner", "app")
	if i := strings.IndexAny(expanded, "{}"); i >= 0 {
		return fmt.Sprintf("%q holds a placeholder that is not {owner} or {app}", clip(template))
	}
	if problem := badImage(expanded); problem != "" {
		return strings.Replace(problem, fmt.Sprintf("%q", clip(expanded)), fmt.Sprintf("%q", clip(template)), 1)
	}
	return ""
}

func badTagPattern(s string) string {
	if _, err := tagging.ParseTagPattern(s); err != nil {
		return err.Error()
	}
	return ""
}
