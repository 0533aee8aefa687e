package githubactions

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A file of a few lines that would unfold to billions of values is refused or read at once.
func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d,", i-1), 8), i-1)
	}
	for _, on := range []string{"on: workflow_dispatch\n", "on: *a8\n", "on: {workflow_dispatch: {inputs: {x: *a8}}}\n"} {
		done := make(chan error, 1)
		go func() {
			_, err := parse("x.yml", []byte(b.String()+on))
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil {
				t.Errorf("%q is accepted", on)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%q is still being read after 5 seconds", on)
		}
	}
}
