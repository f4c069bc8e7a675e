package yamlx

import "bytes"

// suspicion is what a pass over the bytes cannot exclude. It decides whether the syntax tree has to be built, which costs
// as much again as the values do; it may suspect too much (prose, scripts), never too little.
type suspicion struct {
	aliases bool // an alias
	words   bool // a plain scalar that is a boolean in YAML 1.1 only
	keys    bool // a key that is not a string
}

func (s suspicion) any() bool { return s.aliases || s.words || s.keys }

// scan finds scalars that begin where a token can begin: after an indicator or at the start of a line.
func scan(text []byte) (s suspicion) {
	anchors := false // without one an alias is an error and nothing more
	start := true    // a token can begin here
	for i := 0; i < len(text); i++ {
		if !start { // within a token nothing matters but what can end it
			for i < len(text) && !endsToken[text[i]] {
				i++
			}
			if i == len(text) {
				break
			}
		}
		switch c := text[i]; c {
		case ' ', '\t':
		case '\n', '\r', '[', '{', ',', ':':
			start = true
		case '-', '?':
			if start && i+1 < len(text) && !isSpace(text[i+1]) {
				s.keys = s.keys || c == '-' && isKey(text[i:])
				start = false
			}
		case '&', '!':
			if start { // a property of the node that follows it
				anchors = anchors || c == '&'
				for i+1 < len(text) && !isSpace(text[i+1]) && !isFlow(text[i+1]) {
					i++
				}
			}
		case '*':
			if start && i+1 < len(text) && !isSpace(text[i+1]) {
				s.aliases = true
			}
			start = false
		case 'y', 'Y', 'n', 'N', 'o', 'O', 't', 'T', 'f', 'F', '~', '.', '+', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			if start {
				start = false
				if n := wordLength(text[i:]); n > 0 && endsScalar(text[i+n:]) {
					s.words = true
				} else if isKey(text[i:]) {
					s.keys = true
				}
			}
		default:
			start = false
			switch c { // the lead bytes of NEL, of LS and PS, and of the byte order mark
			case 0xC2:
				start = true
				i++
			case 0xE2, 0xEF:
				start = true
				i += 2
			}
		}
	}
	s.aliases = s.aliases && anchors
	return s
}

// endsToken are the bytes that scan looks at within a token: those after which one can begin, and the lead bytes of others.
var endsToken = func() (t [256]bool) {
	for _, c := range "\n\r[{,:" {
		t[c] = true
	}
	t[0xC2], t[0xE2], t[0xEF] = true, true, true
	return t
}()

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isFlow(c byte) bool { return c == ',' || c == '[' || c == ']' || c == '{' || c == '}' }

// wordLength is the length of a YAML 1.1 boolean that YAML 1.2 does not know, at the start of text.
func wordLength(text []byte) int {
	n := 0
	for n < len(text) && n < 4 && (text[n]|0x20 >= 'a' && text[n]|0x20 <= 'z') {
		n++
	}
	if n < 4 && isOldBool(string(text[:n])) {
		return n
	}
	return 0
}

// endsScalar reports whether a plain scalar can end before text.
func endsScalar(text []byte) bool {
	t := bytes.TrimLeft(text, " \t")
	if len(t) == 0 {
		return true
	}
	switch t[0] {
	case '\n', '\r', ',', ']', '}', ':', 0xC2, 0xE2:
		return true
	}
	return t[0] == '#' && len(t) < len(text)
}

// isKey reports whether text begins with a short word that is a key and could be a number, a boolean or null.
func isKey(text []byte) bool {
	for i, c := range text {
		switch {
		case c == ':' && i > 0 && (i+1 == len(text) || isSpace(text[i+1]) || isFlow(text[i+1])):
			return resolve(string(text[:i])).kind != str
		case isSpace(c):
			return len(bytes.TrimLeft(text[i:], " \t")) > 0 && bytes.TrimLeft(text[i:], " \t")[0] == ':' && resolve(string(text[:i])).kind != str
		case i > 64 || isFlow(c):
			return false
		}
	}
	return false
}
