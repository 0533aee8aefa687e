package bot

import (
	"fmt"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/gitflow"
)

// pushedTag is tagPushed without the doing. What the payload says the tag was is what the release log has.
func (p *planner) pushedTag(e event.Push) {
	switch {
	case e.After == "":
		p.Event = fmt.Sprintf("%s deleted the tag %q", who(e.Sender), e.Tag)
	case e.Before != "":
		p.Event = fmt.Sprintf("%s moved the tag %q from %s to %s", who(e.Sender), e.Tag, short(e.Before), short(e.After))
	default:
		p.Event = fmt.Sprintf("%s pushed the tag %q", who(e.Sender), e.Tag)
	}
	v, component, err := releaseTag(p.cfg, e.Tag)
	if err != nil {
		p.Nothing = fmt.Sprintf("it is recorded; the tag is not written like %s, so it is no release", p.tagPatterns())
		return
	}
	p.asks("which commit %q points at", e.Tag)
	log := "the release log"
	if component != "" {
		log += " of " + component
	}
	if e.Before == "" {
		p.does("add %s to %s, if it is not in it", v, log)
	} else {
		p.given("%s has %s at %s; of a version that it does not have, a tag that is there counts as made by hand, and one that is gone as nothing", log, v, short(e.Before))
		p.does("keep %s in %s as it is, so that it is never given away twice", v, log)
	}
	p.reported(gitflow.CheckPush(p.names, gitflow.PushFacts{
		Tag: e.Tag, Before: e.Before, After: e.After, Created: e.Before == "", Deleted: e.After == "", By: e.Sender.Login,
		ReleaseTag: true, TagVersion: v.String(), TagWas: e.Before,
	}), "")
	p.does("look again at the release of %s, if it is not finished", v)
}

// tagPatterns are how release tags are written here.
func (p *planner) tagPatterns() string {
	patterns := p.cfg.Versioning.Tag.String()
	for _, name := range p.names.Components {
		patterns += " or " + p.cfg.Component(name).Versioning.Tag.String()
	}
	return patterns
}
