package network_test

import (
	"context"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/network"
)

// A cluster that Cilium's policies separate is as separate as one that NetworkPolicies do.
func TestSegmentedByCilium(t *testing.T) {
	const text = `
apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {sensitivity: public}}
---
apiVersion: v1
kind: Namespace
metadata: {name: data, labels: {sensitivity: restricted}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: cilium, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: cilium}}
  template:
    metadata: {labels: {k8s-app: cilium}}
    spec: {hostNetwork: true, containers: [{name: agent, image: "quay.io/cilium/cilium:v1.18.0"}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, namespace: web}
spec:
  selector: {matchLabels: {app: front}}
  template: {metadata: {labels: {app: front}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: data}
spec:
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: deny}
spec:
  endpointSelector: {matchExpressions: [{key: "k8s:io.kubernetes.pod.namespace", operator: NotIn, values: [kube-system]}]}
  ingress: [{fromEntities: [none]}]
  egress: [{toEntities: [none]}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: db, namespace: data}
spec:
  endpointSelector: {matchLabels: {app: db}}
  ingress:
  - fromEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": web, app: front}}]
    toPorts: [{ports: [{port: "5432", protocol: TCP}]}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: front, namespace: web}
spec:
  endpointSelector: {matchLabels: {app: front}}
  egress:
  - toEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": data, app: db}}]
    toPorts: [{ports: [{port: "5432", protocol: TCP}]}]
`
	r, err := nist190.Scan(context.Background(), manifest.Bytes(manifest.Config{}, "m.yaml", []byte(text)), network.Checks()...)
	if err != nil {
		t.Fatal(err)
	}
	for f := range r.Failures(nist190.SeverityInfo) {
		t.Errorf("%s of %s: %s", f.Check.ID, f.Subject, f.Message)
	}
	for _, q := range r.Requirements {
		if (q.Sentence.Key == "3a" || q.Sentence.Key == "3c") && q.Status != nist190.Pass {
			t.Errorf("%s is %s: %v", q.Sentence.Key, q.Status, q.Missing)
		}
	}
}

// What cannot be read could say anything.
func TestUnreadablePolicy(t *testing.T) {
	const text = `
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other, namespace: else}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: 7}
`
	inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(manifest.Config{}, "m.yaml", []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := network.Of(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]network.Reachable{"shop/web": network.Undecided, "else/other": network.Allowed} {
		from, _ := c.Find("8.8.8.8")
		end, err := c.Find(to)
		if err != nil {
			t.Fatal(err)
		}
		v, err := c.Evaluate(network.Flow{From: from, To: end, Protocol: network.TCP, Port: 80})
		if err != nil || v.Answer != want || v.Reason == "" {
			t.Errorf("%s: %s (%s), %v", to, v.Answer, v.Reason, err)
		}
	}
}
