package yamlx

import (
	"bytes"
	"encoding/json"
	"fmt"

	kjson "sigs.k8s.io/json"

	"github.com/nist190/nist190/internal/rawjson"
)

// decodeJSON checks a document that is a JSON value for keys that are set twice. The last one counts: kubectl reads
// objects into maps.
func (d Document) decodeJSON(v Value, lim Limits) (Value, error) {
	if rawjson.Deeper(d.Text, lim.depth()) {
		return Value{}, d.tooDeep(lim)
	}
	v.JSON = d.Text
	s := repeats{doc: d, at: cursor{text: d.Text, line: d.Line, column: d.Column}}
	s.value(0, nil)
	if len(s.notes) == 0 {
		return v, nil
	}
	v.Notes = append(v.Notes[:len(v.Notes):len(v.Notes)], s.notes...)
	// Written anew without the repeats: a decoder into structs would merge the two values.
	var value any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(d.Text, &value); err != nil {
		return Value{}, &Error{Line: d.Line, Column: d.Column, Msg: "a value that JSON does not have"}
	}
	var err error
	if v.JSON, err = json.Marshal(value); err != nil {
		return Value{}, &Error{Line: d.Line, Column: d.Column, Msg: "a value that JSON does not have"}
	}
	return v, nil
}

// repeats looks for keys that an object has twice.
type repeats struct {
	doc   Document
	at    cursor
	notes []Note
}

// value looks into the value at off and returns the offset behind it.
func (s *repeats) value(off int, path []any) int {
	off = rawjson.SkipSpace(s.doc.Text, off)
	path = path[:len(path):len(path)]
	switch {
	case off < len(s.doc.Text) && s.doc.Text[off] == '{':
		return s.object(off, path)
	case off < len(s.doc.Text) && s.doc.Text[off] == '[':
		n := -1
		return rawjson.EachElement(s.doc.Text, off, func(value int) int {
			n++
			return s.value(value, append(path, n))
		})
	}
	return max(rawjson.SkipValue(s.doc.Text, off), off+1)
}

func (s *repeats) object(off int, path []any) int {
	seen := make(map[string]int, 8)
	return rawjson.EachMember(s.doc.Text, off, func(key rawjson.Span, value int) int {
		name := rawjson.Unquote(s.doc.Text[key[0]:key[1]])
		if first, twice := seen[name]; twice {
			s.at.advance(key[0])
			s.notes = append(s.notes, Note{Kind: DuplicateKey, Line: s.at.line, Column: s.at.column,
				Msg: fmt.Sprintf("%s is set twice, first in line %d: kubectl takes the last value, strict parsers refuse the document",
					PathString(append(path, name)), s.lineOf(first))})
		}
		seen[name] = key[0]
		return s.value(value, append(path, name))
	})
}

func (s *repeats) lineOf(off int) int {
	return s.doc.Line + bytes.Count(s.doc.Text[:off], []byte("\n"))
}
