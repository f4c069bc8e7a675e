package inventory

import (
	"cmp"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Reads records the kinds and settings that were read through an [Inventory] handle, including what facts read on its
// behalf. Safe for concurrent use.
type Reads struct {
	kinds    sync.Map // schema.GroupKind -> struct{}
	settings sync.Map // setting key -> struct{}
}

// Record returns a handle on the same inventory and the record of what is read through it.
func (inv *Inventory) Record() (*Inventory, *Reads) {
	r := &Reads{}
	return &Inventory{core: inv.core, reads: r, chain: inv.chain}, r
}

func (r *Reads) kind(gk schema.GroupKind) {
	if r == nil {
		return
	}
	if _, ok := r.kinds.Load(gk); !ok {
		r.kinds.Store(gk, struct{}{})
	}
}

func (r *Reads) setting(key any) {
	if r != nil {
		r.settings.Store(key, struct{}{})
	}
}

// merge adds what another record holds.
func (r *Reads) merge(o *Reads) {
	if r == nil || o == nil {
		return
	}
	o.kinds.Range(func(k, _ any) bool { r.kind(k.(schema.GroupKind)); return true })
	o.settings.Range(func(k, _ any) bool { r.setting(k); return true })
}

// Has reports whether a kind was read.
func (r *Reads) Has(gk schema.GroupKind) bool {
	_, ok := r.kinds.Load(CanonicalGroupKind(gk))
	return ok
}

// Kinds lists the kinds that were read, in order.
func (r *Reads) Kinds() []schema.GroupKind {
	var out []schema.GroupKind
	r.kinds.Range(func(k, _ any) bool { out = append(out, k.(schema.GroupKind)); return true })
	slices.SortFunc(out, func(a, b schema.GroupKind) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}
