package cluster

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

const (
	// fewNames: up to so many objects of a kind are read again one by one, more by listing the kind again.
	fewNames = 20
	// rounds: what is read again may itself refer to what was not there, a ReplicaSet to its Deployment.
	rounds = 3
)

// readAgain settles references that lead nowhere. Lists are of different moments: an object may have been created after its
// kind was listed and before the one that refers to it was, or deleted in between with all that refers to it. So what is not
// there is asked for again, and where it is still not there, so is what refers to it. What then dangles, dangles in the cluster.
func (c *collection) readAgain(ctx context.Context) {
	byKind := map[schema.GroupKind]*list{}
	for _, l := range c.lists {
		byKind[l.resource.groupKind()] = l
	}
	a := &again{collection: c, lists: byKind, asked: map[target]bool{}}
	for range rounds {
		dangling := a.dangling(ctx)
		if len(dangling) == 0 && ctx.Err() == nil {
			return
		}
		if !a.targets(ctx, dangling) || ctx.Err() != nil {
			return
		}
	}
}

type again struct {
	*collection
	lists map[schema.GroupKind]*list
	asked map[target]bool // that were asked for again
}

// reference is a referrer and what it names.
type reference struct {
	to   target
	from *inventory.Object
}

// dangling finds the references to what is not there although its kind was listed completely, and was not asked for again yet.
func (a *again) dangling(ctx context.Context) []reference {
	have := map[target]bool{}
	for gk, l := range a.lists {
		for _, o := range l.objects {
			have[target{gk, o.Namespace(), o.Name()}] = true
		}
	}
	var mu sync.Mutex
	var out []reference
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, l := range a.lists {
		for chunk := range slices.Chunk(l.objects, 512) {
			g.Go(func() error {
				var found []reference
				for _, o := range chunk {
					if ctx.Err() != nil {
						return nil
					}
					for t := range references(o) {
						if !have[t] && !a.asked[t] && a.complete(t) {
							found = append(found, reference{t, o})
						}
					}
				}
				mu.Lock()
				defer mu.Unlock()
				out = append(out, found...)
				return nil
			})
		}
	}
	_ = g.Wait()
	if ctx.Err() != nil {
		a.unsettled("the collection was ended before references that lead nowhere were followed again")
		return nil
	}
	return out
}

// complete reports whether a target would have been seen.
func (a *again) complete(t target) bool {
	l := a.lists[t.kind]
	if l == nil {
		return false
	}
	if part, ok := l.parts[t.namespace]; ok && t.namespace != "" {
		return part.State == inventory.Complete
	}
	return l.whole.State == inventory.Complete
}

// targets asks for what is not there, and then for who says that it should be. It reports whether anything changed.
func (a *again) targets(ctx context.Context, dangling []reference) (changed bool) {
	byKind := map[schema.GroupKind]map[target]bool{}
	for _, r := range dangling {
		a.asked[r.to] = true
		if byKind[r.to.kind] == nil {
			byKind[r.to.kind] = map[target]bool{}
		}
		byKind[r.to.kind][r.to] = true
	}
	found := map[target]bool{}
	for _, gk := range kindsIn(byKind) {
		l := a.lists[gk]
		fresh, err := a.fetch(ctx, l, byKind[gk])
		if err != nil {
			a.lower(l, "what others refer to could not be read again: "+describe(err))
			continue
		}
		for t, o := range fresh {
			if byKind[gk][t] {
				found[t] = true
				l.objects = append(l.objects, o)
				changed = true
			}
		}
	}
	referrers := map[schema.GroupKind]map[target]bool{}
	for _, r := range dangling {
		if found[r.to] {
			continue
		}
		t := target{r.from.GroupKind(), r.from.Namespace(), r.from.Name()}
		if a.lists[t.kind].secrets {
			continue // a list of one would not tell its type
		}
		if referrers[t.kind] == nil {
			referrers[t.kind] = map[target]bool{}
		}
		referrers[t.kind][t] = true
	}
	for _, gk := range kindsIn(referrers) {
		l := a.lists[gk]
		fresh, err := a.fetch(ctx, l, referrers[gk])
		if err != nil {
			a.lower(l, "what refers to objects that are not there could not be read again: "+describe(err))
			continue
		}
		for i, o := range l.objects {
			t := target{gk, o.Namespace(), o.Name()}
			if !referrers[gk][t] {
				continue
			}
			now := fresh[t]
			if now == nil || now.UID() != o.UID() || string(now.JSON()) != string(o.JSON()) {
				l.objects[i], changed = now, true // nil: deleted since
			}
		}
		l.objects = slices.DeleteFunc(l.objects, func(o *inventory.Object) bool { return o == nil })
	}
	return changed
}

// fetch reads objects of a kind as they are now, and perhaps others of it.
func (a *again) fetch(ctx context.Context, l *list, wanted map[target]bool) (map[target]*inventory.Object, error) {
	out := map[target]*inventory.Object{}
	gk := l.resource.groupKind()
	add := func(objects []*inventory.Object) {
		for _, o := range objects {
			out[target{gk, o.Namespace(), o.Name()}] = o
		}
	}
	if len(wanted) <= fewNames {
		for t := range wanted {
			objects, err := a.one(ctx, l, t.namespace, t.name)
			if err != nil {
				return nil, err
			}
			add(objects)
		}
		return out, nil
	}
	namespaces := map[string]bool{}
	for t := range wanted {
		ns := t.namespace
		if l.whole.State == inventory.Complete {
			ns = ""
		}
		namespaces[ns] = true
	}
	for ns := range namespaces {
		o := a.listIn(ctx, l, ns)
		if o.err != nil {
			return nil, o.err
		}
		add(o.objects)
	}
	return out, nil
}

// lower takes back that a kind is complete.
func (a *again) lower(l *list, reason string) {
	if l.whole.State == inventory.Complete {
		l.whole = inventory.Coverage{State: inventory.Partial, Reason: reason}
	}
	for ns, part := range l.parts {
		if part.State == inventory.Complete {
			l.parts[ns] = inventory.Coverage{State: inventory.Partial, Reason: reason}
		}
	}
	l.problem(l.resource.path(""), fmt.Sprintf("%s: %s", l.resource, reason))
}

// unsettled lowers every kind that references lead to.
func (a *again) unsettled(reason string) {
	for _, gk := range []schema.GroupKind{namespaceKind, nodeKind, claimKind, volumeKind, serviceKind, serviceAccountKind, roleKind,
		clusterRoleKind, storageClassKind, ingressClassKind, runtimeClassKind} {
		if l := a.lists[gk]; l != nil {
			a.lower(l, reason)
		}
	}
}

func kindsIn(m map[schema.GroupKind]map[target]bool) []schema.GroupKind {
	out := make([]schema.GroupKind, 0, len(m))
	for gk := range m {
		out = append(out, gk)
	}
	slices.SortFunc(out, func(a, b schema.GroupKind) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}
