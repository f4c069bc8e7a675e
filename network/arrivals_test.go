package network

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

// What arrives is what asking for every pair says, joined, and it comes from the first pod that anything comes from.
func TestArrivalsAgainstPairs(t *testing.T) {
	for seed := range uint64(*worlds) / 10 {
		r := rand.New(rand.NewPCG(seed, 190))
		w := newTwinWorld(r)
		docs := w.docs(t)
		if seed%2 == 1 {
			docs = w.asManifests(t)
		}
		z, err := ZonesOf(context.Background(), testobj.Inventory(t, docs))
		if err != nil {
			t.Fatal(err)
		}
		from, to := z.view(LevelNamespace), z.view(LevelPod)
		wanted := r.IntN(3) // all, or all but every second or third
		for _, u := range from.units {
			got := map[int]arrival{}
			for _, a := range to.into(u, func(unit int) bool { return unit%3 >= wanted }) {
				got[a.unit] = a
			}
			for i, target := range to.units {
				var must, may Ports
				var by *Pod
				for _, x := range u.classes {
					for _, p := range x.pods {
						for _, q := range target.classes[0].pods {
							m, n := z.between(End{Pod: p}, End{Pod: q})
							if p == q { // a pod is not told from the others of its class
								v := z.m.pair(p.class, q.class)
								m, n = z.m.ports.sets[v.must], z.m.ports.sets[v.may]
							}
							if !n.OnlyOther() && (by == nil || p.class < by.class) {
								by = p
							}
							must, may = must.Union(m), may.Union(n)
						}
					}
				}
				a, ok := got[i]
				switch {
				case i%3 < wanted:
					if ok {
						t.Errorf("seed %d: %s was not asked for", seed, target.place.Key())
					}
				case may.OnlyOther():
					if ok {
						t.Errorf("seed %d: from %s to %s: %s, want nothing", seed, u.place.Key(), target.place.Key(), a.may)
					}
				case !ok || !a.must.Equal(must) || !a.may.Equal(may) || a.by.class != by.class:
					t.Fatalf("seed %d: from %s to %s: %+v, want %s to %s by %s", seed, u.place.Key(), target.place.Key(), a, must, may, by.Object.Name())
				}
			}
		}
	}
}
