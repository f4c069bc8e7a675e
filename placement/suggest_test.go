package placement_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/placement"
)

// The example's isolation, a taint that a toleration comes past, is found and mended; the proof holds whatever nodes there
// are.
func TestSuggestMendsTheShop(t *testing.T) {
	ctx := context.Background()
	inv, err := inventory.Collect(ctx, nil, manifest.Paths(manifest.Config{}, "../examples/manifests/shop/"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := placement.Suggest(ctx, inv)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(s.Apart, ",") != "restricted public" || len(s.Together) > 0 {
		t.Errorf("apart %q, together %q", s.Apart, s.Together)
	}
	// Nodes without a level are for people to decide on: until then public workloads have none.
	if len(s.Stranded) != 1 || s.Stranded[0].Object.Name() != "storefront" || len(s.Skipped) != 3 {
		t.Errorf("stranded %v, skipped %q", s.Stranded, s.Skipped)
	}
	resolved := map[string]bool{}
	for _, f := range s.Resolved {
		resolved[f.Check.ID] = true
	}
	for _, id := range []string{"placement-possible-sharing", "placement-attraction", "placement-wildcard-toleration", "placement-label-protection", "placement-enforcement"} {
		if !resolved[id] {
			t.Errorf("%s is not resolved", id)
		}
	}
	for _, f := range s.New {
		if f.Check.ID != "placement-level-capacity" {
			t.Errorf("new: %s %s", f.Check.ID, f.Message)
		}
	}
	patches := map[string]string{}
	for _, p := range s.Patches {
		text, err := json.Marshal(p.Merge)
		if err != nil {
			t.Fatal(err)
		}
		patches[p.Ref.Kind+" "+p.Ref.Name] = string(text)
	}
	for name, want := range map[string]string{
		"Deployment storefront": `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"storefront","namespace":"shop-web"},"spec":{"template":{"spec":{"nodeSelector":{"sensitivity.node-restriction.kubernetes.io/level":"public"},"tolerations":[{"effect":"NoSchedule","key":"sensitivity.node-restriction.kubernetes.io/level","operator":"Equal","value":"public"}]}}}}`,
		"Node node-3":           `{"apiVersion":"v1","kind":"Node","metadata":{"labels":{"sensitivity.node-restriction.kubernetes.io/level":"restricted"},"name":"node-3"},"spec":{"taints":[{"effect":"NoSchedule","key":"sensitivity.node-restriction.kubernetes.io/level","value":"restricted"}]}}`,
		"Namespace shop-web":    `{"apiVersion":"v1","kind":"Namespace","metadata":{"annotations":{"scheduler.alpha.kubernetes.io/node-selector":"sensitivity.node-restriction.kubernetes.io/level=public"},"name":"shop-web"}}`,
	} {
		if patches[name] != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, patches[name], want)
		}
	}
}

// What is as it should be is left alone.
func TestSuggestLeavesTheHardenedShopAlone(t *testing.T) {
	ctx := context.Background()
	inv, err := inventory.Collect(ctx, nil, manifest.Paths(manifest.Config{}, hardened))
	if err != nil {
		t.Fatal(err)
	}
	s, err := placement.Suggest(ctx, inv)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Patches)+len(s.Skipped)+len(s.Stranded)+len(s.New)+len(s.Together) > 0 || len(s.Apart) != 3 {
		t.Errorf("%+v", s)
	}
}

// Policies hold the namespaces by the labels that they have, synonyms too.
func TestSuggestedPoliciesHold(t *testing.T) {
	inv := testobj.Inventory(t, []string{
		"{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {sensitivity: high}}}", "{apiVersion: v1, kind: Namespace, metadata: {name: b, labels: {data-classification: restricted}}}",
		"{apiVersion: v1, kind: Namespace, metadata: {name: c, labels: {sensitivity: public}}}",
		"{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: a}, spec: {containers: [{name: c, image: i}]}}", "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: b}, spec: {containers: [{name: c, image: i}]}}",
		"{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: c}, spec: {containers: [{name: c, image: i}]}}",
	})
	s, err := placement.Suggest(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	resolved := 0
	for _, f := range s.Resolved {
		if f.Check.ID == "placement-enforcement" {
			resolved++
		}
	}
	if resolved != 3 || len(s.Policies) != 5 || len(s.New) > 0 {
		t.Errorf("%d resolved by %d objects; new %v", resolved, len(s.Policies), s.New)
	}
}

func TestSuggestOfPodsAndPools(t *testing.T) {
	inv := testobj.Inventory(t, []string{
		"{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: ns, labels: {sensitivity: restricted}}, spec: {containers: [{name: c, image: i}]}}",
		"{apiVersion: v1, kind: Pod, metadata: {name: pinned, namespace: ns, labels: {sensitivity: restricted}}, spec: {nodeName: n1, containers: [{name: c, image: i}]}}",
		"{apiVersion: batch/v1, kind: CronJob, metadata: {name: c, namespace: ns, labels: {sensitivity: public}}, spec: {schedule: '@daily', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}], tolerations: [{key: keep, operator: Exists}]}}}}}}",
		"{apiVersion: kops.k8s.io/v1alpha2, kind: InstanceGroup, metadata: {name: vault}, spec: {role: Node, nodeLabels: {sensitivity: restricted}}}",
	})
	s, err := placement.Suggest(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range s.Patches {
		text, _ := json.Marshal(p.Merge["spec"])
		got[p.Ref.Kind+" "+p.Ref.Name] = string(text)
	}
	if len(got) != 2 || !strings.HasPrefix(got["Pod p"], `{"nodeSelector":`) || !strings.HasPrefix(got["CronJob c"], `{"jobTemplate":{"spec":{"template":{"spec":{"nodeSelector":`) || !strings.Contains(got["CronJob c"], `"key":"keep"`) {
		t.Errorf("%v", got)
	}
	if len(s.Skipped) != 2 || !strings.Contains(strings.Join(s.Skipped, "\n"), `Pod "pinned"`) || !strings.Contains(strings.Join(s.Skipped, "\n"), `InstanceGroup "vault"`) {
		t.Errorf("%q", s.Skipped)
	}
	if strings.Join(s.Together, "") != "restricted public" {
		t.Errorf("the pod that names its node is not held apart by a selector: %q %q", s.Apart, s.Together)
	}
}
