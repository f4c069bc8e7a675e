package yamlx

import (
	"bytes"
	"iter"
)

// Document is one document of a stream.
type Document struct {
	Text         []byte // a part of what was split, or a copy where it had to be changed
	Index        int    // among the documents that are not empty, from 0
	Offset       int    // of Text in what was split, in bytes
	Line, Column int    // of Text in what was split, from 1; the column counts characters
	JSON         bool   // Text is one valid JSON value
	Notes        []Note // where appliers disagree on what the documents are
	dashes       []int  // offsets in Text of lines that begin with --- and are no separator
}

// Split cuts text, as returned by [Text], into documents. Documents without content are left out.
//
// A separator is "---" followed by white space or the end of a line; what follows on that line belongs to the document
// that it opens. "..." ends a document, directives belong to the document that follows. A document that is a stream of
// JSON values gives one document per value. Every document can be parsed alone, so that a broken one costs itself.
//
// The result is the superset of what appliers see: a document that kubectl would not reach (pkg/util/yaml/decoder.go of
// apimachinery: after "...", behind a carriage return, behind content on the separator line) is returned with a note.
func Split(text []byte) iter.Seq[Document] {
	return func(yield func(Document) bool) {
		s := splitter{text: text, line: 1, yield: yield, breaks: findBreaks(text)}
		s.begin(0, 1, false)
		for off := 0; off < len(text) && !s.stopped; {
			end, next, br := s.breaks.line(text, off)
			s.nextLine = s.line
			if br != unicodeBreak {
				s.nextLine++
			}
			s.take(off, end, next)
			off, s.line, s.hidden = next, s.nextLine, br != newline
		}
		s.flush(len(text))
	}
}

type splitter struct {
	text     []byte
	breaks   breaks
	line     int  // number of the line that is looked at
	nextLine int  // number of the one behind it
	hidden   bool // the line before ended in a break that kubectl does not see
	yield    func(Document) bool

	start, startLine    int
	content, directives bool
	afterEnd            bool // the document began after "..."
	notes               []Note
	dashes              []int
	stopped             bool
	count               int
}

func (s *splitter) begin(off, line int, afterEnd bool) {
	s.start, s.startLine, s.afterEnd = off, line, afterEnd
	s.content, s.directives, s.notes, s.dashes = false, false, nil, nil
}

func (s *splitter) note(msg string) {
	s.notes = append(s.notes, Note{Kind: Divergent, Line: s.line, Column: 1, Msg: msg})
}

// take looks at the line text[off:end], whose successor begins at next.
func (s *splitter) take(off, end, next int) {
	line := s.text[off:end]
	if s.content && (len(line) == 0 || line[0] != '-' && line[0] != '.' && line[0] != bom[0]) {
		return
	}
	marked := bytes.HasPrefix(line, bom)
	bare := bytes.TrimPrefix(line, bom)
	switch {
	case isMarker(bare, "---"):
		s.separator(off, next, bare[3:], marked && s.content)
	case isMarker(bare, "..."):
		s.flush(off)
		s.begin(next, s.nextLine, true)
	case bytes.HasPrefix(bare, []byte("---")):
		s.dashes = append(s.dashes, off-s.start)
		s.markContent()
	case s.content || isBlank(bare):
	case bare[0] == '%':
		s.directives = true
	default:
		s.markContent()
	}
}

func (s *splitter) markContent() {
	s.content = true
	if s.afterEnd {
		s.note(`text after "..." without "---": kubectl drops this document, other tools apply it`)
	}
}

func (s *splitter) separator(off, next int, rest []byte, marked bool) {
	hidden := s.hidden && off > 0
	rest = bytes.TrimSpace(rest)
	inline := len(rest) > 0 && rest[0] != '#'
	if s.directives && !s.content {
		// The directives and this separator open one document. kubectl takes the directives for a document of their own.
		s.note("a YAML directive: kubectl refuses it")
		s.content = inline
		s.directives, s.afterEnd = false, false
		return
	}
	s.flush(off)
	if inline {
		s.begin(off, s.line, false)
		s.content = true
		s.note(`content on the line of a "---": kubectl refuses the rest of this file, other tools apply it`)
	} else {
		s.begin(next, s.nextLine, false)
	}
	if hidden || marked {
		s.note(`kubectl does not see the "---" on this line and drops this document, other tools apply it`)
	}
}

// flush hands out the document that ends at end.
func (s *splitter) flush(end int) {
	if !s.content || s.stopped {
		return
	}
	d := Document{Text: s.text[s.start:end:end], Offset: s.start, Line: s.startLine, Column: 1, Notes: s.notes, dashes: s.dashes}
	d.dropVersion()
	for part := range jsonValues(d) {
		part.Index = s.count
		s.count++
		if !s.yield(part) {
			s.stopped = true
			return
		}
	}
}

// dropVersion turns %YAML directives into comments: the parser of sigs.k8s.io/yaml knows version 1.1 only and refuses
// documents that declare 1.2.
func (d *Document) dropVersion() {
	if i := bytes.Index(d.Text, []byte("%YAML")); i < 0 || !isBlankLines(d.Text[:i]) {
		return
	}
	d.Text = bytes.Clone(d.Text)
	for off := 0; off < len(d.Text); {
		line := d.Text[off:]
		if bytes.HasPrefix(line, []byte("---")) {
			return
		}
		if bytes.HasPrefix(line, []byte("%YAML")) {
			line[0] = '#'
		}
		n := bytes.IndexAny(line, "\r\n")
		if n < 0 {
			return
		}
		off += n + 1
	}
}

func isMarker(line []byte, marker string) bool {
	if !bytes.HasPrefix(line, []byte(marker)) {
		return false
	}
	return len(line) == 3 || line[3] == ' ' || line[3] == '\t'
}

// isBlank reports whether a line holds nothing but white space or a comment.
func isBlank(line []byte) bool {
	t := bytes.TrimLeft(line, " \t\uFEFF")
	return len(t) == 0 || t[0] == '#'
}

// isBlankLines is isBlank for every line, with directives allowed.
func isBlankLines(text []byte) bool {
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		if line = bytes.TrimSpace(line); !isBlank(line) && line[0] != '%' {
			return false
		}
	}
	return true
}
