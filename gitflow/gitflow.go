// Package gitflow decides what git-flow asks for next. Given facts about a repository it names the kind of a branch,
// judges a pull request or a push, and returns plans: what to cut, merge, tag, deploy and delete, in which order. It
// performs nothing, knows no API and keeps no state; package bot looks at the world, asks, does the first step that is
// ready, and looks again.
//
// # Facts
//
// Everything a decision rests on is a plain struct that a test writes by hand: [PullFacts], [PushFacts],
// [PreflightFacts], [State]. Commits come from GitHub's compare API as [Comparison]; [PullNeeds] and [PushNeeds] say
// which comparisons a verdict needs, so that the bot asks for no more. A list that GitHub cut short is marked
// Truncated, and whatever would have rested on it fails with a sentence that says so.
//
// # Plans
//
// A [Plan] is a list of steps in the order they are done. Whether a step is done is read from the facts and from
// nothing else, so a plan computed after a crash starts where the world stands. Steps name commits by SHA: a branch may
// have moved or be gone. The loop is
//
//	plan := gitflow.PlanFinish(state)
//	step, ok := plan.Next()   // the first step not done that nothing blocks
//	if !ok { … plan.Done(), or plan.Blocked() says what to tell people … }
//	… do the step, guarded by its Probe …; look again
//
// # Untrusted text
//
// Branch names, titles, logins and commit subjects are chosen by strangers. In every [Text] they stand between the
// control characters U+0002 and U+0003, from which control characters of the value itself were removed; String shows
// them in double quotes, Markdown hands each one to the caller's function, which makes a code span of it. Fields of
// type string carry raw values. Commands are ready for a POSIX shell: names in them are quoted.
package gitflow
