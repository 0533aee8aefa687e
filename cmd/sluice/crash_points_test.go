package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// pointVaries are the parts of an effect's key that differ between two plays of one story, and what is put in their place.
var pointVaries = []struct { //nolint:gochecknoglobals // constants of regexp
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "G"}, // of a delivery
	{regexp.MustCompile(`\b[0-9a-hjkmnp-tv-z]{20}\b`), "I"},                    // of a record
	{regexp.MustCompile(`\b[0-9a-f]{7,64}\b`), "R"},                            // a revision, a hash
	{regexp.MustCompile(`[0-9]+`), "N"},
}

// placeOf is a point together with what the effect is about, the same in each play of a story.
func placeOf(point, key string) string {
	for _, v := range pointVaries {
		key = v.re.ReplaceAllString(key, v.with)
	}
	return point + " " + key
}

// deadly is a failpoint that writes each place it is called at to a file, and at each that is not spared kills the process, once:
// not where an earlier process has died already.
func deadly(file string, spared func(place string) bool) func(point, key string) {
	var been []string
	before, _ := os.ReadFile(file)
	for line := range strings.Lines(string(before)) {
		if place, ok := strings.CutPrefix(strings.TrimSpace(line), killMark); ok {
			been = append(been, place)
		}
	}
	log, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	return func(point, key string) {
		place := placeOf(point, key)
		if spared(place) || slices.Contains(been, place) {
			_, _ = log.WriteString(place + "\n")
			return
		}
		_, _ = log.WriteString(killMark + place + "\n")
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}
