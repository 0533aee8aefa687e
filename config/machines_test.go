package config

import "testing"

func TestMachineRules(t *testing.T) {
	g, errs := ParseMachineRules("acme/shop=deploy@web-*.example.com, acme/*=ci@10.0.0.5:2222")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, c := range []struct {
		repo, machine string
		want          bool
	}{
		{"shop", "deploy@web-1.example.com:22", true},
		{"Shop", "deploy@WEB-2.example.com:22", true},
		{"shop", "deploy@web-1.example.com:2222", false},
		{"shop", "root@web-1.example.com:22", false},
		{"shop", "deploy@web-1.example.com.evil.test:22", false},
		{"api", "ci@10.0.0.5:2222", true},
		{"api", "ci@10.0.0.5:22", false},
		{"api", "deploy@web-1.example.com:22", false},
	} {
		if got := g.Allows("acme", c.repo, c.machine); got != c.want {
			t.Errorf("acme/%s to %s: %v, want %v", c.repo, c.machine, got, c.want)
		}
	}
	if (MachineRules{}).Allows("acme", "shop", "deploy@web-1.example.com:22") {
		t.Error("no rules allow something")
	}
	for _, bad := range []string{"acme/shop", "acme=deploy@x", "acme/shop=x", "acme/shop=@x", "acme/shop=deploy@[x"} {
		if _, errs := ParseMachineRules(bad); len(errs) != 1 {
			t.Errorf("%q: %v", bad, errs)
		}
	}
}
