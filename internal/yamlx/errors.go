package yamlx

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Error is a fault in a text, with its place.
type Error struct {
	File         string // empty where the caller knows it
	Line, Column int    // from 1; 0 where it is not known
	Path         string // of the field, such as rules[0].name; empty for faults of syntax
	Msg          string
	err          error
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ":")
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, "%d:", e.Column)
		}
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Msg)
	return b.String()
}

// Unwrap gives ErrLimit for documents over a limit.
func (e *Error) Unwrap() error { return e.err }

var lineInError = regexp.MustCompile(`^line (\d+): `)

// syntaxError places an error of a YAML parser in the file and drops what it quotes of the input: the texts of the
// scanner and the parser are constants, those of the decoder are not (go.yaml.in/yaml/v2 decode.go, failf).
func (d Document) syntaxError(err error) *Error {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	line := d.Line
	if m := lineInError.FindStringSubmatch(msg); m != nil {
		n, _ := strconv.Atoi(m[1])
		line += max(n, 1) - 1
		msg = msg[len(m[0]):]
	}
	e := &Error{Line: line, Msg: msg}
	for _, k := range []struct{ prefix, msg string }{
		{"unknown anchor", "an alias names an anchor that the document does not have"},
		{"anchor '", "an anchor contains itself"},
		{"cannot decode", "a scalar does not fit its tag"},
		{"invalid map key", "a key is a mapping or a list, which JSON does not have"},
		{"unsupported map key", "a key is null or a large number, which JSON does not have"},
		{"json: unsupported value", "infinity or not-a-number, which JSON does not have"},
		{"unmarshal errors", "a value does not have the type that its tag demands"},
		{"document contains excessive aliasing", "excessive aliasing"},
		{"json: ", "a value that JSON does not have"},
	} {
		if strings.HasPrefix(msg, k.prefix) {
			e.Msg = k.msg
			break
		}
	}
	if strings.Contains(msg, "exceeded max depth") || strings.Contains(msg, "excessive aliasing") {
		e.err = ErrLimit
	}
	if i := strings.IndexAny(e.Msg, "`\n"); i >= 0 { // nothing quotes with it but the decoder
		e.Msg = e.Msg[:i]
	}
	return e
}
