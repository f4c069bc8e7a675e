package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/nist190/nist190"
)

// JSONOptions are those of [JSON] and [NDJSON].
type JSONOptions struct {
	// OmitRun leaves out what differs between two runs over equal input: times, and the size of the inventory. What is
	// left is byte for byte the same.
	OmitRun bool
	// Indent is white space to indent with; empty writes one line. NDJSON ignores it.
	Indent string
}

// JSON writes the whole report as one document of [Schema]. It holds one finding at a time in memory.
func JSON(w io.Writer, rep *nist190.Report, o JSONOptions) error {
	s := newJSONStream(w, o.Indent)
	s.begin(struct {
		header
		summary
	}{headerOf(rep, o.OmitRun), summaryOf(rep)}, "checks", 0)
	for i := range rep.Checks {
		c := &rep.Checks[i]
		s.separate(i == 0, 2)
		s.begin(checkOf(c), "findings", 2)
		for j := range c.Findings {
			if s.err != nil {
				return s.err
			}
			s.separate(j == 0, 4)
			s.write(s.encode(findingOf(&c.Findings[j]), 4))
		}
		s.end(len(c.Findings) == 0, 2)
	}
	s.end(len(rep.Checks) == 0, 0)
	s.write([]byte("\n"))
	return s.flush()
}

// jsonStream writes objects whose last field is a list, element by element. The first error stays.
type jsonStream struct {
	w      *bufio.Writer
	buf    bytes.Buffer
	enc    *json.Encoder
	indent string
	err    error
}

func newJSONStream(w io.Writer, indent string) *jsonStream {
	s := &jsonStream{w: bufio.NewWriterSize(w, 64<<10), indent: indent}
	s.enc = json.NewEncoder(&s.buf)
	s.enc.SetEscapeHTML(false)
	return s
}

func (s *jsonStream) write(b []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
}

func (s *jsonStream) flush() error {
	if s.err == nil {
		s.err = s.w.Flush()
	}
	return s.err
}

// encode is valid until the next call.
func (s *jsonStream) encode(v any, level int) []byte {
	s.buf.Reset()
	if s.indent != "" {
		s.enc.SetIndent(strings.Repeat(s.indent, level), s.indent)
	}
	if err := s.enc.Encode(v); err != nil && s.err == nil {
		s.err = err
	}
	return bytes.TrimRight(s.buf.Bytes(), "\n")
}

// begin writes head but for its closing brace, and the name of the list.
func (s *jsonStream) begin(head any, list string, level int) {
	b := bytes.TrimSuffix(s.encode(head, level), []byte("}"))
	s.write(bytes.TrimRight(b, " \t\r\n"))
	s.write([]byte(","))
	s.breakLine(level + 1)
	s.write([]byte(`"` + list + `":`))
	if s.indent != "" {
		s.write([]byte(" "))
	}
	s.write([]byte("["))
}

func (s *jsonStream) separate(first bool, level int) {
	if !first {
		s.write([]byte(","))
	}
	s.breakLine(level)
}

// end closes the list and the object that begin opened.
func (s *jsonStream) end(empty bool, level int) {
	if !empty {
		s.breakLine(level + 1)
	}
	s.write([]byte("]"))
	s.breakLine(level)
	s.write([]byte("}"))
}

func (s *jsonStream) breakLine(level int) {
	if s.indent != "" {
		s.write([]byte("\n" + strings.Repeat(s.indent, level)))
	}
}
