package controlplane

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	kjson "sigs.k8s.io/json"

	"github.com/nist190/nist190/internal/controlplane/config"
)

// TestLayersMergeAsPatches: a field that is looked up in the layers is the one of the document that merging all of them
// makes, which test/upstream compares with the library that the kubelet uses.
func TestLayersMergeAsPatches(t *testing.T) {
	names := []string{"a", "b", "c"}
	var random func(rng *rand.Rand, depth int, patch bool) map[string]any
	random = func(rng *rand.Rand, depth int, patch bool) map[string]any {
		m := map[string]any{}
		for _, n := range names {
			switch rng.IntN(5) {
			case 0:
				m[n] = int64(rng.IntN(9))
			case 1:
				m[n] = []any{int64(rng.IntN(9))}
			case 2:
				if depth > 0 {
					m[n] = random(rng, depth-1, patch)
				}
			case 3:
				if patch {
					m[n] = nil
				}
			}
		}
		return m
	}
	var paths [][]string
	for _, a := range names {
		paths = append(paths, []string{a})
		for _, b := range names {
			paths = append(paths, []string{a, b})
			for _, c := range names {
				paths = append(paths, []string{a, b, c})
			}
		}
	}
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 190))
		base := random(rng, 2, false)
		k := &kubeletFiles{layers: []layer{{fields: base, known: Explicit}}}
		merged, err := json.Marshal(base)
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + rng.IntN(3) {
			patch := random(rng, 2, true)
			k.layers = append(k.layers, layer{fields: patch, known: Explicit, patch: true})
			raw, err := json.Marshal(patch)
			if err != nil {
				t.Fatal(err)
			}
			if merged, err = config.MergeKubelet(merged, raw); err != nil {
				t.Fatal(err)
			}
		}
		var whole map[string]any
		if err := kjson.UnmarshalCaseSensitivePreserveInts(merged, &whole); err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			want, hit, _ := descend(whole, p)
			got := k.field(p...)
			if isMap(want) || isMap(got.value) { // what is asked for are values
				continue
			}
			if got.set != hit || !cmp.Equal(got.value, want) {
				t.Fatalf("seed %d, %v: %v (%v), want %v (%v) of %s", seed, p, got.value, got.set, want, hit, merged)
			}
		}
	}
}
