package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// readCobertura reads Cobertura's coverage-04.dtd. A file may have several classes; its lines are counted once, and a line
// that one class ran was run.
func readCobertura(data []byte, r *Report) error {
	doc, err := root(data, "coverage")
	if err != nil {
		return err
	}
	if doc.child("packages").name == "" {
		return errors.New("<coverage> has no <packages>: is it another format?")
	}
	files := newFiles()
	doc.each("class", func(e *element, _ []*element) {
		f := files.at(e.attr("filename"))
		e.child("lines").each("line", func(l *element, _ []*element) {
			f.line(l.number("number"), l.number("hits"))
			if l.attr("branch") == "true" {
				taken, all := fraction(l.attr("condition-coverage"))
				f.branches(l.number("number"), taken, all)
			}
		})
	})
	r.Coverage = files.coverage()
	return nil
}

// fraction reads the counts of "50% (1/2)".
func fraction(s string) (part, whole int) {
	_, inner, _ := strings.Cut(s, "(")
	inner, _, _ = strings.Cut(inner, ")")
	a, b, _ := strings.Cut(inner, "/")
	whole = atoi(b)
	return min(atoi(a), whole), whole
}

// readClover reads Clover's schema: statements, methods and conditions are lines, the conditions are branches. A condition
// counts two: taken, and not taken.
func readClover(data []byte, r *Report) error {
	doc, err := root(data, "coverage")
	if err != nil {
		return err
	}
	if doc.child("project").name == "" && doc.child("testproject").name == "" {
		return errors.New("<coverage> has no <project>: is it another format?")
	}
	files := newFiles()
	doc.each("file", func(e *element, _ []*element) {
		name := e.attr("path")
		if name == "" {
			name = e.attr("name")
		}
		f := files.at(name)
		for _, l := range e.children {
			if l.name != "line" {
				continue
			}
			n := l.number("num")
			if l.attr("type") == "cond" {
				taken := min(l.number("truecount"), 1) + min(l.number("falsecount"), 1)
				f.line(n, taken)
				f.branches(n, taken, 2)
				continue
			}
			f.line(n, l.number("count"))
		}
	})
	r.Coverage = files.coverage()
	return nil
}

// readJaCoCo reads JaCoCo's report.dtd (https://www.jacoco.org/jacoco/trunk/coverage/report.dtd). A line with any covered
// instruction was run.
func readJaCoCo(data []byte, r *Report) error {
	doc, err := root(data, "report")
	if err != nil {
		return err
	}
	files := newFiles()
	doc.each("package", func(p *element, _ []*element) {
		for _, s := range p.children {
			if s.name != "sourcefile" {
				continue
			}
			f := files.at(path.Join(p.attr("name"), s.attr("name")))
			lines := false
			for _, l := range s.children {
				switch l.name {
				case "line":
					lines = true
					n := l.number("nr")
					f.line(n, l.number("ci"))
					f.branches(n, l.number("cb"), l.number("cb")+l.number("mb"))
				case "counter":
					if !lines && l.attr("type") == "LINE" { // a report without lines has the sums only
						f.sum(l.number("covered"), l.number("covered")+l.number("missed"))
					}
				}
			}
		}
	})
	r.Coverage = files.coverage()
	return nil
}

// readSimpleCov reads SimpleCov's .resultset.json: runs by name, with the hits of each line of each file, null where there
// is nothing to run. Older versions have the list itself where newer ones have "lines" and "branches".
func readSimpleCov(data []byte, r *Report) error {
	var runs map[string]struct {
		Coverage map[string]json.RawMessage `json:"coverage"`
	}
	if err := json.Unmarshal(data, &runs); err != nil {
		return fmt.Errorf("want the object of .resultset.json: %w", err)
	}
	files := newFiles()
	for _, run := range slices.Sorted(maps.Keys(runs)) {
		for name, raw := range runs[run].Coverage {
			f := files.at(name)
			var newer struct {
				Lines    []any                     `json:"lines"`
				Branches map[string]map[string]int `json:"branches"`
			}
			if err := json.Unmarshal(raw, &newer.Lines); err != nil {
				if err := json.Unmarshal(raw, &newer); err != nil {
					return fmt.Errorf("%s: want a list of hits: %w", strconv.Quote(name), err)
				}
			}
			for i, hits := range newer.Lines {
				if n, ok := hits.(float64); ok { // null and "ignored" are no lines
					f.line(i+1, int(n))
				}
			}
			n := 0
			for _, condition := range slices.Sorted(maps.Keys(newer.Branches)) {
				for _, branch := range slices.Sorted(maps.Keys(newer.Branches[condition])) {
					n++
					f.branches(-n, min(newer.Branches[condition][branch], 1), 1)
				}
			}
		}
	}
	if len(runs) == 0 {
		return errors.New("there is no run in it")
	}
	r.Coverage = files.coverage()
	return nil
}

// covered gathers what a report says of each file.
type covered struct {
	order []string
	files map[string]*coveredFile
}

func newFiles() *covered { return &covered{files: map[string]*coveredFile{}} }

// coveredFile is one file: lines and branches by line, and sums where no lines are given.
type coveredFile struct {
	lines              map[int]bool
	branch             map[int][2]int // taken, all
	summed, summedFull int
}

func (c *covered) at(name string) *coveredFile {
	f := c.files[name]
	if f == nil {
		f = &coveredFile{lines: map[int]bool{}, branch: map[int][2]int{}}
		c.files[name] = f
		c.order = append(c.order, name)
	}
	return f
}

func (f *coveredFile) line(n, hits int) { f.lines[n] = f.lines[n] || hits > 0 }

// branches notes the branches of a line; of several reports the one with the most taken counts.
func (f *coveredFile) branches(n, taken, all int) {
	if all == 0 {
		return
	}
	if have, ok := f.branch[n]; !ok || taken > have[0] {
		f.branch[n] = [2]int{taken, all}
	}
}

func (f *coveredFile) sum(part, whole int) {
	f.summed, f.summedFull = f.summed+part, f.summedFull+whole
}

func (c *covered) coverage() *Coverage {
	out := &Coverage{}
	for _, name := range c.order {
		f := c.files[name]
		one := FileCoverage{Path: name, Lines: f.summedFull, Covered: f.summed}
		for _, hit := range f.lines {
			one.Lines++
			if hit {
				one.Covered++
			}
		}
		for _, b := range f.branch {
			one.Branched, one.Branches = one.Branched+b[0], one.Branches+b[1]
		}
		out.Files = append(out.Files, one)
	}
	slices.SortStableFunc(out.Files, func(a, b FileCoverage) int { return strings.Compare(a.Path, b.Path) })
	return out
}
