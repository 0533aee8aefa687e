package document

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
)

// maxNodes bounds a tree whose aliases have been put in: what an alias stands for counts each time.
const maxNodes = 10_000

// aliases puts what anchors name in the place of the aliases of a tree, and of merge keys. Nodes stay what they are, with the
// place at which they are written, and may then be in the tree several times.
type aliases struct {
	named map[string]ast.Node
	size  map[string]int // in nodes, of what is named
	nodes int
}

// wrongAlias says what is wrong at a node.
type wrongAlias struct {
	at      ast.Node
	problem string
}

func (e *wrongAlias) Error() string { return e.problem }

// withoutAliases returns a tree with what its aliases stand for. The error is a *wrongAlias.
func withoutAliases(root ast.Node) (ast.Node, error) {
	a := &aliases{named: map[string]ast.Node{}, size: map[string]int{}}
	return a.node(root)
}

func (a *aliases) node(n ast.Node) (ast.Node, error) {
	if err := a.count(n, 1); err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *ast.AnchorNode:
		return a.anchor(n)
	case *ast.AliasNode:
		return a.alias(n)
	case *ast.SequenceNode:
		for i, v := range n.Values {
			inner, err := a.node(v)
			if err != nil {
				return nil, err
			}
			n.Values[i] = inner
		}
	case *ast.MappingNode:
		return n, a.mapping(n)
	case *ast.MappingValueNode:
		whole := &ast.MappingNode{BaseNode: n.BaseNode, Start: n.Start, Values: []*ast.MappingValueNode{n}}
		return whole, a.mapping(whole)
	}
	return n, nil
}

// count adds nodes at a place, up to the bound.
func (a *aliases) count(at ast.Node, n int) error {
	if a.nodes += n; a.nodes > maxNodes {
		return &wrongAlias{at, fmt.Sprintf("with what its aliases stand for the file has more than %d values", maxNodes)}
	}
	return nil
}

// anchor gives a value its name. It has the name from its end on, so no value is part of itself; a later one of the same name
// takes it over.
func (a *aliases) anchor(n *ast.AnchorNode) (ast.Node, error) {
	before := a.nodes
	value, err := a.node(n.Value)
	if err != nil {
		return nil, err
	}
	name := n.Name.String()
	a.named[name], a.size[name] = value, a.nodes-before
	return value, nil
}

func (a *aliases) alias(n *ast.AliasNode) (ast.Node, error) {
	name := n.Value.String()
	value, known := a.named[name]
	if !known {
		return nil, &wrongAlias{n, fmt.Sprintf("no value above is called &%s; a text that begins with * needs quotes", name)}
	}
	return value, a.count(n, a.size[name])
}

// mapping resolves values, and puts in what merge keys name: of keys that several have, the mapping's own wins, and then the
// first that is merged.
func (a *aliases) mapping(m *ast.MappingNode) error {
	own := map[string]bool{}
	for _, v := range m.Values {
		if key, ok := Scalar(v.Key); ok && !v.Key.IsMergeKey() {
			own[key] = true
		}
	}
	var values []*ast.MappingValueNode
	for _, v := range m.Values {
		inner, err := a.node(v.Value)
		if err != nil {
			return err
		}
		if !v.Key.IsMergeKey() {
			v.Value = inner
			values = append(values, v)
			continue
		}
		merged := []ast.Node{inner}
		if list, several := inner.(*ast.SequenceNode); several {
			merged = list.Values
		}
		for _, one := range merged {
			from, ok := one.(*ast.MappingNode)
			if !ok {
				return &wrongAlias{v.Key, "<< takes a mapping, or a list of them"}
			}
			for _, extra := range from.Values {
				if key, ok := Scalar(extra.Key); ok && !own[key] {
					own[key] = true
					values = append(values, extra)
				}
			}
		}
	}
	m.Values = values
	return nil
}
