package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/bot"
)

// TestAnswersOnIssuesAreComplete: the script of commands that are given on an issue gives every one.
func TestAnswersOnIssuesAreComplete(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(flowScripts, "commands_on_issue.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	given, there := map[string]bool{}, map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^answered \S+ \$ISSUE '(/[^']*)'`).FindAllSubmatch(text, -1) {
		commands, _ := bot.ParseCommands(strings.ReplaceAll(string(m[1]), `\n`, "\n"), "sluice")
		for _, c := range commands {
			given[c.Name] = true
		}
	}
	for _, c := range bot.Commands() {
		there[c.Name] = true
	}
	if diff := cmp.Diff(there, given); diff != "" {
		t.Errorf("commands, and those given on an issue (-want +got):\n%s", diff)
	}
}

func answerCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"answered": {"who number text rocket|confused regexp: comments, and waits for the reaction and a reply that matches; sets $COMMENT", cmdAnswered},
	}
}

func cmdAnswered(s *scripted, args []string) error {
	args, err := s.args(args, 5, 5)
	if err != nil {
		return err
	}
	n, err := s.number(args[1])
	if err != nil {
		return err
	}
	re, err := regexp.Compile(args[4])
	if err != nil {
		return err
	}
	id, err := s.comment(args[0], n, strings.ReplaceAll(args[2], `\n`, "\n"))
	if err != nil {
		return err
	}
	s.set("COMMENT", id)
	if err := s.flow.reacted(id, args[3]); err != nil { // the reply is written before
		return err
	}
	if reply := s.replyTo(n, id); !re.MatchString(reply) {
		return fmt.Errorf("%s was answered: %q", args[2], reply)
	}
	return nil
}

// replyTo is our reply to a comment; empty: there is none.
func (f *flow) replyTo(number int, comment int64) string {
	for _, c := range f.repo.Comments(number) {
		if c.Author == flowBot && strings.Contains(c.Body, fmt.Sprintf("reply-%d ", comment)) {
			return c.Body
		}
	}
	return ""
}
