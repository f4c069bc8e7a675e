package yamlx

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/nist190/nist190/internal/rawjson"
)

// Value is a decoded document.
type Value struct {
	JSON  []byte // for a JSON document its own text
	Notes []Note
}

// Decode gives the value of d as kubectl would get it: what sigs.k8s.io/yaml's YAMLToJSON returns. The error is an
// [*Error]. A syntax tree is built besides, to say more of the document, where passes over the bytes cannot exclude
// aliases, booleans of YAML 1.1, keys that are not strings, or a key that is set twice.
func (d Document) Decode(lim Limits) (v Value, err error) {
	defer func() {
		// The parsers panic on what their authors thought impossible (parse, scanner). Such a document costs itself.
		if r := recover(); r != nil {
			v, err = Value{}, &Error{Line: d.Line, Msg: "the YAML parser failed on this document"}
		}
	}()
	v.Notes = d.Notes
	if d.JSON {
		return d.decodeJSON(v, lim)
	}
	var nodes *yaml.Node
	suspicion := scan(d.Text)
	if suspicion.any() || mayRepeatKeys(d.Text) {
		nodes, _ = d.nodes() // what v3 cannot parse and v2 can has no aliases to follow
	}
	if suspicion.aliases && nodes != nil {
		if err := d.checkExpansion(nodes, lim.expansion()); err != nil {
			return v, err
		}
	}
	v.JSON, err = sigsyaml.YAMLToJSON(d.Text)
	if err != nil {
		return Value{}, d.syntaxError(err)
	}
	if rawjson.Deeper(v.JSON, lim.depth()) {
		return Value{}, d.tooDeep(lim)
	}
	return d.withNotes(v, nodes)
}

// withNotes adds what inspect finds in the nodes, if there are any.
func (d Document) withNotes(v Value, nodes *yaml.Node) (Value, error) {
	if nodes != nil {
		notes, err := d.inspect(nodes)
		if err != nil {
			return Value{}, err
		}
		v.Notes = append(v.Notes[:len(v.Notes):len(v.Notes)], notes...)
	}
	v.Notes = append(v.Notes[:len(v.Notes):len(v.Notes)], d.dashNotes()...)
	return v, nil
}

func (d Document) tooDeep(lim Limits) *Error {
	return &Error{Line: d.Line, Msg: fmt.Sprintf("nested more than %d levels deep", lim.depth()), err: ErrLimit}
}

// dashNotes speaks of lines such as "-----BEGIN CERTIFICATE-----" inside a quoted scalar: legal, and refused by kubectl.
func (d Document) dashNotes() []Note {
	var notes []Note
	for _, off := range d.dashes {
		notes = append(notes, Note{Kind: Divergent, Line: d.Line + bytes.Count(d.Text[:off], []byte("\n")), Column: 1,
			Msg: `a line begins with "---" and is no separator: kubectl refuses the rest of this file, other tools apply it`})
	}
	return notes
}

// nodes parses the syntax tree. Lines in it count from the start of the document.
func (d Document) nodes() (n *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			n, err = nil, fmt.Errorf("the YAML parser failed on this document")
		}
	}()
	n = new(yaml.Node)
	if err := yaml.Unmarshal(d.Text, n); err != nil {
		return nil, err
	}
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	return n, nil
}

// place converts a place in the syntax tree to one in the file.
func (d Document) place(line, column int) (int, int) {
	if line <= 1 {
		column += d.Column - 1
	}
	return d.Line + line - 1, column
}
