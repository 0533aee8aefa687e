// Package tagging gives names to what Sluice builds and releases: versions, git tags, image tags, the next version and
// the release notes.
//
// Everything here is a pure function of facts the caller gathered: tags, branch names, commits, open releases. The same
// facts give the same answer on the server and on a laptop, which is why "sluice version" can tell anybody what the bot
// will do, and why every answer carries an Explanation that names the facts it used.
//
// Three ideas hold it together:
//
//   - A name is printed in one way and parsed in one way, and the two are inverse. An ImageTag says what was built and
//     from which revision; nothing else needs to be remembered about an image.
//   - Two sources never share a name by accident. A branch can be called nearly anything, an image tag cannot; where
//     something had to be replaced, a piece of the original's SHA-256 keeps the names apart (see Sanitize).
//   - Releases are ordered by the release log and not by the text of their versions. Semantic Versioning sorts
//     1.4.0-hotfix-17 before 1.4.0, though it replaced it in production.
package tagging
