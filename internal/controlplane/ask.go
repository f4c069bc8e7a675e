package controlplane

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

// replica is a description of one process, or of all of its kind, that is asked questions.
type replica struct {
	*process.Process
	view    *View
	version Answer[inventory.Version]
	*kubeletOnce
}

// ask puts a question to every replica of a component. A report of single things is heard only where it has something to
// say, unless there is nothing else.
func ask[T any](v *View, c process.Component, question func(*replica) Answer[T]) Value[T] {
	return askAll(v.components[c], question, func() Basis { return v.hidden(c) })
}

func askAll[T any](rs []*replica, question func(*replica) Answer[T], none func() Basis) Value[T] {
	said, basis := hear(rs, func(r *replica) (any, Basis) { a := question(r); return a.Value, a.Basis }, none)
	v := Value[T]{Replicas: make([]Answer[T], len(said))}
	v.Basis = basis
	for i, s := range said {
		v.Replicas[i].Value, _ = s.value.(T)
		v.Replicas[i].Basis = s.Basis
	}
	if v.OK() && len(said) > 0 {
		v.Value = v.Replicas[0].Value
	}
	return v
}

// saying is the answer of one replica.
type saying struct {
	value any
	Basis
}

// hear asks and settles what all of them say. It is apart from askAll since that is compiled for every type of answer.
func hear(rs []*replica, question func(*replica) (any, Basis), none func() Basis) ([]saying, Basis) {
	var loud, silent []saying
	for _, r := range rs {
		var s saying
		s.value, s.Basis = question(r)
		s.Replica = r.Name
		if s.Source == "" {
			s.Source = r.Source
		}
		if r.Partial && !s.OK() {
			silent = append(silent, s)
		} else {
			loud = append(loud, s)
		}
	}
	if len(loud) == 0 {
		loud = silent
	}
	if len(loud) == 0 {
		return nil, none()
	}
	return loud, settle(loud)
}

// text is the value of a flag that holds one.
func (r *replica) text(name string) Answer[string] {
	if f, ok := r.Last(name); ok {
		return r.written(f, f.Value)
	}
	if r.Partial || !r.Complete {
		return Answer[string]{Basis: unknown(cmpOr(r.Incomplete, "not all flags of "+string(r.Component)+" were seen"))}
	}
	return agreed(r, "--"+name, func(minor int) (string, bool) { return flagDefault(r.Component, name, minor) })
}

// isSet reports whether a flag is given at all.
func (r *replica) isSet(name string) bool {
	if r.Effective { // flags that nobody gave are printed as well
		f, ok := r.Last(name)
		return ok && f.Value != ""
	}
	_, ok := r.Last(name)
	return ok
}

func (r *replica) written(f process.Flag, value string) Answer[string] {
	if f.Doubt != "" {
		u := unknown(fmt.Sprintf("the value of --%s is not known: %s", f.Name, f.Doubt))
		u.Places, u.Source = []process.Place{f.Place}, r.Source
		return Answer[string]{Basis: u}
	}
	a := Answer[string]{value, r.explicit(f.Place)}
	if f.Default {
		a.Known, a.Strength = Installed, min(a.Strength, inventory.Inferred)
	}
	return a
}

// explicit is the basis of what stands at a place.
func (r *replica) explicit(at ...process.Place) Basis {
	return Basis{Known: Explicit, Places: at, Strength: r.Strong(), Source: r.Source}
}

func (r *replica) boolean(name string) Answer[bool] {
	return parsed(r.text(name), r.Component, name, func(s string) (bool, error) {
		if s == "" { // of a component without a table of defaults
			return false, nil
		}
		return strconv.ParseBool(s)
	})
}

func (r *replica) number(name string) Answer[int] {
	return parsed(r.text(name), r.Component, name, func(s string) (int, error) {
		if s == "" {
			return 0, nil
		}
		return strconv.Atoi(s)
	})
}

func (r *replica) duration(name string) Answer[time.Duration] {
	return parsed(r.text(name), r.Component, name, func(s string) (time.Duration, error) {
		if s == "" {
			return 0, nil
		}
		return time.ParseDuration(s)
	})
}

// list is the value of a flag that holds a list: every occurrence adds to it, commas separate (pflag, string_slice.go).
func (r *replica) list(name string) Answer[[]string] {
	return r.accumulate(name, commas)
}

// lines is list for a flag whose values may hold commas (pflag, string_array.go).
func (r *replica) lines(name string) Answer[[]string] {
	return r.accumulate(name, func(s string) ([]string, error) {
		if s == "" {
			return nil, nil
		}
		return []string{s}, nil
	})
}

func (r *replica) accumulate(name string, split func(string) ([]string, error)) Answer[[]string] {
	all := r.All(name)
	if len(all) == 0 || r.Effective {
		return parsed(r.text(name), r.Component, name, commas)
	}
	var out Answer[[]string]
	for i, f := range all {
		a := parsed(r.written(f, f.Value), r.Component, name, split)
		if !a.OK() {
			return a
		}
		if i == 0 {
			out = a
			continue
		}
		out.Value = append(out.Value[:len(out.Value):len(out.Value)], a.Value...)
		out.Places = append(out.Places, a.Places...)
		out.Known = max(out.Known, a.Known)
	}
	return out
}

func commas(s string) ([]string, error) {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]") // as defaults are written
	if s == "" {
		return nil, nil
	}
	if !strings.Contains(s, `"`) {
		return strings.Split(s, ","), nil
	}
	return csv.NewReader(strings.NewReader(s)).Read()
}

// settings is the value of a flag of pairs: every occurrence adds to it and wins over those before.
func (r *replica) settings(name string) Answer[map[string]string] {
	return pairs(r.list(name))
}

func pairs(list Answer[[]string]) Answer[map[string]string] {
	return from(list, func(list []string) map[string]string {
		out := map[string]string{}
		for _, p := range list {
			if k, v, ok := strings.Cut(strings.TrimSpace(p), "="); ok {
				out[strings.TrimSpace(k)] = strings.TrimSpace(v)
			}
		}
		return out
	})
}

// seen is what a report of single things says of an item of a flag.
func (r *replica) seen(flag, item string) (Answer[bool], bool) {
	for _, s := range r.Seen {
		if s.Flag == flag && s.Item == item {
			return Answer[bool]{s.On, r.explicit(s.Place)}, true
		}
	}
	return Answer[bool]{}, false
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
