package manifest

import (
	"bytes"

	"github.com/nist190/nist190/internal/rawjson"
	"github.com/nist190/nist190/internal/yamlx"
)

// itemText is where an item of a list stands: a text of its own, and its path in it.
type itemText struct {
	text *text
	path []any
}

// itemTexts cuts the text of a list at the top of a document into its n items, so that a field of one object can be found
// without parsing a dump of a whole cluster. It returns nil where that is not plainly possible; the document as a whole
// then answers.
func (d *document) itemTexts(list entry, n int) []itemText {
	var parts []yamlx.Document
	switch {
	case n == 0 || list.depth > 0:
	case d.doc.JSON:
		parts = d.jsonItems()
	default:
		parts = d.yamlItems()
	}
	if len(parts) != n || n == 0 {
		return nil
	}
	out := make([]itemText, n)
	for i, p := range parts {
		t := &text{doc: p}
		d.texts = append(d.texts, t)
		out[i].text = t
		if !p.JSON { // the part is a list of one item
			out[i].path = []any{0}
		}
	}
	return out
}

func (d *document) jsonItems() []yamlx.Document {
	var parts []yamlx.Document
	text := d.doc.Text
	at, line, column := 0, d.doc.Line, d.doc.Column
	for part := range rawjson.ItemsOf(text) {
		for n := bytes.IndexByte(text[at:part[0]], '\n'); n >= 0; n = bytes.IndexByte(text[at:part[0]], '\n') {
			at += n + 1
			line, column = line+1, 1
		}
		column += part[0] - at
		at = part[0]
		parts = append(parts, yamlx.Document{Text: bytes.Clone(text[part[0]:part[1]]), Line: line, Column: column, JSON: true})
	}
	return parts
}

// yamlItems finds the lines at which the items of a block list begin: those that begin with "- " at the column of the
// first. What is inside of an item is indented deeper. With aliases the items are not independent of each other.
func (d *document) yamlItems() []yamlx.Document {
	text := d.doc.Text
	if bytes.IndexByte(text, '&') >= 0 && bytes.IndexByte(text, '*') >= 0 || bytes.IndexByte(text, '\r') >= 0 {
		return nil
	}
	var parts []yamlx.Document
	seen, indent, begin, beginLine := false, -1, 0, 0
	flush := func(end int) {
		if indent >= 0 {
			parts = append(parts, yamlx.Document{Text: text[begin:end:end], Line: beginLine, Column: 1})
		}
	}
	off := 0
	for line := d.doc.Line; off < len(text); line++ {
		end := bytes.IndexByte(text[off:], '\n') + off + 1
		if end == off {
			end = len(text)
		}
		l := text[off:end]
		content := bytes.TrimLeft(l, " ")
		column := len(l) - len(content)
		content = bytes.TrimRight(content, " \n")
		dash := len(content) > 0 && content[0] == '-' && (len(content) == 1 || content[1] == ' ')
		switch {
		case !seen:
			seen = column == 0 && string(content) == "items:"
		case indent < 0 && dash, dash && column == indent:
			flush(off)
			indent, begin, beginLine = column, off, line
		case indent >= 0 && column <= indent && len(content) > 0 && content[0] != '#': // behind the list
			flush(off)
			return parts
		}
		off = end
	}
	flush(len(text))
	return parts
}
