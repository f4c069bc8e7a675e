// Package plain makes text harmless that people other than the reader wrote: names, annotations, messages that quote
// them. Control characters, ANSI escapes, bidirectional overrides, invisible characters and invalid UTF-8 are written as
// Go would quote them, so that they can be seen and do nothing.
package plain

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line makes s one harmless line.
func Line(s string) string { return clean(s, false) }

// Text makes s harmless and keeps its line breaks. Tabs become spaces.
func Text(s string) string { return clean(s, true) }

func clean(s string, multiline bool) string {
	i := 0
	for i < len(s) && s[i] >= ' ' && s[i] < 0x7f {
		i++
	}
	if i == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	b.WriteString(s[:i])
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case multiline && r == '\r' && strings.HasPrefix(s[i+1:], "\n"):
			// Written with the line feed that follows.
		case multiline && r == '\t':
			b.WriteString("    ")
		case unicode.IsPrint(r), multiline && r == '\n':
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += n
	}
	return b.String()
}
