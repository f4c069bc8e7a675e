package yamlx

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	kjson "sigs.k8s.io/json"

	"github.com/nist190/nist190/internal/rawjson"
)

// Unmarshal reads a configuration file of this module into a struct, strictly: one document, no unknown field, no key
// twice, no value of another type, nothing that YAML parsers disagree on. Every fault is an [*Error] with file, line and
// column, several are joined. An empty file leaves into as it is.
func Unmarshal(name string, data []byte, into any) error {
	err := unmarshal(data, into)
	if err == nil {
		return nil
	}
	var joined interface{ Unwrap() []error }
	list := []error{err}
	if errors.As(err, &joined) {
		list = joined.Unwrap()
	}
	for _, e := range list {
		var at *Error
		if errors.As(e, &at) {
			at.File = name
		}
	}
	return err
}

func unmarshal(data []byte, into any) error {
	text, err := Text(data)
	if err != nil {
		return &Error{Msg: err.Error(), err: err}
	}
	var docs []Document
	for d := range Split(text) {
		if docs = append(docs, d); len(docs) > 1 {
			return &Error{Line: d.Line, Column: d.Column, Msg: "a second document; this file must have one"}
		}
	}
	if len(docs) == 0 {
		return nil
	}
	d := docs[0]
	v, err := d.Decode(Limits{})
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range v.Notes {
		errs = append(errs, &Error{Line: n.Line, Column: n.Column, Msg: n.Msg})
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	strict, err := kjson.UnmarshalStrict(v.JSON, into)
	if err != nil {
		strict = []error{err}
	}
	if len(strict) == 0 {
		return nil
	}
	positions, err := d.Positions()
	if err != nil {
		positions = &Positions{root: &branch{line: int32(d.Line), column: int32(d.Column)}}
	}
	for _, s := range strict {
		errs = append(errs, fault(s, v.JSON, positions))
	}
	slices.SortStableFunc(errs, func(a, b error) int {
		x, y := a.(*Error), b.(*Error)
		if x.Line != y.Line {
			return x.Line - y.Line
		}
		return x.Column - y.Column
	})
	return errors.Join(errs...)
}

// fault places an error of the JSON decoder.
func fault(err error, data []byte, positions *Positions) *Error {
	e := &Error{}
	var path []any
	var wrongType *json.UnmarshalTypeError
	var inField kjson.FieldError
	switch {
	case errors.As(err, &wrongType):
		path, e.Msg = WrongType(wrongType, data)
	case errors.As(err, &inField):
		path, e.Msg = StrictFault(inField)
	default:
		e.Msg = strings.TrimPrefix(err.Error(), "json: ")
	}
	if len(path) > 0 {
		e.Path = PathString(path)
	}
	e.Line, e.Column, _ = positions.At(path...)
	return e
}

// WrongType says which field of data has a value of another type than the decoder wanted, without the value.
func WrongType(err *json.UnmarshalTypeError, data []byte) (path []any, msg string) {
	value, _, _ := strings.Cut(err.Value, " ") // "number 1.5" quotes the input
	msg = fmt.Sprintf("%s where %s is wanted", article(value), describe(err.Type.Kind().String()))
	if err.Offset > 0 {
		return pathAt(data, int(err.Offset)), msg
	}
	return parsePath(err.Field), msg // the error of a type that decodes itself
}

// StrictFault says which field is unknown or set twice.
func StrictFault(err kjson.FieldError) (path []any, msg string) {
	if strings.HasPrefix(err.Error(), "duplicate") {
		return parsePath(err.FieldPath()), "set twice"
	}
	return parsePath(err.FieldPath()), "unknown field"
}

func describe(kind string) string {
	switch {
	case kind == "struct" || kind == "map":
		return "a mapping"
	case kind == "slice" || kind == "array":
		return "a list"
	case strings.HasPrefix(kind, "int") || strings.HasPrefix(kind, "uint"):
		return "a whole number"
	case strings.HasPrefix(kind, "float"):
		return "a number"
	case kind == "bool":
		return "true or false"
	}
	return "a " + kind
}

func article(value string) string {
	switch value {
	case "object":
		return "a mapping"
	case "array":
		return "a list"
	case "bool":
		return "true or false"
	}
	return "a " + value
}

// pathAt is the path of the innermost value that holds the offset, which the JSON decoder reports behind the value.
func pathAt(data []byte, off int) []any {
	var path []any
	var visit func(value int) int
	enter := func(value int, e any) int {
		end := rawjson.SkipValue(data, value)
		if value < off && off <= end {
			path = append(path, e)
			visit(value)
			return -1
		}
		return end
	}
	visit = func(value int) int {
		if value >= len(data) {
			return value
		}
		switch data[value] {
		case '{':
			return rawjson.EachMember(data, value, func(key rawjson.Span, v int) int { return enter(v, rawjson.Unquote(data[key[0]:key[1]])) })
		case '[':
			n := -1
			return rawjson.EachElement(data, value, func(v int) int { n++; return enter(v, n) })
		}
		return value
	}
	visit(0)
	return path
}

// parsePath reads the paths of sigs.k8s.io/json: a.b[0].c.
func parsePath(s string) []any {
	var path []any
	for part := range strings.SplitSeq(s, ".") {
		name, rest, indexed := strings.Cut(part, "[")
		if name != "" {
			path = append(path, name)
		}
		for indexed {
			var n int
			var index string
			index, rest, _ = strings.Cut(rest, "]")
			if _, err := fmt.Sscanf(index, "%d", &n); err == nil {
				path = append(path, n)
			}
			_, rest, indexed = strings.Cut(rest, "[")
		}
	}
	return path
}
