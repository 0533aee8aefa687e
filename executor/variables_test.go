package executor_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
)

// What is known is set, over what the configuration says of it; what is not known is not there, whoever set it.
func TestVariables(t *testing.T) {
	all := executor.Subject{
		App: "shop", Component: "api", Branch: "release/1.4.0", BranchKind: "release", SHA: "3f2a9c1d5e6f708192a3b4c5d6e7f8091a2b3c4d", Revision: "3f2a9c1",
		Version: "1.4.0", Image: "registry.example.com/shop:1.4.0-candidate-3f2a9c1", ImageTag: "1.4.0-candidate-3f2a9c1", ExecutionID: "ex-1",
	}
	configured := map[string]string{"LEVEL": "2", "SLUICE_IMAGE": "evil", "SLUICE_IMAGE_DIGEST": "sha256:evil"}
	want := map[string]string{
		"LEVEL": "2", "SLUICE_APP": "shop", "SLUICE_COMPONENT": "api", "SLUICE_BRANCH": "release/1.4.0", "SLUICE_BRANCH_KIND": "release",
		"SLUICE_SHA": "3f2a9c1d5e6f708192a3b4c5d6e7f8091a2b3c4d", "SLUICE_REVISION": "3f2a9c1", "SLUICE_VERSION": "1.4.0",
		"SLUICE_IMAGE": "registry.example.com/shop:1.4.0-candidate-3f2a9c1", "SLUICE_IMAGE_TAG": "1.4.0-candidate-3f2a9c1",
		"SLUICE_EXECUTION_ID": "ex-1", "SLUICE_ENVIRONMENT": "staging", "SLUICE_IMAGE_DIGEST": "sha256:good",
	}
	if diff := cmp.Diff(want, all.Variables(configured, "staging", "sha256:good")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"LEVEL": "2"}, executor.Subject{}.Variables(configured, "", "")); diff != "" {
		t.Errorf("nothing is known (-want +got):\n%s", diff)
	}
	if configured["SLUICE_IMAGE"] != "evil" {
		t.Error("the configuration was changed")
	}
}
