package buildspec

import (
	"path"
	"strings"

	"github.com/sluicehq/sluice/executor/document"
)

// CacheSpec says what is kept for later builds.
type CacheSpec struct {
	Line int `json:"line"`
	// Paths are patterns below the source's root, or below $HOME; a folder stands for all that is in it.
	Paths []document.Name `json:"paths"`
	// Key and Fallback are shell text, evaluated before the build. Without a key there is one entry, which each build
	// overwrites; an entry with a key is written once.
	Key      string   `json:"key,omitempty"`
	Fallback []string `json:"fallback,omitempty"`
	// Restore and Save tell what is done; by default both are.
	Restore bool `json:"restore"`
	Save    bool `json:"save"`
}

// maxFallback is how many fallback keys a cache may have, as in CodeBuild.
const maxFallback = 5

// codeBuildHome is the HOME of CodeBuild's images, which paths of caches often name.
const codeBuildHome = "/root/"

func (r *reader) cache(s *Spec, e document.Entry) {
	c := &CacheSpec{Restore: true, Save: true}
	c.Line, _ = document.Position(e.At)
	for _, k := range r.Mapping(e.Value, "cache") {
		switch k.Key {
		case "paths":
			c.Paths = r.patternList(k, "cache.paths")
			for i, p := range c.Paths {
				c.Paths[i].Text = r.cachePath(k, p.Text)
			}
		case "key":
			c.Key = r.Text(k, "cache.key")
		case "fallback-keys":
			for _, f := range r.List(k, "cache.fallback-keys", "") {
				c.Fallback = append(c.Fallback, f.Text)
			}
			if len(c.Fallback) > maxFallback {
				r.Failf(k.At, "cache.fallback-keys: %d keys; at most %d are tried", len(c.Fallback), maxFallback)
			}
		case "action":
			switch v := r.Text(k, "cache.action"); v {
			case "restore":
				c.Save = false
			case "save":
				c.Restore = false
			default:
				r.Failf(k.At, "cache.action: %q; want restore or save, or leave it out for both", v)
			}
		default:
			r.unknown(k, "cache.", "paths", "key", "fallback-keys", "action")
		}
	}
	r.needs(e, "paths", "cache.paths")
	if c.Key == "" && len(c.Fallback) > 0 {
		r.remark(s, e, "cache: without a key the fallback keys are not looked at")
	}
	s.Cache = c
}

// cachePath is a path of a cache: below the source, or below home, however that is written.
func (r *reader) cachePath(e document.Entry, text string) string {
	for _, home := range []string{codeBuildHome, "~/", "${HOME}/", "$HOME/"} {
		if rest, below := strings.CutPrefix(text, home); below {
			return "$HOME/" + r.glob(e, "cache.paths", rest)
		}
	}
	if path.IsAbs(text) {
		r.Failf(e.At, "cache.paths: %s is outside of the source and of HOME, and is this host's own; only what is in those is kept", text)
		return ""
	}
	return r.glob(e, "cache.paths", text)
}
