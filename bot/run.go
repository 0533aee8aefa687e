package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// request is a command on its way: who gave it, where, and how the record of it is made.
type request struct {
	Command
	by    forge.User
	issue int
	pull  bool
	// comment is the number of the comment or, as via says, of the review; 0: it was given in neither.
	comment int64
	// at is when the comment was made, by GitHub's clock; zero for what was not said in one.
	at time.Time
	// sha is the commit that was reviewed, where it was said in a review.
	sha string
	// known is the time, by our own clock, up to which whoever gave it can have known how things stood; zero: until now.
	known time.Time
	via   string
	// done marks the command as carried out. It belongs into the transaction that makes the decision, so that a crash
	// before it repeats the command and a crash after it does not.
	done func(tx *store.Tx) error
	// idle says that the command found nothing to change.
	idle bool
	// said is the answer, kept with that record: after a crash it is given all the same. no says that it is a refusal.
	said string
	no   bool
	// open are the versions of what is open, for a command that was given nowhere in particular and might mean any of
	// them; nil for one that was given on something.
	open []string
	// release is the one whose pull request the command was given on; nil elsewhere. execution is its candidate's.
	release   *store.Release
	execution *store.Execution
	pr        *store.Pull
	// named is the execution on whose page it was given; nil: it was given elsewhere.
	named *store.Execution
	// back is what a /retry puts back, where it is about that; nil: it is about something else.
	back *stranded
	// returning is what a /cancel keeps from being put back, where it is about that; nil: it is about something else.
	returning *returning
	// alarmed are the actions that an alarm has ended, for its record.
	alarmed []string
	// lockedBy is whose lock /unlock is about; zero: nobody's.
	lockedBy forge.User
	// judged are the executions that /approve and /reject are about: the release's candidate; without a release the pipelines
	// that ask for approvals at the head, in a monorepo one of each component.
	judged []store.Execution
	// unmet are the executions that the condition of a stage has failed, as far as /override condition may be about them.
	unmet []store.Execution
}

// nothingElse is the record of what no command asked for, or whose end is recorded otherwise.
func nothingElse(*store.Tx) error { return nil }

// commented handles a comment. Only a new one may hold commands; an edited or deleted one takes back what it said.
func (s *session) commented(ctx context.Context, e event.Comment) error {
	switch e.Activity {
	case event.Edited:
		if e.Body == e.BodyBefore {
			return nil
		}
		return s.remarkChanged(ctx, remark{Comment: e}, "edited")
	case event.Deleted:
		return s.remarkChanged(ctx, remark{Comment: e}, "deleted")
	}
	return s.remarked(ctx, remark{Comment: e})
}

// mayCommand tells whether an account's comments are read for commands: our own words, and other bots', never are.
func (s *session) mayCommand(author forge.User) bool {
	return !author.Bot && author.ID != s.us.UserID
}

// commanded carries out the commands of a new remark. stale is why those are not begun any more; empty: they are.
func (s *session) commanded(ctx context.Context, e remark, stale string) error {
	commands, wrong := ParseCommands(e.Body, s.us.Slug)
	if len(commands)+len(wrong) == 0 || !s.mayCommand(e.Author) {
		return nil
	}
	if err := s.reactTo(ctx, e, reactionSeen); err != nil {
		return err
	}
	var replies []string
	failed := len(wrong) > 0
	for _, w := range wrong {
		replies = append(replies, fmt.Sprintf("%s: %s. Usage: %s.", code(w.Text), prose(w.Problem), code(w.Usage)))
	}
	if failed {
		replies = append(replies, notBegun(commands)...)
	} else {
		for i, c := range commands {
			reply, ok, err := s.runOnce(ctx, c, e, stale)
			if err != nil {
				return err
			}
			if reply != "" {
				replies = append(replies, reply)
			}
			if !ok {
				failed = true
				replies = append(replies, notBegun(commands[i+1:])...)
				break
			}
		}
	}
	if err := s.answer(ctx, e, replies, failed); err != nil {
		return err
	}
	return s.joinCockpit(ctx, e.Comment)
}

// notBegun says which commands of a remark were not begun because another one of it was refused; nothing where there are none.
func notBegun(commands []Command) []string {
	if len(commands) == 0 {
		return nil
	}
	lines := make([]string, len(commands))
	for i, c := range commands {
		lines[i] = c.String()
	}
	return []string{"Not begun because of that: " + codes(lines) + "."}
}

// answer reacts and replies, once each.
func (s *session) answer(ctx context.Context, e remark, replies []string, failed bool) error {
	if len(replies) > 0 {
		body := mention(e.Author.Login) + " " + strings.Join(replies, "\n\n")
		if err := s.say(ctx, e.Number, "reply-"+e.key(), body); err != nil {
			return err
		}
	}
	if failed {
		return s.reactTo(ctx, e, "confused")
	}
	return s.reactTo(ctx, e, "rocket")
}

