package bot

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Command is one slash command as somebody wrote it.
type Command struct {
	Name   string // canonical: "release start", "approve"
	Args   []string
	Flags  map[string]string // without the dashes; a flag without a value is "true"
	Vars   map[string]string // of --var NAME=VALUE; nil: none
	DryRun bool
	Line   int // of the comment, from 1
}

// Flag returns the value of a flag, or "".
func (c Command) Flag(name string) string { return c.Flags[name] }

// Arg returns the n-th argument, or "".
func (c Command) Arg(n int) string {
	if n < len(c.Args) {
		return c.Args[n]
	}
	return ""
}

// String writes the command as it would be typed: read again, it is the same.
func (c Command) String() string {
	words := append([]string{"/" + c.Name}, c.Args...)
	for _, name := range slices.Sorted(maps.Keys(c.Flags)) {
		words = append(words, "--"+name)
		if !c.spec().isSwitch(name) {
			words = append(words, c.Flags[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Vars)) {
		words = append(words, "--var", name+"="+inQuotes(c.Vars[name]))
	}
	if c.DryRun {
		words = append(words, "--dry-run")
	}
	return strings.Join(words, " ")
}

// spec is the command's row of the table; nil: there is none.
func (c Command) spec() *commandSpec {
	s, _ := lookup(strings.Fields(c.Name))
	return s
}

// isSwitch tells whether a flag takes no value.
func (s *commandSpec) isSwitch(flag string) bool {
	return s != nil && slices.Contains(s.switches, flag)
}

// inQuotes writes a variable's value so that takeVar reads it again: in quotes where it has blanks or begins with a quote. No word
// before the last may end with the quote, which would end the value.
func inQuotes(value string) string {
	words := strings.Split(value, " ")
	if len(words) == 1 && strings.TrimLeft(value, `"'`) == value {
		return value
	}
	for _, word := range words[:len(words)-1] {
		if strings.HasSuffix(word, `"`) {
			return "'" + value + "'"
		}
	}
	return `"` + value + `"`
}

// CommandError is a command that is ours and is written wrongly.
type CommandError struct {
	Line    int
	Text    string // the line, for the reply
	Problem string
	Usage   string
}

func (e *CommandError) Error() string { return fmt.Sprintf("%s; usage: `%s`", e.Problem, e.Usage) }

// maxCommands is how many commands one comment may hold. The next one is refused, and lines after it are not read.
const maxCommands = 5

// commandSpec is one command of the table: what it is called, what it takes, who may give it.
type commandSpec struct {
	name    string
	aliases []string
	usage   string
	help    string // one line for /help
	door    Door
	// doors are the doors that some switches lead through instead.
	doors map[string]Door
	// undoes is the door instead for a rollback, begins the one besides where a release is begun; empty: neither can be.
	undoes, begins Door
	minArgs        int
	maxArgs        int
	// rest takes everything after the name as one argument.
	rest bool
	// tail takes everything after the first argument as a second one.
	tail bool
	// raw takes everything after the name as it stands, flags included.
	raw      bool
	flags    []string // with a value
	switches []string // without
	// vars: it takes --var NAME=VALUE, as often as one likes.
	vars bool
	// reason makes --reason obligatory.
	reason bool
	// changes marks a command that changes something, which takes --dry-run.
	changes bool
	// where it can be of use, for /help; zero: anywhere.
	where place
	// component says whether it is about a component of a monorepo, and so takes --component.
	component componentUse
	// pinned marks a command about the head that who gave it could see: it is refused when the head has moved since.
	pinned bool
	// more is what /help <command> says beyond the line of help.
	more string
}

// commandTable lists every command. Its order is that of /help.
var commandTable = []commandSpec{ //nolint:gochecknoglobals // a constant table
	{name: "help", usage: "/help [command]", help: "what you may run here, or how one command works", door: DoorRead, maxArgs: 1, rest: true},
	{name: "status", aliases: []string{"wcid"}, usage: "/status [environment]", help: "what runs where, and what is on its way", door: DoorRead, maxArgs: 1},
	{name: "why", usage: "/why [check]", help: "every rule and gate of the checks here, what passed and what did not, and who counts as approver", door: DoorRead, maxArgs: 1},
	{name: "plan", aliases: []string{"noop"}, usage: "/plan [command]", help: "what a command would do, step by step; nothing is done", door: DoorPlan, maxArgs: 1, raw: true,
		more: "The same as `--dry-run` of that command, and it may be asked by developers who may not give the command itself. A plan needs no reason, and that of a hotfix no identifier. `/plan finish` shows what follows a release's deployment; alone it shows what comes next on the pull request of a release or hotfix."},
	{name: "evidence", usage: "/evidence [version] [--component name]", component: componentMay, help: "who approved what, how it was tested, and where it was deployed: the record of a release", door: DoorEvidence, maxArgs: 1,
		more: "Without a version it is about the release of the pull request, else about what production runs. The reply links to the whole record as JSON, with the entries of the audit log and their hashes."},
	{name: "version explain", aliases: []string{"version"}, usage: "/version explain [--component name]", component: componentMust, help: "the next version and why it is that one", door: DoorRead},
	{name: "version set", usage: "/version set X.Y.Z", help: "give the open release another version", door: DoorVersion, minArgs: 1, maxArgs: 1, changes: true, where: onRelease},
	{name: "version bump", usage: "/version bump major|minor|patch", help: "cut the next release branch from this head under the next version", door: DoorVersion, minArgs: 1, maxArgs: 1, changes: true, where: onRelease},
	{name: "release start", usage: "/release start [X.Y.Z] [--component name] [--from sha|support/X.Y] [--allow-empty]", component: componentMust, help: "cut a release branch from development, or from a support line", door: DoorReleaseStart, maxArgs: 1, flags: []string{"from"}, switches: []string{"allow-empty"}, changes: true},
	{name: "release abandon", usage: "/release abandon --reason text", help: "give the release up; nothing of it ships", door: DoorReleaseAbandon, flags: []string{"reason"}, reason: true, changes: true, where: onRelease},
	{name: "hotfix start", aliases: []string{"hotfix"}, usage: "/hotfix start id [title] [--component name] [--from version|support/X.Y]", component: componentMust, help: "cut a hotfix branch from what production runs, or from an old line; its pull request gets the title", door: DoorHotfixStart, minArgs: 1, maxArgs: 2, tail: true, flags: []string{"from"}, changes: true},
	{name: "approve", usage: "/approve [environment] [note] [--component name], /approve cancel", component: componentMay, help: "approve this candidate, by its digest; cancel takes back what you said", door: DoorApprove, maxArgs: 1, rest: true, changes: true, where: onPull, pinned: true,
		more: "In a monorepo pipelines of several components may wait at one head: without `--component` all of them are meant that are yours to judge, and the reply says which. So it is with `/reject` and with the buttons of the check; those of an execution's page are that one's."},
	{name: "reject", usage: "/reject reason [--component name], /reject cancel", component: componentMay, help: "reject this candidate; cancel lifts a rejection", door: DoorApprove, minArgs: 1, maxArgs: 1, rest: true, changes: true, where: onPull},
	{name: "promote", usage: "/promote [environment] [--at time | --emergency --reason text]", help: "take the approved candidate to production, now or then; in an emergency with a second person and without waiting", door: DoorPromote, doors: map[string]Door{"emergency": DoorEmergency}, begins: DoorReleaseStart, maxArgs: 1, flags: []string{"at", "reason"}, switches: []string{"emergency"}, changes: true, where: onRelease | onMerged, pinned: true,
		more: "With `--at` it is promoted then, not earlier, and everything is looked at again at that time. Times are written like `2026-11-21 18:00`, `18:00`, `Friday 18:00` (in the time zone of production's windows) or `2026-11-21T18:00:00+01:00`. A new head cancels it, and `/cancel` does."},
	{name: "retry", aliases: []string{"resume"}, usage: "/retry [all or environment]", help: "try again what failed, with the same inputs; `all`: every action of the stage that failed; an environment: what was to be put back there", door: DoorRetry, undoes: DoorRollback, maxArgs: 1, changes: true,
		more: "A rollback that failed, and a candidate that was not put back into an environment which a hotfix had borrowed, are tried again by the environment's name, wherever that is said, and by `/retry` alone on the pull request that tells of it."},
	{name: "test", usage: "/test [pipeline or ?] [--var NAME=VALUE …]", help: "run the pipeline of this head anew; `?` lists what can be run", door: DoorTest, maxArgs: 1, vars: true, changes: true, where: onPull, pinned: true,
		more: "`--var` gives a variable that the pipeline declares another value than its default, for this execution and its retries; a value with blanks is put in quotes. Values are shown on the execution's page and written to the audit log: they are no place for secrets."},
	{name: "retest", usage: "/retest", help: "run again what failed at this head", door: DoorTest, changes: true, where: onPull, pinned: true},
	{name: "cancel", usage: "/cancel [pipeline, promotion or environment] [--wait | --abandon]", help: "stop the running pipeline, the promotion, or what is being put back into an environment", door: DoorCancel, undoes: DoorRollback, maxArgs: 1, switches: []string{switchAbandon, switchWait}, changes: true, where: onPull,
		more: "What runs is told to stop and waited for, for 5 minutes at most; with `--wait` it is left to its end, and nothing else starts; with `--abandon` nobody waits for it, which is for what does not stop. `/cancel` alone means a promotion that is scheduled, else the pipeline. `/cancel promotion` takes back a `/promote` that still waits, and stops a promotion that is under way; what production runs by then stays, and `/retry` or `/rollback` decide what comes next. With an environment, wherever it is said, and alone on the pull request that tells of it while no pipeline of that runs, it stops the rollback there, or the candidate that is being put back after a hotfix had borrowed the environment: what that runs by then stays, after a rollback the hold too, and `/retry environment` goes on."},
	{name: "ok-to-test", usage: "/ok-to-test sha|cancel", help: "let the pipeline run for this commit of a fork, or take that back", door: DoorOkToTest, maxArgs: 1, changes: true, where: onFork, pinned: true,
		more: "The commit is named by at least seven digits, and it must be the head: nobody vouches for what they have not read. It holds for that commit only. Actions on Sluice's own host never run for a fork, nothing is deployed, no image is named, and no `env` of the configuration is handed on."},
	{name: "cherrypick", usage: "/cherrypick branch", help: "bring the commits of this merged pull request to a release or hotfix branch, by a pull request", door: DoorCherrypick, minArgs: 1, maxArgs: 1, changes: true, where: onMerged},
	{name: "override", usage: "/override check --reason text", help: "let `sluice/branch` or `sluice/pipeline` pass for exactly this head and base, or a version ship before a lower one (`order`)", door: DoorOverride, minArgs: 1, maxArgs: 1, flags: []string{"reason"}, reason: true, changes: true, where: onPull, pinned: true,
		more: "It ends when the head or the base moves. `sluice/promotion` and the pipeline of what ships cannot be overridden: what goes to production is what was tested and approved. Neither can `sluice/config`."},
	{name: "override condition", usage: "/override condition [stage or pipeline/stage] [--component name] --reason text", component: componentMay, help: "let the pipeline go on although a stage's `before_entry` or `on_success` does not hold", door: DoorCondition, maxArgs: 1, rest: true, flags: []string{"reason"}, reason: true, changes: true, where: onPull, pinned: true,
		more: "It is for the condition that has failed this execution and for the values that it found: the stage is entered, or counts as succeeded. Approvals, locks, freezes and disabled transitions stay as they are. Where nothing but the stage stands before production it takes the right to `/override` a check."},
	{name: "refresh", usage: "/refresh", help: "fetch everything about this pull request again, and judge it anew", door: DoorRefresh, changes: true, where: onPull},
	{name: "config check", usage: "/config check", help: "what the configuration that this pull request proposes would change", door: DoorRefresh, where: onPull},
	{name: "backmerge", usage: "/backmerge [branch or all]", help: "merge production back now", door: DoorBackmerge, maxArgs: 1, changes: true},
	{name: "retarget", usage: "/retarget [branch]", help: "change the base of this pull request to a branch that it may go into", door: DoorRetarget, maxArgs: 1, changes: true, where: onPull},
	{name: "rollback", usage: "/rollback [environment] [to version] [--component name] --reason text", component: componentMust, help: "put the last good version back and hold the environment", door: DoorRollback, maxArgs: 3, flags: []string{"reason"}, reason: true, changes: true},
	{name: "unpin", usage: "/unpin environment [--component name]", component: componentMust, help: "lift the hold a rollback set", door: DoorUnpin, minArgs: 1, maxArgs: 1, changes: true},
	{name: "hold", usage: "/hold [reason]", help: "park this release or pull request until /unhold", door: DoorHold, maxArgs: 1, rest: true, changes: true, where: onPull},
	{name: "unhold", usage: "/unhold [reason]", help: "let it go on", door: DoorHold, maxArgs: 1, rest: true, changes: true, where: onPull},
	{name: "freeze", usage: "/freeze environment|branch [until time] --reason text", help: "let nothing be deployed there, or merged into it", door: DoorFreeze, minArgs: 1, maxArgs: 5, flags: []string{"reason"}, reason: true, changes: true,
		more: "A name that an environment and a branch have means both; `environment:name` and `branch:name` mean one. Times are as with `/promote --at`. Rollbacks and back-merges are not stopped, hotfixes only where the configuration lets them."},
	{name: "unfreeze", usage: "/unfreeze environment|branch [--reason text]", help: "end a freeze", door: DoorFreeze, minArgs: 1, maxArgs: 1, flags: []string{"reason"}, changes: true},
	{name: "transition disable", usage: "/transition disable pipeline/stage [--component name] --reason text", component: componentMay, help: "let no execution enter a stage: they come up to it and wait", door: DoorTransition, minArgs: 1, maxArgs: 1, rest: true, flags: []string{"reason"}, reason: true, changes: true,
		more: "In a monorepo `component/pipeline/stage`, or `--component`, means the pipelines of that component; without it all of them are meant, on the pull request of a release that release's component. What has entered the stage goes on. A newer execution replaces one that waits, as the pipeline's mode says; after 14 days one that still waits fails. Rollbacks pass."},
	{name: "transition enable", usage: "/transition enable pipeline/stage [--component name]", component: componentMay, help: "let executions enter the stage again; what waits goes on", door: DoorTransition, minArgs: 1, maxArgs: 1, rest: true, changes: true},
	{name: "lock", usage: "/lock environment [--for 2h] --reason text", help: "keep an environment to yourself: what others deploy there waits", door: DoorLock, minArgs: 1, maxArgs: 1, flags: []string{"for", "reason"}, reason: true, changes: true},
	{name: "alarm", usage: "/alarm environment [--component name] [--name name] --reason text", component: componentMay, help: "say that an environment is not well: what is being deployed there, or is in its bake time, fails and goes back where it can", door: DoorAlarm, minArgs: 1, maxArgs: 1, flags: []string{"name", "reason"}, reason: true, changes: true,
		more: "The alarm stands until `/alarm clear`. While one stands in production, or in the environment before it, releases are not promoted; hotfixes and rollbacks are. Monitoring raises and clears alarms through the API. Alarms are told apart by `--name`."},
	{name: "alarm clear", usage: "/alarm clear environment [--component name] [--name name]", component: componentMay, help: "say that an alarm is over; without a name, all of the environment's", door: DoorAlarm, minArgs: 1, maxArgs: 1, flags: []string{"name", "reason"}, changes: true},
	{name: "unlock", usage: "/unlock environment [--reason text]", help: "end a lock", door: DoorUnlock, minArgs: 1, maxArgs: 1, flags: []string{"reason"}, changes: true},
}

// CommandHelp is one row of the command reference.
type CommandHelp struct {
	Name, Usage, Help, Who string
	// Changes marks a command that changes something, which takes --dry-run.
	Changes bool
}

// Commands lists the commands for the reference in docs and /help.
func Commands() []CommandHelp {
	var out []CommandHelp
	for _, s := range commandTable {
		out = append(out, CommandHelp{Name: s.name, Usage: s.usage, Help: s.help, Who: s.who(), Changes: s.changes})
	}
	return out
}

// ParseCommands finds the commands of a comment. A command stands at the start of a line, after at most three blanks;
// quotes, code, HTML comments and unknown words do nothing. Only ASCII blanks separate. Every line is parsed before any
// command runs, so one wrong line can be reported with the rest. app is the App's slug, by which it may be addressed
// instead: "@sluice approve"; empty: only slashes count.
func ParseCommands(body, app string) ([]Command, []*CommandError) {
	var commands []Command
	var wrong []*CommandError
	for _, l := range plainLines(body) {
		c, err, ours := parseLine(l.text, app, false)
		if !ours {
			continue
		}
		if len(commands)+len(wrong) == maxCommands {
			wrong = append(wrong, &CommandError{Line: l.number, Text: l.text, Problem: fmt.Sprintf("a comment may hold %d commands, and this is one more", maxCommands), Usage: "/help"})
			break
		}
		if err != nil {
			err.Line = l.number
			wrong = append(wrong, err)
			continue
		}
		c.Line = l.number
		commands = append(commands, c)
	}
	return commands, wrong
}

// parseLine parses one line that may hold a command. ours is false for whatever is not addressed to Sluice. planned: it is only asked
// what the command would do, which takes no reason.
func parseLine(line, app string, planned bool) (c Command, wrong *CommandError, ours bool) {
	text, ok := strings.CutPrefix(strings.TrimLeft(line, " "), "/")
	if !ok {
		if text, ok = mentioned(strings.TrimLeft(line, " "), app); !ok {
			return Command{}, nil, false
		}
	}
	text = strings.TrimRight(text, " \t")
	words := fields(text)
	if len(words) == 0 || strings.ContainsAny(text[:1], " \t") {
		return Command{}, nil, false
	}
	addressed := strings.EqualFold(words[0], "sluice")
	if addressed {
		words = words[1:]
		if len(words) == 0 {
			words = []string{"help"}
		}
	}
	spec, used := lookup(words)
	if spec == nil {
		if ours := ownWord(words[0]); !addressed && ours != nil {
			return Command{}, &CommandError{Text: line, Problem: "only ordinary blanks separate words", Usage: ours.usage}, true
		}
		help := "/help"
		switch {
		case isOurPrefix(words[0]):
			help += " " + strings.ToLower(words[0]) // which says how the commands go that begin with it
		case !addressed:
			return Command{}, nil, false // another bot's
		}
		return Command{}, &CommandError{Text: line, Problem: "there is no such command", Usage: help}, true
	}
	c, problem := spec.parse(words[used:], planned)
	if problem != "" {
		return Command{}, &CommandError{Text: line, Problem: problem, Usage: spec.usage}, true
	}
	return c, nil, true
}

// mentioned turns "@app approve" into "sluice approve". Only a whole name at the start of the line addresses the App, and
// only when a command follows: people also just talk about it.
func mentioned(line, app string) (text string, ok bool) {
	words := fields(line)
	if app == "" || len(words) < 2 {
		return "", false
	}
	name := strings.TrimRight(words[0], ":,")
	if !strings.EqualFold(name, "@"+app) && !strings.EqualFold(name, "@"+app+"[bot]") {
		return "", false
	}
	words[1] = strings.TrimPrefix(words[1], "/")
	if spec, _ := lookup(words[1:]); spec == nil {
		return "", false
	}
	return "sluice " + strings.Join(words[1:], " "), true
}

// ownWord is the command that a word begins with, up to a blank that is not an ordinary one.
func ownWord(word string) *commandSpec {
	i := strings.IndexFunc(word, unicode.IsSpace)
	if i <= 0 {
		return nil
	}
	spec, _ := lookup([]string{word[:i]})
	return spec
}

// isOurPrefix tells whether a word begins one of the commands of two words: "/release frobnicate" is ours and wrong.
func isOurPrefix(word string) bool {
	for _, s := range commandTable {
		if first, _, two := strings.Cut(s.name, " "); two && strings.EqualFold(first, word) {
			return true
		}
	}
	return false
}

// who says in words who may give a command, with each of its switches.
func (s commandSpec) who() string {
	who := s.door.who()
	for _, name := range slices.Sorted(maps.Keys(s.doors)) {
		who += "; with --" + name + ": " + s.doors[name].who()
	}
	if s.undoes != "" {
		who += "; of a rollback: " + s.undoes.who()
	}
	if s.begins != "" {
		who += "; where it starts a release: who may besides, " + s.begins.who()
	}
	return who
}

// doorOf is the door that a command leads through.
func (s *commandSpec) doorOf(c Command) Door {
	for name, door := range s.doors {
		if c.Flags[name] != "" {
			return door
		}
	}
	return s.door
}

// lookup finds the command that words begin with, the longest name first, and says how many words its name took.
func lookup(words []string) (*commandSpec, int) {
	for n := min(2, len(words)); n > 0; n-- {
		name := strings.ToLower(strings.Join(words[:n], " "))
		for i := range commandTable {
			s := &commandTable[i]
			if s.name == name {
				return s, n
			}
			for _, a := range s.aliases {
				if a != name {
					continue
				}
				if strings.HasPrefix(s.name, a+" ") && s.maxArgs == 0 && len(words) > n && !strings.HasPrefix(words[n], "--") {
					return nil, 0 // "/version frobnicate": not "/version explain" with an argument
				}
				return s, n
			}
		}
	}
	return nil, 0
}

// parse reads the arguments and flags after the name.
func (s *commandSpec) parse(words []string, planned bool) (c Command, problem string) {
	c = Command{Name: s.name, Flags: map[string]string{}}
	if s.raw {
		if len(words) > 0 {
			c.Args = []string{strings.Join(words, " ")}
		}
		return c, ""
	}
	for i := 0; i < len(words); i++ {
		w := words[i]
		name, isFlag := strings.CutPrefix(w, "--")
		switch {
		case !isFlag:
			c.Args = append(c.Args, w)
		case name == "dry-run" && s.changes:
			c.DryRun = true
		case slices.Contains(s.switches, name):
			c.Flags[name] = "true"
		case name == "var" && s.vars:
			var problem string
			if i, problem = c.takeVar(words, i+1); problem != "" {
				return c, problem
			}
		case slices.Contains(s.flags, name) || name == "component" && s.component != componentNone:
			value, next := flagValue(words, i+1)
			if name == "component" && value != "" { // a name is one word, and what follows is not part of it
				value, next = strings.Trim(words[i+1], `"'`), i+2
			}
			if value == "" {
				return c, "--" + name + " needs a value"
			}
			if _, twice := c.Flags[name]; twice {
				return c, "--" + name + " is given twice"
			}
			c.Flags[name], i = value, next-1
		default:
			return c, fmt.Sprintf("there is no flag %q here", w)
		}
	}
	if s.rest && len(c.Args) > 0 {
		c.Args = []string{strings.Join(c.Args, " ")}
	}
	if s.tail && len(c.Args) > 1 {
		c.Args = []string{c.Args[0], unquoted(strings.Join(c.Args[1:], " "))}
	}
	switch {
	case len(c.Args) < s.minArgs:
		return c, "an argument is missing"
	case len(c.Args) > s.maxArgs:
		return c, fmt.Sprintf("there is one argument too many: %q", c.Args[s.maxArgs])
	case s.reason && !planned && c.Flags["reason"] == "":
		return c, "--reason is missing: it goes into the record"
	}
	return c, ""
}

// flagValue takes the words up to the next flag, so that a reason needs no quotes, and strips quotes where there are any.
func flagValue(words []string, from int) (value string, next int) {
	next = from
	for next < len(words) && !strings.HasPrefix(words[next], "--") {
		next++
	}
	return strings.Trim(strings.Join(words[from:next], " "), `"'`), next
}

// takeVar reads the NAME=VALUE that begins at a word, and returns where it ends. A value in quotes may hold blanks.
func (c *Command) takeVar(words []string, at int) (last int, problem string) {
	if at == len(words) {
		return at, "--var needs NAME=VALUE"
	}
	name, value, ok := strings.Cut(words[at], "=")
	if !ok || name == "" {
		return at, fmt.Sprintf("--var needs NAME=VALUE, and %q is not", words[at])
	}
	if value != "" && strings.ContainsAny(value[:1], `"'`) {
		quote := value[:1]
		for value = value[1:]; !strings.HasSuffix(value, quote); value += " " + words[at] {
			if at++; at == len(words) {
				return at, fmt.Sprintf("the value of --var %s has a quote that is not closed", name)
			}
		}
		value = strings.TrimSuffix(value, quote)
	}
	if _, twice := c.Vars[name]; twice {
		return at, fmt.Sprintf("--var %s is given twice", name)
	}
	if c.Vars == nil {
		c.Vars = map[string]string{}
	}
	c.Vars[name] = value
	return at, ""
}

// fields splits on ASCII blanks only: U+00A0 and its like stay part of a word, which is then not known.
func fields(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' })
}

// unquoted is a text without the quotes around the whole of it.
func unquoted(text string) string {
	if len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
		return text[1 : len(text)-1]
	}
	return text
}
