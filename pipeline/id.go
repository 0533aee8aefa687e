package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// ActionID is the action execution ID: "<execution>-<stage>-<action>-<attempt>", all counted from 1. It is the
// idempotency token of everything done for that attempt.
func ActionID(execution string, stage, action, attempt int) string {
	b := make([]byte, 0, len(execution)+12)
	b = append(b, execution...)
	for _, n := range [...]int{stage, action, attempt} {
		b = append(b, '-')
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return string(b)
}

// ParseActionID takes an action execution ID apart. The execution's own ID may contain dashes.
func ParseActionID(id string) (execution string, stage, action, attempt int, ok bool) {
	n := [3]int{}
	for i := len(n) - 1; i >= 0; i-- {
		cut := strings.LastIndexByte(id, '-')
		if cut < 0 {
			return "", 0, 0, 0, false
		}
		v, err := strconv.Atoi(id[cut+1:])
		if err != nil || v < 1 || strconv.Itoa(v) != id[cut+1:] {
			return "", 0, 0, 0, false
		}
		n[i], id = v, id[:cut]
	}
	return id, n[0], n[1], n[2], id != ""
}

// BundleDigest is one digest over a set of artifacts, independent of where they are kept: what is promoted and
// approved where there is no image. Empty for no artifacts.
func BundleDigest(artifacts map[string]Artifact) string {
	if len(artifacts) == 0 {
		return ""
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(artifacts)) {
		fmt.Fprintf(h, "%d:%s %s\n", len(name), name, artifacts[name].Digest)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
