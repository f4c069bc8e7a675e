package nist190

import (
	"context"
	"slices"

	"github.com/nist190/nist190/inventory"
)

// Append says what findings carry beside their subject, so that results can be grouped by it.
type Append struct {
	Labels []string // keys of labels of the subject, else of its namespace
	Images bool     // images of the subject's pods
	Owner  bool     // the outermost collected owner of the subject
}

func (a *Append) apply(inv *inventory.Inventory, f *Finding) {
	if len(a.Labels) == 0 && !a.Images && !a.Owner {
		return
	}
	o, ok := inv.Lookup(f.Subject)
	if !ok {
		return
	}
	for _, key := range a.Labels {
		v, ok := o.Labels()[key]
		if !ok {
			ns, found := inv.Lookup(inventory.NamespaceRef(o.Namespace()))
			if !found {
				continue
			}
			if v, ok = ns.Labels()[key]; !ok {
				continue
			}
		}
		if f.Labels == nil {
			f.Labels = map[string]string{}
		}
		f.Labels[key] = v
	}
	if a.Owner {
		if chain := inv.OwnerChain(o); len(chain) > 0 {
			ref := chain[len(chain)-1].Ref()
			f.Owner = &ref
		}
	}
	if a.Images {
		f.Images = images(inv, f.Subject)
	}
}

func images(inv *inventory.Inventory, subject inventory.Ref) []string {
	// The background context: the fact is cheap and was computed for any check of workloads.
	all, err := inventory.WorkloadsOf(context.Background(), inv)
	if err != nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(all, subject, func(w *inventory.Workload, r inventory.Ref) int { return w.Ref().Compare(r) })
	if !ok {
		return nil
	}
	var out []string
	for _, c := range slices.Concat(all[i].Template.Spec.InitContainers, all[i].Template.Spec.Containers) {
		out = append(out, c.Image)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
