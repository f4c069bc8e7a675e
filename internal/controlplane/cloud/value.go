package cloud

import (
	"fmt"
	"strings"

	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

// Value is what a description says of one thing, and where it says so.
type Value[T any] struct {
	V     T
	Known bool // otherwise V is zero and means nothing
	// Default: nothing is written, and the vendor documents what that means.
	Default bool
	Why     string // why it is not known
	process.Place
}

// unset says what the absence of a field means.
type unset[T any] struct {
	v     T
	known bool
	why   string
}

// means: the vendor documents this value for an absent field.
func means[T any](v T) unset[T] { return unset[T]{v: v, known: true} }

// open: an absent field says nothing.
func open[T any](why string) unset[T] { return unset[T]{why: why} }

type state uint8

const (
	absent  state = iota // not there, or null
	present              // has a value
	unknown              // not there, and a plan cannot tell yet
	broken               // something else than a mapping or a list stands above it
)

// node is a place in a description.
type node struct {
	f     *finder
	v     any
	state state
	place process.Place
	plan  bool // what a plan leaves out is only known once it is applied
}

// at goes down. Names are compared without case where the exact one is not there: the SDKs of AWS and Azure write them in
// another case than their command lines.
func (n node) at(path ...any) node {
	for _, e := range path {
		n = n.child(e)
	}
	return n
}

func (n node) child(e any) node {
	below := node{f: n.f, place: n.place.Field(e), plan: n.plan, state: n.state}
	if n.state != present {
		return below
	}
	var ok bool
	switch e := e.(type) {
	case string:
		m, isMap := n.v.(map[string]any)
		if !isMap {
			n.wrong("a mapping")
			below.state = broken
			return below
		}
		key := e
		if below.v, ok = m[e]; !ok {
			for k, v := range m {
				if strings.EqualFold(k, e) && (!ok || k < key) {
					key, below.v, ok = k, v, true
				}
			}
		}
		below.place = n.place.Field(key)
		switch {
		case ok && below.v != nil:
		case !ok && n.plan:
			below.state = unknown
		default:
			below.state = absent
		}
	case int:
		l, isList := n.v.([]any)
		if !isList {
			n.wrong("a list")
			below.state = broken
			return below
		}
		below.state = absent
		if e < len(l) && l[e] != nil {
			below.v, below.state = l[e], present
		}
	}
	return below
}

// list are the elements of a list.
func (n node) list() []node {
	if n.state != present {
		return nil
	}
	l, ok := n.v.([]any)
	if !ok {
		n.wrong("a list")
		return nil
	}
	out := make([]node, len(l))
	for i := range l {
		out[i] = n.child(i)
	}
	return out
}

// str is the text at a place, empty where there is none.
func (n node) str() string {
	s, _ := n.v.(string)
	return s
}

func (n node) wrong(want string) {
	p := inventory.Problem{Code: inventory.ProblemUndecodable, Origin: n.place.Origin(), Ref: n.place.Object.Ref(),
		Message: fmt.Sprintf("%s: %s where %s is wanted", inventory.PathString(n.place.Path...), kindOf(n.v), want)}
	if last := len(n.f.out.Problems) - 1; last >= 0 && n.f.out.Problems[last] == p {
		return
	}
	n.f.out.Problems = append(n.f.out.Problems, p)
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "text"
	case bool:
		return "true or false"
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	}
	return "a number"
}

const (
	afterApply = "it is known only once the plan is applied"
	spoiled    = "it is not of the type that its vendor documents"
)

// read decodes the value of a place.
func read[T any](n node, u unset[T], want string, decode func(any) (T, bool)) Value[T] {
	out := Value[T]{Place: n.place}
	switch n.state {
	case present:
		if v, ok := decode(n.v); ok {
			out.V, out.Known = v, true
			return out
		}
		n.wrong(want)
		out.Why = spoiled
	case unknown:
		out.Why = afterApply
	case broken:
		out.Why = spoiled
	default:
		out.V, out.Known, out.Default, out.Why = u.v, u.known, u.known, u.why
	}
	return out
}

func boolean(n node, u unset[bool]) Value[bool] {
	return read(n, u, "true or false", func(v any) (bool, bool) {
		switch v {
		case "true": // of YAML that was written by hand
			return true, true
		case "false":
			return false, true
		}
		b, ok := v.(bool)
		return b, ok
	})
}

func text(n node, u unset[string]) Value[string] {
	return read(n, u, "text", func(v any) (string, bool) {
		s, ok := v.(string)
		return s, ok
	})
}

func texts(n node, u unset[[]string]) Value[[]string] {
	return read(n, u, "a list of texts", func(v any) ([]string, bool) {
		l, ok := v.([]any)
		if !ok {
			return nil, false
		}
		out := make([]string, 0, len(l))
		for _, e := range l {
			s, ok := e.(string)
			if !ok {
				return nil, false
			}
			out = append(out, s)
		}
		return out, true
	})
}

// isThere reports whether a block is written at all.
func isThere(n node) Value[bool] {
	out := Value[bool]{Place: n.place, Known: true, V: true}
	switch l, isList := n.v.([]any); {
	case n.state == unknown:
		out.V, out.Known, out.Why = false, false, afterApply
	case n.state == broken:
		out.V, out.Known, out.Why = false, false, spoiled
	case n.state == absent, isList && len(l) == 0:
		out.V, out.Default = false, true
	}
	return out
}

// then derives a value from another.
func then[A, B any](a Value[A], f func(A) B) Value[B] {
	out := Value[B]{Known: a.Known, Default: a.Default, Why: a.Why, Place: a.Place}
	if a.Known {
		out.V = f(a.V)
	}
	return out
}

func not(a Value[bool]) Value[bool] { return then(a, func(b bool) bool { return !b }) }

// either is a logical or: known where one is known to be true, or both are known.
func either(a, b Value[bool]) Value[bool] {
	switch {
	case a.Known && a.V:
		return a
	case b.Known && b.V:
		return b
	case !a.Known:
		return a
	case !b.Known:
		return b
	case a.Default && !b.Default:
		return b
	}
	return a
}

func unclear[T any](why string, at process.Place) Value[T] { return Value[T]{Why: why, Place: at} }
