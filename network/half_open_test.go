package network_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/network"
)

// An interface that is declared, and that one side forgot.
func TestHalfOpenInterface(t *testing.T) {
	const world = `
apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {sensitivity: public}}
---
apiVersion: v1
kind: Namespace
metadata: {name: data, labels: {sensitivity: restricted}}
---
apiVersion: v1
kind: Pod
metadata: {name: front, namespace: web}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: data, labels: {app: db}}
spec: {containers: [{name: c, image: i, ports: [{name: sql, containerPort: 5432}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other, namespace: data}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: data}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
`
	const lets = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: data}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}}], ports: [{port: sql}]}]
---
`
	const shut = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: shut, namespace: web}
spec: {podSelector: {}, policyTypes: [Egress]}
`
	of := func(x network.Interface) inventory.Value { return network.Interfaces.Set(network.InterfaceList{x}) }
	sql := network.Interface{Name: "sql", From: "public", To: "restricted", Destination: inventory.Selector{Names: []string{"db"}}}
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"nobody let in", world, []string{"Pod data/db interface sql"}},
		{"let in", world + lets, nil},
		{"let in and not out", world + lets + shut, []string{"Pod data/db interface sql"}},
		{"neither", world + shut, nil},
	} {
		if got := failures(t, "network-half-open", tt.text, of(sql)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %s", tt.name, strings.Join(got, ", "))
		}
	}
}
