package controlplane

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

// Knowledge says how a value is known.
type Knowledge uint8

const (
	// Unknown is the zero value: the evidence does not tell. The answer has a Reason.
	Unknown Knowledge = iota
	// Default: nobody sets it, so that the component takes what its version takes.
	Default
	// Installed: nobody wrote it down, the installer sets it by itself.
	Installed
	// Explicit: it is written down, or the component reports it.
	Explicit
	// Asserted: the vendor of a managed control plane documents it.
	Asserted
)

func (k Knowledge) String() string {
	return [...]string{"unknown", "default", "installed", "explicit", "asserted"}[min(k, Asserted)]
}

// Answer is what one replica, node or description says.
type Answer[T any] struct {
	Value T // meaningful unless Unknown
	Basis
}

// Basis is what an answer rests on.
type Basis struct {
	Known Knowledge
	// Replica is the node or pod that the answer is of; empty where the evidence speaks for all.
	Replica string
	// Reason says why the value is Unknown, or what an answer rests on beyond its places.
	Reason string
	// Wanted names the evidence that would tell: a file of the component's world, or a kind of document.
	Wanted []string
	// Version is the one whose default it is; zero where all supported versions agree and none is known.
	Version inventory.Version
	// Places are where it was written, the most telling first. A default has that of the process.
	Places []process.Place
	// Strength is what the evidence proves; a default is inferred.
	Strength inventory.Strength
	// Source is the kind of description, for people.
	Source string
}

// OK reports whether the value is known.
func (b Basis) OK() bool { return b.Known != Unknown }

// Origin is the first place; zero where there is none.
func (b Basis) Origin() inventory.Origin {
	if len(b.Places) == 0 {
		return inventory.Origin{}
	}
	return b.Places[0].Origin()
}

// How says in words how the value is known, for messages.
func (b Basis) How() string {
	switch b.Known {
	case Unknown, Asserted:
		return b.Reason
	case Default:
		if b.Version == (inventory.Version{}) {
			return "the default of every supported version"
		}
		return "the default of Kubernetes " + b.Version.String()
	case Installed:
		return "set by the installer (" + b.Source + ")"
	}
	if at := b.Origin(); !at.IsZero() {
		return "set at " + at.String()
	}
	return "set in " + b.Source
}

// Value is the answer of a component: what all replicas agree on. Where they do not, it is Unknown and Replicas has what
// each says, so that a check that looks for one bad replica finds it with Find.
type Value[T any] struct {
	Answer[T]
	Replicas []Answer[T] // at least one where any evidence of the component was found
}

// Diverges reports replicas with different values.
func (v Value[T]) Diverges() bool {
	for i := range v.Replicas {
		for j := range i {
			if r, s := &v.Replicas[i], &v.Replicas[j]; r.OK() && s.OK() && !same(r.Value, s.Value) {
				return true
			}
		}
	}
	return false
}

// Find lists the known answers whose value is as asked for: one replica without authentication is enough to get in.
func (v Value[T]) Find(is func(T) bool) []Answer[T] {
	var out []Answer[T]
	for _, r := range v.Replicas {
		if r.OK() && is(r.Value) {
			out = append(out, r)
		}
	}
	if len(v.Replicas) == 0 && v.OK() && is(v.Value) { // asserted by a vendor
		out = append(out, v.Answer)
	}
	return out
}

// same compares what two replicas say. A type may leave out what each has for itself, such as its address.
func same(a, b any) bool {
	if c, ok := a.(interface{ same(any) bool }); ok {
		return c.same(b)
	}
	return reflect.DeepEqual(a, b)
}

func unknown(reason string, wanted ...string) Basis { return Basis{Reason: reason, Wanted: wanted} }

// from derives one answer from another, unless that is unknown.
func from[B, A any](a Answer[A], f func(A) B) Answer[B] {
	out := Answer[B]{Basis: a.Basis}
	if a.OK() {
		out.Value = f(a.Value)
	}
	return out
}

// parsed is from where the text may be none of the type; its component then refuses to start.
func parsed[B any](a Answer[string], c process.Component, what string, f func(string) (B, error)) Answer[B] {
	out := Answer[B]{Basis: a.Basis}
	if !a.OK() {
		return out
	}
	var err error
	if out.Value, err = f(a.Value); err != nil {
		out.Basis = a.refused(c, "the value of --"+what+" is none")
	}
	return out
}

// refused is the basis of an answer about a component that does not start: what runs is not what is written.
func (b Basis) refused(c process.Component, reason string) Basis {
	u := unknown(fmt.Sprintf("%s: %s refuses to start", reason, c))
	u.Places, u.Replica, u.Source = b.Places, b.Replica, b.Source
	return u
}

// also is b, unless the other is not known: then neither is b. An answer that is made of several flags is known as its best
// part is, and has the places of all that were written down.
func (b Basis) also(o *Basis) Basis {
	switch {
	case !b.OK():
		return b
	case !o.OK():
		return *o
	case o.Known != Explicit:
		return b
	case b.Known != Explicit:
		b.Known, b.Places, b.Version = o.Known, nil, o.Version
	}
	b.Places = append(b.Places[:len(b.Places):len(b.Places)], o.Places...)
	b.Strength = max(b.Strength, o.Strength)
	return b
}

// settle is what all replicas agree on.
func settle(said []saying) Basis {
	for _, s := range said {
		if !s.OK() {
			return s.Basis
		}
	}
	out := said[0].Basis
	for _, s := range said[1:] {
		if !same(s.value, said[0].value) {
			u := unknown(divergence(said))
			for _, s := range said {
				u.Places = append(u.Places, s.Places...)
			}
			return u
		}
		out.Strength = min(out.Strength, s.Strength)
		if s.Known < out.Known {
			out.Known, out.Version = s.Known, s.Version
		}
		out.Replica = ""
	}
	return out
}

func divergence(said []saying) string {
	var b strings.Builder
	b.WriteString("the replicas disagree: ")
	for i, a := range said {
		if i > 0 {
			b.WriteString("; ")
		}
		name := a.Replica
		if name == "" {
			name = a.Source
		}
		b.WriteString(name + ", " + a.How())
	}
	return b.String()
}
