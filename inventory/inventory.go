package inventory

import (
	"cmp"
	"iter"
	"runtime"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Inventory is a handle on an immutable collection of objects. Handles differ only in who records what is read through
// them; copying one is cheap. Safe for concurrent use.
type Inventory struct {
	core  *core
	reads *Reads    // records what is read through this handle; may be nil
	chain *factCall // the fact whose computation holds this handle; nil outside of one
}

type core struct {
	objects  []*Object // ordered by kind, group, namespace, name
	kinds    map[schema.GroupKind]*kindIndex
	cover    coverage
	problems []Problem
	settings map[any]settingValue
	facts    factTable
}

func newCore(objects []*Object, cover coverage, problems []Problem, settings map[any]settingValue) *core {
	slices.SortStableFunc(objects, func(a, b *Object) int {
		return cmp.Or(cmp.Compare(a.ref.Kind, b.ref.Kind), cmp.Compare(a.ref.Group, b.ref.Group),
			cmp.Compare(a.ref.Namespace, b.ref.Namespace), cmp.Compare(a.ref.Name, b.ref.Name))
	})
	c := &core{objects: objects, kinds: map[schema.GroupKind]*kindIndex{}, cover: cover, problems: problems, settings: settings}
	for i := 0; i < len(objects); {
		gk, j := objects[i].GroupKind(), i
		for j < len(objects) && objects[j].GroupKind() == gk {
			j++
		}
		c.kinds[gk] = &kindIndex{objects: objects[i:j:j]}
		i = j
	}
	return c
}

func (x *kindIndex) all() []*Object {
	if x == nil {
		return nil
	}
	return x.objects
}

func (x *kindIndex) in(namespace string) []*Object {
	all := x.all()
	lo := sort.Search(len(all), func(i int) bool { return all[i].ref.Namespace >= namespace })
	hi := lo + sort.Search(len(all)-lo, func(i int) bool { return all[lo+i].ref.Namespace > namespace })
	return all[lo:hi]
}

func (x *kindIndex) get(namespace, name string) (*Object, bool) {
	in := x.in(namespace)
	i := sort.Search(len(in), func(i int) bool { return in[i].ref.Name >= name })
	if i < len(in) && in[i].ref.Name == name {
		return in[i], true
	}
	return nil, false
}

// read records that the caller depends on a kind and returns its objects.
func (inv *Inventory) read(gk schema.GroupKind) *kindIndex {
	gk = CanonicalGroupKind(gk)
	inv.reads.kind(gk)
	return inv.core.kinds[gk]
}

// Len is the number of objects.
func (inv *Inventory) Len() int { return len(inv.core.objects) }

// Kinds lists the kinds that have objects. It is not recorded as a read of them.
func (inv *Inventory) Kinds() []schema.GroupKind {
	out := make([]schema.GroupKind, 0, len(inv.core.kinds))
	for gk := range inv.core.kinds {
		out = append(out, gk)
	}
	slices.SortFunc(out, func(a, b schema.GroupKind) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Group, b.Group))
	})
	return out
}

// All iterates over every object by kind, group, namespace and name. It is recorded as a read of every kind.
func (inv *Inventory) All() iter.Seq[*Object] {
	for gk := range inv.core.kinds {
		inv.reads.kind(gk)
	}
	return slices.Values(inv.core.objects)
}

// ByKind iterates over the objects of a kind by namespace and name.
func (inv *Inventory) ByKind(gk schema.GroupKind) iter.Seq[*Object] {
	return slices.Values(inv.read(gk).all())
}

// InNamespace iterates over the objects of a kind in one namespace by name.
func (inv *Inventory) InNamespace(gk schema.GroupKind, namespace string) iter.Seq[*Object] {
	return slices.Values(inv.read(gk).in(namespace))
}

// Get looks one object up; namespace is empty for kinds without.
func (inv *Inventory) Get(gk schema.GroupKind, namespace, name string) (*Object, bool) {
	return inv.read(gk).get(namespace, name)
}

// Lookup finds the object that a Ref names, without recording a read: it serves reports, not verdicts.
func (inv *Inventory) Lookup(r Ref) (*Object, bool) {
	return inv.core.kinds[CanonicalGroupKind(r.GroupKind())].get(r.Namespace, r.Name)
}

// Coverage says whether the objects of a kind in a namespace are all there are. An empty namespace asks for the whole
// cluster, to which every namespace must contribute. For built-in kinds it decodes the kind first, since what cannot
// be decoded was not seen.
func (inv *Inventory) Coverage(gk schema.GroupKind, namespace string) Coverage {
	gk = CanonicalGroupKind(gk)
	c := inv.core.cover.lookup(gk, namespace)
	x := inv.core.kinds[gk].decoded(kindByGroupKind[gk])
	if x == nil {
		return c
	}
	for _, ns := range sortedKeys(x.failed) {
		if namespace == "" || namespace == ns {
			return worse(c, Coverage{State: Partial, Reason: x.failed[ns]})
		}
	}
	return c
}

// CoverageEntries lists what was stated of the kinds; Coverage answers for the rest. Objects that turned out not to be
// decodable are included.
func (inv *Inventory) CoverageEntries() []CoverageEntry {
	table := inv.core.cover.clone()
	for gk, x := range inv.core.kinds {
		for ns, why := range x.decoded(kindByGroupKind[gk]).failed {
			table.set(CoverageEntry{Group: gk.Group, Kind: gk.Kind, Namespace: ns, Coverage: Coverage{State: Partial, Reason: why}})
		}
	}
	return table.list()
}

// DefaultCoverage is the coverage of every kind that CoverageEntries does not name.
func (inv *Inventory) DefaultCoverage() Coverage { return inv.core.cover.rest }

// Problems lists, by place, every document or object that was skipped, shadowed or not understood. It decodes every
// built-in kind.
func (inv *Inventory) Problems() []Problem {
	out := slices.Clone(inv.core.problems)
	for gk, x := range inv.core.kinds {
		out = append(out, x.decoded(kindByGroupKind[gk]).found...)
	}
	sortProblems(out)
	return out
}

// inParallel calls f for 0..n-1 on as many goroutines as there are processors, in chunks.
func inParallel(n int, f func(int)) {
	workers := min(runtime.GOMAXPROCS(0), n/64)
	if workers < 2 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				hi := int(next.Add(64))
				for i := hi - 64; i < min(hi, n); i++ {
					f(i)
				}
				if hi >= n {
					return
				}
			}
		})
	}
	wg.Wait()
}
