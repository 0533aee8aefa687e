package sarif

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// maxAnnotations is how many results become annotations, the worst first. GitHub takes fifty in one request.
const maxAnnotations = 200

// Threshold says when results fail an action.
type Threshold struct {
	// FailOn is the least level that counts; None: nothing does.
	FailOn Level
	// Max is how many results of that level or worse are let pass.
	Max int
}

// Keys of `with:` that Params reads.
const (
	keyFiles  = "sarif"
	keyFailOn = "sarif_fail_on"
	keyMax    = "sarif_max"
)

// Params reads the parameters of an action that makes SARIF files: sarif (where they are; empty: it makes none), sarif_fail_on (error, the default, warning, note or none) and sarif_max (default 0).
func Params(p *executor.Params) (files []string, t Threshold, err error) {
	files = p.Strings(keyFiles)
	failOn, most := p.String(keyFailOn), p.Int(keyMax)
	t = Threshold{FailOn: Level(cmp.Or(failOn, string(Error))), Max: int(most)}
	switch {
	case t.FailOn.rank() == 0 && !executor.IsReference(failOn):
		return nil, t, executor.Permanentf("with.%s: %q; want error, warning, note or none", keyFailOn, failOn)
	case most < 0 || most > maxResults:
		return nil, t, executor.Permanentf("with.%s: %d; want a number from 0 to %d", keyMax, most, maxResults)
	case len(files) == 0 && (p.Has(keyFailOn) || p.Has(keyMax)):
		return nil, t, executor.Permanentf("with.%s is missing: it names the files that %s and %s are about", keyFiles, keyFailOn, keyMax)
	}
	return files, t, nil
}

// Verdict is what results come to.
type Verdict struct {
	// Over is true when there are more than the threshold allows.
	Over    bool
	Summary string // in one line
	// Findings counts what was found by tool, rule and level, worst first.
	Findings    []executor.Finding
	Annotations []executor.Annotation
}

// Judge holds results against a threshold. The same result reported twice counts once.
func Judge(results []Result, t Threshold) Verdict {
	seen := map[string]bool{}
	counts := map[executor.Finding]int{}
	var open []Result
	var suppressed, known, over int
	for _, r := range results {
		if seen[r.print] {
			continue
		}
		seen[r.print] = true
		switch {
		case r.Suppressed:
			suppressed++
			continue
		case r.Known:
			known++
			continue
		}
		open = append(open, r)
		counts[executor.Finding{Tool: r.Tool, Rule: r.Rule, Level: string(r.Level)}]++
		if t.FailOn != None && r.Level.AtLeast(t.FailOn) {
			over++
		}
	}
	v := Verdict{Over: over > t.Max}
	byLevel := map[Level]int{}
	for f, n := range counts {
		byLevel[Level(f.Level)] += n
		f.Count = n
		v.Findings = append(v.Findings, f)
	}
	slices.SortFunc(v.Findings, func(a, b executor.Finding) int {
		return cmp.Or(Level(b.Level).rank()-Level(a.Level).rank(), b.Count-a.Count, cmp.Compare(a.Tool, b.Tool), cmp.Compare(a.Rule, b.Rule))
	})
	v.Summary = fmt.Sprintf("analysis: %d errors, %d warnings, %d notes", byLevel[Error], byLevel[Warning], byLevel[Note])
	if suppressed > 0 {
		v.Summary += fmt.Sprintf(", %d suppressed", suppressed)
	}
	if known > 0 {
		v.Summary += fmt.Sprintf(", %d known before", known)
	}
	if v.Over {
		v.Summary += fmt.Sprintf("; %d of level %s or worse, where %d are allowed", over, t.FailOn, t.Max)
	}
	v.Annotations = annotations(open)
	return v
}

// Tell adds the verdict to the report of the action that made the files. More than is allowed fails an action that has succeeded.
func (v Verdict) Tell(report *executor.Report) {
	report.Findings = v.Findings
	report.Annotations = append(report.Annotations, v.Annotations...)
	report.Summary += "; " + v.Summary
	if v.Over && report.Status == pipeline.Succeeded {
		report.Status, report.Summary = pipeline.Failed, v.Summary
	}
}

// Unread adds to a report why the files that were to be there could not be read. It fails an action that has succeeded: nobody has
// looked.
func Unread(report *executor.Report, problem string) {
	problem = "with." + keyFiles + ": " + problem
	if report.Status == pipeline.Succeeded {
		report.Status, report.Summary = pipeline.Failed, problem
	}
	report.Log += "[sluice] " + executor.OneLine(problem) + "\n"
}

// annotations are the worst results that have a place.
func annotations(results []Result) []executor.Annotation {
	slices.SortStableFunc(results, func(a, b Result) int {
		return cmp.Or(b.Level.rank()-a.Level.rank(), cmp.Compare(a.Path, b.Path), a.Line-b.Line)
	})
	levels := map[Level]string{Error: "failure", Warning: "warning", Note: "notice"}
	var out []executor.Annotation
	for _, r := range results {
		if r.Path == "" {
			continue
		}
		if len(out) == maxAnnotations {
			break
		}
		out = append(out, executor.Annotation{
			Path: r.Path, StartLine: r.Line, EndLine: r.EndLine, Level: levels[r.Level], Title: r.Tool + ": " + r.Rule, Message: r.Message,
		})
	}
	return out
}
