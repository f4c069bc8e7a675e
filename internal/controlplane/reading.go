package controlplane

import "time"

// reading reads several flags of one process for one answer. What the answer rests on is what all of them do: where one is
// not known, neither is the answer.
type reading struct {
	r     *replica
	basis Basis
	begun bool
}

func (x *reading) add(b Basis) {
	if x.begun {
		b = x.basis.also(&b)
	}
	x.basis, x.begun = b, true
}

func (x *reading) text(name string) string {
	a := x.r.text(name)
	x.add(a.Basis)
	return a.Value
}

func (x *reading) boolean(name string) bool {
	a := x.r.boolean(name)
	x.add(a.Basis)
	return a.Value
}

func (x *reading) number(name string) int {
	a := x.r.number(name)
	x.add(a.Basis)
	return a.Value
}

func (x *reading) duration(name string) time.Duration {
	a := x.r.duration(name)
	x.add(a.Basis)
	return a.Value
}

func (x *reading) list(name string) []string {
	a := x.r.list(name)
	x.add(a.Basis)
	return a.Value
}

func (x *reading) lines(name string) []string {
	a := x.r.lines(name)
	x.add(a.Basis)
	return a.Value
}
