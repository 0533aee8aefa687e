package buildspec

import (
	"strings"

	"github.com/sluicehq/sluice/executor/document"
)

func (r *reader) artifacts(s *Spec, e document.Entry) {
	s.Primary = r.artifact(e, "artifacts.", s.Secondary)
	if len(s.Secondary) == 0 {
		r.needs(e, "files", "artifacts.files")
		return
	}
	if lacks(e, "files") {
		r.remark(s, e, "artifacts.files is missing, so there are only secondary artifacts; CodeBuild refuses that outside of CodePipeline")
	}
	if len(s.Primary.Files) == 0 {
		s.Primary = nil
	}
}

// artifact reads one artifact. Secondary ones go into the map; where it is nil they are not known.
func (r *reader) artifact(e document.Entry, prefix string, secondary map[string]*ArtifactSpec) *ArtifactSpec {
	a := &ArtifactSpec{}
	a.Line, _ = document.Position(e.At)
	for _, k := range r.Mapping(e.Value, strings.TrimSuffix(prefix, ".")) {
		switch {
		case k.Key == "files":
			a.Files = r.patternList(k, prefix+"files")
			for i, f := range a.Files {
				a.Files[i].Text = r.glob(k, prefix+"files", f.Text)
			}
		case k.Key == "exclude-paths":
			for _, x := range r.patternList(k, prefix+"exclude-paths") {
				a.Exclude = append(a.Exclude, r.glob(k, prefix+"exclude-paths", x.Text))
			}
		case k.Key == "base-directory":
			a.Base = r.glob(k, prefix+"base-directory", r.Text(k, prefix+"base-directory"))
		case k.Key == "discard-paths":
			a.Flat = r.Yes(k, prefix+"discard-paths")
		case k.Key == "enable-symlinks":
			a.Symlinks = r.Yes(k, prefix+"enable-symlinks")
		case k.Key == "name":
			a.Name = r.Text(k, prefix+"name")
		case k.Key == "s3-prefix":
			a.Prefix = r.Text(k, prefix+"s3-prefix")
		case k.Key == "secondary-artifacts" && secondary != nil:
			for _, x := range r.Mapping(k.Value, prefix+"secondary-artifacts") {
				if !identifierRE.MatchString(x.Key) {
					r.Failf(x.At, "%ssecondary-artifacts: %q is not an identifier", prefix, x.Key)
				}
				secondary[x.Key] = r.artifact(x, prefix+"secondary-artifacts."+x.Key+".", nil)
				r.needs(x, "files", prefix+"secondary-artifacts."+x.Key+".files")
			}
		default:
			r.unknown(k, prefix, "files", "name", "base-directory", "exclude-paths", "discard-paths",
				"enable-symlinks", "s3-prefix", "secondary-artifacts")
		}
	}
	return a
}
