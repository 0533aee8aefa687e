package bot

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
)

// What people say in other ways than by comments: reviews, buttons; and what they are: members of a team.

// approver tells whether somebody may approve now.
func (s *story) approver(login string) bool {
	if s.yaml == teamConfig {
		return slices.Contains(s.gh.Teams["qa"], login)
	}
	return s.gh.Roles[login].AtLeast(forge.RoleWrite)
}

// teams has somebody leave the team, or come back.
func (s *story) teams() {
	who, _ := s.speaker()
	team := s.gh.Teams["qa"]
	if i := slices.Index(team, who); i >= 0 {
		s.gh.Teams["qa"] = slices.Delete(slices.Clone(team), i, i+1)
	} else {
		s.gh.Teams["qa"] = append(slices.Clone(team), who)
	}
	s.note("the team is %v", s.gh.Teams["qa"])
}

// reviews has one of those who only review say something at the head, or at an old one, or their last review dismissed.
func (s *story) reviews() {
	who := []string{"rene", "ravi"}[s.rand.IntN(2)]
	switch n := s.rand.IntN(6); {
	case n == 0 && len(s.gh.Reviewed) > 0:
		i := s.rand.IntN(len(s.gh.Reviewed))
		s.gh.Reviewed = slices.Clone(s.gh.Reviewed)
		s.gh.Reviewed[i].State = "DISMISSED"
		s.note("review %d is dismissed", s.gh.Reviewed[i].ID)
	default:
		v := forge.Review{ID: int64(1000 + len(s.gh.Reviewed)), Author: s.gh.Users[who], State: "APPROVED", SHA: s.head(), SubmittedAt: s.now.Truncate(time.Second)}
		switch n {
		case 1:
			v.State = "CHANGES_REQUESTED"
		case 2, 3:
			v.SHA = head
		}
		s.gh.Reviewed = append(slices.Clone(s.gh.Reviewed), v)
		s.note("review %d: %s %s %s", v.ID, who, v.State, short(v.SHA))
	}
	s.coming = append(s.coming, event.Review{Number: 5})
}

// reviewed adds to what was said the reviews that count for what waits now; the bot has looked at them by then.
func (s *story) reviewed(said map[string]string) {
	x := s.candidateOf(s.r)
	_, asked, open := x.State.OpenApproval()
	if !open {
		return
	}
	for _, login := range []string{"rene", "ravi"} {
		var last forge.Review
		for _, v := range s.gh.Reviewed {
			if v.Author.Login == login {
				last = v
			}
		}
		stands := last.State == "CHANGES_REQUESTED" && s.approver(login) ||
			last.State == "APPROVED" && last.SHA == x.SHA && !last.SubmittedAt.Before(askedSince(x, asked).Truncate(time.Second))
		for _, v := range s.gh.Reviewed {
			if v.Author.Login == login && s.taken[v.ID] && (v.ID != last.ID || !stands) {
				s.fallen[v.ID] = true
			}
		}
		if !stands || s.fallen[last.ID] {
			continue
		}
		s.taken[last.ID] = true
		said[login] = map[string]string{"APPROVED": "approve", "CHANGES_REQUESTED": "reject"}[last.State]
	}
}

// button has somebody press a button of a check at the head, or at the one that there was first, unless another release is there.
func (s *story) button() {
	sha, name := s.head(), buttonApprove
	if s.rand.IntN(4) == 0 && s.r.Component == "" {
		sha = head
	}
	if s.rand.IntN(5) == 0 {
		name = buttonReject
	}
	who := s.somebody()
	s.coming = append(s.coming, event.CheckAction{
		Origin: event.Origin{Sender: who}, CheckRunID: s.presses, AppID: appID, SHA: sha, ExternalID: sha + " " + CheckPromotion, Identifier: name,
	})
	s.note("%s presses %s at %s", who.Login, name, short(sha))
}

// pressed hands a press over. What it says is about the commit of the check, and about no other.
func (s *story) pressed(sn *session, e event.CheckAction) {
	who, x := e.Sender.Login, s.candidateOf(s.r)
	before := len(s.entriesOf(who))
	must(s.t, sn.buttonPressed(s.t.Context(), e))
	entries := s.entriesOf(who)[before:]
	s.note("delivered: %s of %s at %s: %v", e.Identifier, who, short(e.SHA), entries)
	if !slices.ContainsFunc(entries, func(action string) bool { return action == "approve" || action == "reject" }) {
		return
	}
	if e.SHA != x.SHA {
		s.t.Fatalf("a button of %s was taken for %s\n%s", short(e.SHA), short(x.SHA), strings.Join(s.log, "\n"))
	}
	s.said[who] = e.Identifier
	delete(s.source, who) // it is no comment's any more
}

// reruns has somebody press GitHub's re-run button of a check, or of all, at the head or at the one that there was first.
func (s *story) reruns() {
	sha, name := s.head(), []string{CheckPipeline, CheckPromotion, CheckBranch, ""}[s.rand.IntN(4)]
	if s.rand.IntN(4) == 0 {
		sha = head
	}
	who := s.somebody()
	s.coming = append(s.coming, event.CheckRerequested{Origin: event.Origin{Sender: who}, SHA: sha, Name: name, AppID: appID, Press: fmt.Sprint("press ", s.presses)})
	s.note("%s presses Re-run of %q at %s", who.Login, name, short(sha))
}

// rerun hands such a press over. It says nothing about what waits; it has it looked at, and what failed tried again, which leaves
// one entry however often it is delivered.
func (s *story) rerun(sn *session, e event.CheckRerequested) {
	must(s.t, sn.rerun(s.t.Context(), e))
	s.looked()
	s.note("delivered: Re-run of %q at %s by %s", e.Name, short(e.SHA), e.Sender.Login)
}
