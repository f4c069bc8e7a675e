package nodetrust_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/nodetrust"
)

// example is the cluster of examples/manifests whose worker is the whole cluster.
func example() *inventory.Inventory {
	inv, err := inventory.Collect(context.Background(), nil, manifest.Paths(manifest.Config{}, "../examples/manifests/cluster"))
	if err != nil {
		panic(err)
	}
	return inv
}

func ExampleGraphOf() {
	g, err := nodetrust.GraphOf(context.Background(), example())
	if err != nil {
		panic(err)
	}
	for _, s := range g.List("worker-3", nodetrust.Secret) {
		for _, step := range g.Explain("worker-3", s) {
			fmt.Println(step.Text)
		}
	}
	// Output:
	// Node "worker-3"
	// Pod "shop/payments-a0x"
	// Secret "shop/card-keys" by spec.volumes[0].secret.secretName
}

func ExampleBlastRadiusOf() {
	b, err := nodetrust.BlastRadiusOf(context.Background(), example())
	if err != nil {
		panic(err)
	}
	for r := range b.Nodes() {
		direct, total, all := b.Secrets(r)
		fmt.Printf("%s: %d of %d Secrets, %d with what follows; other nodes %v\n", r.Node, direct, all, total, b.Reaches(r))
	}
	// Output:
	// cp-1: 0 of 2 Secrets, 2 with what follows; other nodes [worker-1 worker-2 worker-3]
	// worker-1: 1 of 2 Secrets, 2 with what follows; other nodes [cp-1 worker-2 worker-3]
	// worker-2: 1 of 2 Secrets, 1 with what follows; other nodes []
	// worker-3: 1 of 2 Secrets, 1 with what follows; other nodes []
}

func ExampleRemovalImpactOf() {
	r, err := nodetrust.RemovalImpactOf(context.Background(), example())
	if err != nil {
		panic(err)
	}
	for i := range r.Nodes() {
		for _, w := range i.Homeless {
			fmt.Printf("without %s, %s %s has no place\n", i.Node, w.Ref().Kind, w.Object.Name())
		}
	}
	// Output:
	// without worker-3, Deployment payments has no place
}

func ExampleRows() {
	rows, err := nodetrust.Rows(context.Background(), example())
	if err != nil {
		panic(err)
	}
	for i := range rows {
		rows[i] = nodetrust.NodeRow{Name: rows[i].Name, Ready: rows[i].Ready, Pool: rows[i].Pool, Kubelet: rows[i].Kubelet}
	}
	if err := nodetrust.WriteRows(os.Stdout, rows[1:2]); err != nil {
		panic(err)
	}
	// Output:
	// NODE      READY  POOL  IDENTITY  KUBELET  RUNTIME  KERNEL  OS  TAINTS  AGENTS
	// worker-1  True   web   -         v1.37.2  -        -       -   -       -
}

func TestRemovalImpact(t *testing.T) {
	workload := func(name, rest string) string {
		return fmt.Sprintf(`{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: %s, namespace: a, uid: %[1]s}, spec: {replicas: 2, selector: {matchLabels: {app: %[1]s}}, template: {metadata: {labels: {app: %[1]s}}, spec: {%s containers: [{name: c, image: i}]}}}}`, name, rest)
	}
	pod := func(owner, name, on string) string {
		return fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: a, labels: {app: %[2]s}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: %[2]s, uid: %[2]s, controller: true}]}, spec: {nodeName: %[3]s, containers: [{name: c, image: i}]}}`, name, owner, on)
	}
	objects := []string{
		`{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {disk: ssd}}}`, `{apiVersion: v1, kind: Node, metadata: {name: n2}}`,
		workload("pinned", "nodeSelector: {disk: ssd},"), workload("gathered", ""), pod("gathered", "g1", "n2"), pod("gathered", "g2", "n2"),
		workload("spread", ""), pod("spread", "s1", "n1"), pod("spread", "s2", "n2"), workload("single", ""), pod("single", "x1", "n2"),
		`{apiVersion: v1, kind: Pod, metadata: {name: bare, namespace: a}, spec: {nodeName: n2, containers: [{name: c, image: i}]}}`,
		`{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: none, namespace: a}, spec: {maxUnavailable: 0, selector: {matchLabels: {app: spread}}}}`,
		`{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: one, namespace: a}, spec: {minAvailable: 1, selector: {matchLabels: {app: gathered}}}}`,
	}
	describe := func(objects []string, node string) string {
		r, err := nodetrust.RemovalImpactOf(context.Background(), testobj.Inventory(t, objects))
		if err != nil {
			t.Fatal(err)
		}
		i := r.Of(node)
		var homeless, gathered, single []string
		for _, w := range i.Homeless {
			homeless = append(homeless, w.Object.Name())
		}
		for _, w := range i.Gathered {
			gathered = append(gathered, w.Object.Name())
		}
		for _, w := range i.Single {
			single = append(single, w.Object.Name())
		}
		return fmt.Sprintf("%v %v %v bare %d budgets %d empty %v", homeless, gathered, single, len(i.Bare), len(i.Budgets), i.Empty())
	}
	if got, want := describe(objects, "n1"), "[pinned] [] [] bare 0 budgets 1 empty false"; got != want {
		t.Errorf("n1: %s, want %s", got, want)
	}
	if got, want := describe(objects, "n2"), "[] [gathered] [single] bare 1 budgets 1 empty false"; got != want {
		t.Errorf("n2: %s, want %s", got, want)
	}
	// A pool that can make such a node is a place as well.
	pool := `{apiVersion: karpenter.sh/v1, kind: NodePool, metadata: {name: fast}, spec: {template: {metadata: {labels: {disk: ssd}}, spec: {requirements: []}}}}`
	if got, want := describe(append(objects, pool), "n1"), "[] [] [] bare 0 budgets 1 empty false"; got != want {
		t.Errorf("with a pool, n1: %s, want %s", got, want)
	}
}