// reactionSeen is what a remark with commands gets before any of them is begun.
const reactionSeen = "eyes"

// commandRecord is the kind of the records of remarks' commands. They are no effects on GitHub, and have no probe.
const commandRecord = "command"

// acted is what came of a command of a remark.
type acted struct {
	Reply string `json:"reply"`
	OK    bool   `json:"ok"`
}

// runOnce runs a command of a remark, once, however often that is handled. stale is why it is not begun any more.
func (s *session) runOnce(ctx context.Context, c Command, e remark, stale string) (reply string, ok bool, err error) {
	key := fmt.Sprintf("%d/command/%s:%d", s.repo.ID, e.key(), c.Line)
	var known store.Effect
	changed := false
	err = s.b.Store.Write(ctx, func(tx *store.Tx) error {
		known, err = tx.Intend(ctx, store.Effect{
			Key: key, RepoID: s.repo.ID, Kind: commandRecord, Intent: []byte(fmt.Sprintf("%q", c.String())), CreatedAt: s.b.Now(), UpdatedAt: s.b.Now(),
		})
		if err != nil {
			return err
		}
		_, err := tx.Effect(ctx, s.changedKey(e))
		changed = err == nil
		return ignoreMissing(err)
	})
	if err != nil {
		return "", false, err
	}
	if known.Done {
		var a acted
		err := json.Unmarshal(known.Result, &a)
		return a.Reply, a.OK, err
	}
	if changed {
		return fmt.Sprintf("The %s with %s was %s before its turn came, so it does nothing. Say it again in a new one.", e.via(), code(c.String()), e.changes()), false, nil
	}
	q := &request{
		Command: c, by: e.Author, issue: e.Number, pull: e.IsPullRequest, comment: e.ID, via: e.via(), at: e.CreatedAt,
		known: s.b.heard(e.CreatedAt), sha: e.sha,
	}
	q.done = func(tx *store.Tx) error {
		raw, err := json.Marshal(acted{Reply: q.said, OK: !q.no})
		if err != nil {
			return err
		}
		return tx.EffectDone(ctx, key, raw)
	}
	if stale != "" {
		q.said, q.no = fmt.Sprintf("%s is not carried out: %s", code(c.String()), stale), true
		return q.said, false, s.b.Store.Write(ctx, q.done)
	}
	return s.carry(ctx, q)
}

// carry runs a command and turns a refusal into the reply.
func (s *session) carry(ctx context.Context, q *request) (reply string, ok bool, err error) {
	if err := s.locate(ctx, q); err != nil {
		return "", false, err
	}
	s.via = q.via
	reply, err = s.run(ctx, q)
	s.via = ""
	var no *userError
	var byGitHub *forge.RefusedError
	switch {
	case err == nil:
		return reply, true, nil
	case errors.As(err, &no):
		q.said = no.text
	case refused(err):
		q.said = prose(lastCause(err))
	case errors.As(err, &byGitHub):
		q.said = "GitHub refused this: " + prose(byGitHub.Message)
	default:
		return "", false, err
	}
	q.no = true
	return q.said, false, s.b.Store.Write(ctx, q.done)
}

