//go:build race

package config

// slower is how many times slower the race detector makes the code, at most.
const slower = 10
