// Package fakegithub is a GitHub that fits in a process: an http.Handler over real bare git repositories.
//
// It serves the tests and the demonstration. What passes through it is real: git clients push and fetch over smart
// HTTP, merges and conflicts are git's, an App signs its JWT and trades it for installation tokens, rules refuse what
// they would refuse on GitHub, and every change is told by signed webhooks, in order, from a queue in the background.
// What is not git (pull requests, checks, comments, deployments) is kept in memory.
//
// Three kinds of caller meet here. The program under test uses the API as it would use GitHub's; the paths are those of
// api.github.com and, below /api, those of a GitHub Enterprise Server. People act through [Person], which sends the same requests with their own tokens.
// Tests use the Go API: they set up accounts and repositories, order faults ([Server.Inject]), wait until all webhooks
// have been delivered ([Server.Settle]), and read what happened ([Server.Calls], [Server.Violations], [Repo]).
//
// With [Options.OpenAPI] each request and each response is compared with GitHub's own description of its API. A call
// that does not fit it, or that asks for something unknown here, is kept as a [Violation]. Package description does the
// comparing, and package fakegithubtest turns violations into test failures. What is left out of the comparison, and why,
// is one list, [Exemptions]; a test holds that each is needed. In one place the stand-in follows the description where GitHub
// may not: in the payload of check_suite the App's events lack merge_group, which the description does not have there.
//
// GitHub's surprises are kept on purpose. A deployment created without required_contexts demands green checks and
// merges the default branch into its ref; a release for a missing tag creates the tag; permission says write for
// somebody whose role is maintain; a failed webhook is never sent again by itself.
package fakegithub
