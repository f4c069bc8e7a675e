package yamlx

import (
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Positions maps the fields of a document to lines and columns of its file. It holds keys and no values, so that it may be
// kept for documents whose text may not. Safe for concurrent use.
type Positions struct{ root *branch }

// branch is a mapping or a sequence; scalars are leaves without one.
type branch struct {
	line, column int32
	fields       []field   // of a mapping in the order of the text, or the items of a sequence
	merged       []*branch // what merge keys bring in
	list         bool
}

type field struct {
	key          string
	line, column int32 // of the key, or of the item
	value        *branch
}

// Positions parses the document once more, into its syntax tree: about 70 percent of the cost of its values.
func (d Document) Positions() (*Positions, error) {
	if d.JSON {
		return d.jsonPositions(), nil
	}
	root, err := d.nodes()
	if err != nil {
		return nil, d.syntaxError(err)
	}
	g := grower{doc: d, anchors: map[*yaml.Node]*branch{}}
	b := g.grow(root)
	if b == nil {
		line, column := d.place(root.Line, root.Column)
		b = &branch{line: int32(line), column: int32(column)}
	}
	return &Positions{root: b}, nil
}

type grower struct {
	doc     Document
	anchors map[*yaml.Node]*branch
}

// grow gives the branch of n, nil for scalars. An alias is the branch of its anchor, so that a self-reference is a cycle
// of pointers and costs nothing.
func (g *grower) grow(n *yaml.Node) *branch {
	if n.Kind == yaml.AliasNode {
		return g.anchors[n.Alias]
	}
	if n.Kind != yaml.MappingNode && n.Kind != yaml.SequenceNode {
		return nil
	}
	b := &branch{list: n.Kind == yaml.SequenceNode}
	line, column := g.doc.place(n.Line, n.Column)
	b.line, b.column = int32(line), int32(column)
	if n.Anchor != "" {
		g.anchors[n] = b
	}
	if b.list {
		b.fields = make([]field, 0, len(n.Content))
		for _, c := range n.Content {
			line, column := g.doc.place(c.Line, c.Column)
			b.fields = append(b.fields, field{"", int32(line), int32(column), g.grow(c)})
		}
		return b
	}
	b.fields = make([]field, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if isMerge(key) {
			b.merge(g.grow(value))
			continue
		}
		if text, _, ok := keyText(key); ok {
			line, column := g.doc.place(key.Line, key.Column)
			f := field{text, int32(line), int32(column), g.grow(value)}
			if text != key.Value && key.Kind == yaml.ScalarNode { // y, on, 1.50: found as written, too
				as := f
				as.key = key.Value
				b.fields = append(b.fields, as)
			}
			b.fields = append(b.fields, f)
		}
	}
	return b
}

func (b *branch) merge(source *branch) {
	switch {
	case source == nil:
	case source.list: // earlier sources win
		for _, f := range source.fields {
			if f.value != nil {
				b.merged = append(b.merged, f.value)
			}
		}
	default:
		b.merged = append(b.merged, source)
	}
}

// At returns the place of a field: of its key, or of the item of a list. Path elements are strings and ints. Where the path
// does not exist, the nearest ancestor that does answers and exact is false.
func (p *Positions) At(path ...any) (line, column int, exact bool) {
	at := field{line: p.root.line, column: p.root.column, value: p.root}
	for _, e := range path {
		steps := maxMerges
		next, ok := at.value.child(e, &steps)
		if !ok {
			return int(at.line), int(at.column), false
		}
		at = next
	}
	return int(at.line), int(at.column), true
}

// maxMerges bounds the merge keys that a look-up follows: they may lead back to themselves, and to each other in ever
// more ways.
const maxMerges = 256

func (b *branch) child(e any, merges *int) (field, bool) {
	if b == nil || *merges < 0 {
		return field{}, false
	}
	key, isKey := e.(string)
	if i, ok := e.(int); ok {
		if b.list {
			if i < 0 || i >= len(b.fields) {
				return field{}, false
			}
			return b.fields[i], true
		}
		key, isKey = strconv.Itoa(i), true
	}
	if !isKey || b.list {
		return field{}, false
	}
	for _, f := range slices.Backward(b.fields) { // the last one counts
		if f.key == key {
			return f, true
		}
	}
	for _, m := range b.merged {
		*merges--
		if f, ok := m.child(e, merges); ok {
			return f, true
		}
	}
	return field{}, false
}
