package yamlx

import (
	"bytes"
	"encoding/json"
	"io"
	"iter"
	"unicode/utf8"

	"github.com/nist190/nist190/internal/rawjson"
)

// jsonValues cuts a document that is a stream of JSON values ({..}{..}, one value per line, or a single value) into one
// document per value. What is not JSON is returned as it came: YAML has flow mappings that begin alike.
//
// kubectl reads a stream of JSON values only at the start of a file (YAMLOrJSONDecoder); behind a separator it drops all
// but the first value.
func jsonValues(d Document) iter.Seq[Document] {
	return func(yield func(Document) bool) {
		head := bytes.TrimLeft(d.Text, " \t\r\n\uFEFF")
		if len(head) == 0 || head[0] != '{' && head[0] != '[' {
			yield(d)
			return
		}
		base := len(d.Text) - len(head)
		at := cursor{text: d.Text, line: d.Line, column: d.Column}
		dec := json.NewDecoder(bytes.NewReader(head))
		for n := 0; ; n++ {
			var raw json.RawMessage
			err := dec.Decode(&raw)
			if err == io.EOF {
				return
			}
			begin := base + int(dec.InputOffset()) - len(raw)
			if err != nil {
				if n == 0 {
					yield(d)
					return
				}
				if begin = rawjson.SkipSpace(d.Text, base+int(dec.InputOffset())); isBlankLines(d.Text[begin:]) {
					return
				}
			}
			at.advance(begin)
			part := Document{Text: raw, Offset: d.Offset + begin, Line: at.line, Column: at.column, JSON: err == nil}
			if err != nil {
				part.Text = d.Text[begin:]
			}
			switch {
			case n == 0:
				part.Notes = d.Notes
			case d.Offset > 0:
				part.Notes = []Note{{Kind: Divergent, Line: at.line, Column: at.column,
					Msg: "a second JSON value without a separator: kubectl drops it, other tools apply it"}}
			}
			if !yield(part) || err != nil {
				return
			}
		}
	}
}

// cursor follows the line and column of an offset that only grows.
type cursor struct {
	text              []byte
	off, line, column int
}

func (c *cursor) advance(to int) {
	for c.off < to {
		n := bytes.IndexByte(c.text[c.off:to], '\n')
		if n < 0 {
			c.column += utf8.RuneCount(c.text[c.off:to])
			c.off = to
			return
		}
		c.off += n + 1
		c.line++
		c.column = 1
	}
}
