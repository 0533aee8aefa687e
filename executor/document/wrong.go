package document

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// Wrong is the report on an action that cannot run for what is wrong with its file: a remark on each line that an *Error or
// Errors in err names, under the title, and the first as the summary. file is the path of the
// file in the repository, where the error does not say it.
func Wrong(file, title string, err error) executor.Report {
	report := executor.Report{Status: pipeline.Failed, Summary: executor.OneLine(err.Error())}
	var several Errors
	var one *Error
	switch {
	case errors.As(err, &several):
	case errors.As(err, &one):
		several = Errors{one}
	}
	for _, e := range several {
		report.Annotations = append(report.Annotations, executor.FailureAt(cmp.Or(e.File, file), e.Line, title, e.Problem))
	}
	if len(several) > 0 {
		report.Summary = executor.OneLine(several[0].Error())
	}
	if len(several) > 1 {
		report.Summary += fmt.Sprintf(" (and %d more)", len(several)-1)
	}
	return report
}
