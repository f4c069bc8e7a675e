package yamlx

import (
	"bytes"
	"unicode/utf8"
)

// blockToJSON reads the plain part of YAML that nearly all manifests keep to: block mappings and sequences, scalars on one
// line, literal blocks. ok is false for anything else, valid or not, which is then left to sigs.k8s.io/yaml. Where
// it is true, the value is the one that YAMLToJSON gives: a fuzz test and the corpus compare them; and there is nothing
// that parsers disagree on. It is some ten times as fast, and this is most of the time that loading takes.
//
// The rules are those of scannerc.go and parserc.go of go.yaml.in/yaml/v2: a block collection has the column of its first
// token, a sequence may stand at the column of the key that it is the value of, a scalar ends with its line unless the
// next line is indented deeper than the collection around it.
func blockToJSON(text []byte) (out []byte, ok bool) {
	if bytes.Contains(text, []byte("\r\n")) { // one line break to YAML, also in literal blocks
		text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	}
	if len(text) == 0 || text[len(text)-1] != '\n' || !isSimple(text) {
		return nil, false
	}
	b := block{text: text, out: make([]byte, 0, len(text)+len(text)/4)}
	b.next()
	if b.eof || !b.node(-1, 0) || !b.eof {
		return nil, false
	}
	return b.out, true
}

// isSimple admits printable characters and line feeds, but none that is a line break to YAML alone.
func isSimple(text []byte) bool {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= 0x20 && c <= 0x7E || c == '\n' {
			continue
		}
		if c < utf8.RuneSelf {
			return false
		}
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case n == 1, r < 0xA0, r == '\u2028', r == '\u2029', r == '\uFEFF', r == '\uFFFE', r == '\uFFFF':
			return false
		}
		i += n - 1
	}
	return true
}

const maxBlockDepth, maxBlockKeys = 100, 256

// block reads line by line. The current line, without its indentation and what was read of it, is text[at:end].
type block struct {
	text []byte
	out  []byte
	keys [][]byte // of the mappings that are open

	indent, at, end int
	after           int // offset of the line behind the current one
	eof             bool
}

// next goes to the next line that is neither blank nor a comment.
func (b *block) next() {
	for b.after < len(b.text) {
		start := b.after
		end := start + bytes.IndexByte(b.text[start:], '\n')
		b.after = end + 1
		at := start
		for at < end && b.text[at] == ' ' {
			at++
		}
		if at == end || b.text[at] == '#' {
			continue
		}
		for b.text[end-1] == ' ' {
			end--
		}
		b.indent, b.at, b.end = at-start, at, end
		return
	}
	b.eof = true
}

// node reads the collection that begins at the current line, inside a collection at column parent.
func (b *block) node(parent, depth int) bool {
	switch {
	case depth > maxBlockDepth, b.indent <= parent, b.isMarker():
		return false
	case b.isEntry():
		return b.sequence(b.indent, depth)
	}
	return b.mapping(depth)
}

// isMarker reports lines that mean something to a stream of documents.
func (b *block) isMarker() bool {
	if b.indent > 0 {
		return false
	}
	line := b.text[b.at:b.end]
	return line[0] == '%' || bytes.HasPrefix(line, []byte("---")) || bytes.HasPrefix(line, []byte("..."))
}

// isEntry reports a line that begins with "- ".
func (b *block) isEntry() bool {
	return b.text[b.at] == '-' && (b.at+1 == b.end || b.text[b.at+1] == ' ')
}

func (b *block) sequence(column, depth int) bool {
	b.out = append(b.out, '[')
	for n := 0; !b.eof && b.indent == column && b.isEntry(); n++ {
		if n > 0 {
			b.out = append(b.out, ',')
		}
		at := b.at + 1
		for at < b.end && b.text[at] == ' ' {
			at++
		}
		if at == b.end || b.text[at] == '#' {
			if !b.below(column, depth, false) {
				return false
			}
			continue
		}
		b.indent += at - b.at
		b.at = at
		if _, _, isKey := b.key(); isKey || b.isEntry() {
			if !b.node(column, depth+1) {
				return false
			}
		} else if !b.scalar(column) {
			return false
		}
	}
	b.out = append(b.out, ']')
	return true
}

func (b *block) mapping(depth int) bool {
	column := b.indent
	base := len(b.keys)
	b.out = append(b.out, '{')
	for n := 0; !b.eof && b.indent == column; n++ {
		key, at, ok := b.key()
		if !ok || b.isMarker() || n == maxBlockKeys || b.has(base, key) {
			return false // a key that is set twice is looked at by others
		}
		b.keys = append(b.keys, key)
		if n > 0 {
			b.out = append(b.out, ',')
		}
		b.out = append(b.text2json(key), ':')
		for at < b.end && b.text[at] == ' ' {
			at++
		}
		if at == b.end || b.text[at] == '#' {
			if !b.below(column, depth, true) {
				return false
			}
			continue
		}
		b.at = at
		if !b.scalar(column) {
			return false
		}
	}
	b.keys = b.keys[:base]
	b.out = append(b.out, '}')
	return b.eof || b.indent < column
}

func (b *block) has(base int, key []byte) bool {
	for _, k := range b.keys[base:] {
		if bytes.Equal(k, key) {
			return true
		}
	}
	return false
}

// below reads the value that stands on the lines below its key or dash: a collection, or nothing at all.
func (b *block) below(column, depth int, ofKey bool) bool {
	b.next()
	switch {
	case !b.eof && b.indent > column:
		return b.node(column, depth+1)
	case !b.eof && ofKey && b.indent == column && b.isEntry():
		return depth < maxBlockDepth && !b.isMarker() && b.sequence(column, depth+1)
	}
	b.out = append(b.out, "null"...)
	return true
}

// key reads "key:" at the start of the current line and returns the key and where its value begins. Keys are single words
// or quoted, and strings.
func (b *block) key() (key []byte, value int, ok bool) {
	line := b.text[b.at:b.end]
	if line[0] == '"' || line[0] == '\'' {
		n := bytes.IndexByte(line[1:], line[0]) + 1
		if n <= 0 || n > 512 || bytes.IndexByte(line[1:n], '\\') >= 0 || !endsKey(line[n+1:]) {
			return nil, 0, false
		}
		return line[1:n], b.at + n + 2, true
	}
	for i, c := range line {
		switch {
		case c == ':' && endsKey(line[i:]):
			if i == 0 || i > 512 || startsOdd(line[0]) || resolve(string(line[:i])).kind != str {
				return nil, 0, false
			}
			return line[:i], b.at + i + 1, true
		case !isKeyByte(c):
			return nil, 0, false
		}
	}
	return nil, 0, false
}

func endsKey(rest []byte) bool {
	return len(rest) > 0 && rest[0] == ':' && (len(rest) == 1 || rest[1] == ' ')
}

func isKeyByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' || c == '/' || c == ':'
}

// startsOdd reports bytes that a plain scalar cannot begin with, or not always.
func startsOdd(c byte) bool { return bytes.IndexByte([]byte("-?:,[]{}#&*!|>'\"%@`"), c) >= 0 }
