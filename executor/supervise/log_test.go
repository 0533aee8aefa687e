package supervise

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever reads a log while it is written gets every byte that is kept, once, where it belongs.
func TestReadLogFollows(t *testing.T) {
	for name, c := range map[string]struct {
		head, tail int64
		every      int // writes between two looks
		gaps       bool
	}{
		"a reader that keeps up":      {1000, 4000, 1, false},
		"a reader that is too slow":   {1000, 4000, 400, true},
		"a log that is all beginning": {50000, 87, 50, false},
		"tiny limits":                 {1, 1, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			o, err := newOutput(dir, c.head, c.tail)
			if err != nil {
				t.Fatal(err)
			}
			var all, got strings.Builder
			at, gaps := int64(0), false
			random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
			read := func() {
				for {
					part, err := ReadLog(dir, at, 333)
					if err != nil {
						t.Fatal(err)
					}
					gaps = gaps || part.From > at
					got.WriteString(strings.Repeat("?", int(part.From-at)) + string(part.Text))
					at = part.Next()
					if len(part.Text) == 0 {
						return
					}
				}
			}
			for i := range 2000 {
				text := fmt.Sprintf("%d %s\n", i, strings.Repeat("x", random.IntN(40)))
				all.WriteString(text)
				if _, err := o.Write([]byte(text)); err != nil {
					t.Fatal(err)
				}
				if i%c.every == 0 {
					read()
				}
			}
			o.close()
			read()
			if got.Len() != all.Len() {
				t.Fatalf("%d bytes read of %d", got.Len(), all.Len())
			}
			for i, b := range []byte(got.String()) {
				if b != all.String()[i] && b != '?' {
					t.Fatalf("byte %d is %q, want %q", i, b, all.String()[i])
				}
			}
			if gaps != c.gaps {
				t.Errorf("gaps: %v, want %v", gaps, c.gaps)
			}
			if strings.Contains(got.String()[:c.head], "?") || strings.Contains(got.String()[int64(got.Len())-c.tail:], "?") {
				t.Error("something of the beginning or the end is missing")
			}
		})
	}
}

// What a disk had no room for is a gap, and what comes after it stands where it belongs.
func TestALogThatCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	o, err := newOutput(dir, 4, 400)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if n, err := o.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	write("head")
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	write("lost")
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	write("kept")
	o.close()
	if part, err := ReadLog(dir, 4, 100); err != nil || part.From != 8 || string(part.Text) != "kept" {
		t.Errorf("%+v, %v", part, err)
	}
	if log, err := Log(dir, 100); err != nil || log != "head\n… 4 bytes left out …\nkept" {
		t.Errorf("%q, %v", log, err)
	}
}
