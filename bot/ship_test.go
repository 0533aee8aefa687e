package bot

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWorthALook(t *testing.T) {
	got := worthALook([]string{
		"main.go", "db/migrations/0042_orders.sql", "Dockerfile", "docker/api.Dockerfile", "buildspec.yml", "deploy/appspec.yaml",
		".github/workflows/ci.yml", ".github/CODEOWNERS", ".github/sluice.yml", "infra/main.tf", "charts/api/values.yaml", ".env.production",
		"docs/migrations.md", "src/environment.go", "k8s/deployment.yml", "docker-compose.yml",
	})
	want := []string{
		"db/migrations/0042_orders.sql", "Dockerfile", "docker/api.Dockerfile", "buildspec.yml", "deploy/appspec.yaml", ".github/workflows/ci.yml",
		".github/sluice.yml", "infra/main.tf", "charts/api/values.yaml", ".env.production", "k8s/deployment.yml", "docker-compose.yml",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
