package bot

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// spelled writes what was understood of a comment, a line for each command or mistake.
func spelled(body string) []string {
	commands, wrong := ParseCommands(body, "sluice")
	var out []string
	for _, c := range commands {
		text := fmt.Sprintf("%d %s %q", c.Line, c.Name, c.Args)
		for _, flag := range []string{"from", "reason", "allow-empty"} {
			if v := c.Flag(flag); v != "" {
				text += fmt.Sprintf(" %s=%q", flag, v)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(c.Vars)) {
			text += fmt.Sprintf(" var %s=%q", name, c.Vars[name])
		}
		if c.DryRun {
			text += " dry"
		}
		out = append(out, text)
	}
	for _, w := range wrong {
		out = append(out, fmt.Sprintf("%d wrong: %s", w.Line, w.Problem))
	}
	return out
}

func TestParseCommands(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"plain":                          {"/approve", []string{"1 approve []"}},
		"in capitals":                    {"/APPROVE Production", []string{`1 approve ["Production"]`}},
		"three blanks before":            {"   /approve", []string{"1 approve []"}},
		"four blanks are code":           {"    /approve", nil},
		"a tab is code":                  {"\t/approve", nil},
		"a blank and a tab":              {" \t/approve", nil},
		"in a sentence":                  {"please /approve", nil},
		"a blank after the slash":        {"/ approve", nil},
		"two slashes":                    {"//approve", nil},
		"a slash alone":                  {"/", nil},
		"quoted":                         {"> /approve", nil},
		"fenced":                         {"```\n/approve\n```", nil},
		"fenced by tildes":               {"~~~ sh\n/approve\n~~~", nil},
		"after a fence":                  {"```\nx\n```\n/approve", []string{"4 approve []"}},
		"a fence that is never closed":   {"```\n/approve", nil},
		"a shorter fence closes nothing": {"````\n```\n/approve\n````", nil},
		"an indented fence closes nothing": {
			"```\n    ```\n/approve\n```", nil,
		},
		"in an HTML comment":              {"<!-- \n/approve\n-->", nil},
		"behind one on its line":          {"<!-- x --> /approve", nil},
		"behind the end of one":           {"<!--\n--> /approve", nil},
		"after one":                       {"<!-- x -->\n/approve", []string{"2 approve []"}},
		"an invisible note behind it":     {"/approve <!-- from my phone -->", []string{"1 approve []"}},
		"a note that goes on":             {"/approve <!-- a\n/promote\n-->\n/status", []string{"1 approve []", "4 status []"}},
		"in details":                      {"<details>\n/approve\n</details>", nil},
		"in details with an attribute":    {"<DETAILS\topen>\n/approve\n</details>\n/status", []string{"4 status []"}},
		"details closed once too often":   {"> </details>\n<details>\n/approve\n</details>", nil},
		"another bot's":                   {"/lgtm\n/assign @ann", nil},
		"addressed":                       {"/sluice approve", []string{"1 approve []"}},
		"addressed and unknown":           {"/sluice lgtm", []string{"1 wrong: there is no such command"}},
		"by the App's name":               {"@sluice approve", []string{"1 approve []"}},
		"by its name as GitHub writes it": {"@Sluice[bot]: /approve", []string{"1 approve []"}},
		"another's name":                  {"@sluicer approve\n@sluice-bot approve", nil},
		"talk about it":                   {"@sluice is slow today\nask @sluice approve", nil},
		"a plan takes what follows":       {"/plan release start 1.4.0 --from abc", []string{`1 plan ["release start 1.4.0 --from abc"]`}},
		"a plan by its other name":        {"/noop", []string{"1 plan []"}},
		"addressed alone":                 {"/sluice", []string{"1 help []"}},
		"carriage returns":                {"hi\r\n/approve\r\n", []string{"2 approve []"}},
		"a shell's idea of a command":     {"/promote production; rm -rf /", []string{`1 wrong: there is one argument too many: "rm"`}},
		"a blank that is not ASCII":       {"/promote\u00a0production", []string{"1 wrong: only ordinary blanks separate words"}},
		"a blank that is not ASCII, late": {"/promote a\u00a0b", []string{`1 promote ["a\u00a0b"]`}},
		"variables": {
			`/test --var A=1 feature --var B="two words" --var C='x' --var D= --dry-run`,
			[]string{`1 test ["feature"] var A="1" var B="two words" var C="x" var D="" dry`},
		},
		"a variable's equals and quotes": {`/test --var A=b=c"d`, []string{`1 test [] var A="b=c\"d"`}},
		"a variable without a value":     {"/test --var A", []string{`1 wrong: --var needs NAME=VALUE, and "A" is not`}},
		"a variable without a name":      {"/test --var =1", []string{`1 wrong: --var needs NAME=VALUE, and "=1" is not`}},
		"no variable":                    {"/test --var", []string{"1 wrong: --var needs NAME=VALUE"}},
		"a variable's quote left open":   {`/test --var A="b c`, []string{"1 wrong: the value of --var A has a quote that is not closed"}},
		"a lone quote as a value":        {`/test --var A="`, []string{"1 wrong: the value of --var A has a quote that is not closed"}},
		"a variable twice":               {"/test --var A=1 --var A=2", []string{"1 wrong: --var A is given twice"}},
		"variables of another command":   {"/retest --var A=1", []string{`1 wrong: there is no flag "--var" here`}},
		"a path as a hotfix":             {"/hotfix ../../main", []string{`1 hotfix start ["../../main"]`}},
		"a hotfix with a title":          {"/hotfix start 17 \"Totals are wrong\" --from 1.4.0", []string{`1 hotfix start ["17" "Totals are wrong"] from="1.4.0"`}},
		"a title without quotes":         {"/hotfix 17 Totals are wrong", []string{`1 hotfix start ["17" "Totals are wrong"]`}},
		"a hotfix in short":              {"/hotfix 17 --from 1.4.0", []string{`1 hotfix start ["17"] from="1.4.0"`}},
		"a release of two words":         {"/release start 1.4.0 --from abc --dry-run", []string{`1 release start ["1.4.0"] from="abc" dry`}},
		"half a command":                 {"/release", []string{"1 wrong: there is no such command"}},
		"a word too many":                {"/release frobnicate", []string{"1 wrong: there is no such command"}},
		"version alone explains":         {"/version", []string{"1 version explain []"}},
		"version and nonsense":           {"/version frobnicate", []string{"1 wrong: there is no such command"}},
		"a reason of several words":      {"/rollback to 1.3.0 --reason it is \"broken\" now", []string{`1 rollback ["to" "1.3.0"] reason="it is \"broken\" now"`}},
		"a reason in quotes":             {`/release abandon --reason "not now" --dry-run`, []string{`1 release abandon [] reason="not now" dry`}},
		"no reason":                      {"/rollback", []string{"1 wrong: --reason is missing: it goes into the record"}},
		"a flag without its value":       {"/rollback --reason --dry-run", []string{"1 wrong: --reason needs a value"}},
		"a flag twice":                   {"/release start --from a --from b", []string{"1 wrong: --from is given twice"}},
		"a flag of another command":      {"/approve --from x", []string{`1 wrong: there is no flag "--from" here`}},
		"nothing to dry-run":             {"/status --dry-run", []string{`1 wrong: there is no flag "--dry-run" here`}},
		"reject takes the rest":          {"/reject it is slow -- really", []string{`1 wrong: there is no flag "--" here`}},
		"reject in plain words":          {"/reject it is slow", []string{`1 reject ["it is slow"]`}},
		"reject without a reason":        {"/reject", []string{"1 wrong: an argument is missing"}},
		"an alias":                       {"/resume\n/wcid", []string{"1 retry []", "2 status []"}},
		"one wrong among good ones":      {"/approve\n/reject\n/status", []string{"1 approve []", "3 status []", "2 wrong: an argument is missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, spelled(c.body)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", c.body, diff)
			}
		})
	}
}

