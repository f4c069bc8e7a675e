package network

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nist190/nist190/inventory"
)

const gatewayAPI = "gateway.networking.k8s.io"

// routeKinds are the kinds of routes of the Gateway API, and the protocols of listeners that take them
// (sigs.k8s.io/gateway-api, apis/v1/gateway_types.go, ProtocolType).
var routeKinds = []struct {
	kind, resource string
	protocols      []string
}{
	{"HTTPRoute", "httproutes", []string{"HTTP", "HTTPS"}},
	{"GRPCRoute", "grpcroutes", []string{"HTTP", "HTTPS"}},
	{"TLSRoute", "tlsroutes", []string{"TLS"}},
	{"TCPRoute", "tcproutes", []string{"TCP", "TLS"}},
	{"UDPRoute", "udproutes", []string{"UDP"}},
}

// standardProtocols are those that routeKinds speak of; what an implementation adds takes what it likes.
var standardProtocols = []string{"HTTP", "HTTPS", "TLS", "TCP", "UDP"}

// listenerSets are kinds that add listeners to a Gateway: the second is what the first was while it was an experiment.
var listenerSets = []schema.GroupKind{{Group: gatewayAPI, Kind: "ListenerSet"}, {Group: "gateway.networking.x-k8s.io", Kind: "XListenerSet"}}

var (
	gatewayKind      = schema.GroupKind{Group: gatewayAPI, Kind: "Gateway"}
	gatewayClassKind = schema.GroupKind{Group: gatewayAPI, Kind: "GatewayClass"}
	// serviceImportKind stands for the Services of one name of several clusters (KEP-1645).
	serviceImportKind = schema.GroupKind{Group: "multicluster.x-k8s.io", Kind: "ServiceImport"}
)

func gatewayNeeds() []inventory.Need {
	// A route to a Gateway that was not seen may lead there.
	out := append(routeNeeds(), inventory.Need{Group: gatewayAPI, Kind: "Gateway", Resource: "gateways", Bias: inventory.Incriminating})
	for _, k := range listenerSets {
		out = append(out, inventory.Need{Group: k.Group, Kind: k.Kind, Resource: strings.ToLower(k.Kind) + "s", Bias: inventory.Incriminating}.IfRead())
	}
	return append(out,
		inventory.Need{Group: gatewayAPI, Kind: "ReferenceGrant", Resource: "referencegrants", Bias: inventory.Incriminating},
		inventory.Need{Group: gatewayAPI, Kind: "GatewayClass", Resource: "gatewayclasses"}.IfRead(), // it says through which controller
	)
}

func routeNeeds() []inventory.Need {
	var out []inventory.Need
	for _, k := range routeKinds {
		out = append(out, inventory.Need{Group: gatewayAPI, Kind: k.kind, Resource: k.resource, Bias: inventory.Incriminating})
	}
	return out
}

// gatewayRoute is what matters of every kind of route.
type gatewayRoute struct {
	Spec struct {
		Hostnames  []string
		ParentRefs []parentRef
		Rules      []struct {
			BackendRefs []struct {
				backendRef
				Weight  *int32
				Filters []routeFilter
			}
			Filters []routeFilter
		}
	}
}

type parentRef struct {
	Group, Kind, Namespace, SectionName *string
	Name                                string
	Port                                *int32
}

type backendRef struct {
	Group, Kind, Namespace *string
	Name                   string
	Port                   *int32
}

// routeFilter can send a copy of requests elsewhere.
type routeFilter struct {
	RequestMirror *struct{ BackendRef backendRef }
}

// gateway is what matters of a Gateway and, beside the class and what it allows, of a ListenerSet.
type gateway struct {
	Spec struct {
		ParentRef        parentRef // of a ListenerSet
		GatewayClassName string
		Infrastructure   struct{ Annotations map[string]string }
		AllowedListeners struct{ Namespaces *allowedFrom }
		Listeners        []listener
	}
}

type listener struct {
	Name, Hostname, Protocol string
	Port                     int32
	AllowedRoutes            struct {
		Namespaces *allowedFrom
		Kinds      []struct {
			Group *string
			Kind  string
		}
	}
}

