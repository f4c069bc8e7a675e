package inventory_test

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

var images = inventory.NewFact("images", func(_ context.Context, inv *inventory.Inventory) (map[string]int, error) {
	used := map[string]int{}
	for _, pod := range inventory.Typed[corev1.Pod](inv) {
		for _, c := range pod.Spec.Containers {
			used[inventory.ParseImage(c.Image).Host]++
		}
	}
	return used, nil
})

// A fact is computed once per inventory, whoever asks and however many do.
func ExampleFact() {
	inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{}, "pods.yaml", []byte(`
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: a, image: nginx}, {name: b, image: quay.io/org/side}]}
`)))
	if err != nil {
		fmt.Println(err)
	}
	used, err := images.Get(context.Background(), inv)
	fmt.Println(used, err)
	fmt.Println(inv.Coverage(inventory.WorkloadKinds()[0], "default").State)
	// Output:
	// map[docker.io:1 quay.io:1] <nil>
	// Complete
}
