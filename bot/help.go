package bot

import (
	"context"
	"fmt"
	"strings"
)

// cmdHelp lists what the asker may run here, or explains one command.
func (s *session) cmdHelp(ctx context.Context, q *request) (string, error) {
	if q.Arg(0) != "" {
		return s.explain(ctx, q)
	}
	var b strings.Builder
	b.WriteString("Here you may run:\n\n| Command | What it does |\n|---|---|\n")
	at := s.placeOf(q)
	for i := range commandTable {
		c := &commandTable[i]
		if !c.where.takes(at) {
			continue
		}
		ways, _, err := s.open(ctx, q, c)
		if err != nil {
			return "", err
		}
		if len(ways) > 0 {
			fmt.Fprintf(&b, "| %s | %s |\n", strings.ReplaceAll(codes(ways), "|", "\\|"), c.help)
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
				like = append(like, c.usage)
			}
		}
		if len(like) > 0 {
			return s.finishWith(ctx, q, "There are "+codes(like)+".")
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
	fmt.Fprintf(&b, "- who: %s\n- where: %s\n", spec.who(), spec.where)
	if spec.changes {
		b.WriteString("- it changes something, so it takes `--dry-run`\n")
	}
	if spec.pinned {
		b.WriteString("- it concerns the head you see: when the head moves before it runs, it is refused\n")
	}
	ways, no, err := s.open(ctx, q, spec)
	switch {
	case err != nil:
		return "", err
	case len(ways) == 0:
		fmt.Fprintf(&b, "\nYou may not run it here. %s", no)
	case !spec.where.takes(s.placeOf(q)):
		b.WriteString("\nYou may run it, but not here.")
	case no != nil:
		fmt.Fprintf(&b, "\nYou may run it here as %s.", codes(ways))
	default:
		b.WriteString("\nYou may run it here.")
	}
	return s.finishWith(ctx, q, b.String())
}