// allowedFrom says of which namespaces objects may attach.
type allowedFrom struct {
	From     *string
	Selector *metav1.LabelSelector
}

func or(s *string, otherwise string) string {
	if s == nil {
		return otherwise
	}
	return *s
}

// gateways follows routes from their parents to their backends.
func (f *entryFinder) gateways() {
	for _, k := range routeKinds {
		for o := range f.inv.ByKind(schema.GroupKind{Group: gatewayAPI, Kind: k.kind}) {
			var r gatewayRoute
			if !f.read(o, &r) {
				continue
			}
			e, ok := f.attached(o, &r, k.protocols)
			if !ok {
				continue
			}
			for i := range r.Spec.Rules {
				rule := &r.Spec.Rules[i]
				at := []any{"spec", "rules", i}
				f.mirrors(o, rule.Filters, at, e)
				for j := range rule.BackendRefs {
					b := &rule.BackendRefs[j]
					path := append(slices.Clone(at), "backendRefs", j)
					if b.Weight == nil || *b.Weight > 0 {
						f.backend(o, &b.backendRef, path, e)
					}
					f.mirrors(o, b.Filters, path, e)
				}
			}
		}
	}
}

func (f *entryFinder) mirrors(o *inventory.Object, filters []routeFilter, at []any, e Entry) {
	for i := range filters {
		if m := filters[i].RequestMirror; m != nil {
			f.backend(o, &m.BackendRef, append(slices.Clone(at), "filters", i, "requestMirror", "backendRef"), e)
		}
	}
}

// backend adds the entry for a Service that a route sends to. Group and kind have defaults; a Service needs a port.
func (f *entryFinder) backend(o *inventory.Object, b *backendRef, path []any, e Entry) {
	namespace := or(b.Namespace, o.Namespace())
	to := schema.GroupKind{Group: or(b.Group, ""), Kind: or(b.Kind, "Service")}
	if to != (schema.GroupKind{Kind: "Service"}) && to != serviceImportKind || b.Port == nil || !f.granted(o, to, namespace, b.Name) {
		return
	}
	if to == serviceImportKind && e.Unsure == "" {
		e.Unsure = fmt.Sprintf("ServiceImport %q can lead to Services of its name in several clusters", b.Name)
	}
	port := intstr.FromInt32(*b.Port)
	e.Path = path
	f.service(namespace, b.Name, &port, e)
}

// attached is the entry that a route makes of its parents: at least one listener takes it, or may. A parent of another
// kind, such as a Service, is a mesh's and no way in.
func (f *entryFinder) attached(o *inventory.Object, r *gatewayRoute, protocols []string) (Entry, bool) {
	e := Entry{Kind: "Gateway", Object: o, Proxied: true, Internal: true}
	best, proxied := no, true
	classes := map[string]bool{}
	for i := range r.Spec.ParentRefs {
		p := &r.Spec.ParentRefs[i]
		gw, from, t, why := f.parent(o, p)
		if t == no {
			continue
		}
		if from != nil {
			taken := no
			for j := range from.Spec.Listeners {
				taken = max(taken, f.takes(&from.Spec.Listeners[j], p, o, r, protocols, gw.listenersIn))
			}
			if taken == maybe && why == "" {
				why = fmt.Sprintf("whether %s %q takes it depends on labels of namespace %q that were not seen", gw.kind, gw.name, o.Namespace())
			}
			if t = min(t, taken); t == no {
				continue
			}
		}
		if t == maybe && best == no {
			e.Unsure = why
		}
		best = max(best, t)
		e.Internal = e.Internal && gw.internal
		classes[gw.class] = true
		if len(gw.pods) > 0 {
			e.proxies = append(e.proxies, gw.pods)
		} else {
			proxied = false
		}
	}
	if best == yes {
		e.Unsure = ""
	}
	if !proxied {
		e.proxies = nil
	}
	if len(classes) == 1 {
		for c := range classes {
			e.class = c
		}
	}
	return e, best != no
}

