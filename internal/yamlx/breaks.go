package yamlx

import "bytes"

// breaks says which line breaks occur in a text. YAML 1.1 knows \n, \r, \r\n, NEL, LS and PS (yamlprivateh.go, is_break);
// kubectl's splitter knows \n and \r\n only, so that the others hide separators from it.
type breaks struct{ cr, unicode bool }

type lineBreak uint8

const (
	newline      lineBreak = iota // \n, \r\n or the end of the text
	carriage                      // \r alone
	unicodeBreak                  // NEL, LS, PS: no line to an editor
)

func findBreaks(text []byte) breaks {
	return breaks{
		cr:      bytes.IndexByte(text, '\r') >= 0,
		unicode: bytes.Contains(text, []byte("\u0085")) || bytes.Contains(text, []byte("\u2028")) || bytes.Contains(text, []byte("\u2029")),
	}
}

// line returns the end of the line that begins at off, and where the next one begins.
func (b breaks) line(text []byte, off int) (end, next int, br lineBreak) {
	end, next = len(text), len(text)
	if n := bytes.IndexByte(text[off:], '\n'); n >= 0 {
		end, next = off+n, off+n+1
	}
	if b.cr {
		if n := bytes.IndexByte(text[off:end], '\r'); n >= 0 {
			if off+n+1 == end && next > end { // \r\n
				end--
			} else {
				end, next, br = off+n, off+n+1, carriage
			}
		}
	}
	if b.unicode {
		for _, c := range []string{"\u0085", "\u2028", "\u2029"} {
			if n := bytes.Index(text[off:end], []byte(c)); n >= 0 {
				end, next, br = off+n, off+n+len(c), unicodeBreak
			}
		}
	}
	return end, next, br
}
