package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// cmdHelp lists what the asker may run here, or explains one command.
func (s *session) cmdHelp(ctx context.Context, q *request) (string, error) {
	if q.Arg(0) != "" {
		return s.explain(ctx, q)
	}
	var b strings.Builder
	b.WriteString("Here you may run:\n\n| Command | What it does |\n|---|---|\n")
	at := s.placeOf(q)
	if err := s.findOwnLock(ctx, q); err != nil {
		return "", err
	}
	for i := range commandTable {
		c := &commandTable[i]
		if !c.where.takes(at) || s.repo.Observe && c.door != DoorRead {
			continue
		}
		no, err := s.authorize(ctx, s.asking(q, c.door))
		if err != nil {
			return "", err
		}
		if no == nil {
			fmt.Fprintf(&b, "| %s | %s |\n", strings.ReplaceAll(code(c.usage), "|", "\\|"), c.help)
		}
	}
	b.WriteString("\nCommands stand at the start of a line. `/help <command>` explains one, `--dry-run` or `/plan <command>` tells what it would do. " +
		"If another bot knows the same word, write `/sluice <command>`.")
	return s.finishWith(ctx, q, b.String())
}

// explain tells about one command: what it takes, where it belongs, who may, and whether the asker may here.
func (s *session) explain(ctx context.Context, q *request) (string, error) {
	words := fields(strings.TrimPrefix(q.Arg(0), "/"))
	spec, _ := lookup(words)
	if spec == nil {
		var like []string
		for i := range commandTable {
			if c := &commandTable[i]; len(words) > 0 && strings.HasPrefix(c.name, strings.ToLower(words[0])) {
				like = append(like, code(c.usage))
			}
		}
		if len(like) > 0 {
			return s.finishWith(ctx, q, "There are "+strings.Join(like, ", ")+".")
		}
		return "", &userError{fmt.Sprintf("There is no command %s; `/help` lists what there is.", code("/"+strings.Join(words, " ")))}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s.\n\n", code(spec.usage), spec.help)
	if spec.more != "" {
		b.WriteString(spec.more + "\n\n")
	}
	if len(spec.aliases) > 0 {
		fmt.Fprintf(&b, "- also: %s\n", code("/"+strings.Join(spec.aliases, ", /")))
	}
	fmt.Fprintf(&b, "- who: %s\n- where: %s\n", spec.door.who(), spec.where)
	if spec.changes {
		b.WriteString("- it changes something, so it takes `--dry-run`\n")
	}
	if spec.pinned {
		b.WriteString("- it concerns the head you see: when the head moves before it runs, it is refused\n")
	}
	if err := s.findOwnLock(ctx, q); err != nil {
		return "", err
	}
	no, err := s.authorize(ctx, s.asking(q, spec.door))
	switch {
	case err != nil:
		return "", err
	case no != nil:
		fmt.Fprintf(&b, "\nYou may not run it here. %s", no)
	case !spec.where.takes(s.placeOf(q)):
		b.WriteString("\nYou may run it, but not here.")
	default:
		b.WriteString("\nYou may run it here.")
	}
	return s.finishWith(ctx, q, b.String())
}

// findOwnLock makes a question about help one about a lock of whoever asks, where there is one: they may take it away.
func (s *session) findOwnLock(ctx context.Context, q *request) error {
	list, err := s.stopsNow(ctx)
	if slices.ContainsFunc(list, func(x store.Stop) bool { return x.Kind == store.StopLock && x.By.ID == q.by.ID }) {
		q.lockedBy = q.by
	}
	return err
}

// asking is a request as a question to authorize.
func (s *session) asking(q *request, door Door) ask {
	a := ask{door: door, who: q.by, environment: pipeline.EnvironmentProduction, release: s.concernsRelease(q)}
	switch {
	case door == DoorApprove:
		a.environment = s.entered(q)
	case door == DoorRollback && q.back != nil:
		a.environment = ownEnv(q.back.Environment.Name)
	case door == DoorRollback && q.Name == "rollback":
		if environment, _, err := rollbackTarget(q.Args); err == nil { // one that is written wrongly goes nowhere
			a.environment = ownEnv(environment)
		}
	}
	if door == DoorAlarm {
		a.environment = ownEnv(q.Arg(0))
	}
	if q.release != nil {
		a.starter = q.release.StartedBy
	}
	if door == DoorUnlock {
		a.starter = q.lockedBy
	}
	if q.pr != nil {
		a.author = q.pr.Author
	}
	return a
}
