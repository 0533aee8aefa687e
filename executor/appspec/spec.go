package appspec

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// FileName is where the file is looked for, at the root of a revision.
const FileName = "appspec.yml"

// Bounds of a file. What is larger is refused before anything is deployed.
const (
	maxFiles       = 500
	maxPermissions = 500
	maxScripts     = 100 // of one event
	maxPath        = 1024
	maxPattern     = 256
)

// MaxEventTime is how long the scripts of one lifecycle event may take together, and what a script has that names no
// timeout: CodeDeploy's limits.
const MaxEventTime = time.Hour

// Spec is an appspec.yml that was read and found to be honoured completely.
type Spec struct {
	File string `json:"file"` // path in the revision, for messages
	// Files are what is installed, in the order of the file.
	Files []FileSpec `json:"files,omitempty"`
	// Exists says what is done where a file to install is there already, and was not installed by the last deployment.
	Exists Exists `json:"file_exists_behavior"`
	// Permissions are applied after the files, in the order of the file.
	Permissions []Permission `json:"permissions,omitempty"`
	// Hooks are the scripts by event.
	Hooks map[Event][]Script `json:"hooks,omitempty"`
}

// FileSpec is one entry of files.
type FileSpec struct {
	// Source is a file or folder of the bundle, slash-separated and relative to its root; "." is the whole bundle. Of a
	// folder its content is copied, not the folder itself.
	Source string `json:"source"`
	// Destination is the absolute path of the folder that it is copied into.
	Destination string `json:"destination"`
	Line        int    `json:"line"`
}

// Exists is file_exists_behavior.
type Exists string

// The behaviours. The zero value is not one; Parse sets Disallow.
const (
	Disallow  Exists = "DISALLOW"  // the deployment to the host fails: the default
	Overwrite Exists = "OVERWRITE" // the new file takes the place
	Retain    Exists = "RETAIN"    // what is there stays
)

// Permission is one entry of permissions.
type Permission struct {
	// Object is the absolute path of a file or folder. Pattern and Except choose what is below it, by its name relative
	// to it; "**" is everything.
	Object  string   `json:"object"`
	Pattern string   `json:"pattern"`
	Except  []string `json:"except,omitempty"`
	Owner   string   `json:"owner,omitempty"`
	Group   string   `json:"group,omitempty"`
	// Mode is what to set, in the low twelve bits; HasMode tells whether to set it.
	Mode    uint32 `json:"mode,omitempty"`
	HasMode bool   `json:"has_mode,omitempty"`
	// ACL are the named entries of the access control list that files and folders get.
	ACL []ACLEntry `json:"acl,omitempty"`
	// Files: files directly in Object. Folders: all folders below it. Without either, Object itself and, where it is a
	// folder, everything below it.
	Files   bool `json:"files,omitempty"`
	Folders bool `json:"folders,omitempty"`
	Line    int  `json:"line"`
}

// Script is one entry of a hook.
type Script struct {
	// Location is a file of the bundle, slash-separated and relative to its root.
	Location string        `json:"location"`
	Timeout  time.Duration `json:"timeout"`
	RunAs    string        `json:"runas,omitempty"` // a user; empty: whoever deploys
	Line     int           `json:"line"`
}

// Event is a lifecycle event of a deployment to a host.
type Event string

// The events, in the order of an in-place deployment behind a load balancer.
const (
	BeforeBlockTraffic Event = "BeforeBlockTraffic"
	BlockTraffic       Event = "BlockTraffic"
	AfterBlockTraffic  Event = "AfterBlockTraffic"
	ApplicationStop    Event = "ApplicationStop"
	DownloadBundle     Event = "DownloadBundle"
	BeforeInstall      Event = "BeforeInstall"
	Install            Event = "Install"
	AfterInstall       Event = "AfterInstall"
	ApplicationStart   Event = "ApplicationStart"
	ValidateService    Event = "ValidateService"
	BeforeAllowTraffic Event = "BeforeAllowTraffic"
	AllowTraffic       Event = "AllowTraffic"
	AfterAllowTraffic  Event = "AfterAllowTraffic"
)

// events are all of them, in order.
func events() []Event {
	return []Event{
		BeforeBlockTraffic, BlockTraffic, AfterBlockTraffic, ApplicationStop, DownloadBundle, BeforeInstall, Install,
		AfterInstall, ApplicationStart, ValidateService, BeforeAllowTraffic, AllowTraffic, AfterAllowTraffic,
	}
}

// Fixed tells whether the event is the deployment's own and runs no scripts.
func (e Event) Fixed() bool {
	return e == BlockTraffic || e == DownloadBundle || e == Install || e == AllowTraffic
}

// OfLastRevision tells whether the event's scripts are those of the revision that was deployed successfully before: what
// is stopped, and taken out of traffic, is that one.
func (e Event) OfLastRevision() bool {
	return e == BeforeBlockTraffic || e == AfterBlockTraffic || e == ApplicationStop
}

// OfTraffic tells whether the event is about traffic to the host, and takes place only where there is a switch for it.
func (e Event) OfTraffic() bool {
	return !slices.Contains(Lifecycle(false), e)
}

// Lifecycle are the events of a deployment to one host, in their order: those around traffic only where there is a switch
// that blocks and allows it.
func Lifecycle(traffic bool) []Event {
	all := events()
	if traffic {
		return all
	}
	return all[3:10]
}

var (
	userRE = lazyregexp.New(`\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\$?\z`)
	modeRE = lazyregexp.New(`\A[0-7]{1,4}\z`)
)

// inBundle cleans a path of the bundle; ok is false for one that leaves it.
func inBundle(p string) (clean string, ok bool) {
	if len(p) > maxPath || strings.ContainsAny(p, "\x00\\") {
		return "", false
	}
	clean = path.Clean("/" + p)[1:]
	if clean == "" {
		clean = "."
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return "", false
		}
	}
	return clean, true
}

// onHost tells whether a path of a host can be used: absolute, clean, and not the root itself.
func onHost(p string) bool {
	return path.IsAbs(p) && len(p) <= maxPath && !strings.ContainsAny(p, "\x00\n") && path.Clean(p) == strings.TrimRight(p, "/") && path.Clean(p) != "/"
}
