package network_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/network"
)

const shop = `
apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {sensitivity: public}}
---
apiVersion: v1
kind: Namespace
metadata: {name: data, labels: {sensitivity: restricted}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, namespace: web}
spec:
  selector: {matchLabels: {app: front}}
  template:
    metadata: {labels: {app: front}}
    spec: {containers: [{name: c, image: i, env: [{name: DB, value: "db.data:5432"}]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: data}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: i, ports: [{name: sql, containerPort: 5432}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: data}
spec: {clusterIP: 10.96.0.5, selector: {app: db}, ports: [{port: 5432, targetPort: sql}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: data}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {}}]}]
`

func zonesOf(text string) (*network.Zones, *inventory.Inventory, error) {
	inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{}, "shop.yaml", []byte(text)))
	if err != nil {
		return nil, nil, err
	}
	z, err := network.ZonesOf(context.Background(), inv)
	return z, inv, err
}

// Policies for what workloads refer to, with the proof that they let it pass.
func ExampleSuggest() {
	z, inv, err := zonesOf(shop)
	if err != nil {
		panic(err)
	}
	s, err := network.Suggest(context.Background(), inv, z.References(inv), network.LevelZone)
	if err != nil {
		panic(err)
	}
	for _, p := range s.Policies {
		fmt.Printf("%s/%s\n", p.Namespace, p.Name)
	}
	fmt.Printf("lost %d, excess %d, removed %d\n", len(s.Lost), len(s.Excess), s.Removed)
	// Output:
	// data/allow-db
	// data/default-deny
	// data/zone-restricted
	// web/default-deny
	// web/zone-public
	// lost 0, excess 0, removed 1
}

// Observed connections, with what the policies say of each.
func ExampleAttribution_Judge() {
	z, inv, err := zonesOf(shop)
	if err != nil {
		panic(err)
	}
	a := z.Attribution(inv)
	for o, err := range network.Flows(strings.NewReader("src,dst,protocol,port\nweb/front,10.96.0.5,TCP,5432\n")) {
		if err != nil {
			panic(err)
		}
		j := a.Judge(o)
		fmt.Printf("%s to %s by Service %s: %s\n", j.From, j.Destination.Pod.Ref(), j.Via, j.Verdict.Answer)
		fmt.Println(j.Verdict.Reason)
		fmt.Println(j.Unexpected)
	}
	// Output:
	// web/front to StatefulSet.apps data/db by Service data/db: denied
	// the destination does not let it in: ingress: NetworkPolicy "data/db" isolate the pod
	// it passed, and the policies deny it
}
