package nodetrust

import (
	"context"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

// What the twelve sources of Secrets give is compared with the node authorizer in test/upstream; these are the rules that
// are easily taken for mistakes.
func TestGraphRules(t *testing.T) {
	g, err := GraphOf(context.Background(), testobj.Inventory(t, []string{
		`{apiVersion: v1, kind: Pod, metadata: {name: ended, namespace: a}, spec: {nodeName: n1, serviceAccountName: s, containers: [{name: c, image: i, envFrom: [{secretRef: {name: ended}}]}]}, status: {phase: Succeeded}}`,
		`{apiVersion: v1, kind: Pod, metadata: {name: mirror, namespace: a, annotations: {kubernetes.io/config.mirror: x}}, spec: {nodeName: n1, containers: [{name: c, image: i, envFrom: [{secretRef: {name: mirror}}]}]}}`,
		`{apiVersion: v1, kind: Pod, metadata: {name: pending, namespace: a}, spec: {containers: [{name: c, image: i, envFrom: [{secretRef: {name: pending}}]}]}}`,
		`{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: a}, spec: {nodeName: n1, containers: [{name: c, image: i}], volumes: [{name: v, ephemeral: {}}, {name: w, secret: {secretName: ""}}]}}`,
		`{apiVersion: v1, kind: PersistentVolume, metadata: {name: pv}, spec: {claimRef: {namespace: a, name: p-v}, csi: {driver: d, volumeHandle: h, controllerPublishSecretRef: {namespace: x, name: controller}, nodeExpandSecretRef: {namespace: x, name: node}}}}`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	for thing, want := range map[Thing]bool{
		{Secret, "a", "ended"}:      true, // in any phase
		{Secret, "a", "mirror"}:     false,
		{Secret, "a", "pending"}:    false,
		{Secret, "a", ""}:           false,
		{Claim, "a", "p-v"}:         true,
		{Volume, "", "pv"}:          true,
		{Secret, "x", "node"}:       true, // of any namespace
		{Secret, "x", "controller"}: false,
		{ServiceAccount, "a", "s"}:  true, // without a token in any volume
	} {
		if got := g.Reads("n1", thing); got != want || len(g.Explain("n1", thing)) > 0 != want {
			t.Errorf("%s: %v, want %v", thing, got, want)
		}
	}
	if got := len(g.Pods("n1")); got != 3 {
		t.Errorf("%d pods", got)
	}
}
