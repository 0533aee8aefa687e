package config

import (
	"cmp"
	"strings"
)

// ParseRepo reads a repository file. It returns either the checked configuration or everything that is wrong with the
// file, in the order of the lines; errors that stand in a file of the organization name that file. It costs at most a few
// milliseconds and megabytes, whatever the file holds.
func ParseRepo(data []byte, c Context) (*Repo, []*Error) {
	d := &document{source: source{file: cmp.Or(c.File, FileName)}}
	theirs := d.organization(c.Organization)
	own := d.read(data)
	if own == nil || len(d.errs) > 0 {
		return nil, d.finish()
	}
	return d.repo(d.merged(own, theirs), c)
}

// Load is ParseRepo for a repository that need not have a file: nil stands for none. Without a file the organization's
// defaults hold, and where there are none the built-in ones. Then Repo.Active tells whether there is a production and a
// development branch for them.
func Load(data []byte, c Context) (*Repo, []*Error) {
	if data != nil {
		return ParseRepo(data, c)
	}
	d := &document{source: source{file: cmp.Or(c.File, FileName)}}
	theirs := d.organization(c.Organization)
	switch {
	case len(d.errs) > 0:
		return nil, d.finish()
	case theirs == nil:
		return Default(c), nil
	}
	lenient := c
	lenient.Lenient = true
	r, errs := d.repo(d.merged(nil, theirs), lenient)
	if r == nil {
		return nil, errs
	}
	r.Configured, r.Missing = false, nil
	r.Active = r.Names.Active(c.Branches)
	if !r.Active {
		r.Inactive = c.Owner + "/" + c.RepoName + " has no branch " + r.Names.Production + " or no branch " + r.Names.Development +
			", which the organization's defaults name, and no " + FileName
	}
	return r, nil
}

// repo makes a configuration of the tree that counts.
func (d *document) repo(root *node, c Context) (*Repo, []*Error) {
	check := newChecker(d)
	check.executors = c.Executors
	check.check(root, fileSpec(), "")
	models := newModels(d, c.Organization)
	models.expand(root, check)
	dec := &decoder{checker: check, context: c}
	r := dec.repo(root)
	models.blame()
	if len(d.errs) > 0 {
		return nil, d.finish()
	}
	r.Missing = dec.missing
	return r, nil
}

// read takes a file as far as its tree. Nil: it has errors, and they are noted.
func (d *document) read(data []byte) *node {
	if len(data) > maxFile {
		d.fail(mark{}, "", "the file is larger than 256 KiB", "make it smaller")
		return nil
	}
	data = normalize(data)
	d.lines = strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if err := prescan(data); err != nil {
		d.fail(err.mark(data), "", err.problem, err.hint)
		return nil
	}
	before := len(d.errs)
	root := d.parseTree(data)
	if root == nil && len(d.errs) == before {
		d.fail(mark{line: 1, column: 1}, "", "the file is empty", `write at least "version: 1", or remove the file`)
	}
	return root
}
