package rollout

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func fleet(n int) []Host {
	out := make([]Host, n)
	for i := range out {
		out[i] = Host{Name: fmt.Sprint(i + 1), Revision: RevisionOld}
	}
	return out
}

func failing(names ...string) func(Host) bool {
	return func(h Host) bool { return slices.Contains(names, h.Name) }
}

// outline writes a simulation as "1,2 3,4: succeeded"; hosts count from 1.
func outline(batches [][]int, end Decision) string {
	var out []string
	for _, b := range batches {
		var hosts []string
		for _, i := range b {
			hosts = append(hosts, fmt.Sprint(i+1))
		}
		out = append(out, strings.Join(hosts, ","))
	}
	how := "failed"
	if end.Succeeded {
		how = "succeeded"
	}
	return strings.TrimSpace(strings.Join(out, " ") + " " + how)
}

// The whole table: each configuration, each size, and which hosts fail.
func TestRollout(t *testing.T) {
	for _, c := range []struct {
		config string
		n      int
		fail   string
		want   string
	}{
		{"AllAtOnce", 1, "", "1 succeeded"},
		{"AllAtOnce", 1, "1", "1 failed"},
		{"AllAtOnce", 2, "1", "1,2 succeeded"},
		{"AllAtOnce", 3, "1 2", "1,2,3 succeeded"},
		{"AllAtOnce", 3, "1 2 3", "1,2,3 failed"},
		{"AllAtOnce", 9, "", "1,2,3,4,5,6,7,8,9 succeeded"},
		{"AllAtOnce", 9, "1 2 3 4 5 6 7 8", "1,2,3,4,5,6,7,8,9 succeeded"},
		{"AllAtOnce", 10, "1 2 3 4 5 6 7 8 9 10", "1,2,3,4,5,6,7,8,9,10 failed"},

		{"HalfAtATime", 1, "", "failed"},
		{"HalfAtATime", 2, "", "1 2 succeeded"},
		{"HalfAtATime", 2, "1", "1 failed"},
		{"HalfAtATime", 2, "2", "1 2 succeeded"},
		{"HalfAtATime", 3, "", "1 2 3 succeeded"},
		{"HalfAtATime", 3, "1", "1 failed"},
		{"HalfAtATime", 3, "3", "1 2 3 succeeded"},
		{"HalfAtATime", 9, "", "1,2,3,4 5,6,7,8 9 succeeded"},
		{"HalfAtATime", 9, "2 5", "1,2,3,4 5,6,7 8,9 succeeded"},
		{"HalfAtATime", 9, "1 2 3", "1,2,3,4 5 6 7 8 9 succeeded"},
		{"HalfAtATime", 9, "1 2 3 4", "1,2,3,4 failed"},
		{"HalfAtATime", 9, "1 2 3 5", "1,2,3,4 5 failed"},
		{"HalfAtATime", 9, "6 7 8 9", "1,2,3,4 5,6,7,8 9 succeeded"},
		{"HalfAtATime", 10, "", "1,2,3,4,5 6,7,8,9,10 succeeded"},
		{"HalfAtATime", 10, "1 2 3 4 5", "1,2,3,4,5 failed"},
		{"HalfAtATime", 10, "6 7 8 9 10", "1,2,3,4,5 6,7,8,9,10 succeeded"},
		{"HalfAtATime", 10, "1 6 7 8 9", "1,2,3,4,5 6,7,8,9 failed"},

		{"OneAtATime", 1, "", "1 succeeded"},
		{"OneAtATime", 1, "1", "1 failed"},
		{"OneAtATime", 2, "1", "1 failed"},
		{"OneAtATime", 2, "2", "1 2 succeeded"},
		{"OneAtATime", 3, "", "1 2 3 succeeded"},
		{"OneAtATime", 3, "2", "1 2 failed"},
		{"OneAtATime", 3, "3", "1 2 3 succeeded"},
		{"OneAtATime", 9, "9", "1 2 3 4 5 6 7 8 9 succeeded"},
		{"OneAtATime", 10, "9", "1 2 3 4 5 6 7 8 9 failed"},

		{"6", 9, "", "1,2,3 4,5,6 7,8,9 succeeded"},
		{"6", 9, "1", "1,2,3 4,5 6,7 8,9 succeeded"},
		{"6", 9, "1 2 3", "1,2,3 failed"},
		{"6", 9, "7 8 9", "1,2,3 4,5,6 7,8,9 succeeded"},
		{"0", 2, "1", "1,2 succeeded"},
		{"0", 2, "1 2", "1,2 failed"},
		{"1", 1, "", "failed"},
		{"3", 2, "", "failed"},
		{"2", 3, "", "1 2 3 succeeded"},
		{"40%", 9, "", "1,2,3,4,5 6,7,8,9 succeeded"},
		{"40%", 9, "1 2 3 4 5", "1,2,3,4,5 failed"},
		{"40%", 10, "", "1,2,3,4,5,6 7,8,9,10 succeeded"},
		{"95%", 10, "", "failed"},
		{"95%", 1, "", "failed"},
		{"50%", 2, "", "1 2 succeeded"},
		{"0%", 3, "1 3", "1,2,3 succeeded"},
		{"100%", 3, "", "failed"},

		{"AllAtOnce", 2, "", "1,2 succeeded"},
		{"AllAtOnce", 2, "1 2", "1,2 failed"},
		{"AllAtOnce", 3, "", "1,2,3 succeeded"},
		{"AllAtOnce", 9, "1 2 3 4 5 6 7 8 9", "1,2,3,4,5,6,7,8,9 failed"},
		{"AllAtOnce", 10, "", "1,2,3,4,5,6,7,8,9,10 succeeded"},
		{"AllAtOnce", 10, "2 3 4 5 6 7 8 9 10", "1,2,3,4,5,6,7,8,9,10 succeeded"},
		{"HalfAtATime", 3, "2", "1 2 failed"},
		{"OneAtATime", 2, "", "1 2 succeeded"},
		{"OneAtATime", 3, "1", "1 failed"},
		{"OneAtATime", 9, "", "1 2 3 4 5 6 7 8 9 succeeded"},
		{"OneAtATime", 9, "1", "1 failed"},
		{"OneAtATime", 9, "8", "1 2 3 4 5 6 7 8 failed"},
		{"OneAtATime", 10, "", "1 2 3 4 5 6 7 8 9 10 succeeded"},
		{"OneAtATime", 10, "10", "1 2 3 4 5 6 7 8 9 10 succeeded"},

		{"0", 1, "", "1 succeeded"},
		{"0", 1, "1", "1 failed"},
		{"1", 2, "", "1 2 succeeded"},
		{"1", 2, "1", "1 failed"},
		{"1", 3, "", "1,2 3 succeeded"},
		{"1", 3, "1", "1,2 3 succeeded"},
		{"1", 3, "1 2", "1,2 failed"},
		{"2", 3, "1", "1 failed"},
		{"2", 3, "3", "1 2 3 succeeded"},
		{"9", 9, "", "failed"},
		{"6", 10, "", "1,2,3,4 5,6,7,8 9,10 succeeded"},
		{"6", 10, "1 2", "1,2,3,4 5,6 7,8 9,10 succeeded"},
		{"6", 10, "1 2 3 4", "1,2,3,4 failed"},
		{"6", 10, "5 6 7 8", "1,2,3,4 5,6,7,8 failed"},
		{"6", 10, "9 10", "1,2,3,4 5,6,7,8 9,10 succeeded"},
		{"10", 10, "", "failed"},

		{"0%", 1, "", "1 succeeded"},
		{"1%", 1, "", "failed"},
		{"33%", 3, "", "1,2 3 succeeded"},
		{"33%", 3, "1 2", "1,2 failed"},
		{"34%", 3, "", "1 2 3 succeeded"},
		{"50%", 3, "1", "1 failed"},
		{"66%", 3, "2", "1 2 failed"},
		{"67%", 3, "", "failed"},
		{"40%", 2, "2", "1 2 succeeded"},
		{"40%", 9, "1 2", "1,2,3,4,5 6,7,8 9 succeeded"},
		{"40%", 9, "6 7 8 9", "1,2,3,4,5 6,7,8,9 succeeded"},
		{"40%", 10, "1 2 3 4 5 6", "1,2,3,4,5,6 failed"},
		{"40%", 10, "1 2 3", "1,2,3,4,5,6 7,8,9 10 succeeded"},
		{"95%", 9, "", "failed"},
		{"89%", 9, "", "failed"},
		{"88%", 9, "", "1 2 3 4 5 6 7 8 9 succeeded"},
	} {
		t.Run(fmt.Sprintf("%s of %d without %s", c.config, c.n, c.fail), func(t *testing.T) {
			config, err := Parse(c.config)
			if err != nil {
				t.Fatal(err)
			}
			if got := outline(Simulate(config, fleet(c.n), failing(strings.Fields(c.fail)...))); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Hosts that failed last time come first, then unknown, old and current revisions; hosts that are not healthy do not use
// up what may be missed.
func TestOrder(t *testing.T) {
	hosts := []Host{
		{Name: "1", Revision: RevisionCurrent},
		{Name: "2", Revision: RevisionOld},
		{Name: "3"},
		{Name: "4", Revision: RevisionOld, Unhealthy: true},
		{Name: "5", Revision: RevisionCurrent, Unhealthy: true},
		{Name: "6", Revision: RevisionOld},
	}
	for config, want := range map[string]string{
		"OneAtATime":  "4 5 3 2 6 1 succeeded",
		"HalfAtATime": "4,5,3 2,6,1 succeeded",
		"AllAtOnce":   "4,5,3,2,6,1 succeeded",
		"5":           "4 5 3 2 6 1 succeeded", // begins below the minimum: health is not lowered before it is restored
	} {
		c, err := Parse(config)
		if err != nil {
			t.Fatal(err)
		}
		if got := outline(Simulate(c, hosts, failing())); got != want {
			t.Errorf("%s: got %s, want %s", config, got, want)
		}
	}
	// A fleet below its minimum whose sick hosts stay sick is left alone.
	c, _ := Parse("5")
	if got, want := outline(Simulate(c, hosts, failing("4", "5"))), "4 5 failed"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestReasons(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		n      int
		fail   string
		want   string
	}{
		"nothing may be touched": {HalfAtATime, 1, "", "nothing was deployed: 1 host must stay healthy (HalfAtATime), and there is 1, so none may be touched; use AllAtOnce, OneAtATime, or a lower minimum"},
		"none of several may be": {Config{hostCount, 3}, 2, "", "nothing was deployed: 3 hosts must stay healthy, and there are 2, so none may be touched; use AllAtOnce, OneAtATime, or a lower minimum"},
		"a share":                {Config{fleetPercent, 95}, 2, "", "nothing was deployed: 2 hosts must stay healthy (95%), and there are 2, so none may be touched; use AllAtOnce, OneAtATime, or a lower minimum"},
		"stopped":                {OneAtATime, 3, "2", "stopped after 1 of 3 hosts failed: 2 are healthy and 2 must stay so; 1 was not touched"},
		"no host":                {AllAtOnce, 0, "", "there is no host to deploy to"},
		"too few":                {AllAtOnce, 2, "1 2", "0 of 2 hosts have the revision, and 1 was needed"},
		"enough":                 {HalfAtATime, 9, "2 5", "7 of 9 hosts have the revision; 5 were needed"},
	} {
		_, end := Simulate(c.config, fleet(c.n), failing(strings.Fields(c.fail)...))
		if diff := cmp.Diff(c.want, end.Reason); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestParse(t *testing.T) {
	for s, want := range map[string]Config{
		"OneAtATime": OneAtATime, "CodeDeployDefault.AllAtOnce": AllAtOnce, "HalfAtATime": HalfAtATime,
		"6": {hostCount, 6}, "40%": {fleetPercent, 40}, "0": {hostCount, 0}, "100%": {fleetPercent, 100},
	} {
		got, err := Parse(s)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", s, got, err)
			continue
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("%s is written as %s, which reads as %v, %v", s, got, again, err)
		}
	}
	for _, s := range []string{"", "halfatatime", "-1", "101%", "-5%", "1.5", "40 %", "CodeDeployDefault.", "%"} {
		if c, err := Parse(s); err == nil {
			t.Errorf("%q reads as %v", s, c)
		}
	}
}

// Whatever fails: every deployment ends; the fleet never has fewer healthy hosts than the minimum because of a host that
// was taken from health beyond it; success means that the minimum got the revision; no host is tried twice.
func TestRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.OneOf(
			rapid.SampledFrom([]Config{OneAtATime, HalfAtATime, AllAtOnce}),
			rapid.Map(rapid.IntRange(0, 12), func(v int) Config { return Config{hostCount, v} }),
			rapid.Map(rapid.IntRange(0, 100), func(v int) Config { return Config{fleetPercent, v} }),
		).Draw(t, "config")
		n := rapid.IntRange(1, 12).Draw(t, "hosts")
		hosts := fleet(n)
		for i := range hosts {
			hosts[i].Unhealthy = rapid.IntRange(0, 4).Draw(t, "sick") == 0
			hosts[i].Revision = rapid.SampledFrom([]Revision{RevisionUnknown, RevisionOld, RevisionCurrent}).Draw(t, "revision")
		}
		minimum := c.Minimum(n)
		for step := 0; ; step++ {
			if step > n {
				t.Fatalf("no end after %d batches", step)
			}
			d := Next(c, hosts)
			healthy, succeeded := 0, 0
			for _, h := range hosts {
				if h.healthy() {
					healthy++
				}
				if h.Outcome == Succeeded {
					succeeded++
				}
			}
			if d.Done {
				if d.Succeeded && succeeded < max(minimum, 1) {
					t.Fatalf("success with %d, minimum %d", succeeded, minimum)
				}
				return
			}
			taken := 0
			for _, i := range d.Batch {
				if hosts[i].Outcome != Pending {
					t.Fatalf("host %d is tried twice", i+1)
				}
				if hosts[i].healthy() {
					taken++
				}
			}
			if taken > 0 && healthy-taken < minimum {
				t.Fatalf("%d of %d healthy hosts are taken, %d must stay", taken, healthy, minimum)
			}
			for _, i := range d.Batch {
				hosts[i].Outcome = rapid.SampledFrom([]Outcome{Succeeded, Failed}).Draw(t, "outcome")
			}
		}
	})
}
