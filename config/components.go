package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/sluicehq/sluice/tagging"
)

// components reads the applications of a monorepo.
func (d *decoder) components(root *node, r *Repo) {
	list := d.find(root, "components")
	if list == nil || list.kind != listNode {
		return
	}
	for i, n := range list.items {
		path := fmt.Sprintf("components[%d]", i)
		c := Component{Name: d.text(n, "", "name"), Paths: d.texts(n, nil, "paths")}
		if c.Name == "" || len(c.Paths) == 0 {
			continue // reported
		}
		if slices.Contains(r.Names.Components, c.Name) {
			d.failAt(path+".name", fmt.Sprintf("there are two components %q", c.Name), "give each a name of its own")
			continue
		}
		c.Registries = d.registries(d.find(n, "registries"), path+".registries", r)
		c.pipelines = d.pipelines(d.find(n, "pipelines"), path+".pipelines", r)
		r.Components = append(r.Components, c)
		r.Names.Components = append(r.Names.Components, c.Name)
	}
}

// Component is the configuration as one component of a monorepo sees it: its versions, tags, branches, registries and
// pipelines. Everything else is as the repository's. Of a component that the configuration does not have (any more) only
// the names differ; of "" it is the repository's own.
func (r *Repo) Component(name string) *Repo {
	if name == "" {
		return r
	}
	of := *r
	of.Names.Component = name
	if tag, err := tagging.ParseTagPattern(name + "/" + r.Versioning.Tag.String()); err == nil {
		of.Versioning.Tag = tag
	}
	i := slices.IndexFunc(r.Components, func(c Component) bool { return c.Name == name })
	if i < 0 {
		return &of
	}
	c := r.Components[i]
	of.Registries = c.Registries
	if c.Registries == (Registries{}) && r.Registries != (Registries{}) {
		of.Registries = Registries{Development: r.Registries.Development + "/" + name, Production: r.Registries.Production + "/" + name}
	}
	of.pipelines = maps.Clone(r.pipelines)
	if of.pipelines == nil {
		of.pipelines = c.pipelines
	} else {
		maps.Copy(of.pipelines, c.pipelines)
	}
	return &of
}

// Changed are the components that are made of one of the files, in the order of the file. Files are paths from the root of
// the repository.
func (r *Repo) Changed(files []string) []string {
	var names []string
	for _, c := range r.Components {
		if slices.ContainsFunc(files, c.Has) {
			names = append(names, c.Name)
		}
	}
	return names
}

// Has tells whether the component is made of a file, among others.
func (c Component) Has(file string) bool {
	return slices.ContainsFunc(c.Paths, func(glob string) bool { return doublestar.MatchUnvalidated(glob, file) })
}

// Folders are the folders and files that the component's globs begin with: what GitHub can be asked about. They hold all of
// its files, and may hold others.
func (r *Repo) Folders(component string) []string {
	var out []string
	for _, c := range r.Components {
		if c.Name != component {
			continue
		}
		for _, glob := range c.Paths {
			out = append(out, literalPath(glob))
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return slices.DeleteFunc(slices.Clone(out), func(f string) bool { // within another one
		return slices.ContainsFunc(out, func(o string) bool { return strings.HasPrefix(f, o+"/") })
	})
}

// Buildspecs are the paths at which a build specification is looked for, the first that there is wins.
func (r *Repo) Buildspecs() []string {
	var out []string
	for _, folder := range r.Folders(r.Names.Component) {
		out = append(out, folder+"/buildspec.yml")
	}
	return append(out, "buildspec.yml")
}
