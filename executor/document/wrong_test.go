package document_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/document"
	"github.com/sluicehq/sluice/pipeline"
)

func TestWrong(t *testing.T) {
	at := func(line int, problem string) *document.Error {
		return &document.Error{File: "ci/build.yml", Line: line, Column: 3, Problem: problem}
	}
	remark := func(line int, problem string) executor.Annotation {
		return executor.Annotation{Path: "ci/build.yml", StartLine: line, EndLine: line, Level: "failure", Title: "Buildspec", Message: problem}
	}
	for name, tc := range map[string]struct {
		err     error
		summary string
		remarks []executor.Annotation
	}{
		"several places": {
			fmt.Errorf("read: %w", document.Errors{at(4, "first"), at(9, "second"), at(0, "third")}),
			"ci/build.yml:4:3: first (and 2 more)",
			[]executor.Annotation{remark(4, "first"), remark(9, "second"), remark(1, "third")},
		},
		"one place":           {fmt.Errorf("read: %w", at(4, "a\nb")), "ci/build.yml:4:3: a b", []executor.Annotation{remark(4, "a\nb")}},
		"no place":            {errors.New("a\n\tb"), "a b", nil},
		"more than is shown":  {errors.New(strings.Repeat("ä", 401)), strings.Repeat("ä", 400) + "…", nil},
		"as much as is shown": {errors.New(strings.Repeat("ä", 400)), strings.Repeat("ä", 400), nil},
	} {
		t.Run(name, func(t *testing.T) {
			want := executor.Report{Status: pipeline.Failed, Summary: tc.summary, Annotations: tc.remarks}
			if diff := cmp.Diff(want, document.Wrong("ci/build.yml", "Buildspec", tc.err)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
