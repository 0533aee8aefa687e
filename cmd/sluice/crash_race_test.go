//go:build race

package main

// crashesPerRun is how many points a run dies at, one after the other: under the race detector a story is slow.
const crashesPerRun = 30
