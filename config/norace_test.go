//go:build !race

package config

// slower is 1 without the race detector.
const slower = 1
