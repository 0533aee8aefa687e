package bot

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// What /help lists for somebody is what the table says they may run, everywhere and for everybody.
func TestHelpListsWhatMayBeRun(t *testing.T) {
	rows := readMatrix(t)
	row := regexp.MustCompile("(?m)^\\| (`.*`) \\| ")
	for _, place := range []string{"release", "component", "feature", "fork"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			l := matrixLab(t, place)
			at := matrixPlaces[place]
			for _, u := range matrixPeople() {
				q := &request{Command: Command{Name: "help"}, by: u, issue: at.number, pull: true, via: "test", done: func(*store.Tx) error { return nil }}
				s := newSession(l)
				text, _, err := s.carry(t.Context(), q)
				must(t, err)
				want, got := map[string]bool{}, map[string]bool{}
				for _, r := range rows {
					if c, _, ours := parseLine(r.what, "", false); ours && slices.Contains(r.places, place) && slices.Contains(r.who, u.Login) {
						spec, _ := lookup(strings.Fields(c.Name))
						if spec.door != DoorRead && spec.where.takes(s.placeOf(q)) && c.Arg(0) != "cancel" { // what may be taken back is of no use before
							want[c.Name] = true
						}
					}
				}
				for _, m := range row.FindAllStringSubmatch(text, -1) {
					line, _, _ := strings.Cut(strings.Trim(m[1], "`"), "`")
					spec, _ := lookup(fields(strings.NewReplacer("/", " ", "\\|", "|").Replace(line)))
					if spec == nil {
						t.Fatalf("%s is no command", m[1])
					}
					if spec.door != DoorRead {
						got[spec.name] = true
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-table +help):\n%s", u.Login, diff)
				}
			}
		})
	}
}

// Who may run a command in one way alone is told that way.
func TestHelpTellsTheWay(t *testing.T) {
	for name, c := range map[string]struct {
		who, ask, says string
		lock           bool
	}{
		"the emergency path":          {"oncall", "/help", "| `/promote --emergency --reason text` |", false},
		"explained":                   {"oncall", "/help promote", "You may run it here as `/promote --emergency --reason text`.", false},
		"alarms of one environment":   {"approver", "/help", "| `/alarm production --reason text` |", false},
		"clearing them":               {"approver", "/help alarm clear", "as `/alarm clear production`.", false},
		"a rollback to try again":     {"oncall", "/help retry", "as `/retry production`.", false},
		"one's own lock":              {"write", "/help unlock", "as `/unlock staging`.", true},
		"nobody's lock":               {"write", "/help unlock", "You may not run it here", false},
		"an approval that counts":     {"approver", "/help approve", "You may run it here.", false},
		"one that would not":          {"author", "/help approve", "You may not run it here. You pushed to the branch, and who takes part", false},
		"a rejection by the same":     {"author", "/help reject", "You may run it here.", false},
		"promotion, by who promotes":  {"promoter", "/help promote", "You may run it here.", false},
		"promotion, by anybody":       {"write", "/help promote", "You may not run it here. You are not among those", false},
		"a command of another place":  {"write", "/help cherrypick", "You may run it, but not here.", false},
		"a release, by its developer": {"write", "/help release start", "This needs the role maintain", false},
	} {
		t.Run(name, func(t *testing.T) {
			l := matrixLab(t, "release")
			if c.lock {
				l.write(func(tx *store.Tx) error {
					return tx.SaveStop(t.Context(), store.Stop{RepoID: 42, Kind: store.StopLock, Target: store.StopEnvironment("staging"), By: l.gh.Users[c.who], At: noon})
				})
			}
			line, _, _ := parseLine(c.ask, "", false)
			q := &request{Command: line, by: l.gh.Users[c.who], issue: 5, pull: true, via: "test", done: func(*store.Tx) error { return nil }}
			text, _, err := l.carry(t.Context(), q)
			must(t, err)
			if !strings.Contains(text, c.says) {
				t.Errorf("%s is told\n%s\nwant %q", c.who, text, c.says)
			}
		})
	}
}

// On a merged pull request /promote starts a release, and is for who may.
func TestHelpOnAMergedPull(t *testing.T) {
	l := matrixLab(t, "feature")
	l.gh.Roles["promoter"], l.gh.Roles["maintain"] = forge.RoleRead, forge.RoleMaintain
	l.gh.Teams["rm"] = []string{"promoter", "maintain"}
	l.write(func(tx *store.Tx) error {
		p, err := tx.Pull(t.Context(), 42, 8)
		if err != nil {
			return err
		}
		p.Open, p.Merged = false, true
		return tx.SavePull(t.Context(), p)
	})
	for login, want := range map[string]bool{"promoter": false, "maintain": true} {
		for _, ask := range []string{"/help promote", "/promote --dry-run"} {
			line, _, _ := parseLine(ask, "", false)
			q := &request{Command: line, by: l.gh.Users[login], issue: 8, pull: true, via: "test", done: func(*store.Tx) error { return nil }}
			refusals := l.refusals()
			var text string
			func() {
				defer func() { _ = recover() }() // what the lab's GitHub does not expect to be asked: they are through
				text, _, _ = l.carry(t.Context(), q)
			}()
			may := l.refusals() == refusals
			if strings.HasPrefix(ask, "/help") {
				may = strings.Contains(text, "You may run it here.")
			}
			if may != want {
				t.Errorf("%s by %s: may is %t: %s", ask, login, may, fmt.Sprint(text))
			}
		}
	}
}