// lastCause is the engine's own sentence in a chain of errors.
func lastCause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// locate finds the release and pull request a command is about.
func (s *session) locate(ctx context.Context, q *request) error {
	if err := s.meetPull(ctx, q); err != nil {
		return err
	}
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		if q.pull {
			p, err := tx.Pull(ctx, s.repo.ID, q.issue)
			if err := ignoreMissing(err); err != nil {
				return err
			}
			if p.Number != 0 {
				q.pr = &p
			}
			r, err := tx.ReleaseByPull(ctx, s.repo.ID, q.issue)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			q.release = &r
			q.execution, err = oneExecution(ctx, tx, r.ExecutionID)
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.locateFor(ctx, q)
}

// locateFor finds what the command itself is about, beyond where it was given.
func (s *session) locateFor(ctx context.Context, q *request) (err error) {
	switch q.Name {
	case "unlock":
		list, err := s.stopsNow(ctx)
		if x := list.find(store.StopLock, store.StopEnvironment(q.Arg(0))); x != nil {
			q.lockedBy = x.By
		}
		return err
	case "retry":
		q.back, err = s.findReturn(ctx, q)
		return err
	case "cancel":
		q.returning, err = s.findReturning(ctx, q)
		return err
	case "approve", "reject":
		return s.locateJudged(ctx, q)
	case "override condition":
		return s.locateUnmet(ctx, q)
	}
	return nil
}

// meetPull judges a pull request that nobody told us of: it was there, or was merged, before Sluice was.
func (s *session) meetPull(ctx context.Context, q *request) error {
	if !q.pull {
		return nil
	}
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		_, err := tx.Pull(ctx, s.repo.ID, q.issue)
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	pr, err := s.gh.Pull(ctx, q.issue)
	if err != nil {
		return ignoreNotFound(err)
	}
	return s.judge(ctx, pr)
}

// run is the one switch on commands. Every command asks authorize first.
func (s *session) run(ctx context.Context, q *request) (reply string, err error) {
	spec := q.spec()
	if spec == nil {
		return "", fmt.Errorf("command %q has no row", q.Name)
	}
	if q.overtaken() {
		return "", &userError{"Another candidate has taken this one's place meanwhile; look at it first."}
	}
	no, err := s.mayRun(ctx, q, spec)
	if err != nil {
		return "", err
	}
	if no != nil {
		return "", s.turnAway(ctx, q, no)
	}
	if spec.pinned {
		if err := s.pinned(ctx, q); err != nil {
			return "", err
		}
	}
	view, err := s.asComponent(q, spec.component)
	if err != nil {
		return "", err
	}
	if spec.changes && !q.DryRun {
		s.answerable(q)
	}
	return view.handlers()[spec.name](ctx, q)
}

// overtaken tells whether a command judges a candidate that another one has taken the place of: the page it was given on was
// about the old one.
func (q *request) overtaken() bool {
	judges := q.Name == "approve" || q.Name == "reject" || q.Name == "promote"
	return judges && q.named != nil && q.execution != nil && q.execution.ID != q.named.ID
}

// doorOf is the door that a request leads through. A rollback is cancelled, and one that failed is tried again, by who may roll back.
func (q *request) doorOf(spec *commandSpec) Door {
	rollback := q.back != nil && isRollback(&q.back.Execution) || q.returning != nil && q.returning.rollback()
	if rollback && spec.undoes != "" {
		return spec.undoes
	}
	return spec.doorOf(q.Command)
}

// handlers is what carries out each command of the table.
func (s *session) handlers() map[string]func(context.Context, *request) (string, error) {
	return map[string]func(context.Context, *request) (string, error){
		"help":               s.cmdHelp,
		"status":             s.cmdStatus,
		"version explain":    s.cmdVersionExplain,
		"version set":        s.cmdVersionSet,
		"version bump":       s.cmdVersionBump,
		"release start":      s.cmdReleaseStart,
		"release abandon":    s.cmdReleaseAbandon,
		"hotfix start":       s.cmdHotfixStart,
		"approve":            s.cmdApprove,
		"reject":             s.cmdReject,
		"promote":            s.cmdPromote,
		"retry":              s.cmdRetry,
		"why":                s.cmdWhy,
		"plan":               s.cmdPlan,
		"evidence":           s.cmdEvidence,
		"test":               s.cmdTest,
		"retest":             s.cmdRetest,
		"refresh":            s.cmdRefresh,
		"ok-to-test":         s.cmdOkToTest,
		"override":           s.cmdOverride,
		"override condition": s.cmdOverrideCondition,
		"config check":       s.cmdConfigCheck,
		"cherrypick":         s.cmdCherrypick,
		"cancel":             s.cmdCancel,
		"backmerge":          s.cmdBackmerge,
		"retarget":           s.cmdRetarget,
		"rollback":           s.cmdRollback,
		"unpin":              s.cmdUnpin,
		"hold":               s.cmdHold,
		"unhold":             s.cmdUnhold,
		"freeze":             s.cmdFreeze,
		"unfreeze":           s.cmdUnfreeze,
		"transition disable": s.cmdTransitionDisable,
		"transition enable":  s.cmdTransitionEnable,
		"lock":               s.cmdLock,
		"unlock":             s.cmdUnlock,
		"alarm":              s.cmdAlarm,
		"alarm clear":        s.cmdAlarmClear,
	}
}

// say writes a comment of ours, once: it carries a hidden mark by which it is found again.
func (s *session) say(ctx context.Context, issue int, name, body string) error {
	return s.sayText(ctx, issue, name, func(context.Context) (string, error) { return body, nil })
}

// sayText is say for a text that is costly to write: it is asked for only if it was not said yet.
func (s *session) sayText(ctx context.Context, issue int, name string, text func(context.Context) (string, error)) error {
	mark := hiddenMark(name)
	_, err := do(ctx, s, effect[int64]{
		kind: effectComment, key: fmt.Sprintf("%d:%s", issue, name), intent: name,
		probe: func(ctx context.Context) (int64, bool, error) {
			all, err := s.gh.Comments(ctx, issue)
			for _, c := range all {
				if c.Author.ID == s.us.UserID && strings.Contains(c.Body, mark) {
					return c.ID, true, nil
				}
			}
			return 0, false, err
		},
		act: func(ctx context.Context) (int64, error) {
			body, err := text(ctx)
			if err != nil {
				return 0, err
			}
			c, err := s.gh.CreateComment(ctx, issue, body+"\n\n"+mark)
			return c.ID, err
		},
	})
	return err
}

// hiddenMark is an HTML comment that names one of our comments.
func hiddenMark(name string) string { return "<!-- sluice:" + name + " -->" }
