package config

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/calendar"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/tagging"
)

// Default is the configuration of a repository without a file.
func Default(c Context) *Repo {
	tag, err := tagging.ParseTagPattern(tagging.DefaultTagPattern)
	if err != nil {
		panic("config: the default tag pattern: " + err.Error())
	}
	r := &Repo{
		Mode:         Enforce,
		Names:        gitflow.DefaultNames(c.Branches),
		Versioning:   Versioning{Next: BumpMinor, Hotfix: HotfixSuffix, Tag: tag, RevisionLength: 7},
		Environments: map[string]Environment{},
		Finish:       Finish{Order: DeployThenMerge, DeleteBranch: true},
		Secrets:      Secrets{Mode: SecretsBlock},
		local:        c.LocalExecutors,
	}
	r.setApp(cmp.Or(c.RepoName, "app"))
	for _, name := range []string{pipeline.EnvironmentDevelopment, pipeline.EnvironmentStaging, pipeline.EnvironmentProduction} {
		r.Environments[name] = r.Environment(name)
	}
	r.Active = r.Names.Active(c.Branches)
	if !r.Active {
		r.Inactive = fmt.Sprintf("%s/%s has no production branch (master or main) or no development branch (development or develop), and no %s",
			c.Owner, c.RepoName, FileName)
	}
	return r
}

// setApp sets App and ImageName.
func (r *Repo) setApp(app string) {
	r.App = app
	name, err := tagging.ImageName(app)
	if err != nil { // empty, or with a tag: neither a repository's name nor what the check lets pass
		name = strings.ToLower(app)
	}
	r.ImageName = name
}

// Environment gives an environment by name; one that the file does not mention has the defaults. A component's, such as
// api/staging, is as the repository's.
func (r *Repo) Environment(name string) Environment {
	name = name[strings.LastIndexByte(name, '/')+1:]
	if e, ok := r.Environments[name]; ok {
		return e
	}
	e := Environment{Name: name, Promote: Promote{Auto: true}, Borrow: BorrowHotfix, Windows: Windows{Windows: calendar.Windows{Zone: time.UTC}}}
	if name == pipeline.EnvironmentProduction {
		e.Approve = defaultApprove()
	}
	return e
}

func defaultApprove() *Approve {
	return &Approve{Count: 1, Expires: pipeline.ApprovalTimeout, Remind: pipeline.ApprovalRemind}
}
