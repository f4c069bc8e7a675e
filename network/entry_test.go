package network

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

// Where Services, Ingresses, Gateways and Routes lead to.
func TestEntries(t *testing.T) {
	pod := `{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: a, labels: {app: db}}, spec: {containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}]}]}}`
	svc := func(spec string) string {
		return `{apiVersion: v1, kind: Service, metadata: {name: db, namespace: a}, spec: {` + spec + `}}`
	}
	plain := svc(`selector: {app: db}, ports: [{name: web, port: 80, targetPort: http}, {name: other, port: 9}]`)
	gateway := func(from string) string {
		return `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g, namespace: infra}, spec: {listeners: [{name: l, port: 443, allowedRoutes: {namespaces: {from: ` + from + `}}}]}}`
	}
	route := func(namespace, parent, backend string) string {
		return `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: ` + namespace + `}, spec: {parentRefs: [` + parent + `], rules: [{backendRefs: [` + backend + `]}]}}`
	}
	ingress := func(spec string) string {
		return `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: a}, spec: {` + spec + `}}`
	}
	grant := `{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, metadata: {name: g, namespace: a}, spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: web}], to: [{group: "", kind: Service}]}}`
	for _, tt := range []struct {
		name string
		docs []string
		want string
	}{
		{"load balancer", []string{pod, svc(`type: LoadBalancer, selector: {app: db}, ports: [{port: 80, targetPort: http}]`)}, "LoadBalancer db TCP 8080"},
		{"node port of a number", []string{pod, svc(`type: NodePort, selector: {app: db}, ports: [{port: 80}]`)}, "NodePort db TCP 80"},
		{"external IPs", []string{pod, svc(`externalIPs: [198.51.100.1], selector: {app: db}, ports: [{port: 80, targetPort: 9}]`)}, "ExternalIP db TCP 9"},
		{"cluster IP", []string{pod, plain}, ""},
		{"no selector is nobody", []string{pod, svc(`type: LoadBalancer, ports: [{port: 80}]`)}, ""},
		{"a name that no container has", []string{pod, svc(`type: LoadBalancer, selector: {app: db}, ports: [{port: 80, targetPort: gone}]`)}, ""},
		{"host port", []string{`{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: a}, spec: {containers: [{name: c, image: i, ports: [{containerPort: 8443, hostPort: 443}]}]}}`}, "HostPort db TCP 8443"},
		{"ingress by number", []string{pod, plain, ingress(`rules: [{host: only}, {http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: db, port: {number: 80}}}}]}}]`)}, "Ingress db TCP 8080"},
		{"by name", []string{pod, plain, ingress(`defaultBackend: {service: {name: db, port: {name: other}}}`)}, "Ingress db TCP 9"},
		{"of a service that is not there", []string{pod, ingress(`defaultBackend: {service: {name: gone, port: {number: 80}}}`)}, ""},
		{"gateway", []string{pod, plain, gateway("All"), route("a", `{name: g, namespace: infra}`, `{name: db, port: 80}`)}, "Gateway db TCP 8080"},
		{"a listener for its own namespace", []string{pod, plain, gateway("Same"), route("a", `{name: g, namespace: infra}`, `{name: db, port: 80}`)}, ""},
		{"a mesh's route", []string{pod, plain, route("a", `{name: db, kind: Service, group: ""}`, `{name: db, port: 80}`)}, ""},
		{"a backend elsewhere without a grant", []string{pod, plain, gateway("All"), route("web", `{name: g, namespace: infra}`, `{name: db, namespace: a, port: 80}`)}, ""},
		{"and with one", []string{pod, plain, gateway("All"), grant, route("web", `{name: g, namespace: infra}`, `{name: db, namespace: a, port: 80}`)}, "Gateway db TCP 8080"},
		{"route", []string{pod, plain, `{apiVersion: route.openshift.io/v1, kind: Route, metadata: {name: r, namespace: a}, spec: {to: {kind: Service, name: db}}}`}, "Route db TCP 9,8080"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inv := testobj.Inventory(t, tt.docs)
			z, err := ZonesOf(context.Background(), inv)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range z.Entries(inv) {
				got = append(got, fmt.Sprintf("%s %s %s", e.Kind, e.Pod.Object.Name(), e.Ports))
			}
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// An entry is as open as policies let it be: for clients, for nodes in their place, for the controller that proxies.
func TestExposure(t *testing.T) {
	pod := `{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: a, labels: {app: db}}, spec: {containers: [{name: c, image: i}]}}`
	lb := func(policy string) string {
		return `{apiVersion: v1, kind: Service, metadata: {name: db, namespace: a}, spec: {type: LoadBalancer, externalTrafficPolicy: ` + policy + `, loadBalancerSourceRanges: [203.0.113.0/24], selector: {app: db}, ports: [{port: 80}]}}`
	}
	ing := `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: a}, spec: {defaultBackend: {service: {name: db, port: {number: 80}}}}}`
	cluster := `{apiVersion: v1, kind: Service, metadata: {name: db, namespace: a}, spec: {selector: {app: db}, ports: [{port: 80}]}}`
	np := func(from string) string {
		return `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: a}, spec: {podSelector: {}, ingress: [` + from + `]}}`
	}
	controller := `{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: ingress}, spec: {containers: [{name: c, image: "registry.k8s.io/ingress-nginx/controller:v1"}]}}`
	for _, tt := range []struct {
		name      string
		docs      []string
		must, may string
	}{
		{"no policy", []string{pod, lb("Local")}, "TCP 80", "TCP 80"},
		{"closed", []string{pod, lb("Local"), np("")}, "none", "none"},
		{"the clients' block", []string{pod, lb("Local"), np(`{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}`)}, "TCP 80", "TCP 80"},
		{"a block of none of them", []string{pod, lb("Local"), np(`{from: [{ipBlock: {cidr: 198.51.100.0/24}}]}`)}, "none", "none"},
		{"clients behind a node's address", []string{pod, lb("Cluster"), np(`{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}`)}, "none", "TCP 80"},
		{"the controller alone", []string{pod, cluster, ing, controller, np(`{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress}}}]}`)}, "TCP 80", "TCP 80"},
		{"not the controller", []string{pod, cluster, ing, controller, np(`{from: [{podSelector: {}}]}`)}, "none", "none"},
		{"no controller, and no policy", []string{pod, cluster, ing}, "TCP 80", "TCP 80"},
		{"no controller, and somebody let in", []string{pod, cluster, ing, np(`{from: [{podSelector: {}}]}`)}, "none", "TCP 80"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inv := testobj.Inventory(t, tt.docs)
			z, err := ZonesOf(context.Background(), inv)
			if err != nil {
				t.Fatal(err)
			}
			list := z.Entries(inv)
			if len(list) != 1 {
				t.Fatalf("%d entries", len(list))
			}
			must, may := z.Exposure(&list[0])
			if must.String() != tt.must || may.String() != tt.may {
				t.Errorf("certainly %s, possibly %s", must, may)
			}
		})
	}
}
