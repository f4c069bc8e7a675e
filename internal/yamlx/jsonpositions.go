package yamlx

import "github.com/nist190/nist190/internal/rawjson"

// jsonPositions reads the places off the text itself: JSON may be indented with tabs and may escape what YAML may not.
func (d Document) jsonPositions() *Positions {
	g := jsonGrower{data: d.Text, at: cursor{text: d.Text, line: d.Line, column: d.Column}}
	b, _ := g.grow(rawjson.SkipSpace(d.Text, 0))
	if b == nil {
		b = &branch{line: int32(d.Line), column: int32(d.Column)}
	}
	return &Positions{root: b}
}

type jsonGrower struct {
	data []byte
	at   cursor
}

// grow gives the branch of the value at off, nil for scalars, and the offset behind it.
func (g *jsonGrower) grow(off int) (*branch, int) {
	if off >= len(g.data) || g.data[off] != '{' && g.data[off] != '[' {
		return nil, max(rawjson.SkipValue(g.data, off), off+1)
	}
	g.at.advance(off)
	b := &branch{line: int32(g.at.line), column: int32(g.at.column), list: g.data[off] == '['}
	if b.list {
		return b, rawjson.EachElement(g.data, off, func(value int) int { return g.field(b, "", value, value) })
	}
	return b, rawjson.EachMember(g.data, off, func(key rawjson.Span, value int) int {
		return g.field(b, rawjson.Unquote(g.data[key[0]:key[1]]), key[0], value)
	})
}

func (g *jsonGrower) field(b *branch, key string, off, value int) int {
	g.at.advance(off)
	f := field{key: key, line: int32(g.at.line), column: int32(g.at.column)}
	var end int
	f.value, end = g.grow(value)
	b.fields = append(b.fields, f)
	return end
}
