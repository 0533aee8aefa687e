package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"
)

// element is an XML element with what is in it. Names are without namespaces.
type element struct {
	name     string
	attrs    map[string]string
	text     string // its own, without that of its children
	children []*element
}

// parseXML reads a document within the limits. Entities beyond XML's own five are refused by encoding/xml, so nothing grows.
func parseXML(data []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = decoded
	var root *element
	var open []*element
	n := 0
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if n++; n > maxElements {
				return nil, fmt.Errorf("more than %d elements", maxElements)
			}
			if len(open) == maxDepth {
				return nil, fmt.Errorf("elements are nested deeper than %d", maxDepth)
			}
			e := &element{name: t.Name.Local}
			if len(t.Attr) > 0 {
				e.attrs = make(map[string]string, len(t.Attr))
				for _, a := range t.Attr {
					e.attrs[a.Name.Local] = a.Value
				}
			}
			switch {
			case len(open) > 0:
				up := open[len(open)-1]
				up.children = append(up.children, e)
			case root == nil:
				root = e
			}
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				e := open[len(open)-1]
				if len(e.text) < maxText {
					e.text += string(t)
				}
			}
		}
	}
	if root == nil {
		return nil, errors.New("there is no element in it")
	}
	return root, nil
}

// decoded reads a text whose encoding is declared to be another than UTF-8.
func decoded(label string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "utf8", "utf-16": // without the hyphen, as some tools write it; and what was UTF-16 is UTF-8 by now, or was never written so
		return r, nil
	case "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252":
		return charmap.Windows1252.NewDecoder().Reader(r), nil // what those who say Latin 1 write
	}
	return nil, fmt.Errorf("encoding %q: want UTF-8", label)
}

// plain is a document in UTF-8, without the declaration of another encoding, for readers that know no other.
func plain(data []byte) ([]byte, error) {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(label string, r io.Reader) (io.Reader, error) {
		r, err := decoded(label, r)
		if err != nil {
			return nil, err
		}
		data, err = io.ReadAll(r)
		return bytes.NewReader(data), err
	}
	_, err := d.RawToken() // a declaration comes first of all
	return data, err
}

// root is parseXML for a document whose root has one of the names.
func root(data []byte, names ...string) (*element, error) {
	e, err := parseXML(data)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if e.name == n {
			return e, nil
		}
	}
	return nil, fmt.Errorf("the root element is <%s>, want <%s>", e.name, strings.Join(names, "> or <"))
}

// attr is an attribute, or "".
func (e *element) attr(name string) string { return e.attrs[name] }

// number is an attribute that is a whole number; 0 where it is missing or is none.
func (e *element) number(name string) int {
	n, err := strconv.Atoi(e.attrs[name])
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// child is the first child with the name; one without anything where there is none.
func (e *element) child(name string) *element {
	for _, c := range e.children {
		if c.name == name {
			return c
		}
	}
	return &element{}
}

// each calls f for every element with the name below this one, in the order of the document, with those around it.
func (e *element) each(name string, f func(found *element, around []*element)) {
	var walk func(e *element, around []*element)
	walk = func(e *element, around []*element) {
		for _, c := range e.children {
			if c.name == name {
				f(c, around)
			}
			walk(c, append(around, c))
		}
	}
	walk(e, []*element{e})
}

// seconds reads a duration written as a decimal number of seconds, with a comma for thousands or a dot.
func seconds(s string) time.Duration {
	v, err := strconv.ParseFloat(strings.ReplaceAll(s, ",", ""), 64)
	if err != nil || v < 0 || v > 1e9 {
		return 0
	}
	return time.Duration(v * float64(time.Second))
}

// milliseconds reads a whole number of milliseconds.
func milliseconds(s string) time.Duration {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < 0 || v > 1e12 {
		return 0
	}
	return time.Duration(v) * time.Millisecond
}
