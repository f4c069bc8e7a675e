package yamlx

import (
	"fmt"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// inspect finds keys that are set twice and scalars that parsers disagree on. It never follows an alias: what an anchor
// names is looked at where it stands. The error is for documents without a definite value.
func (d Document) inspect(root *yaml.Node) ([]Note, error) {
	i := inspector{doc: d}
	i.visit(root, nil)
	return i.notes, i.err
}

type inspector struct {
	doc   Document
	notes []Note
	err   error
}

func (i *inspector) note(kind NoteKind, at *yaml.Node, format string, args ...any) {
	line, column := i.doc.place(at.Line, at.Column)
	i.notes = append(i.notes, Note{Kind: kind, Line: line, Column: column, Msg: fmt.Sprintf(format, args...)})
}

func (i *inspector) visit(n *yaml.Node, path []any) {
	path = path[:len(path):len(path)]
	switch n.Kind {
	case yaml.SequenceNode:
		for k, c := range n.Content {
			i.visit(c, append(path, k))
		}
	case yaml.MappingNode:
		i.mapping(n, path)
	case yaml.ScalarNode:
		if plain(n) && isOldBool(n.Value) {
			i.note(Divergent, n, "%s: plain %s is the boolean %s to kubectl and a string to readers of YAML 1.2; quote it or write %[3]s",
				PathString(path), n.Value, resolve(n.Value).text)
		}
	}
}

type keySeen struct {
	node *yaml.Node
	kind scalarKind
}

func (i *inspector) mapping(n *yaml.Node, path []any) {
	seen := make(map[string]keySeen, len(n.Content)/2)
	for k := 0; k+1 < len(n.Content); k += 2 {
		key, value := n.Content[k], n.Content[k+1]
		if isMerge(key) {
			i.overridden(value, seen, path)
			i.visit(value, append(path, "<<"))
			continue
		}
		text, kind, ok := keyText(key)
		if !ok {
			i.visit(value, path)
			continue
		}
		if plain(key) && isOldBool(key.Value) {
			i.note(Divergent, key, "%s: the plain key %s is %q to kubectl and %[2]q to readers of YAML 1.2; quote it",
				PathString(append(path, text)), key.Value, text)
		}
		if first, twice := seen[text]; twice {
			i.repeated(key, first, append(path, text), kind)
		}
		seen[text] = keySeen{key, kind}
		i.visit(value, append(path, text))
	}
}

func (i *inspector) repeated(key *yaml.Node, first keySeen, path []any, kind scalarKind) {
	line, _ := i.doc.place(first.node.Line, first.node.Column)
	if first.kind != kind || kind == number && first.node.Value != key.Value {
		// Different YAML keys that are one JSON key: sigs.k8s.io/yaml keeps either, by the order of a Go map.
		at, column := i.doc.place(key.Line, key.Column)
		i.err = &Error{Line: at, Column: column, Path: PathString(path),
			Msg: fmt.Sprintf("this key and the one in line %d are the same in JSON; which of them counts is left to chance", line)}
		return
	}
	i.note(DuplicateKey, key, "%s is set twice, first in line %d: kubectl takes the last value, strict parsers refuse the document",
		PathString(path), line)
}

// overridden notes a merge key that stands behind keys which it sets again: the parser behind kubectl lets whatever comes
// last win, YAML 1.2 readers let the explicit key win.
func (i *inspector) overridden(merged *yaml.Node, seen map[string]keySeen, path []any) {
	sources := []*yaml.Node{merged}
	if merged.Kind == yaml.SequenceNode {
		sources = merged.Content
	}
	for _, s := range sources {
		if s.Kind == yaml.AliasNode {
			s = s.Alias
		}
		if s == nil || s.Kind != yaml.MappingNode {
			continue
		}
		for k := 0; k+1 < len(s.Content); k += 2 {
			text, _, ok := keyText(s.Content[k])
			if first, explicit := seen[text]; ok && explicit {
				i.note(Divergent, merged, "%s: the merge key replaces the value of line %d for kubectl and not for readers of YAML 1.2",
					PathString(append(slices.Clone(path), text)), i.doc.Line+first.node.Line-1)
			}
		}
	}
}

// PathString writes a path as Kubernetes field paths are written.
func PathString(path []any) string {
	var b []byte
	for _, e := range path {
		switch e := e.(type) {
		case int:
			b = append(strconv.AppendInt(append(b, '['), int64(e), 10), ']')
		case string:
			if isIdentifier(e) {
				if len(b) > 0 {
					b = append(b, '.')
				}
				b = append(b, e...)
			} else {
				b = append(strconv.AppendQuote(append(b, '['), e), ']')
			}
		}
	}
	if len(b) == 0 {
		return "document"
	}
	return string(b)
}

func isIdentifier(s string) bool {
	for _, c := range s {
		if !(c == '_' || c == '-' || c == '/' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9') {
			return false
		}
	}
	return s != ""
}
