package placement_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/placement"
)

// What is said while nobody knows which admission plugins run holds whichever do.
func TestUnsaidBoundsEveryAnswer(t *testing.T) {
	pick := func(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }
	toleration := func(r *rand.Rand) map[string]any {
		return map[string]any{"key": pick(r, "a", "b", "gpu.example.com/x"), "operator": pick(r, "Exists", "Equal"), "effect": pick(r, "NoSchedule", "NoExecute", "")}
	}
	tolerations := func(r *rand.Rand) string {
		list := []any{}
		for range r.IntN(3) {
			list = append(list, toleration(r))
		}
		b, _ := json.Marshal(list)
		return string(b)
	}
	undetermined, asked := 0, 0
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 440))
		var objects []string
		add := func(o map[string]any) {
			b, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			objects = append(objects, string(b))
		}
		for i := range 6 {
			taints := []any{}
			if r.IntN(2) == 0 {
				taints = append(taints, map[string]any{"key": pick(r, "a", "b", "gpu.example.com/x"), "effect": pick(r, "NoSchedule", "NoExecute")})
			}
			add(map[string]any{"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{"name": fmt.Sprintf("n%d", i), "labels": map[string]any{"k": pick(r, "x", "y"), "l": pick(r, "x", "y")}}, "spec": map[string]any{"taints": taints}})
		}
		for i := range 3 {
			annotations := map[string]any{}
			for key, value := range map[string]string{
				"scheduler.alpha.kubernetes.io/node-selector": pick(r, "k=x", "k=y", "l=x"), "openshift.io/node-selector": pick(r, "k=x", "l=y"),
				"scheduler.alpha.kubernetes.io/defaultTolerations": pick(r, tolerations(r), tolerations(r), "["), "scheduler.alpha.kubernetes.io/tolerationsWhitelist": pick(r, tolerations(r), "["),
			} {
				if r.IntN(3) == 0 {
					annotations[key] = value
				}
			}
			add(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": fmt.Sprintf("ns%d", i), "annotations": annotations}})
		}
		for i := range 10 {
			container := map[string]any{"name": "c", "image": "i"}
			if r.IntN(3) == 0 {
				container["resources"] = map[string]any{"limits": map[string]any{"gpu.example.com/x": "1"}}
			}
			spec := map[string]any{"containers": []any{container}}
			if r.IntN(2) == 0 {
				spec["nodeSelector"] = map[string]any{"k": pick(r, "x", "y")}
			}
			if r.IntN(2) == 0 {
				spec["tolerations"] = []any{toleration(r)}
			}
			add(map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": fmt.Sprintf("d%d", i), "namespace": fmt.Sprintf("ns%d", r.IntN(3))}, "spec": map[string]any{"template": map[string]any{"spec": spec}}})
		}
		inv := testobj.Inventory(t, objects)
		at := func(p placement.Profile) *placement.Feasibility {
			f, err := placement.FeasibilityOf(context.Background(), inv.Configure(placement.ControlPlane.Set(p)))
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		unsaid := at(placement.Profile{})
		known := []placement.Known{placement.On, placement.Off}
		for plugins := range 16 {
			p := placement.Profile{PodNodeSelector: known[plugins&1], PodTolerationRestriction: known[plugins>>1&1], ExtendedResourceToleration: known[plugins>>2&1], OpenShiftNodeSelector: known[plugins>>3]}
			said := at(p)
			for i, of := range said.Placements() {
				for j, n := range said.Nodes() {
					was, is := unsaid.Placements()[i].On(unsaid.Nodes()[j]), of.On(n)
					asked++
					if was == placement.Undetermined {
						undetermined++
					} else if was != is {
						t.Fatalf("seed %d: %s on %s: %s, and %s under %+v", seed, of.Workload.Ref(), n.Name, was, is, p)
					}
				}
			}
		}
	}
	if undetermined < asked/20 || undetermined > asked*3/4 {
		t.Errorf("%d of %d answers are open: the test shows little", undetermined, asked)
	}
}
