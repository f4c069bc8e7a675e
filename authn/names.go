package authn

import (
	"regexp"
	"slices"
	"strings"
)

// Possible says whether something can be.
type Possible uint8

const (
	// Impossible is certain.
	Impossible Possible = iota
	// Perhaps: an expression decides it that is not evaluated here.
	Perhaps
	Certain
)

func (p Possible) String() string { return [...]string{"no", "maybe", "yes"}[min(p, Certain)] }

// Names are the usernames or the groups that a way in can give somebody. The zero value is none.
type Names struct {
	patterns []pattern
	within   []string // prefixes, of which rules ask each
	// noSystem: rules refuse names that begin with "system:", which Kubernetes keeps for itself.
	noSystem bool
	// doubt: an expression or a rule is not understood, so that less may be possible than the patterns say.
	doubt bool
}

// pattern is a name, or all names with a prefix.
type pattern struct {
	text string
	open bool // anything may follow
}

// AnyName is every name there is.
func AnyName() Names { return Names{patterns: []pattern{{open: true}}} }

// NamesWith are all names with a prefix.
func NamesWith(prefix string) Names { return Names{patterns: []pattern{{prefix, true}}} }

// TheseNames are these names and no other.
func TheseNames(names ...string) Names {
	var n Names
	for _, s := range names {
		n.patterns = append(n.patterns, pattern{text: s})
	}
	return n
}

// Can reports whether the name can be given.
func (n Names) Can(name string) Possible {
	if n.noSystem && strings.HasPrefix(name, "system:") {
		return Impossible
	}
	for _, prefix := range n.within {
		if !strings.HasPrefix(name, prefix) {
			return Impossible
		}
	}
	for _, p := range n.patterns {
		if p.text == name || p.open && strings.HasPrefix(name, p.text) {
			return n.known()
		}
	}
	return Impossible
}

// CanCollide reports whether a name can be given that Kubernetes keeps for itself: one that begins with "system:".
func (n Names) CanCollide() Possible {
	const system = "system:"
	if n.noSystem {
		return Impossible
	}
	for _, prefix := range n.within {
		if !strings.HasPrefix(prefix, system) && !strings.HasPrefix(system, prefix) {
			return Impossible
		}
	}
	for _, p := range n.patterns {
		if strings.HasPrefix(p.text, system) || p.open && strings.HasPrefix(system, p.text) {
			return n.known()
		}
	}
	return Impossible
}

func (n Names) known() Possible {
	if n.doubt {
		return Perhaps
	}
	return Certain
}

// None reports that no name is given at all.
func (n Names) None() bool { return len(n.patterns) == 0 }

func (n Names) String() string {
	var out []string
	for _, p := range n.patterns {
		text := p.text
		if p.open {
			text += "*"
		}
		out = append(out, text)
	}
	s := strings.Join(out, ", ")
	if s == "" {
		s = "none"
	}
	if n.noSystem {
		s += " but system:*"
	}
	if n.doubt {
		s += " at most"
	}
	return s
}

// mapped are the names of a claim, behind a prefix.
func mapped(claim, expression string, prefix *string) Names {
	switch {
	case expression != "":
		return expressed(expression)
	case claim == "":
		return Names{}
	case prefix != nil:
		return NamesWith(*prefix)
	}
	return AnyName()
}

// expressed reads a CEL expression that gives a name or a list of them, as far as its form tells: claims, literals, their
// concatenation, lists, alternatives and map. Anything else can be every name, in doubt.
func expressed(expression string) Names {
	n := Names{}
	n.patterns, n.doubt = readExpression(expression, "")
	slices.SortFunc(n.patterns, func(a, b pattern) int { return strings.Compare(a.text, b.text) })
	n.patterns = slices.Compact(n.patterns)
	return n
}

var (
	claimPath = regexp.MustCompile(`^claims(\.[A-Za-z_]\w*|\[(?:"[^"]*"|'[^']*'|\d+)\])+$`)
	mapCall   = regexp.MustCompile(`(?s)^(.*)\.map\(\s*([A-Za-z_]\w*)\s*,(.*)\)$`)
)

func readExpression(text, variable string) (out []pattern, doubt bool) {
	text = unwrap(strings.TrimSpace(text))
	if a, b, ok := alternatives(text); ok {
		first, d1 := readExpression(a, variable)
		second, d2 := readExpression(b, variable)
		return append(first, second...), d1 || d2
	}
	if parts := split(text, "+"); len(parts) > 1 {
		prefix := ""
		for _, p := range parts {
			s, ok := literal(unwrap(strings.TrimSpace(p)))
			if !ok {
				return []pattern{{prefix, true}}, prefix == "" && !claimPath.MatchString(strings.TrimSpace(p)) && strings.TrimSpace(p) != variable
			}
			prefix += s
		}
		return []pattern{{text: prefix}}, false
	}
	if s, ok := literal(text); ok {
		return []pattern{{text: s}}, false
	}
	if strings.HasPrefix(text, "[") && closes(text) {
		for _, p := range split(text[1:len(text)-1], ",") {
			if strings.TrimSpace(p) == "" {
				continue
			}
			some, d := readExpression(p, variable)
			out, doubt = append(out, some...), doubt || d
		}
		return out, doubt
	}
	if m := mapCall.FindStringSubmatch(text); m != nil && closes("("+m[3]+")") {
		return readExpression(m[3], m[2])
	}
	return []pattern{{open: true}}, text != variable && !claimPath.MatchString(text)
}

