package network

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
)

// entriesText lists entries with what is odd about them.
func entriesText(t *testing.T, inv *inventory.Inventory) []string {
	t.Helper()
	z, err := ZonesOf(context.Background(), inv)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, e := range z.Entries(inv) {
		text := fmt.Sprintf("%s %s %s", e.Kind, e.Pod.Object.Name(), e.Ports)
		if e.Internal {
			text += " internal"
		}
		if e.Unsure != "" {
			text += "?"
		}
		out = append(out, text)
	}
	return out
}

func routePod(name string) string {
	return `{apiVersion: v1, kind: Pod, metadata: {name: ` + name + `, namespace: a, labels: {app: db, version: ` + name + `}}, spec: {containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}]}]}}`
}

const routeService = `{apiVersion: v1, kind: Service, metadata: {name: db, namespace: a}, spec: {selector: {app: db}, ports: [{name: web, port: 80, targetPort: http}, {name: other, port: 9}]}}`

// Routes of the Gateway API lead where their parents take them and their backends may be used.
func TestGatewayRoutes(t *testing.T) {
	namespaces := []string{
		`{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {team: x}}}`,
		`{apiVersion: v1, kind: Namespace, metadata: {name: infra}}`,
	}
	gw := func(spec string) string {
		return `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g, namespace: infra}, spec: {` + spec + `}}`
	}
	all := `allowedRoutes: {namespaces: {from: All}}`
	http := gw(`listeners: [{name: web, port: 80, protocol: HTTP, ` + all + `}, {name: tls, port: 443, protocol: TLS, ` + all + `}, {name: own, port: 8080, protocol: HTTP}]`)
	route := func(kind, spec string) string {
		return `{apiVersion: gateway.networking.k8s.io/v1, kind: ` + kind + `, metadata: {name: r, namespace: a}, spec: {` + spec + `}}`
	}
	to := func(parent string) string {
		return `parentRefs: [` + parent + `], rules: [{backendRefs: [{name: db, port: 80}]}]`
	}
	set := func(group, kind, spec string) string {
		return `{apiVersion: ` + group + `, kind: ` + kind + `, metadata: {name: s, namespace: a}, spec: {parentRef: {name: g, namespace: infra}, listeners: [{name: x, port: 81, protocol: HTTP}` + spec + `]}}`
	}
	granted := func(from, to string) string {
		return `{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, metadata: {name: g, namespace: a}, spec: {from: [` + from + `], to: [` + to + `]}}`
	}
	abroad := `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: infra}, spec: {parentRefs: [{name: g}], rules: [{backendRefs: [{name: db, namespace: a, port: 80}]}]}}`
	const hit = "Gateway db TCP 8080"
	for _, tt := range []struct {
		name string
		docs []string
		want []string
	}{
		{"a backend without a kind", []string{http, route("HTTPRoute", to(`{name: g, namespace: infra}`))}, []string{hit}},
		{"with the defaults written out", []string{http, route("HTTPRoute", `parentRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g, namespace: infra}], rules: [{backendRefs: [{group: "", kind: Service, namespace: a, name: db, port: 80}]}]`)}, []string{hit}},
		{"a backend without a port", []string{http, route("HTTPRoute", `parentRefs: [{name: g, namespace: infra}], rules: [{backendRefs: [{name: db}]}]`)}, nil},
		{"Services of several clusters", []string{http, route("HTTPRoute", `parentRefs: [{name: g, namespace: infra}], rules: [{backendRefs: [{group: multicluster.x-k8s.io, kind: ServiceImport, name: db, port: 80}]}]`)}, []string{hit + "?"}},
		{"a backend of another kind", []string{http, route("HTTPRoute", `parentRefs: [{name: g, namespace: infra}], rules: [{backendRefs: [{group: storage.example.com, kind: Bucket, name: db, port: 80}]}]`)}, nil},
		{"a weight of nothing", []string{http, route("HTTPRoute", `parentRefs: [{name: g, namespace: infra}], rules: [{backendRefs: [{name: db, port: 80, weight: 0}, {name: gone, port: 80}]}]`)}, nil},
		{"a mirror", []string{http, route("HTTPRoute", `parentRefs: [{name: g, namespace: infra}], rules: [{filters: [{type: RequestMirror, requestMirror: {backendRef: {name: db, port: 9}}}], backendRefs: [{name: gone, port: 80}]}]`)}, []string{"Gateway db TCP 9"}},
		{"gRPC", []string{http, route("GRPCRoute", to(`{name: g, namespace: infra}`))}, []string{hit}},
		{"TLS", []string{http, route("TLSRoute", to(`{name: g, namespace: infra}`))}, []string{hit}},
		{"TCP by a TLS listener", []string{http, route("TCPRoute", to(`{name: g, namespace: infra}`))}, []string{hit}},
		{"UDP without a listener", []string{http, route("UDPRoute", to(`{name: g, namespace: infra}`))}, nil},
		{"a listener by its name", []string{http, route("HTTPRoute", to(`{name: g, namespace: infra, sectionName: web}`))}, []string{hit}},
		{"of another protocol", []string{http, route("HTTPRoute", to(`{name: g, namespace: infra, sectionName: tls}`))}, nil},
		{"of its own namespace only", []string{http, route("HTTPRoute", to(`{name: g, namespace: infra, sectionName: own}`))}, nil},
		{"that is not there", []string{http, route("HTTPRoute", to(`{name: g, namespace: infra, sectionName: gone}`))}, nil},
		{"by its port", []string{http, route("HTTPRoute", to(`{name: g, namespace: infra, port: 80}`))}, []string{hit}},
		{"by another's", []string{http, route("HTTPRoute", to(`{name: g, namespace: infra, port: 8080}`))}, nil},
		{"by name and port that are not one's", []string{http, route("HTTPRoute", to(`{name: g, namespace: infra, sectionName: web, port: 8080}`))}, nil},
		{"a kind that is allowed", []string{gw(`listeners: [{name: l, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}, kinds: [{kind: GRPCRoute}, {kind: HTTPRoute}]}}]`), route("HTTPRoute", to(`{name: g, namespace: infra}`))}, []string{hit}},
		{"one that is not", []string{gw(`listeners: [{name: l, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}, kinds: [{kind: GRPCRoute}]}}]`), route("HTTPRoute", to(`{name: g, namespace: infra}`))}, nil},
		{"a namespace by its labels", []string{gw(`listeners: [{name: l, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {team: x}}}}}]`), route("HTTPRoute", to(`{name: g, namespace: infra}`))}, []string{hit}},
		{"by others", []string{gw(`listeners: [{name: l, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {team: z}}}}}]`), route("HTTPRoute", to(`{name: g, namespace: infra}`))}, nil},
		{"no namespace", []string{gw(`listeners: [{name: l, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: None}}}]`), route("HTTPRoute", to(`{name: g, namespace: infra}`))}, nil},
		{"host names that meet", []string{gw(`listeners: [{name: l, port: 80, protocol: HTTP, hostname: "*.example.com", ` + all + `}]`), route("HTTPRoute", `hostnames: [other.org, Shop.example.com], `+to(`{name: g, namespace: infra}`))}, []string{hit}},
		{"that do not", []string{gw(`listeners: [{name: l, port: 80, protocol: HTTP, hostname: "*.example.com", ` + all + `}]`), route("HTTPRoute", `hostnames: [example.com], `+to(`{name: g, namespace: infra}`))}, nil},
		{"a mesh's parent beside a gateway", []string{http, route("HTTPRoute", to(`{group: "", kind: Service, name: db}, {name: g, namespace: infra}`))}, []string{hit}},
		{"a mesh's parent alone", []string{http, route("GRPCRoute", to(`{group: "", kind: Service, name: db, port: 80}`))}, nil},
		{"a Gateway that is not among the manifests", []string{route("HTTPRoute", to(`{name: g, namespace: elsewhere}`))}, []string{hit + "?"}},
		{"an internal one", []string{`{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g, namespace: infra}, spec: {gatewayClassName: gke-l7-rilb, listeners: [{name: l, port: 80, protocol: HTTP, ` + all + `}]}}`, route("HTTPRoute", to(`{name: g, namespace: infra}`))}, []string{hit + " internal"}},
		{"by its infrastructure", []string{gw(`infrastructure: {annotations: {networking.gke.io/load-balancer-type: Internal}}, listeners: [{name: l, port: 80, protocol: HTTP, ` + all + `}]`), route("HTTPRoute", to(`{name: g, namespace: infra}`))}, []string{hit + " internal"}},
		{"a set of listeners", []string{gw(`allowedListeners: {namespaces: {from: All}}`), set("gateway.networking.k8s.io/v1", "ListenerSet", ""), route("HTTPRoute", to(`{kind: ListenerSet, name: s}`))}, []string{hit}},
		{"the experimental kind", []string{gw(`allowedListeners: {namespaces: {from: Selector, selector: {matchLabels: {team: x}}}}`), set("gateway.networking.x-k8s.io/v1alpha1", "XListenerSet", ""), route("HTTPRoute", to(`{group: gateway.networking.x-k8s.io, kind: XListenerSet, name: s, sectionName: x}`))}, []string{hit}},
		{"a set that the Gateway does not take", []string{http, set("gateway.networking.k8s.io/v1", "ListenerSet", ""), route("HTTPRoute", to(`{kind: ListenerSet, name: s}`))}, nil},
		{"a set's listeners are not the Gateway's", []string{gw(`allowedListeners: {namespaces: {from: All}}`), set("gateway.networking.k8s.io/v1", "ListenerSet", ""), route("HTTPRoute", to(`{name: g, namespace: infra}`))}, nil},
		{"a grant", []string{http, abroad, granted(`{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: infra}`, `{group: "", kind: Service, name: db}`)}, []string{hit}},
		{"for another kind", []string{http, abroad, granted(`{group: gateway.networking.k8s.io, kind: TCPRoute, namespace: infra}`, `{group: "", kind: Service}`)}, nil},
		{"for another namespace", []string{http, abroad, granted(`{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: web}`, `{group: "", kind: Service}`)}, nil},
		{"for another Service", []string{http, abroad, granted(`{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: infra}`, `{group: "", kind: Service, name: web}`)}, nil},
		{"of another group", []string{http, abroad, granted(`{group: example.com, kind: HTTPRoute, namespace: infra}`, `{group: "", kind: Service}`)}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			docs := slices.Concat(namespaces, []string{routePod("db"), routeService}, tt.docs)
			if got := entriesText(t, testobj.Inventory(t, docs)); !slices.Equal(got, append([]string{}, tt.want...)) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// VirtualServices lead to pods through Gateways; the mesh is no way in.
func TestIstioEntries(t *testing.T) {
	gw := func(namespace, hosts string) string {
		return `{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g, namespace: ` + namespace + `}, spec: {selector: {istio: ingress}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: [` + hosts + `]}]}}`
	}
	vs := func(spec string) string {
		return `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v, namespace: a}, spec: {hosts: [shop.example.com], ` + spec + `}}`
	}
	const here, there = `gateways: [g], `, `gateways: [istio-system/g], `
	const to = `http: [{route: [{destination: {host: db, port: {number: 80}}}]}]`
	const hit = "VirtualService db TCP 8080"
	pods := `{apiVersion: v1, kind: Pod, metadata: {name: gateway, namespace: istio-system, labels: {istio: ingress}}, spec: {containers: [{name: istio-proxy, image: docker.io/istio/proxyv2:1.27, ports: [{containerPort: 8443}]}]}}`
	lb := func(annotations string) string {
		return `{apiVersion: v1, kind: Service, metadata: {name: ingress, namespace: istio-system, annotations: {` + annotations + `}}, spec: {type: LoadBalancer, selector: {istio: ingress}, ports: [{port: 443, targetPort: 8443}]}}`
	}
	for _, tt := range []struct {
		name string
		docs []string
		want []string
	}{
		{"of the own namespace", []string{gw("a", `"*"`), vs(here + to)}, []string{hit}},
		{"of another", []string{gw("istio-system", `"*.example.com"`), vs(there + to)}, []string{hit}},
		{"by its old name", []string{gw("istio-system", `"*"`), vs(`gateways: [g.istio-system.svc.cluster.local], ` + to)}, []string{hit}},
		{"no Gateway is the mesh", []string{gw("a", `"*"`), vs(to)}, nil},
		{"the mesh by name", []string{gw("a", `"*"`), vs(`gateways: [mesh], ` + to)}, nil},
		{"beside the mesh", []string{gw("a", `"*"`), vs(`gateways: [mesh, g], ` + to)}, []string{hit}},
		{"a route of the mesh's", []string{gw("a", `"*"`), vs(`gateways: [mesh, g], http: [{match: [{gateways: [mesh]}], route: [{destination: {host: db}}]}]`)}, nil},
		{"a match for the Gateway", []string{gw("a", `"*"`), vs(`gateways: [mesh, g], http: [{match: [{gateways: [mesh]}, {gateways: [g]}], route: [{destination: {host: db, port: {number: 9}}}]}]`)}, []string{"VirtualService db TCP 9"}},
		{"a host that the Gateway does not take", []string{gw("a", `"*.example.org"`), vs(here + to)}, nil},
		{"a namespace that it does not take", []string{gw("istio-system", `"web/*"`), vs(there + to)}, nil},
		{"its own namespace alone", []string{gw("istio-system", `"./*"`), vs(there + to)}, nil},
		{"and this one", []string{gw("a", `"./*"`), vs(here + to)}, []string{hit}},
		{"a Gateway that was not seen", []string{vs(there + to)}, []string{hit + "?"}},
		{"the whole name of a Service", []string{gw("a", `"*"`), vs(here + `tls: [{match: [{sniHosts: [x]}], route: [{destination: {host: db.a.svc.cluster.local, port: {number: 80}}}]}]`)}, []string{hit}},
		{"half of a name is a host outside", []string{gw("a", `"*"`), vs(here + `http: [{route: [{destination: {host: db.a}}]}]`)}, nil},
		{"TCP, and every port", []string{gw("a", `"*"`), vs(here + `tcp: [{route: [{destination: {host: db}}]}]`)}, []string{"VirtualService db TCP 9,8080"}},
		{"a weight of nothing", []string{gw("a", `"*"`), vs(here + `http: [{route: [{destination: {host: db}, weight: 0}, {destination: {host: web}, weight: 100}]}]`)}, nil},
		{"a mirror", []string{gw("a", `"*"`), vs(here + `http: [{mirror: {host: db, port: {number: 80}}, route: [{destination: {host: web}}]}]`)}, []string{hit}},
		{"a subset", []string{gw("a", `"*"`), routePod("v2"), vs(here + `http: [{route: [{destination: {host: db, subset: new, port: {number: 80}}}]}]`), `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: d, namespace: a}, spec: {host: db, subsets: [{name: new, labels: {version: v2}}]}}`}, []string{"VirtualService v2 TCP 8080"}},
		{"one that was not seen", []string{gw("a", `"*"`), vs(here + `http: [{route: [{destination: {host: db, subset: new, port: {number: 80}}}]}]`)}, []string{hit + "?"}},
		{"a delegate", []string{gw("a", `"*"`), vs(here + `http: [{delegate: {name: d, namespace: b}}]`), `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: d, namespace: b}, spec: {http: [{route: [{destination: {host: db.a.svc.cluster.local, port: {number: 80}}}]}]}}`}, []string{hit}},
		{"an exported one", []string{gw("istio-system", `"*"`), pods, vs(there + `exportTo: [istio-system], ` + to)}, []string{hit}},
		{"one that is not", []string{gw("istio-system", `"*"`), pods, vs(there + `exportTo: ["."], ` + to)}, nil},
		{"exported to nobody knows whom", []string{gw("istio-system", `"*"`), vs(there + `exportTo: ["."], ` + to)}, []string{hit + "?"}},
		{"an internal load balancer", []string{gw("istio-system", `"*"`), pods, lb(`networking.gke.io/load-balancer-type: Internal`), vs(there + to)}, []string{"LoadBalancer gateway TCP 8443 internal", hit + " internal"}},
		{"a public one", []string{gw("istio-system", `"*"`), pods, lb(""), vs(there + to)}, []string{"LoadBalancer gateway TCP 8443", hit}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			docs := slices.Concat([]string{routePod("db"), routeService}, tt.docs)
			if got := entriesText(t, testobj.Inventory(t, docs)); !slices.Equal(got, append([]string{}, tt.want...)) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestKnativeEntries(t *testing.T) {
	pod := `{apiVersion: v1, kind: Pod, metadata: {name: hello-1, namespace: a, labels: {serving.knative.dev/service: hello}}, spec: {containers: [{name: user-container, image: i}, {name: queue-proxy, image: q, ports: [{name: queue-port, containerPort: 8012}, {name: https-port, containerPort: 8112}, {name: http-autometric, containerPort: 9090}]}]}}`
	ksvc := func(labels string) string {
		return `{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: hello, namespace: a, labels: {` + labels + `}}, spec: {template: {spec: {containers: [{image: i}]}}}}`
	}
	if got := entriesText(t, testobj.Inventory(t, []string{pod, ksvc("")})); !slices.Equal(got, []string{"Knative hello-1 TCP 8012,8112"}) {
		t.Errorf("got %q", got)
	}
	if got := entriesText(t, testobj.Inventory(t, []string{pod, ksvc("networking.knative.dev/visibility: cluster-local")})); len(got) > 0 {
		t.Errorf("of the cluster alone: %q", got)
	}
}

// Whoever proxies is found by what names it, and never invented: a policy that admits one proxy opens no way through
// another.
func TestProxies(t *testing.T) {
	proxy := func(name, labels, image string) string {
		return `{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: ` + name + `, labels: {` + labels + `}}, spec: {containers: [{name: c, image: "` + image + `"}]}}`
	}
	nginx, traefik := proxy("nginx", "x: one", "registry.k8s.io/ingress-nginx/controller:v1"), proxy("traefik", "x: one", "docker.io/library/traefik:v3")
	service := `{apiVersion: v1, kind: Service, metadata: {name: db, namespace: a}, spec: {selector: {app: db}, ports: [{port: 80}]}}`
	ing := func(spec string) string {
		return `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: a}, spec: {` + spec + `defaultBackend: {service: {name: db, port: {number: 80}}}}}`
	}
	class := func(name, controller, annotations string) string {
		return `{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: ` + name + `, annotations: {` + annotations + `}}, spec: {controller: ` + controller + `}}`
	}
	admit := func(ns string) string {
		return `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: a}, spec: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ` + ns + `}}}]}]}}`
	}
	block := `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: a}, spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]}}`
	gateway := []string{
		`{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g, namespace: traefik}, spec: {gatewayClassName: c, listeners: [{name: l, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}`,
		`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: a}, spec: {parentRefs: [{name: g, namespace: traefik}], rules: [{backendRefs: [{name: db, port: 80}]}]}}`,
	}
	istio := []string{
		`{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g, namespace: a}, spec: {selector: {istio: edge}, servers: [{hosts: ["*"]}]}}`,
		`{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v, namespace: a}, spec: {hosts: ["*"], gateways: [g], http: [{route: [{destination: {host: db}}]}]}}`,
	}
	for _, tt := range []struct {
		name      string
		docs      []string
		must, may string
	}{
		{"the one of the class", []string{nginx, traefik, ing(`ingressClassName: edge, `), class("edge", "k8s.io/ingress-nginx", ""), admit("nginx")}, "TCP 80", "TCP 80"},
		{"not the other", []string{nginx, traefik, ing(`ingressClassName: edge, `), class("edge", "k8s.io/ingress-nginx", ""), admit("traefik")}, "none", "none"},
		{"of the default class", []string{nginx, traefik, ing(""), class("edge", "traefik.io/ingress-controller", `ingressclass.kubernetes.io/is-default-class: "true"`), class("rest", "k8s.io/ingress-nginx", ""), admit("nginx")}, "none", "none"},
		{"either, without a class", []string{nginx, traefik, ing(""), admit("nginx")}, "none", "TCP 80"},
		{"a class that was not seen", []string{nginx, ing(`ingressClassName: edge, `), admit("nginx")}, "TCP 80", "TCP 80"},
		{"a controller that is not there", []string{traefik, ing(`ingressClassName: edge, `), class("edge", "k8s.io/ingress-nginx", ""), admit("traefik")}, "none", "TCP 80"},
		{"a load balancer of the cloud", []string{nginx, ing(`ingressClassName: edge, `), class("edge", "ingress.k8s.aws/alb", ""), admit("nginx")}, "none", "none"},
		{"and its addresses", []string{nginx, ing(`ingressClassName: edge, `), class("edge", "ingress.k8s.aws/alb", ""), block}, "none", "TCP 80"},
		{"of the Gateway's class", append(slices.Clone(gateway), nginx, traefik, `{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: c}, spec: {controllerName: traefik.io/gateway-controller}}`, admit("nginx")), "none", "none"},
		{"pods made for the Gateway", append(slices.Clone(gateway), nginx, proxy("traefik", "gateway.networking.k8s.io/gateway-name: g", "example.com/any:1"), admit("traefik")), "TCP 80", "TCP 80"},
		{"those that a Gateway of Istio selects", append(slices.Clone(istio), nginx, proxy("edge", "istio: edge", "docker.io/istio/proxyv2:1"), admit("edge")), "TCP 80", "TCP 80"},
		{"and not those of another", append(slices.Clone(istio), proxy("edge", "istio: edge", "docker.io/istio/proxyv2:1"), proxy("other", "istio: other", "docker.io/istio/proxyv2:1"), admit("other")), "none", "none"},
		{"a sidecar is no gateway", []string{ing(""), `{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: b}, spec: {containers: [{name: c, image: i}, {name: istio-proxy, image: "docker.io/istio/proxyv2:1"}]}}`, admit("b")}, "none", "TCP 80"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inv := testobj.Inventory(t, append([]string{routePod("db"), service}, tt.docs...))
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

// What only internal load balancers lead to is internal, whatever is written of it itself.
func TestInternalProxies(t *testing.T) {
	nginx := `{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: edge, labels: {app: nginx}}, spec: {containers: [{name: c, image: "registry.k8s.io/ingress-nginx/controller:v1"}]}}`
	lb := func(name, annotations string) string {
		return `{apiVersion: v1, kind: Service, metadata: {name: ` + name + `, namespace: edge, annotations: {` + annotations + `}}, spec: {type: LoadBalancer, selector: {app: nginx}, ports: [{port: 443}]}}`
	}
	const inside = `service.beta.kubernetes.io/aws-load-balancer-scheme: internal`
	class := `{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: edge}, spec: {controller: k8s.io/ingress-nginx}}`
	ing := `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: a}, spec: {ingressClassName: edge, defaultBackend: {service: {name: db, port: {number: 80}}}}}`
	for _, tt := range []struct {
		name string
		docs []string
		want bool
	}{
		{"an internal one", []string{class, nginx, lb("one", inside)}, true},
		{"and a public one", []string{class, nginx, lb("one", inside), lb("two", "")}, false},
		{"none", []string{class, nginx}, false},
		{"no class", []string{nginx, lb("one", inside)}, false},
		{"no controller", []string{class, lb("one", inside)}, false},
		{"a port of the node beside", []string{class, strings.Replace(nginx, `image: "`, `ports: [{containerPort: 443, hostPort: 443}], image: "`, 1), lb("one", inside)}, false},
	} {
		got := entriesText(t, testobj.Inventory(t, append([]string{routePod("db"), routeService, ing}, tt.docs...)))
		if slices.Contains(got, "Ingress db TCP 8080 internal") != tt.want || slices.Contains(got, "Ingress db TCP 8080") == tt.want {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}

// In a cluster of which every Gateway was seen, a route to another leads nowhere.
func TestRouteToNoGateway(t *testing.T) {
	docs := []string{routePod("db"), routeService, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: a}, spec: {parentRefs: [{name: gone}], rules: [{backendRefs: [{name: db, port: 80}]}]}}`}
	inv := testobj.Inventory(t, docs)
	if got := entriesText(t, inv); !slices.Equal(got, []string{"Gateway db TCP 8080?"}) {
		t.Errorf("manifests: %q", got)
	}
	var set []*inventory.Object
	for _, text := range docs {
		for o := range testobj.Inventory(t, []string{text}).All() {
			if strings.Contains(text, o.Name()) {
				x, err := inventory.NewObject(inventory.Item{JSON: o.JSON(), Strength: inventory.Observed})
				if err != nil {
					t.Fatal(err)
				}
				set = append(set, x)
			}
		}
	}
	live := inv.With(inventory.Change{Set: set})
	if got := entriesText(t, live); len(got) > 0 {
		t.Errorf("a cluster: %q", got)
	}
	unseen := live.Mask(nil, inventory.CoverageEntry{Group: gatewayAPI, Kind: "Gateway", Coverage: inventory.Coverage{State: inventory.Forbidden}})
	if got := entriesText(t, unseen); !slices.Equal(got, []string{"Gateway db TCP 8080?"}) {
		t.Errorf("a cluster whose Gateways were not seen: %q", got)
	}
}
