package rollout

import (
	"fmt"
	"strconv"
	"strings"
)

// Config says how many hosts must stay healthy during a deployment, and so how many are deployed to at once. The zero
// value is OneAtATime, which is CodeDeploy's default too.
type Config struct {
	rule  rule
	value int
}

type rule int

const (
	oneAtATime rule = iota
	halfAtATime
	allAtOnce
	hostCount
	fleetPercent
)

// The configurations that CodeDeploy has by itself, under the names it has for them without "CodeDeployDefault.".
var (
	OneAtATime  = Config{rule: oneAtATime}  //nolint:gochecknoglobals // a constant
	HalfAtATime = Config{rule: halfAtATime} //nolint:gochecknoglobals // a constant
	AllAtOnce   = Config{rule: allAtOnce}   //nolint:gochecknoglobals // a constant
)

// predefined is the prefix that CodeDeploy's names have in full.
const predefined = "CodeDeployDefault."

// Parse reads a configuration: OneAtATime, HalfAtATime or AllAtOnce, with or without "CodeDeployDefault." before it; a
// number of hosts that must stay healthy, "6"; or a share of the fleet, "40%", which is rounded up to whole hosts.
func Parse(s string) (Config, error) {
	switch strings.TrimPrefix(s, predefined) {
	case "OneAtATime":
		return OneAtATime, nil
	case "HalfAtATime":
		return HalfAtATime, nil
	case "AllAtOnce":
		return AllAtOnce, nil
	}
	number, percent := strings.CutSuffix(s, "%")
	value, err := strconv.Atoi(number)
	switch {
	case err != nil:
		return Config{}, fmt.Errorf("deployment configuration %q: want OneAtATime, HalfAtATime, AllAtOnce, "+
			"or how many hosts must stay healthy, as a number or a percentage", s)
	case value < 0 || percent && value > 100:
		return Config{}, fmt.Errorf("deployment configuration %q: a minimum of healthy hosts is 0 or more, and at most 100%%", s)
	case percent:
		return Config{rule: fleetPercent, value: value}, nil
	}
	return Config{rule: hostCount, value: value}, nil
}

// String writes the configuration as Parse reads it.
func (c Config) String() string {
	switch c.rule {
	case halfAtATime:
		return "HalfAtATime"
	case allAtOnce:
		return "AllAtOnce"
	case hostCount:
		return strconv.Itoa(c.value)
	case fleetPercent:
		return strconv.Itoa(c.value) + "%"
	}
	return "OneAtATime"
}

// aside is the configuration in brackets behind the minimum that follows from it; empty where it is that number itself.
func (c Config) aside() string {
	if c.rule == hostCount {
		return ""
	}
	return " (" + c.String() + ")"
}

// Minimum is how many of n hosts must stay healthy. From n on nothing can be deployed.
func (c Config) Minimum(n int) int {
	switch c.rule {
	case allAtOnce:
		return 0
	case halfAtATime:
		return (n + 1) / 2
	case hostCount:
		return c.value
	case fleetPercent:
		return (c.value*n + 99) / 100
	}
	return max(n-1, 0)
}

// concurrency is how many of n hosts are deployed to at once at most.
func (c Config) concurrency(n int) int {
	if c.rule == oneAtATime {
		return 1
	}
	return n - c.Minimum(n)
}