// What is written of a command is read as the same command.
func TestCommandsAreWrittenAsTheyAreRead(t *testing.T) {
	for line, want := range map[string]string{
		"/APPROVE":                          "/approve",
		"/hotfix 17 --dry-run --from 1.4.0": "/hotfix start 17 --from 1.4.0 --dry-run",
		"/promote --reason it is \"down\" now --emergency":              `/promote --emergency --reason it is "down" now`,
		"/promote production --emergency --reason it is \"down\" now":   `/promote production --emergency --reason it is "down" now`,
		`/test feature --var B="two words" --var A=1 --var C=`:          `/test feature --var A=1 --var B="two words" --var C=`,
		`/test --var A='say "yes" twice' --var B="it's" --var C="'x'"`:  `/test --var A='say "yes" twice' --var B=it's --var C="'x'"`,
		`/test --var A=" x " --var B='"'`:                               `/test --var A=" x " --var B="""`,
		"/plan release start 1.4.0 --from abc":                          "/plan release start 1.4.0 --from abc",
		"/reject it is slow":                                            "/reject it is slow",
		"/release start --component \"api\" --allow-empty":              "/release start --allow-empty --component api",
		"/rollback production to 1.3.0 --component api --reason broken": "/rollback production to 1.3.0 --component api --reason broken",
	} {
		c, wrong, _ := parseLine(line, "", false)
		if wrong != nil {
			t.Errorf("%q: %v", line, wrong)
			continue
		}
		if got := c.String(); got != want {
			t.Errorf("%q is written %q, want %q", line, got, want)
		}
		again, _, _ := parseLine(c.String(), "", false)
		if diff := cmp.Diff(c, again); diff != "" {
			t.Errorf("%q, read again (-first +again):\n%s", c.String(), diff)
		}
	}
}

