package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAlarmRules(t *testing.T) {
	const account = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:"
	const topic = "arn:aws:sns:eu-west-1:111122223333:alarms"
	g, errs := ParseAlarmRules(account + "shop-*=Acme/Shop:production, " + account + "staging/*=acme/shop:staging, " + topic + "=acme/*, " +
		"arn:aws:sns:*:444455556666:*=acme/api:production")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	production, staging := AlarmPlace{"acme", "shop", "production"}, AlarmPlace{"acme", "shop", "staging"}
	for name, c := range map[string]struct {
		arns        []string
		description string
		want        []AlarmPlace
	}{
		"by its name":                           {[]string{account + "shop-p99"}, "", []AlarmPlace{production}},
		"a name with slashes and colons":        {[]string{account + "shop-a/b:c"}, "", []AlarmPlace{production}},
		"another account's":                     {[]string{"arn:aws:cloudwatch:eu-west-1:222222222222:alarm:shop-p99"}, "", nil},
		"a name that only contains it":          {[]string{account + "my-shop-p99"}, "", nil},
		"a dot is a dot":                        {[]string{"arn:aws:cloudwatch:eu-west-1:111122223333-alarm:shop-p99"}, "", nil},
		"a rule is for the whole ARN":           {[]string{"x" + account + "shop-p99"}, "", nil},
		"by the topic, described":               {[]string{account + "p99", topic}, "p99 of the shop (sluice:acme/shop:staging)\nsluice:acme/shop:production.", []AlarmPlace{production}},
		"two of them":                           {[]string{account + "p99", topic}, "sluice:acme/shop:production sluice:Acme/Shop:staging.", []AlarmPlace{production, staging}},
		"by the topic, not described":           {[]string{account + "p99", topic}, "p99 of the shop", nil},
		"described as what the rule has not":    {[]string{account + "p99", topic}, "sluice:other/shop:production", nil},
		"described, without a rule":             {[]string{account + "p99"}, "sluice:acme/shop:production", nil},
		"a complete rule heeds no description":  {[]string{account + "shop-p99"}, "sluice:acme/shop:staging", []AlarmPlace{production}},
		"by its name and by the topic, once":    {[]string{account + "shop-p99", topic}, "sluice:acme/shop:production", []AlarmPlace{production}},
		"a topic of any region of that account": {[]string{account + "x", "arn:aws:sns:us-east-1:444455556666:t"}, "", []AlarmPlace{{"acme", "api", "production"}}},
		"nothing":                               {nil, "sluice:acme/shop:production", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, g.Places(c.arns, c.description)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	if !(AlarmRules{}).IsZero() || g.IsZero() {
		t.Error("IsZero")
	}
	for _, bad := range []string{"acme/shop:production", "alarm=acme/shop:production", topic + "=acme", topic + "=acme/shop:", topic + "=acme/shop:pro duction", topic + "=acme/[:x"} {
		if _, errs := ParseAlarmRules(bad); len(errs) != 1 {
			t.Errorf("%q: %v", bad, errs)
		}
	}
}

// Who is listened to at AWS, and what is wrong with that.
func TestAWS(t *testing.T) {
	const topics = "arn:aws:sns:eu-west-1:111122223333:alarms,arn:aws-cn:sns:cn-north-1:111122223333:a.fifo"
	for name, c := range map[string]struct {
		env   map[string]string
		want  []any // topics, version 1, secrets, rules
		wrong string
	}{
		"nobody":            {nil, []any{0, false, 0, false}, ""},
		"topics":            {map[string]string{"SLUICE_AWS_TOPICS": topics, "SLUICE_AWS_ALARMS": topics[:41] + "=acme/*"}, []any{2, false, 0, true}, ""},
		"both signatures":   {map[string]string{"SLUICE_AWS_TOPICS": topics, "SLUICE_AWS_SIGNATURES": "all"}, []any{2, true, 0, false}, ""},
		"two secrets":       {map[string]string{"SLUICE_AWS_EVENTBRIDGE_SECRET": "new, old"}, []any{0, false, 2, false}, ""},
		"a file of secrets": {map[string]string{"SLUICE_AWS_EVENTBRIDGE_SECRET_FILE": "/run/secret"}, []any{0, false, 1, false}, ""},
		"no such file":      {map[string]string{"SLUICE_AWS_EVENTBRIDGE_SECRET_FILE": "/run/none"}, nil, "SLUICE_AWS_EVENTBRIDGE_SECRET_FILE cannot be read"},
		"an empty secret":   {map[string]string{"SLUICE_AWS_EVENTBRIDGE_SECRET": "new,,old"}, nil, "secret number 2 of the list is empty"},
		"topics of anybody": {map[string]string{"SLUICE_AWS_TOPICS": "arn:aws:sns:*:*:alarms"}, nil, "is not the ARN of a topic"},
		"other signatures":  {map[string]string{"SLUICE_AWS_TOPICS": topics, "SLUICE_AWS_SIGNATURES": "1"}, nil, `"1" is not known`},
		"a bad rule":        {map[string]string{"SLUICE_AWS_TOPICS": topics, "SLUICE_AWS_ALARMS": "alarms=acme/shop"}, nil, "is no ARN"},
		"rules for nobody":  {map[string]string{"SLUICE_AWS_ALARMS": "arn:*=acme/shop:production"}, nil, "nobody at AWS is listened to"},
	} {
		t.Run(name, func(t *testing.T) {
			env := enough()
			for k, v := range c.env {
				env[k] = v
			}
			s, err := resolve(ServerFlags{}, env, map[string]File{"/run/secret": {Data: []byte("of a file\n"), Mode: 0o600}})
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("%v, want %q", err, c.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, []any{len(s.AWS.Topics), s.AWS.Version1, len(s.AWS.EventBridgeSecrets), !s.AWS.Alarms.IsZero()}); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
