package fakegithub

import (
	"maps"
	"slices"
	"strings"
)

// always are the events every App gets, subscribed or not.
func always(event string) bool {
	switch event {
	case "installation", "installation_repositories", "github_app_authorization", "ping":
		return true
	}
	return false
}

// emit tells the Apps on a repository what happened. The payload is written out at once, so it shows the moment.
func (s *Server) emit(r *repository, event, action string, sender *Account, payload obj) {
	for _, i := range s.installations() {
		a := s.apps[i.AppID]
		if s.covers(i, r) && slices.Contains(a.Events, event) && hears(i, event) {
			s.send(i, r, event, action, sender, payload)
		}
	}
}

// emitTo tells only one App, as GitHub does with buttons and check suites.
func (s *Server) emitTo(appID int64, r *repository, event, action string, sender *Account, payload obj) {
	for _, i := range s.installations() {
		if i.AppID == appID && s.covers(i, r) && slices.Contains(s.apps[appID].Events, event) {
			s.send(i, r, event, action, sender, payload)
		}
	}
}

// emitOrg tells the Apps on an organization what concerns no single repository.
func (s *Server) emitOrg(org, event, action string, sender *Account, payload obj) {
	for _, i := range s.installations() {
		if strings.EqualFold(i.Account, org) && slices.Contains(s.apps[i.AppID].Events, event) {
			s.send(i, nil, event, action, sender, payload)
		}
	}
}

// emitInstallation tells an App about its own installation.
func (s *Server) emitInstallation(i *Installation, event, action string, payload obj) {
	payload = maps.Clone(payload)
	payload["installation"] = s.installation(i)
	s.send(i, nil, event, action, s.account(i.Account), payload)
}

// installations lists them in the order of their IDs, so that deliveries have a stable order.
func (s *Server) installations() []*Installation {
	return slices.SortedFunc(maps.Values(s.installs), func(a, b *Installation) int { return int(a.ID - b.ID) })
}

// hears tells whether an installation's permissions let it receive an event.
func hears(i *Installation, event string) bool {
	need := map[string]string{
		"push": "contents", "create": "contents", "delete": "contents", "release": "contents", "pull_request": "pull_requests",
		"pull_request_review": "pull_requests", "check_run": "checks", "check_suite": "checks", "status": "statuses", "workflow_run": "actions",
		"workflow_job": "actions", "deployment": "deployments", "deployment_status": "deployments", "merge_group": "merge_queues",
	}[event]
	if event == "issue_comment" {
		return i.Permissions["issues"] != "" || i.Permissions["pull_requests"] != ""
	}
	return need == "" || i.Permissions[need] != ""
}

func (s *Server) send(i *Installation, r *repository, event, action string, sender *Account, payload obj) {
	a := s.apps[i.AppID]
	if a.WebhookURL == "" {
		return
	}
	p := maps.Clone(payload)
	if action != "" {
		p["action"] = action
	}
	if p["installation"] == nil {
		p["installation"] = obj{"id": i.ID, "node_id": node("IN", i.ID)}
	}
	parcel := &parcel{url: a.WebhookURL, secret: a.Secret, hookID: a.ID + 500_000}
	if owner := s.account(i.Account); owner.Type == "Organization" && p["organization"] == nil && !always(event) {
		p["organization"] = s.org(owner)
	}
	if r != nil {
		if p["repository"] == nil {
			p["repository"] = r.shape()
		}
		parcel.Repo = r.fullName()
	}
	if sender == nil {
		sender = s.account(i.Account)
	}
	p["sender"] = s.user(sender)
	parcel.Delivery = Delivery{GUID: guid(), AppID: a.ID, Event: event, Action: action, Repo: parcel.Repo, Install: i.ID, Body: encode(p)}
	if s.opts.Webhooks != nil {
		if err := s.opts.Webhooks.CheckHook(event, action, parcel.Body); err != nil {
			s.log.violate(Call{Method: "POST", Path: event + " " + action}, "webhook", err.Error())
		}
	}
	s.hooks.add(parcel)
}