// parentGateway is the Gateway that a parent is, or belongs to.
type parentGateway struct {
	kind, name  string
	listenersIn string // the namespace of what holds the listeners
	class       string
	internal    bool
	pods        []*Pod
}

// parent finds the Gateway or ListenerSet that a route refers to, with its listeners; none are known of one that was not
// seen.
func (f *entryFinder) parent(o *inventory.Object, p *parentRef) (gw parentGateway, from *gateway, t truth, why string) {
	gk := schema.GroupKind{Group: or(p.Group, gatewayAPI), Kind: or(p.Kind, "Gateway")}
	namespace := or(p.Namespace, o.Namespace())
	gw = parentGateway{kind: gk.Kind, name: namespace + "/" + p.Name, listenersIn: namespace}
	if gk == gatewayKind {
		g, from, t, why := f.gateway(o, namespace, p.Name)
		f.describe(&gw, g, from)
		return gw, from, t, why
	}
	if !slices.Contains(listenerSets, gk) {
		return gw, nil, no, ""
	}
	set, ok := f.inv.Get(gk, namespace, p.Name)
	if !ok {
		return gw, nil, f.missing(o, gk, namespace), fmt.Sprintf("%s %q was not seen", gk.Kind, gw.name)
	}
	var s gateway
	if json.Unmarshal(set.JSON(), &s) != nil {
		return gw, nil, maybe, fmt.Sprintf("%s %q cannot be read", gk.Kind, gw.name)
	}
	in := or(s.Spec.ParentRef.Namespace, namespace)
	g, parent, t, why := f.gateway(set, in, s.Spec.ParentRef.Name)
	f.describe(&gw, g, parent)
	if parent != nil {
		// Without a word a Gateway takes no ListenerSets (apis/v1/gateway_types.go, AllowedListeners).
		allows := f.allows(parent.Spec.AllowedListeners.Namespaces, "None", in, namespace)
		if allows == maybe && why == "" {
			why = fmt.Sprintf("whether Gateway %q takes listeners of namespace %q depends on labels that were not seen", in+"/"+s.Spec.ParentRef.Name, namespace)
		}
		t = min(t, allows)
	}
	return gw, &s, t, why
}

func (f *entryFinder) gateway(of *inventory.Object, namespace, name string) (o *inventory.Object, g *gateway, t truth, why string) {
	o, ok := f.inv.Get(gatewayKind, namespace, name)
	if !ok {
		return nil, nil, f.missing(of, gatewayKind, namespace), fmt.Sprintf("Gateway %q was not seen", namespace+"/"+name)
	}
	g = &gateway{}
	if json.Unmarshal(o.JSON(), g) != nil {
		return o, nil, maybe, fmt.Sprintf("Gateway %q cannot be read", namespace+"/"+name)
	}
	return o, g, yes, ""
}

// gatewayName is the label of what controllers make for a Gateway (GEP-1762).
const gatewayName = gatewayAPI + "/gateway-name"

// internalClasses are GatewayClasses of load balancers within a network
// (https://cloud.google.com/kubernetes-engine/docs/how-to/gatewayclass-capabilities).
var internalClasses = []string{"gke-l7-rilb", "gke-l7-rilb-mc", "gke-l7-cross-regional-internal-managed-mc"}

func (f *entryFinder) describe(gw *parentGateway, o *inventory.Object, g *gateway) {
	if o == nil || g == nil {
		return
	}
	name := g.Spec.GatewayClassName
	gw.internal = isInternal(o.Annotations()) || isInternal(g.Spec.Infrastructure.Annotations) || slices.Contains(internalClasses, name)
	gw.pods = f.labelled(o.Namespace(), map[string]string{gatewayName: o.Name()})
	if c, ok := f.inv.Get(gatewayClassKind, "", name); ok {
		var class struct {
			Spec struct{ ControllerName string }
		}
		if json.Unmarshal(c.JSON(), &class) == nil {
			gw.class = class.Spec.ControllerName
		}
	}
}

