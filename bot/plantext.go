package bot

import (
	"fmt"
	"strings"
)

// String shows the decision for people, a line for each thing. It ends in a newline.
func (d Decision) String() string {
	var b strings.Builder
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "  %-9s %s\n", label, fmt.Sprintf(format, args...))
	}
	list := func(label string, items []string) {
		for _, item := range items {
			line(label, "%s", item)
			label = ""
		}
	}
	b.WriteString(d.Event)
	if d.Repo != "" {
		b.WriteString(" in " + d.Repo)
	}
	b.WriteString("\n")
	for _, x := range d.Branches {
		line("branch", "%q (%s)", x.Name, x.Kind)
		list("", x.Flaws)
	}
	if d.Nothing != "" {
		line("nothing", "%s", d.Nothing)
		return b.String()
	}
	list("given", d.Given)
	list("asks", d.Asks)
	if v := d.Verdict; v != nil {
		line("rules", "%s", v.Title)
		for i, problem := range v.Problems {
			line("broken", "%s", problem)
			line("remedy", "%s", v.Remedies[i])
		}
	}
	for _, c := range d.Commands {
		line("command", "%s", c)
	}
	list("does", d.Does)
	pipelines := d.Components
	if d.Pipeline != nil {
		pipelines = append([]PlannedPipeline{*d.Pipeline}, pipelines...)
	}
	for _, x := range pipelines {
		name := x.Kind
		if x.Component != "" {
			name = x.Component + ": " + name
		}
		line("pipeline", "%s, %s", name, x.Mode)
		for i, s := range x.Stages {
			line("", "%d. %s: %s", i+1, s.Name, strings.Join(s.Actions, ", "))
		}
		if x.Image != "" {
			line("image", "%s", x.Image)
		}
		if x.ImageNote != "" {
			line("", "%s", x.ImageNote)
		}
	}
	return b.String()
}

// String shows the command with who may give it and what it does.
func (c PlannedCommand) String() string {
	text := c.Command
	if c.Line > 0 {
		text = fmt.Sprintf("%s (line %d)", text, c.Line)
	}
	if c.Problem != "" {
		return text + ": " + c.Problem
	}
	return fmt.Sprintf("%s: %s; may be given by %s", text, c.Does, c.Who)
}
