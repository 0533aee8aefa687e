package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/sluicehq/sluice/bot"
)

// Every button is pressed in a script by somebody who may not, with the answer that they see.
func TestEveryButtonIsRefused(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "test", "scripts", "buttons_refused.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bot.Buttons() {
		if !regexp.MustCompile(`(?m)^button \S+ \S+ sluice/\S+ ` + b.Identifier + `$`).Match(text) {
			t.Errorf("buttons_refused.txtar does not press %s without the right", b.Label)
		}
	}
}