// unwrap takes away parentheses around the whole.
func unwrap(s string) string {
	for strings.HasPrefix(s, "(") && closes(s) {
		s = strings.TrimSpace(s[1 : len(s)-1])
	}
	return s
}

// closes reports whether the bracket that a text begins with is closed by its last character and not before.
func closes(s string) bool {
	depth, last := 0, -1
	for i, c := range outside(s) {
		switch c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 && last < 0 {
				last = i
			}
		}
	}
	return last == len(s)-1
}

// outside are the characters of an expression outside of string literals, by offset.
func outside(s string) func(func(int, byte) bool) {
	return func(yield func(int, byte) bool) {
		for i := 0; i < len(s); i++ {
			if s[i] == '\'' || s[i] == '"' {
				i += literalLength(s[i:]) - 1
				continue
			}
			if !yield(i, s[i]) {
				return
			}
		}
	}
}

func literalLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i + 1
		}
	}
	return len(s)
}

// literal reads a string without escapes.
func literal(s string) (string, bool) {
	if len(s) < 2 || s[0] != '\'' && s[0] != '"' || literalLength(s) != len(s) || s[len(s)-1] != s[0] || strings.Contains(s, `\`) {
		return "", false
	}
	return s[1 : len(s)-1], true
}

// split cuts at an operator that stands outside of brackets and literals.
func split(s, operator string) []string {
	var out []string
	depth, from := 0, 0
	for i, c := range outside(s) {
		switch c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		if depth == 0 && i >= from && strings.HasPrefix(s[i:], operator) {
			out = append(out, s[from:i])
			from = i + len(operator)
		}
	}
	return append(out, s[from:])
}

// alternatives are both ends of "condition ? a : b". A question mark before a field is that of optional values.
func alternatives(s string) (a, b string, ok bool) {
	depth, from := 0, -1
	nested := 0
	for i, c := range outside(s) {
		switch c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		switch {
		case depth != 0:
		case c == '?' && (i == 0 || s[i-1] != '.' && s[i-1] != '['):
			if from >= 0 {
				nested++
			} else {
				from = i + 1
			}
		case c == ':' && from >= 0 && nested > 0:
			nested--
		case c == ':' && from >= 0:
			return s[from:i], s[i+1:], true
		}
	}
	return "", "", false
}

var (
	refuses      = regexp.MustCompile(`^!NAME\.startsWith\(('[^']*')\)$`)
	demands      = regexp.MustCompile(`^NAME\.startsWith\(('[^']*')\)$`)
	refusesAll   = regexp.MustCompile(`^LIST\.all\((\w+),!(\w+)\.startsWith\(('[^']*')\)\)$`)
	refusesNone  = regexp.MustCompile(`^!LIST\.exists\((\w+),(\w+)\.startsWith\(('[^']*')\)\)$`)
	demandsOfAll = regexp.MustCompile(`^LIST\.all\((\w+),(\w+)\.startsWith\(('[^']*')\)\)$`)
)

// limit applies a rule that every login must meet. value is what the rule calls the name, or the list of names; a rule that
// speaks of it in another form than those of the documentation leaves doubt.
func (n *Names) limit(rule, value string) {
	for _, term := range split(rule, "&&") {
		text := compact(unwrap(strings.TrimSpace(term)))
		if !mentions(text, value) {
			continue
		}
		form := strings.ReplaceAll(strings.ReplaceAll(text, value+".all(", "LIST.all("), value+".exists(", "LIST.exists(")
		form = strings.ReplaceAll(form, value+".startsWith(", "NAME.startsWith(")
		if m := refuses.FindStringSubmatch(form); m != nil && n.refuse(m[1]) {
			continue
		}
		if m := demands.FindStringSubmatch(form); m != nil {
			n.within = append(n.within, strings.Trim(m[1], "'"))
			continue
		}
		if m := refusesAll.FindStringSubmatch(form); m != nil && m[1] == m[2] && n.refuse(m[3]) {
			continue
		}
		if m := refusesNone.FindStringSubmatch(form); m != nil && m[1] == m[2] && n.refuse(m[3]) {
			continue
		}
		if m := demandsOfAll.FindStringSubmatch(form); m != nil && m[1] == m[2] {
			n.within = append(n.within, strings.Trim(m[3], "'"))
			continue
		}
		n.doubt = true
	}
}

// refuse: a prefix that "system:" begins with refuses all of those names.
func (n *Names) refuse(quoted string) bool {
	if strings.HasPrefix("system:", strings.Trim(quoted, "'")) {
		n.noSystem = true
		return true
	}
	return false
}

// mentions: user.groups is not user.groupsOf.
func mentions(text, value string) bool {
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, value)
		if !ok {
			return false
		}
		if after == "" || !isWord(after[0]) {
			return true
		}
		rest = after
	}
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// compact takes spaces out, but between words, and writes literals in single quotes.
func compact(s string) string {
	var b strings.Builder
	last := byte('.')
	gap := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			gap = true
			continue
		case c == '\'' || c == '"':
			if gap && isWord(last) {
				b.WriteByte(' ')
			}
			n := literalLength(s[i:])
			b.WriteByte('\'')
			b.WriteString(strings.Trim(s[i:i+n], `'"`))
			b.WriteByte('\'')
			i += n - 1
			last = '\''
		default:
			if gap && isWord(c) && (isWord(last) || last == '\'') {
				b.WriteByte(' ')
			}
			b.WriteByte(c)
			last = c
		}
		gap = false
	}
	return b.String()
}
