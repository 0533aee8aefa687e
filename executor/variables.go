package executor

import "maps"

// Subject is what an execution is about, as its actions are told.
type Subject struct {
	App                string
	Component          string // of a monorepo; empty where there are none
	Branch, BranchKind string
	SHA, Revision      string // the revision is the SHA as image tags have it
	Version            string // empty where there is none
	Image, ImageTag    string // reference and tag; empty without registries
	ExecutionID        string
}

// Variables is the environment of an action: those of the configuration, and over them SLUICE_* for the subject, the
// environment that is entered and the digest of the image. Nobody gives an action another image or digest; what is not
// known is not set.
func (s Subject) Variables(configured map[string]string, environment, digest string) map[string]string {
	env := maps.Clone(configured)
	if env == nil {
		env = map[string]string{}
	}
	for k, v := range map[string]string{
		"SLUICE_APP": s.App, "SLUICE_COMPONENT": s.Component, "SLUICE_BRANCH": s.Branch, "SLUICE_BRANCH_KIND": s.BranchKind, "SLUICE_SHA": s.SHA,
		"SLUICE_REVISION": s.Revision, "SLUICE_VERSION": s.Version, "SLUICE_IMAGE": s.Image, "SLUICE_IMAGE_TAG": s.ImageTag,
		"SLUICE_EXECUTION_ID": s.ExecutionID, "SLUICE_ENVIRONMENT": environment, "SLUICE_IMAGE_DIGEST": digest,
	} {
		delete(env, k)
		if v != "" {
			env[k] = v
		}
	}
	return env
}
