//go:build !linux

package config

import (
	"testing"
	"time"
)

// worked is how long f takes: these systems do not say how long the processor worked on it.
func worked(_ *testing.T, f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}
