package config

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// BuildLimits are what one build, or a batch as a whole, may use; 0 is no limit. Sizes are in bytes.
type BuildLimits struct {
	Memory, Disk, Output int64
	Processes            int // with threads
	Batch                int // how many builds of a batch run at once; at least 1
}

// path is a file or folder of the operator's, absolute; empty when none is named.
func (r *resolver) path(field string) string {
	text := r.text(field)
	if text == "" {
		return ""
	}
	abs, err := filepath.Abs(text)
	if err == nil {
		_, err = os.Stat(abs)
	}
	if err != nil {
		r.wrong(field, err.Error(), "name what is there, and what the server may read")
	}
	return abs
}

// users are names of users, separated by commas.
func (r *resolver) users(field string) []string {
	var out []string
	for name := range strings.SplitSeq(r.text(field), ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
		case strings.ContainsAny(name, " :/\t"):
			r.wrong(field, fmt.Sprintf("%.40q is not the name of a user", name), "write names separated by commas, such as builder,deployer")
		default:
			out = append(out, name)
		}
	}
	return out
}

// oneOf is one of some words, the first where none is given.
func (r *resolver) oneOf(field string, words ...string) string {
	text := cmp.Or(r.text(field), words[0])
	if !slices.Contains(words, text) {
		r.wrong(field, fmt.Sprintf("%.40q is not known", text), "write "+strings.Join(words, ", ")+"; the default is "+words[0])
	}
	return text
}

// buildLimits reads name=value, separated by commas; what is not named stays at its default.
func (r *resolver) buildLimits(field string) BuildLimits {
	l := BuildLimits{Disk: 50 << 30, Output: 4 << 30, Processes: 4096, Batch: 4}
	sizes := map[string]*int64{"memory": &l.Memory, "disk": &l.Disk, "output": &l.Output}
	for part := range strings.SplitSeq(r.text(field), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if name == "" && value == "" {
			continue
		}
		var err error
		switch at, size := sizes[name]; {
		case size:
			*at, err = bytesOf(value)
		case name == "processes":
			l.Processes, err = strconv.Atoi(value)
		case name == "batch":
			if l.Batch, err = strconv.Atoi(value); err == nil && l.Batch < 1 {
				err = errors.New("a batch runs one build at a time at least")
			}
		default:
			err = fmt.Errorf("there is no limit %.40q", name)
		}
		if err != nil || l.Processes < 0 {
			r.wrong(field, fmt.Sprintf("%.60q is not a limit", part), "write memory, disk or output with a size, processes and batch with a number: memory=4GiB,processes=2000; 0 is no limit, of batch 1 is the least")
		}
	}
	return l
}

// bytesOf reads a size: a number of bytes, or of KiB, MiB, GiB.
func bytesOf(text string) (int64, error) {
	unit := int64(1)
	for name, size := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if number, found := strings.CutSuffix(text, name); found {
			text, unit = number, size
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<50/unit {
		return 0, fmt.Errorf("%.40q is not a size", text)
	}
	return n * unit, nil
}
