package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	kjson "sigs.k8s.io/json"

	"github.com/nist190/nist190/internal/yamlx"
)

// A Fault is what is wrong with a field of a document. It never quotes a value.
type Fault struct {
	Path []any // of field names and indexes; empty for the document
	Line int   // in the text that was read, from 1; 0 for documents given as JSON
	Msg  string
}

func (f *Fault) Error() string {
	var b strings.Builder
	if f.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", f.Line)
	}
	if len(f.Path) > 0 {
		b.WriteString(f.Field() + ": ")
	}
	b.WriteString(f.Msg)
	return b.String()
}

// Field is the path as upstream's errors write it: jwt[0].issuer.url. What looks like no name is not written: a quote that is
// missing makes a value a part of one.
func (f *Fault) Field() string {
	path := slices.Clone(f.Path)
	for i, e := range path {
		if s, ok := e.(string); ok && !isName(s) {
			path[i] = "…"
		}
	}
	return yamlx.PathString(path)
}

// isName tells names of fields, labels and files from other text.
func isName(s string) bool {
	return len(s) <= 253 && strings.IndexFunc(s, func(c rune) bool {
		return !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./", c))
	}) < 0
}

// faults tells what the JSON decoder found. Its own texts, and those of the types that decode themselves, may quote the
// input; only the kind of the fault and the field are kept.
func faults(data []byte, errs ...error) []*Fault {
	var out []*Fault
	for _, err := range errs {
		var inField kjson.FieldError
		var fault *Fault
		var wrongType *json.UnmarshalTypeError
		switch {
		case errors.As(err, &fault):
			out = append(out, fault)
		case errors.As(err, &wrongType):
			path, msg := yamlx.WrongType(wrongType, data)
			switch wrongType.Type {
			case reflect.TypeFor[Duration]():
				msg = "no duration, such as 1m30s"
			case reflect.TypeFor[Secret]():
				msg = "no text"
			}
			out = append(out, &Fault{Path: path, Msg: msg})
		case errors.As(err, &inField):
			path, msg := yamlx.StrictFault(inField)
			out = append(out, &Fault{Path: path, Msg: msg})
		default:
			out = append(out, &Fault{Msg: "no valid JSON, or a value that its field does not take"})
		}
	}
	return out
}

// nested is the fault of a value inside a document.
func nested(data []byte, err error, path []any) *Fault {
	f := faults(data, err)[0]
	f.Path = at(path, f.Path...)
	return f
}

// problems collects faults below a path.
type problems []*Fault

func (p *problems) add(msg string, path ...any) { *p = append(*p, &Fault{Path: path, Msg: msg}) }

// at is a path with more behind it, in memory of its own.
func at(path []any, more ...any) []any { return append(path[:len(path):len(path)], more...) }
