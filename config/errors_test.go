package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestErrorsAreListed compares what each testdata/errors/*.yml is told with its golden file.
func TestErrorsAreListed(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c := shop()
			c.File = filepath.Base(file)
			r, errs := ParseRepo(data, c)
			if r != nil || len(errs) == 0 {
				t.Fatal("the file passes")
			}
			var b strings.Builder
			for _, e := range errs {
				b.WriteString(e.Error() + "\n" + e.Excerpt)
			}
			golden(t, strings.TrimSuffix(file, ".yml")+".golden", b.String())
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got\n%s", file, diff)
	}
}