// takes tells whether a listener takes a route: it is the one that the route names, it is for such routes, of such
// namespaces, and for one of the host names.
func (f *entryFinder) takes(l *listener, p *parentRef, o *inventory.Object, r *gatewayRoute, protocols []string, namespace string) truth {
	if p.SectionName != nil && *p.SectionName != l.Name || p.Port != nil && *p.Port != l.Port {
		return no
	}
	if protocol := strings.ToUpper(l.Protocol); slices.Contains(standardProtocols, protocol) && !slices.Contains(protocols, protocol) {
		return no
	}
	kinds := l.AllowedRoutes.Kinds
	named := len(kinds) == 0
	for _, k := range kinds {
		named = named || k.Kind == o.GroupKind().Kind && or(k.Group, gatewayAPI) == gatewayAPI
	}
	if !named || !hostsMeet([]string{l.Hostname}, r.Spec.Hostnames) {
		return no
	}
	return f.allows(l.AllowedRoutes.Namespaces, "Same", namespace, o.Namespace())
}

// allows tells whether objects of a namespace may attach to one of the other.
func (f *entryFinder) allows(a *allowedFrom, otherwise, to, of string) truth {
	from := otherwise
	var selector *metav1.LabelSelector
	if a != nil {
		from, selector = or(a.From, otherwise), a.Selector
	}
	switch from {
	case "All":
		return yes
	case "Same":
		return truthOf(to == of)
	case "Selector":
		sel, refused := selectorOf(selector)
		if refused != "" || selector == nil {
			return no
		}
		reqs, _ := sel.Requirements()
		return matchAll(reqs, f.namespace(of).label)
	case "None":
		return no
	}
	return maybe
}

// namespace is one that need not have pods.
func (f *entryFinder) namespace(name string) *namespaceInfo {
	if n := f.namespaces[name]; n != nil {
		return n
	}
	whole := f.inv.Coverage(inventory.NeedOf[corev1.Namespace](inventory.Either).GroupKind(), "").State.Complete()
	return &namespaceInfo{name: name, labels: labels.Set{corev1.LabelMetadataName: name}, known: whole}
}

// hostsMeet tells whether a host name of one list is one of the other; no names, or an empty one, are every name. A
// leading "*." stands for one label or more (apis/v1/shared_types.go, Hostname).
func hostsMeet(a, b []string) bool {
	every := func(list []string) bool {
		return len(list) == 0 || slices.ContainsFunc(list, func(h string) bool { return h == "" || h == "*" })
	}
	if every(a) || every(b) {
		return true
	}
	for _, x := range a {
		for _, y := range b {
			if hostWithin(x, y) || hostWithin(y, x) {
				return true
			}
		}
	}
	return false
}

// hostWithin tells whether every host that a name stands for is one of a pattern's.
func hostWithin(name, pattern string) bool {
	name, pattern = strings.ToLower(name), strings.ToLower(pattern)
	suffix, ok := strings.CutPrefix(pattern, "*.")
	if !ok {
		return name == pattern
	}
	return name == pattern || strings.HasSuffix(strings.TrimPrefix(name, "*"), "."+suffix)
}

// granted: a backend of another namespace needs a ReferenceGrant there.
func (f *entryFinder) granted(from *inventory.Object, to schema.GroupKind, namespace, name string) bool {
	if namespace == from.Namespace() {
		return true
	}
	for o := range f.inv.InNamespace(schema.GroupKind{Group: gatewayAPI, Kind: "ReferenceGrant"}, namespace) {
		var g struct {
			Spec struct {
				From []struct{ Group, Kind, Namespace string }
				To   []struct {
					Group, Kind string
					Name        *string
				}
			}
		}
		if json.Unmarshal(o.JSON(), &g) != nil {
			continue
		}
		for _, a := range g.Spec.From {
			for _, b := range g.Spec.To {
				if a.Group == gatewayAPI && a.Kind == from.GroupKind().Kind && a.Namespace == from.Namespace() &&
					b.Group == to.Group && b.Kind == to.Kind && or(b.Name, name) == name {
					return true
				}
			}
		}
	}
	return false
}
