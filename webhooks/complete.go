package webhooks

import (
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/event"
)

// complete refuses an event that lacks what every decision about it needs. Package bot may rely on these: numbers and
// IDs are positive, names are not empty, SHAs are SHAs.
func complete(e event.Event) error {
	var w want
	switch e := e.(type) {
	case event.Push:
		w.repo(e.Origin)
		w.that("ref", strings.HasPrefix(e.Ref, "refs/"))
		w.that("before", e.Before == "" || isSHA(e.Before))
		w.that("after", e.After == "" || isSHA(e.After))
		w.that("before or after", e.Before != "" || e.After != "")
	case event.RefCreated:
		w.repo(e.Origin)
		w.text("ref", e.Name)
	case event.RefDeleted:
		w.repo(e.Origin)
		w.text("ref", e.Name)
	case event.MergeGroup:
		w.repo(e.Origin)
		w.that("merge_group.head_sha", isSHA(e.SHA))
		w.text("merge_group.head_ref", e.HeadRef)
		w.text("merge_group.base_ref", e.BaseRef)
	case event.PullRequest:
		w.repo(e.Origin)
		w.that("number", e.Number > 0)
		w.text("pull_request.base.ref", e.Base)
		w.text("pull_request.head.ref", e.Head)
		w.that("pull_request.head.sha", isSHA(e.HeadSHA))
		w.that("pull_request.merge_commit_sha", !e.Merged || isSHA(e.MergeSHA))
	case event.Review:
		w.repo(e.Origin)
		w.that("pull_request.number", e.Number > 0)
		w.that("review.id", e.ID > 0)
	case event.Comment:
		w.repo(e.Origin)
		w.sender(e.Origin)
		w.that("issue.number", e.Number > 0)
		w.that("comment.id", e.ID > 0)
	case event.CheckAction:
		w.repo(e.Origin)
		w.sender(e.Origin)
		w.check(e.CheckRunID, e.SHA)
		w.text("requested_action.identifier", e.Identifier)
	case event.CheckRerequested:
		w.repo(e.Origin)
		w.sender(e.Origin)
		w.check(e.CheckRunID, e.SHA)
	case event.SuiteRerequested:
		w.repo(e.Origin)
		w.sender(e.Origin)
		w.that("check_suite.head_sha", isSHA(e.SHA))
	case event.ChecksChanged:
		w.repo(e.Origin)
		w.that("the commit's SHA", isSHA(e.SHA))
	case event.WorkflowRun:
		w.repo(e.Origin)
		w.that("workflow_run.id", e.Run.ID > 0)
		w.that("workflow_run.head_sha", isSHA(e.Run.SHA))
	case event.Release:
		w.repo(e.Origin)
		w.text("release.tag_name", e.Release.Tag)
	case event.Repository:
		w.repo(e.Origin)
	case event.Members:
		w.that("repository or organization", e.Repo.ID > 0 || e.Organization != "")
	case event.Installation:
		w.that("installation.id", e.Installation > 0)
	case event.InstallationRepositories:
		w.that("installation.id", e.Installation > 0)
	}
	return w.err()
}

// want collects what is missing.
type want struct{ missing []string }

func (w *want) that(name string, ok bool) {
	if !ok {
		w.missing = append(w.missing, name)
	}
}

func (w *want) text(name, value string) { w.that(name, value != "") }

func (w *want) repo(o event.Origin) {
	w.that("repository.id", o.Repo.ID > 0)
	w.text("repository.owner", o.Repo.Owner)
	w.text("repository.name", o.Repo.Name)
}

func (w *want) sender(o event.Origin) { w.that("sender.id", o.Sender.ID > 0) }

func (w *want) check(id int64, sha string) {
	w.that("check_run.id", id > 0)
	w.that("check_run.head_sha", isSHA(sha))
}

func (w *want) err() error {
	if len(w.missing) == 0 {
		return nil
	}
	return fmt.Errorf("missing or malformed: %s", strings.Join(w.missing, ", "))
}

// isSHA accepts 40 hex digits, and 64 for repositories in git's newer object format.
func isSHA(s string) bool {
	if len(s) != 40 && len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
