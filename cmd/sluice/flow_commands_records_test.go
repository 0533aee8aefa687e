package main

import "fmt"

// recordCommands are about what Sluice has written down.
func recordCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"holds": {"environment tag: by Sluice's record an environment runs the very image that a tag names in development's registry", cmdHolds},
	}
}

func cmdHolds(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	want, err := s.digest(s.dev, args[1])
	if err != nil {
		return err
	}
	return s.until(fmt.Sprintf("%s to run %s", args[0], want), func() (string, bool) {
		db, err := s.records()
		if err != nil {
			return err.Error(), false
		}
		defer db.Close()
		var digest string
		if err := db.QueryRowContext(s.tb.Context(), `SELECT digest FROM environments WHERE name = ?`, args[0]).Scan(&digest); err != nil {
			return err.Error(), false
		}
		return digest, digest == want
	})
}
