package config

import (
	"cmp"
	"strings"
)

// ParseRepo reads a repository file. It returns either the checked configuration or everything that is wrong with the
// file, in the order of the lines. It costs at most a few milliseconds and megabytes, whatever the file holds.
func ParseRepo(data []byte, c Context) (*Repo, []*Error) {
	d := &document{file: cmp.Or(c.File, FileName)}
	if len(data) > maxFile {
		d.fail(mark{}, "", "the file is larger than 256 KiB", "make it smaller")
		return nil, d.finish()
	}
	data = normalize(data)
	d.lines = strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if err := prescan(data); err != nil {
		d.fail(err.mark(data), "", err.problem, err.hint)
		return nil, d.finish()
	}
	root := d.parseTree(data)
	if root == nil {
		if len(d.errs) == 0 {
			d.fail(mark{1, 1}, "", "the file is empty", `write at least "version: 1", or remove the file`)
		}
		return nil, d.finish()
	}
	check := &checker{document: d, bad: map[*node]bool{}, lacks: map[*node]bool{}, places: map[string]mark{}}
	check.check(root, fileSpec(), "")
	dec := &decoder{checker: check, context: c}
	r := dec.repo(root)
	if len(d.errs) > 0 {
		return nil, d.finish()
	}
	return r, nil
}
