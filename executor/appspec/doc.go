// Package appspec deploys a revision to hosts as AWS CodeDeploy does, by the appspec.yml at the revision's root.
//
// A revision is an artifact. Hosts are folders of this machine, or machines that are reached by SSH. Each goes through the
// lifecycle events in CodeDeploy's order; how many at once, when to stop, and whether the whole succeeded is decided by
// package rollout. A deployment in place changes the folder that is live; blue/green installs beside it, and then switches a
// symbolic link. A deployment that fails goes back: the hosts that it touched get the last revision that was deployed
// successfully.
//
// A deployment runs under a detached supervisor (package supervise), so it outlives the server. What has happened on which
// host is written down before and after each script: when the supervisor itself is killed, the next one goes on where it
// stopped. A script of which nobody knows whether it ran counts as failed, and is not run again.
package appspec
