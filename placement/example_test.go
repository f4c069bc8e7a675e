package placement_test

import (
	"context"
	"fmt"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/placement"
)

const vault = `
apiVersion: v1
kind: Node
metadata: {name: web-1}
---
apiVersion: v1
kind: Node
metadata: {name: vault-1, labels: {level: restricted}}
spec: {taints: [{key: level, value: restricted, effect: NoSchedule}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: vault, namespace: pay, labels: {sensitivity: restricted}}
spec:
  template:
    spec:
      containers: [{name: c, image: i}]
      tolerations: [{key: level, operator: Exists}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {sensitivity: public}}
spec:
  template:
    spec: {containers: [{name: c, image: i}]}
`

func ExampleFeasibilityOf() {
	ctx := context.Background()
	inv, err := inventory.Collect(ctx, nil, manifest.Bytes(manifest.Config{}, "vault.yaml", []byte(vault)))
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := placement.FeasibilityOf(ctx, inv)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, question := range []string{"pay/vault vault-1", "shop/web vault-1"} {
		e, err := f.Answer(question)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(question+":", &e)
	}
	// Output:
	// pay/vault vault-1: can
	// shop/web vault-1: cannot: TaintToleration: node(s) had untolerated taint(s) (level=restricted:NoSchedule)
}

func ExampleSeparationOf() {
	ctx := context.Background()
	inv, err := inventory.Collect(ctx, nil, manifest.Bytes(manifest.Config{}, "vault.yaml", []byte(vault)))
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := placement.SeparationOf(ctx, inv)
	if err != nil {
		fmt.Println(err)
		return
	}
	high, _ := s.Levels.Parse("restricted")
	low, _ := s.Levels.Parse("public")
	m, answer := s.Meet(high, low)
	fmt.Println(answer, m.High.Workload.Object.Name(), m.Low.Workload.Object.Name(), m.Node)
	// Output:
	// can vault web node "web-1"
}

func ExampleSuggest() {
	ctx := context.Background()
	inv, err := inventory.Collect(ctx, nil, manifest.Bytes(manifest.Config{}, "vault.yaml", []byte(vault)))
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := placement.Suggest(ctx, inv)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range s.Patches {
		fmt.Println(p.Ref.Kind, p.Ref.Name+":", p.Why)
	}
	fmt.Println("apart whatever nodes there are:", s.Apart)
	// Output:
	// StatefulSet vault: it is restricted (StatefulSet "vault" is labelled sensitivity=restricted)
	// Deployment web: it is public (Deployment "web" is labelled sensitivity=public)
	// apart whatever nodes there are: [restricted public]
}
