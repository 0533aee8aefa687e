// Package config reads what people tell Sluice: the file .github/sluice.yml of a repository and the settings of the
// server. Both are strangers' input until they have passed through here; what comes out are checked values that the
// rest of the program uses without asking again.
//
// The repository file goes through four steps, and each knows less of YAML than the one before. A pre-scan bounds what
// the file may cost (size, depth, number of values) and refuses what Sluice has no use for (aliases, tags, several
// documents), so that the YAML library only ever sees small, plain files. The library's syntax tree becomes a tree of
// our own, in which every value keeps its place and is still written as its author wrote it: 1.10 is not 1.1. That
// tree is held against one table (spec), which is also where the JSON Schema for editors comes from, so that editor and
// loader cannot disagree about a key. What passes is decoded into Repo.
//
// All errors are reported at once, each with file, line, column, the path of the key, and the remedy. A key that this
// version understands but does not act on yet is an error too: a setting that is silently ignored is worse than one
// that is refused.
package config

// FileName is where the repository file is, in the repository's default branch.
const FileName = ".github/sluice.yml"