// A comment full of commands is read to the sixth, which is refused.
func TestParseCommandsStops(t *testing.T) {
	commands, wrong := ParseCommands(strings.Repeat("/approve\n", 65536/9), "")
	if len(commands) != maxCommands || len(wrong) != 1 || wrong[0].Line != 6 || !strings.Contains(wrong[0].Problem, "may hold 5 commands") {
		t.Errorf("%d commands, refused is %v", len(commands), wrong)
	}
	if _, wrong := ParseCommands(strings.Repeat("/approve\n", maxCommands)+"/lgtm\n", ""); len(wrong) > 0 {
		t.Errorf("five commands: %v", wrong[0])
	}
}

func FuzzParseCommands(f *testing.F) {
	for _, body := range []string{
		"/approve", "/APPROVE\n /promote", "> /approve\n```\n/approve\n```", "<!-- a\n/approve -->\n/status", "/promote production; rm -rf /",
		"/promote\u00a0production", "/hotfix ../../main", `/test ? --var A="b' c" --var B='"x y"' --dry-run`, "/promote --at tomorrow 9:00 --emergency --reason it's \"so\"", "/release start --from \x00 --reason", "<details>\n/approve", "~~~\n/approve\n~~~~",
		strings.Repeat("/approve\n", 20), "/sluice\n/sluice \u202e", "-->\n<!--->\n/approve", "\ufffd/\r\n/\t",
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		commands, wrong := ParseCommands(body, "sluice")
		if n := len(commands) + len(wrong); n > maxCommands+1 {
			t.Errorf("%d commands", n)
		}
		for _, c := range commands {
			spec := c.spec()
			if spec == nil || spec.name != c.Name || len(c.Args) < spec.minArgs || len(c.Args) > spec.maxArgs {
				t.Errorf("%+v is not in the table", c)
			}
			again, wrong, _ := parseLine(c.String(), "", false)
			if again.Line = c.Line; wrong != nil || !cmp.Equal(c, again) {
				t.Errorf("%+v is written %q, which is %+v, %v", c, c.String(), again, wrong)
			}
		}
		lines := strings.Split(strings.ReplaceAll(body, "\r\n", "\n"), "\n")
		hidden := map[string]string{
			"quoted":   "> " + strings.Join(lines, "\n> "),
			"indented": "    " + strings.Join(lines, "\n    "),
		}
		if !strings.Contains(body, "~~~") {
			hidden["fenced"] = "~~~\n" + body + "\n~~~"
		}
		if !strings.Contains(body, "-->") {
			hidden["commented"] = "<!--\n" + body + "\n-->"
		}
		for how, text := range hidden {
			if commands, wrong := ParseCommands(text, "sluice"); len(commands)+len(wrong) > 0 {
				t.Errorf("%s: %q holds %v %v", how, text, commands, wrong)
			}
		}
	})
}

func BenchmarkParseCommands(b *testing.B) {
	body := strings.Repeat("Thanks for the fix, `code` and all.\n> quoted /approve\n", 50) + "/approve production\n/status\n"
	b.ReportAllocs()
	for b.Loop() {
		if commands, _ := ParseCommands(body, "sluice"); len(commands) != 2 {
			b.Fatal(commands)
		}
	}
}
