package webhooks

import (
	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
)

func checkRun(p *github.CheckRunEvent) event.Event {
	from, run := origin(p.Repo, p.Installation, p.Sender), p.GetCheckRun()
	activity, _ := among(p.GetAction(), event.RequestedAction, event.Rerequested, event.Completed)
	switch activity {
	case event.RequestedAction:
		e := event.CheckAction{
			Origin: from, CheckRunID: run.GetID(), Name: run.GetName(), SHA: run.GetHeadSHA(),
			ExternalID: run.GetExternalID(), AppID: run.GetApp().GetID(),
		}
		if p.RequestedAction != nil {
			e.Identifier = p.RequestedAction.Identifier
		}
		return e
	case event.Rerequested:
		return event.CheckRerequested{
			Origin: from, CheckRunID: run.GetID(), Name: run.GetName(), SHA: run.GetHeadSHA(),
			ExternalID: run.GetExternalID(), AppID: run.GetApp().GetID(),
		}
	case event.Completed:
		return event.ChecksChanged{
			Origin: from, SHA: run.GetHeadSHA(), AppID: run.GetApp().GetID(), Name: run.GetName(), Result: run.GetConclusion(),
		}
	default:
		return nil
	}
}

func checkSuite(p *github.CheckSuiteEvent) event.Event {
	from, suite := origin(p.Repo, p.Installation, p.Sender), p.GetCheckSuite()
	activity, _ := among(p.GetAction(), event.Rerequested, event.Completed)
	switch activity {
	case event.Rerequested:
		return event.SuiteRerequested{
			Origin: from, SuiteID: suite.GetID(), SHA: suite.GetHeadSHA(), Branch: suite.GetHeadBranch(), AppID: suite.GetApp().GetID(),
		}
	case event.Completed:
		return event.ChecksChanged{Origin: from, SHA: suite.GetHeadSHA(), AppID: suite.GetApp().GetID(), Result: suite.GetConclusion()}
	default:
		return nil
	}
}

func status(p *github.StatusEvent) event.Event {
	return event.ChecksChanged{
		Origin: origin(p.Repo, p.Installation, p.Sender), SHA: p.GetSHA(), Name: p.GetContext(), Result: p.GetState(),
	}
}

func workflowRun(p *github.WorkflowRunEvent) event.Event {
	activity, ok := among(p.GetAction(), event.Requested, event.InProgress, event.Completed)
	if !ok {
		return nil
	}
	run := p.GetWorkflowRun()
	return event.WorkflowRun{
		Origin: origin(p.Repo, p.Installation, p.Sender), Activity: activity, Attempt: run.GetRunAttempt(),
		Run: forge.WorkflowRun{
			ID: run.GetID(), Name: run.GetDisplayTitle(), Workflow: p.GetWorkflow().GetPath(), SHA: run.GetHeadSHA(),
			Branch: run.GetHeadBranch(), Status: run.GetStatus(), Conclusion: run.GetConclusion(), HTMLURL: run.GetHTMLURL(),
			CreatedAt: run.GetCreatedAt().Time,
		},
	}
}
