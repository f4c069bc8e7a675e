package nist190_test

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
)

// Evidence that is needed only where other evidence refers to it lowers a verdict there, and nowhere else.
func TestConditionalNeed(t *testing.T) {
	md := metadata("test-conditional")
	md.Needs = []inventory.Need{inventory.NeedOf[corev1.Pod](inventory.Either), inventory.NeedOf[corev1.Node](inventory.Either).IfRead()}
	c := nist190.NewCheck(md, func(_ context.Context, e *nist190.Eval) error {
		for _, p := range inventory.Typed[corev1.Pod](e.Inventory) {
			if p.Labels["node"] != "" {
				_, _, _ = inventory.TypedGet[corev1.Node](e.Inventory, "", p.Labels["node"])
			}
		}
		e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster})
		return nil
	})
	forbidden := inventory.CoverageEntry{Kind: "Node", Coverage: inventory.Coverage{State: inventory.Forbidden}}
	for _, tt := range []struct {
		name, labels string
		masks        []inventory.CoverageEntry
		want         nist190.Status
	}{
		{"nothing refers to Nodes", "app: a", []inventory.CoverageEntry{forbidden}, nist190.Pass},
		{"something does", "node: a", []inventory.CoverageEntry{forbidden}, nist190.NotAssessed},
		{"and they were seen", "node: a", nil, nist190.Pass},
	} {
		inv := testobj.Inventory(t, []string{"{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {" + tt.labels + "}}, spec: {containers: [{name: c, image: i}]}}"})
		r, err := nist190.Run(context.Background(), inv.Mask(nil, tt.masks...), c)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Checks[0].Status; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
