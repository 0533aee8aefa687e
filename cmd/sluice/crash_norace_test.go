//go:build !race

package main

// crashesPerRun is how many points a run dies at, one after the other: a story costs more than a start.
const crashesPerRun = 10
