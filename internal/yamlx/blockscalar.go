package yamlx

import "bytes"

// scalar reads the rest of the current line as a scalar, or as an empty or flat flow collection, and goes to the next
// line. The collection around it stands at the column.
func (b *block) scalar(column int) bool {
	line := b.text[b.at:b.end]
	switch line[0] {
	case '|':
		return b.literal(column, line)
	case '"', '\'':
		n, ok := b.quoted(line)
		if !ok || !isRest(line[n:]) {
			return false
		}
	case '[', '{':
		n, ok := b.flow(line, 0)
		if !ok || !isRest(line[n:]) {
			return false
		}
	default:
		if i := bytes.Index(line, []byte(" #")); i >= 0 {
			line = bytes.TrimRight(line[:i], " ")
		}
		if (line[0] == '-' || line[0] == ':' || line[0] == '?') && len(line) > 1 && line[1] != ' ' {
			// an indicator without a blank behind it may begin a scalar
		} else if startsOdd(line[0]) {
			return false
		}
		if line[len(line)-1] == ':' || bytes.Contains(line, []byte(": ")) || !b.plain(line) {
			return false
		}
	}
	b.next()
	return b.eof || b.indent <= column // else the scalar goes on
}

// isRest reports whether nothing but a comment follows.
func isRest(rest []byte) bool {
	t := bytes.TrimLeft(rest, " ")
	return len(t) == 0 || t[0] == '#' && len(t) < len(rest)
}

// plain writes a plain scalar as what it resolves to.
func (b *block) plain(s []byte) bool {
	if c := s[0]; c|0x20 >= 'a' && c|0x20 <= 'z' && len(s) > 5 { // longer than any word that is no string
		b.out = b.text2json(s)
		return true
	}
	r := resolve(string(s))
	switch {
	case r.kind == str:
		b.out = b.text2json(s)
	case r.kind == number && !r.exact, r.kind == boolean && isOldBool(string(s)):
		return false
	default:
		b.out = append(b.out, r.text...)
	}
	return true
}

// quoted writes the quoted scalar at the start of line and returns its length.
func (b *block) quoted(line []byte) (n int, ok bool) {
	if line[0] == '\'' {
		return b.singleQuoted(line)
	}
	for n = 1; n < len(line) && line[n] != '"'; n++ {
		if line[n] == '\\' {
			if n+1 == len(line) || bytes.IndexByte([]byte(`nrtbf"\`), line[n+1]) < 0 {
				return 0, false
			}
			n++ // the same escape in JSON, which has \/ besides
		}
	}
	if n >= len(line) {
		return 0, false
	}
	b.out = append(b.out, line[:n+1]...)
	return n + 1, true
}

// singleQuoted is quoted for single quotes, of which two stand for one.
func (b *block) singleQuoted(line []byte) (n int, ok bool) {
	b.out = append(b.out, '"')
	for n = 1; ; n += 2 {
		end := bytes.IndexByte(line[n:], '\'')
		if end < 0 {
			return 0, false
		}
		b.out = appendEscaped(b.out, line[n:n+end])
		if n += end; n+1 == len(line) || line[n+1] != '\'' {
			b.out = append(b.out, '"')
			return n + 1, true
		}
		b.out = append(b.out, '\'')
	}
}

// literal reads a block "|", "|-" or "|+" without an indentation indicator.
func (b *block) literal(column int, header []byte) bool {
	chomp := string(header[1:])
	if chomp != "" && chomp != "-" && chomp != "+" {
		return false
	}
	indent := -1
	var lines [][]byte
	filled := 0 // lines up to the last that is not empty
	for b.after < len(b.text) {
		end := b.after + bytes.IndexByte(b.text[b.after:], '\n')
		line := b.text[b.after:end]
		text := bytes.TrimLeft(line, " ")
		if indent < 0 && len(line) > 0 {
			if len(text) == 0 {
				return false // blanks before the first line take part in the indentation
			}
			if indent = len(line) - len(text); indent <= column {
				return false
			}
		}
		if len(text) > 0 && len(line)-len(text) < indent {
			break
		}
		b.after = end + 1
		if len(line) <= indent || indent < 0 {
			lines = append(lines, nil)
			continue
		}
		lines = append(lines, line[indent:])
		filled = len(lines)
	}
	if filled == 0 {
		return false
	}
	if chomp != "+" {
		lines = lines[:filled]
	}
	b.out = append(b.out, '"')
	for i, line := range lines {
		b.out = appendEscaped(b.out, line)
		if i < len(lines)-1 || chomp != "-" {
			b.out = append(b.out, `\n`...)
		}
	}
	b.out = append(b.out, '"')
	b.next()
	return b.eof || b.indent <= column
}

// text2json appends printable text as a JSON string.
func (b *block) text2json(s []byte) []byte {
	return append(appendEscaped(append(b.out, '"'), s), '"')
}

func appendEscaped(out, s []byte) []byte {
	if bytes.IndexByte(s, '"') < 0 && bytes.IndexByte(s, '\\') < 0 {
		return append(out, s...)
	}
	for _, c := range s {
		if c == '"' || c == '\\' {
			out = append(out, '\\')
		}
		out = append(out, c)
	}
	return out
}
