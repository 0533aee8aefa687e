package buildspec

import (
	"strings"

	"github.com/sluicehq/sluice/executor/document"
	"github.com/sluicehq/sluice/executor/report"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// maxGroups is how many groups of reports a file may have, as in CodeBuild.
const maxGroups = 5

var groupRE = lazyregexp.New(`\A[A-Za-z0-9][A-Za-z0-9_-]{1,127}\z`)

// reports reads the groups of reports. A group may be written as an ARN, of which the name is what counts here.
func (r *reader) reports(s *Spec, e document.Entry) {
	for _, g := range r.Mapping(e.Value, "reports") {
		rs := ReportSpec{Group: g.Key, Format: report.JUnit}
		if strings.HasPrefix(g.Key, "arn:") {
			_, rs.Group, _ = strings.Cut(g.Key, ":report-group/")
		}
		what := "reports." + rs.Group
		if !groupRE.MatchString(rs.Group) {
			r.Failf(g.At, "reports: %q is neither the name nor the ARN of a group", g.Key)
		}
		rs.Line, _ = document.Position(g.At)
		for _, k := range r.Mapping(g.Value, what) {
			switch k.Key {
			case "files":
				rs.Files = r.patternList(k, what+".files")
				for i, f := range rs.Files {
					rs.Files[i].Text = r.glob(k, what+".files", f.Text)
				}
			case "base-directory":
				rs.Base = r.glob(k, what+".base-directory", r.Text(k, what+".base-directory"))
			case "discard-paths":
				r.Yes(k, what+".discard-paths") // files are read, not copied: their folders make no difference
			case "file-format":
				f, err := report.ParseFormat(r.Text(k, what+".file-format"))
				if err != nil {
					r.Failf(k.At, "%s.file-format: %v", what, err)
				}
				rs.Format = f
			default:
				r.unknown(k, what+".", "files", "base-directory", "discard-paths", "file-format")
			}
		}
		r.needs(g, "files", what+".files")
		s.Reports = append(s.Reports, rs)
	}
	if len(s.Reports) > maxGroups {
		r.Failf(e.At, "%d groups of reports; at most %d are read", len(s.Reports), maxGroups)
	}
}
