package config

import "github.com/sluicehq/sluice/pipeline"

// ParseRepo reads a repository file. It returns either the checked configuration or everything that is wrong with the
// file, in the order of the lines. It costs at most a few milliseconds and megabytes, whatever the file holds.
func ParseRepo(data []byte, c Context) (*Repo, []*Error) { panic("being written") }

// Default is the configuration of a repository without a file.
func Default(c Context) *Repo { panic("being written") }

// Pipeline is the completed pipeline of a kind of branch (pipeline.KindFeature, …): the configured one, else the
// default; approval and promotion appended, deploys resolved. ok is false for kinds without a pipeline.
func (r *Repo) Pipeline(kind string, rev Revision) (d pipeline.Definition, ok bool) {
	panic("being written")
}

// Environment gives an environment by name; one that the file does not mention has the defaults.
func (r *Repo) Environment(name string) Environment { panic("being written") }

// ApprovalHash is a SHA-256 ("sha256:" and 64 hex digits) over what an approval of a pipeline of that kind rests on:
// approve, promote, deploy, registries and the pipeline itself, all resolved. Everything else may change without
// voiding an approval.
func (r *Repo) ApprovalHash(kind string) string { panic("being written") }

// Schema is the JSON Schema (draft 2020-12) of the repository file, for editors. It accepts what ParseRepo accepts, as
// far as a schema can say.
func Schema() ([]byte, error) { panic("being written") }
