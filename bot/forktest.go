package bot

import (
	"context"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// leastHex is how many digits of a commit's ID must be given where a person vouches for the commit.
const leastHex = 7

// cmdOkToTest lets the pipeline run for one commit of a fork, which somebody with write access has read. The next commit
// needs another word.
func (s *session) cmdOkToTest(ctx context.Context, q *request) (string, error) {
	pr, err := s.openPullOf(ctx, q)
	if err != nil {
		return "", err
	}
	if !pr.Fork() {
		return "", &userError{"This pull request is of a branch of this repository: its pipeline runs without being allowed."}
	}
	if q.Arg(0) == "cancel" {
		return s.cancelForkTest(ctx, q)
	}
	named := strings.ToLower(q.Arg(0))
	switch {
	case named == "":
		return "", &userError{fmt.Sprintf("Name the commit that you have read: %s.", code("/ok-to-test "+pr.Head.SHA))}
	case len(named) < leastHex || !strings.HasPrefix(pr.Head.SHA, named):
		return "", &userError{fmt.Sprintf("%s does not name the head of this pull request, of which at least %d digits are needed. The head is %s; read it, then say %s.",
			code(q.Arg(0)), leastHex, short(pr.Head.SHA), code("/ok-to-test "+pr.Head.SHA))}
	}
	start := s.forkRequest(q, pr)
	def, ok, err := s.definition(ctx, start)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return "", &userError{fmt.Sprintf("There is no pipeline for a %s branch here.", start.kind)}
	case q.DryRun:
		return s.dry(ctx, q, fmt.Sprintf("The pipeline would run for %s of the fork, without anything of Sluice's own host, and deploy nothing:\n\n%s", short(pr.Head.SHA), outline(def)))
	}
	given, err := s.permitOf(ctx, permitFork, *q.pr)
	switch {
	case err != nil:
		return "", err
	case given != nil && given.ID == s.permitID(q): // before a crash
		s.accounted()
	default:
		word := *q
		word.done = nothingElse // the command ends with the execution
		if err := s.give(ctx, &word, store.Permit{Pull: pr.Number, Name: permitFork, HeadSHA: pr.Head.SHA}, "ok-to-test"); err != nil {
			return "", err
		}
	}
	if err := s.startEach(ctx, start); err != nil {
		return "", err
	}
	return s.finishWith(ctx, q, "")
}

// cancelForkTest takes the word back, and stops what runs by it.
func (s *session) cancelForkTest(ctx context.Context, q *request) (string, error) {
	p, err := s.permitOf(ctx, permitFork, *q.pr)
	switch {
	case err != nil:
		return "", err
	case p == nil:
		return "", &userError{"Nobody has allowed this commit to be tested, so there is nothing to take back."}
	case q.DryRun:
		return s.dry(ctx, q, fmt.Sprintf("What %s allowed for %s would be taken back, and what runs for it stopped.", code(p.By.Login), short(p.HeadSHA)))
	}
	return "", s.endPermitWith(ctx, *p, q.by, "taken back by "+q.by.Login, q.done)
}

// forkRequest is the execution for a commit of a fork: a feature's, whatever the branch is called, which deploys and
// pushes nothing.
func (s *session) forkRequest(q *request, pr forge.PullRequest) startRequest {
	branch := s.names().ClassifyFork(pr.Head.Branch)
	branch.Name = forkLine(pr.Number)
	return startRequest{
		kind: string(branch.Kind), branch: branch, sha: pr.Head.SHA, pull: pr.Number, base: pr.Base.Branch, by: q.by,
		origin: fmt.Sprintf("fork %s %d:%d", q.via, q.comment, q.Line),
	}
}

// forkLine names the pipelines of a fork's pull request. No branch can have that name: git forbids the colon.
func forkLine(number int) string { return fmt.Sprintf("%s%d", forkPrefix, number) }

const forkPrefix = "pull:"

// forkBase is the variable of an execution that holds the branch a fork's commit is to be merged into.
const forkBase = "sluice.base"

// ofFork tells whether an execution is of a commit of a fork.
func ofFork(x *store.Execution) bool { return strings.HasPrefix(x.Branch, forkPrefix) }
