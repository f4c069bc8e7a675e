package inventory

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Change is a set of objects to put in place and to remove: an admission request, a what-if, a fix.
type Change struct {
	Set    []*Object
	Delete []Ref
}

// With returns the inventory after the change; inv is not altered and shares what did not change. Pods whose owner was
// set or deleted are removed, since the running ones no longer say what the owner will run; the owner's template speaks
// for them. Facts that read no changed kind are shared. Cost: linear in the number of objects, without decoding any.
func (inv *Inventory) With(change Change) *Inventory {
	gone, changedKinds := map[Ref]bool{}, map[schema.GroupKind]bool{}
	for _, r := range change.Delete {
		r = canonical(r)
		gone[r] = true
		changedKinds[r.GroupKind()] = true
	}
	generated := map[Ref]int{}
	set := make([]*Object, 0, len(change.Set))
	for _, o := range change.Set {
		if o.ref.Name == "" {
			o = o.numbered(generated)
		}
		gone[o.ref.Identity()] = true
		changedKinds[o.GroupKind()] = true
		set = append(set, o)
	}
	objects := make([]*Object, 0, len(inv.core.objects)+len(set))
	for _, o := range inv.core.objects {
		if gone[o.ref.Identity()] {
			continue
		}
		if isDerived(o) && inv.ownedBy(o, gone) {
			changedKinds[o.GroupKind()] = true
			continue
		}
		objects = append(objects, o)
	}
	objects = append(objects, set...)

	c := newCore(objects, inv.core.cover, inv.core.problems, inv.core.settings)
	for gk := range c.kinds {
		if !changedKinds[gk] {
			c.kinds[gk] = inv.core.kinds[gk] // keeps what was decoded
		}
	}
	c.facts.inherit(&inv.core.facts, func(r *Reads) bool {
		for gk := range changedKinds {
			if r.Has(gk) {
				return true
			}
		}
		return false
	})
	return &Inventory{core: c, reads: inv.reads}
}

func canonical(r Ref) Ref {
	gk := CanonicalGroupKind(r.GroupKind())
	r.Group, r.Kind, r.Version = gk.Group, gk.Kind, ""
	return r
}

// isDerived: only the objects that controllers of workloads create follow their owner.
func isDerived(o *Object) bool {
	switch o.GroupKind() {
	case podKind, replicaSetKind, jobKind:
		return len(o.Owners()) > 0
	}
	return false
}

func (inv *Inventory) ownedBy(o *Object, gone map[Ref]bool) bool {
	for range maxOwnerDepth {
		owner, ok := inv.controllerOf(o)
		if !ok {
			return false
		}
		if gone[owner.ref.Identity()] {
			return true
		}
		o = owner
	}
	return false
}

// Mask returns the inventory as a source with less access would have collected it: the objects that hide picks are gone,
// and the coverage is as the entries state. A nil hide picks every object of the entries' kinds and namespaces. Facts are
// not shared. It serves tests of what missing evidence does to verdicts; whether the entries are honest about what is
// hidden is up to the caller.
func (inv *Inventory) Mask(hide func(*Object) bool, entries ...CoverageEntry) *Inventory {
	cover := inv.core.cover.clone()
	masked := map[schema.GroupKind]map[string]bool{}
	for _, e := range entries {
		gk := CanonicalGroupKind(e.GroupKind())
		if masked[gk] == nil {
			masked[gk] = map[string]bool{}
		}
		masked[gk][e.Namespace] = true
		if e.Namespace == "" {
			delete(cover.entries, gk)
		}
		delete(cover.entries[gk], e.Namespace)
		cover.set(e)
	}
	if hide == nil {
		hide = func(o *Object) bool {
			m := masked[o.GroupKind()]
			return m[""] || m[o.ref.Namespace]
		}
	}
	var objects []*Object
	for _, o := range inv.core.objects {
		if !hide(o) {
			objects = append(objects, o)
		}
	}
	return &Inventory{core: newCore(objects, cover, inv.core.problems, inv.core.settings)}
}
