// Package event holds the facts Sluice takes from GitHub's webhook deliveries.
//
// A delivery is one POST, known by its GUID; its payload is JSON of up to 25 MB. An event is what is left of it once
// package webhooks has translated it: small, plain, and only what a decision needs. An event is a hint that something
// changed, never the truth about it. Deliveries come late, twice, out of order or not at all, so package bot asks
// GitHub for the present state before it decides; from an event it takes what cannot be asked for again: who did it,
// which comment was written, which button was pressed, what a name was before.
//
// The package is pure. It knows neither HTTP nor GitHub's client library, so rules can be tested with events written
// by hand.
package event

import (
	"strconv"
	"time"

	"github.com/sluicehq/sluice/forge"
)

// Event is one fact taken from a delivery. The types of this package are all there are; package bot handles them in
// one switch on the type.
type Event interface {
	// From tells where the event comes from, for whoever handles events of every type alike.
	From() Origin
}

// Origin is what every event carries.
type Origin struct {
	// Repo is the repository as far as the payload describes it: zero for events of an installation, a team or the
	// App, and MergeCommits is never set, as payloads do not say it.
	Repo forge.Repo
	// Installation is the ID of the App's installation that the delivery is for; 0 when the payload names none.
	Installation int64
	// Sender is who caused the event. It is the only identity in a delivery that nobody but GitHub can write.
	Sender forge.User
}

// From makes a type that embeds Origin an Event.
func (o Origin) From() Origin { return o }

// Delivery is one webhook delivery as it arrived, verified and not decoded.
type Delivery struct {
	// ID is the GUID of X-GitHub-Delivery in lower case. A redelivery has the ID of the first attempt.
	ID string
	// Name is the event's name from X-GitHub-Event, for example "pull_request".
	Name string
	// Body is the payload, byte for byte what was signed. It is a JSON object of at most 25 MiB.
	Body []byte
	// InstallationID is installation.id of the payload; 0 when it has none.
	InstallationID int64
	// RepoID is repository.id of the payload; 0 when it has none.
	RepoID     int64
	ReceivedAt time.Time
}

// Lane names the ordered inbox the delivery belongs to: "repo:<id>", for a delivery without a repository
// "installation:<id>", and "app" when it names neither.
func (d Delivery) Lane() string {
	switch {
	case d.RepoID != 0:
		return "repo:" + strconv.FormatInt(d.RepoID, 10)
	case d.InstallationID != 0:
		return "installation:" + strconv.FormatInt(d.InstallationID, 10)
	}
	return "app"
}
