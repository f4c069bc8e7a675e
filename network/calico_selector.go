package network

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// calicoSelector is an expression of Calico's selector language
// (https://docs.tigera.io/calico/latest/reference/resources/networkpolicy#selectors, libcalico-go/lib/selector). Where a
// label is not known, what rests on it is open.
type calicoSelector struct {
	text string
	keys []string // of the labels that it looks at
	eval calicoTerm
}

type calicoTerm func(*calicoThing) truth

// calicoThing is what a selector is asked of: an endpoint, a set of addresses, or their namespace.
type calicoThing struct {
	label func(key string) (string, truth)
	// global is set for the namespace of what has none: global() is it, and all() is every other.
	global bool
}

func (s *calicoSelector) matches(t calicoThing) truth { return s.eval(&t) }

func not(t truth) truth { return yes - t }

// calicoDepth bounds the nesting of parentheses, which costs stack.
const calicoDepth = 100

// parseCalico reads a selector; the empty one is all(). namespaces is set for selectors of namespaces, the only ones that
// may say global().
func parseCalico(text string, namespaces bool) (*calicoSelector, error) {
	p := &calicoParser{rest: text, namespaces: namespaces}
	p.space()
	if p.rest == "" {
		p.rest = "all()"
	}
	eval, err := p.or(0)
	if err == nil && p.rest != "" {
		err = fmt.Errorf("unexpected %q", abridge(p.rest))
	}
	if err != nil {
		return nil, fmt.Errorf("selector %q: %w", abridge(text), err)
	}
	return &calicoSelector{text, p.keys, eval}, nil
}

func abridge(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

type calicoParser struct {
	rest       string
	keys       []string
	namespaces bool
}

func (p *calicoParser) space() { p.rest = strings.TrimLeft(p.rest, " \t") }

// take consumes a word and the space behind it.
func (p *calicoParser) take(word string) bool {
	rest, ok := strings.CutPrefix(p.rest, word)
	if ok {
		p.rest = rest
		p.space()
	}
	return ok
}

// both consumes two words, or none.
func (p *calicoParser) both(first, second string) bool {
	before := p.rest
	if p.take(first) && p.take(second) {
		return true
	}
	p.rest = before
	return false
}

func (p *calicoParser) or(depth int) (calicoTerm, error) {
	return p.chain("||", func() (calicoTerm, error) { return p.and(depth) }, func(terms []calicoTerm) calicoTerm {
		return func(t *calicoThing) truth {
			out := no
			for _, x := range terms {
				out = max(out, x(t))
			}
			return out
		}
	})
}

func (p *calicoParser) and(depth int) (calicoTerm, error) {
	return p.chain("&&", func() (calicoTerm, error) { return p.operation(depth) }, func(terms []calicoTerm) calicoTerm {
		return func(t *calicoThing) truth {
			out := yes
			for _, x := range terms {
				out = min(out, x(t))
			}
			return out
		}
	})
}

func (p *calicoParser) chain(operator string, next func() (calicoTerm, error), join func([]calicoTerm) calicoTerm) (calicoTerm, error) {
	var terms []calicoTerm
	for {
		term, err := next()
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
		if !p.take(operator) {
			break
		}
	}
	if len(terms) == 1 {
		return terms[0], nil
	}
	return join(terms), nil
}

// operation is a comparison, a call or an expression in parentheses, behind any number of negations.
func (p *calicoParser) operation(depth int) (calicoTerm, error) {
	negated := false
	for p.take("!") {
		negated = !negated
	}
	term, err := p.operand(depth)
	if err == nil && negated {
		inner := term
		term = func(t *calicoThing) truth { return not(inner(t)) }
	}
	return term, err
}

func (p *calicoParser) operand(depth int) (calicoTerm, error) {
	switch {
	case p.take("("):
		if depth >= calicoDepth {
			return nil, errors.New("it is nested too deeply")
		}
		term, err := p.or(depth + 1)
		return term, p.closing(err)
	case p.take("has("):
		key, err := p.key()
		return func(t *calicoThing) truth { _, has := t.label(key); return has }, p.closing(err)
	case p.take("all("):
		namespaces := p.namespaces
		return func(t *calicoThing) truth { return truthOf(!namespaces || !t.global) }, p.closing(nil)
	case p.take("global("):
		if !p.namespaces {
			return nil, errors.New("global() is about namespaces")
		}
		return func(t *calicoThing) truth { return truthOf(t.global) }, p.closing(nil)
	}
	key, err := p.key()
	if err != nil {
		return nil, err
	}
	return p.comparison(key)
}

func (p *calicoParser) closing(err error) error {
	if err == nil && !p.take(")") {
		return errors.New("expected )")
	}
	return err
}

func (p *calicoParser) key() (string, error) {
	n := strings.IndexFunc(p.rest, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_./-", r))
	})
	if n < 0 {
		n = len(p.rest)
	}
	if n == 0 {
		return "", fmt.Errorf("expected a label at %q", abridge(p.rest))
	}
	key := p.rest[:n]
	p.rest = p.rest[n:]
	p.space()
	if !slices.Contains(p.keys, key) {
		p.keys = append(p.keys, key)
	}
	return key, nil
}

// comparison: != and not in hold for what lacks the label.
func (p *calicoParser) comparison(key string) (calicoTerm, error) {
	one := func(lacking truth, holds func(value, want string) bool) (calicoTerm, error) {
		want, err := p.literal()
		return compare(key, lacking, func(value string) bool { return holds(value, want) }), err
	}
	several := func(lacking truth) (calicoTerm, error) {
		set, err := p.set()
		return compare(key, lacking, func(value string) bool { return slices.Contains(set, value) != (lacking == yes) }), err
	}
	switch {
	case p.take("=="):
		return one(no, func(value, want string) bool { return value == want })
	case p.take("!="):
		return one(yes, func(value, want string) bool { return value != want })
	case p.take("contains"):
		return one(no, strings.Contains)
	case p.both("starts", "with"):
		return one(no, strings.HasPrefix)
	case p.both("ends", "with"):
		return one(no, strings.HasSuffix)
	case p.both("not", "in"):
		return several(yes)
	case p.take("in"):
		return several(no)
	}
	return nil, fmt.Errorf("expected an operator after %q", abridge(key))
}

func compare(key string, lacking truth, holds func(value string) bool) calicoTerm {
	return func(t *calicoThing) truth {
		value, has := t.label(key)
		switch has {
		case yes:
			return truthOf(holds(value))
		case no:
			return lacking
		}
		return maybe
	}
}

// literal is a string in single or double quotes. There are no escapes.
func (p *calicoParser) literal() (string, error) {
	if p.rest == "" || p.rest[0] != '"' && p.rest[0] != '\'' {
		return "", fmt.Errorf("expected a string at %q", abridge(p.rest))
	}
	value, rest, ok := strings.Cut(p.rest[1:], p.rest[:1])
	if !ok {
		return "", errors.New("a string does not end")
	}
	p.rest = rest
	p.space()
	return value, nil
}

func (p *calicoParser) set() ([]string, error) {
	if !p.take("{") {
		return nil, fmt.Errorf("expected a set at %q", abridge(p.rest))
	}
	var out []string
	for !p.take("}") {
		value, err := p.literal()
		if err != nil {
			return nil, err
		}
		out = append(out, value)
		if !p.take(",") && !strings.HasPrefix(p.rest, "}") {
			return nil, errors.New("expected }")
		}
	}
	return out, nil
}
