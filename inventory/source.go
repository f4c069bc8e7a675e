package inventory

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Source delivers objects, what it knows of their completeness, and what went wrong. It should add everything that it
// can before it returns an error; an error says that an input which the caller named could not be used.
type Source interface {
	// Collect adds the objects that the needs ask for; no needs means everything.
	Collect(ctx context.Context, needs []Need, into *Collector) error
}

// SourceFunc is a function as a Source.
type SourceFunc func(ctx context.Context, needs []Need, into *Collector) error

func (f SourceFunc) Collect(ctx context.Context, needs []Need, into *Collector) error {
	return f(ctx, needs, into)
}

// Sources collects from each in turn; where two deliver the same object, the last counts.
func Sources(sources ...Source) Source {
	return SourceFunc(func(ctx context.Context, needs []Need, into *Collector) error {
		var errs []error
		for _, s := range sources {
			errs = append(errs, s.Collect(ctx, needs, into))
		}
		return errors.Join(errs...)
	})
}

// Collect builds an inventory. With an error of the source it returns the inventory of what could be read as well, so
// that a caller may evaluate that and still report the error.
func Collect(ctx context.Context, needs []Need, source Source, settings ...Value) (*Inventory, error) {
	c := &Collector{}
	err := source.Collect(ctx, needs, c)
	return c.Inventory(settings...), err
}

// Collector takes what sources deliver. Its methods are safe for concurrent use; the order of Add decides which of two
// descriptions of one object counts.
type Collector struct {
	mu       sync.Mutex
	objects  []*Object
	defaults []func(Version) []*Object
	cover    coverage
	problems []Problem
	settings []Value
}

// Add takes an object.
func (c *Collector) Add(o *Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.objects = append(c.objects, o)
}

// AddDefaults takes objects that are assumed to exist in a cluster of a version, each unless the same object is added.
// The function is called once the version is known.
func (c *Collector) AddDefaults(of func(Version) []*Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.defaults = append(c.defaults, of)
}

// Problem takes a problem.
func (c *Collector) Problem(p Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problems = append(c.problems, p)
}

// Cover states how complete a kind is. Of two statements of the same kind and namespace the worse counts, except that
// NotCollected yields to any other.
func (c *Collector) Cover(e CoverageEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cover.set(e)
}

// CoverRest states how complete the kinds are that Cover does not name.
func (c *Collector) CoverRest(state State, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cover.rest = worse(c.cover.rest, Coverage{state, reason})
}

// Assume attaches a setting that the source knows, such as the cluster's version. The caller's settings win.
func (c *Collector) Assume(v Value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settings = append(c.settings, v)
}

// Inventory is what was collected so far.
func (c *Collector) Inventory(settings ...Value) *Inventory {
	c.mu.Lock()
	defer c.mu.Unlock()
	problems := append([]Problem(nil), c.problems...)
	all, _ := withValues(nil, append(append([]Value(nil), c.settings...), settings...))
	var defaults []*Object
	for _, of := range c.defaults {
		defaults = append(defaults, of((&Inventory{core: &core{settings: all}}).Version())...)
	}
	objects, duplicates := unique(c.objects, defaults)
	return &Inventory{core: newCore(objects, c.cover.clone(), append(problems, duplicates...), all)}
}

// unique keeps the last of the objects with one identity, and numbers the generated names.
func unique(added, defaults []*Object) ([]*Object, []Problem) {
	byRef := make(map[Ref]int, len(added)+len(defaults))
	out := make([]*Object, 0, len(added)+len(defaults))
	for _, o := range defaults {
		if _, seen := byRef[o.ref.Identity()]; seen {
			continue // two sources assume the same
		}
		byRef[o.ref.Identity()] = len(out)
		out = append(out, o)
	}
	isDefault := len(out)
	var problems []Problem
	generated := map[Ref]int{}
	for _, o := range added {
		if o.ref.Name == "" {
			o = o.numbered(generated)
		}
		id := o.ref.Identity()
		i, seen := byRef[id]
		if !seen {
			byRef[id] = len(out)
			out = append(out, o)
			continue
		}
		if i >= isDefault && out[i] != o {
			problems = append(problems, duplicate(out[i], o))
		}
		out[i] = o
	}
	return out, problems
}

func (o *Object) numbered(seen map[Ref]int) *Object {
	id := o.ref.Identity()
	id.Name = o.meta.Metadata.GenerateName
	seen[id]++
	n := o.bare()
	n.ref.Name = fmt.Sprintf("%s#%d", id.Name, seen[id])
	return n
}

// bare is a copy of o that has decoded nothing yet.
func (o *Object) bare() *Object {
	return &Object{ref: o.ref, meta: o.meta, json: o.json, origin: o.origin, locate: o.locate, strength: o.strength}
}

func duplicate(shadowed, counts *Object) Problem {
	p := Problem{
		Code: ProblemDuplicateObject, Origin: shadowed.origin, Ref: counts.ref,
		Message: fmt.Sprintf("%s is described again at %s, which counts", counts.ref, counts.origin),
	}
	if string(shadowed.json) == string(counts.json) {
		p.Level = ProblemNotice
	}
	return p
}

// Wants reports whether needs ask for a kind; no needs ask for everything.
func Wants(needs []Need, gk schema.GroupKind) bool {
	if len(needs) == 0 {
		return true
	}
	for _, n := range needs {
		if CanonicalGroupKind(n.GroupKind()) == gk {
			return true
		}
	}
	return false
}
