// Package jsonstream writes JSON documents of any length: objects whose last field is a list, element by element.
package jsonstream

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// Stream writes objects whose last field is a list, element by element. The first error stays.
type Stream struct {
	w      *bufio.Writer
	buf    bytes.Buffer
	enc    *json.Encoder
	indent string
	err    error
}

// New writes to w. Empty indent writes one line.
func New(w io.Writer, indent string) *Stream {
	s := &Stream{w: bufio.NewWriterSize(w, 64<<10), indent: indent}
	s.enc = json.NewEncoder(&s.buf)
	s.enc.SetEscapeHTML(false)
	return s
}

// Err is the first error.
func (s *Stream) Err() error { return s.err }

// Write writes raw bytes.
func (s *Stream) Write(b []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
}

// Flush writes what is buffered, and returns the first error.
func (s *Stream) Flush() error {
	if s.err == nil {
		s.err = s.w.Flush()
	}
	return s.err
}

// Encode returns v as JSON, valid until the next call.
func (s *Stream) Encode(v any, level int) []byte {
	s.buf.Reset()
	if s.indent != "" {
		s.enc.SetIndent(strings.Repeat(s.indent, level), s.indent)
	}
	if err := s.enc.Encode(v); err != nil && s.err == nil {
		s.err = err
	}
	return bytes.TrimRight(s.buf.Bytes(), "\n")
}

// Begin writes the object head but for its closing brace, and the name of its last field, a list. Head must have a field.
func (s *Stream) Begin(head any, list string, level int) {
	b := bytes.TrimSuffix(s.Encode(head, level), []byte("}"))
	s.Write(bytes.TrimRight(b, " \t\r\n"))
	s.Write([]byte(","))
	s.BreakLine(level + 1)
	s.Write([]byte(`"` + list + `":`))
	if s.indent != "" {
		s.Write([]byte(" "))
	}
	s.Write([]byte("["))
}

// Separate comes before every element of a list.
func (s *Stream) Separate(first bool, level int) {
	if !first {
		s.Write([]byte(","))
	}
	s.BreakLine(level)
}

// End closes the list and the object that Begin opened.
func (s *Stream) End(empty bool, level int) {
	if !empty {
		s.BreakLine(level + 1)
	}
	s.Write([]byte("]"))
	s.BreakLine(level)
	s.Write([]byte("}"))
}

// BreakLine breaks the line where the document is indented.
func (s *Stream) BreakLine(level int) {
	if s.indent != "" {
		s.Write([]byte("\n" + strings.Repeat(s.indent, level)))
	}
}
