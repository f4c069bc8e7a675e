package network

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nist190/nist190/inventory"
)

// Entry is a way from outside of the cluster to pods, as far as Services, Ingresses, Gateways and Routes go; whether
// policies let anything pass on it is another question, which [Zones.Exposure] answers.
type Entry struct {
	// Kind is LoadBalancer, NodePort, ExternalIP, HostPort, Ingress, Gateway or Route.
	Kind   string
	Object *inventory.Object
	Path   []any
	Pod    *Pod
	Ports  Ports // of the pod
	// Internal is set where the load balancer is asked to stay within the cloud's network.
	Internal bool
	// Sources are the addresses that the load balancer takes requests from; none is all of them.
	Sources prefixes
	// Snat is set where the node's address takes the place of the client's (externalTrafficPolicy: Cluster).
	Snat bool
	// Proxied is set where a controller within the cluster connects in the client's place.
	Proxied bool
}

// EntryNeeds are what entries are found in.
func EntryNeeds() []inventory.Need {
	return []inventory.Need{
		inventory.NeedOf[corev1.Service](inventory.Incriminating), inventory.NeedOf[networkingv1.Ingress](inventory.Incriminating),
		{Group: gatewayAPI, Kind: "Gateway", Resource: "gateways", Bias: inventory.Incriminating},
		{Group: gatewayAPI, Kind: "HTTPRoute", Resource: "httproutes", Bias: inventory.Incriminating},
		{Group: gatewayAPI, Kind: "ReferenceGrant", Resource: "referencegrants", Bias: inventory.Incriminating},
		{Group: "route.openshift.io", Kind: "Route", Resource: "routes", Bias: inventory.Incriminating},
	}
}

const gatewayAPI = "gateway.networking.k8s.io"

// Entries lists the entries by object, of an inventory that z was made from.
func (z *Zones) Entries(inv *inventory.Inventory) []Entry {
	f := &entryFinder{inv: inv, pods: map[string][]*Pod{}}
	for _, p := range z.m.pods {
		f.pods[p.Namespace] = append(f.pods[p.Namespace], p)
	}
	f.services()
	f.hostPorts(z.m.pods)
	f.ingresses()
	f.gateways()
	f.routes()
	return f.out
}

type entryFinder struct {
	inv  *inventory.Inventory
	pods map[string][]*Pod
	out  []Entry
}

// internalAnnotations keep a load balancer off the internet (documentation of the clouds' controllers).
var internalAnnotations = map[string]string{
	"service.beta.kubernetes.io/aws-load-balancer-internal":              "true",
	"service.beta.kubernetes.io/aws-load-balancer-scheme":                "internal",
	"networking.gke.io/load-balancer-type":                               "Internal",
	"cloud.google.com/load-balancer-type":                                "Internal",
	"service.beta.kubernetes.io/azure-load-balancer-internal":            "true",
	"service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type":     "private",
	"service.beta.kubernetes.io/oci-load-balancer-internal":              "true",
	"service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type": "intranet",
	"alb.ingress.kubernetes.io/scheme":                                   "internal",
	"kubernetes.io/ingress.class":                                        "gce-internal",
}

func isInternal(annotations map[string]string) bool {
	for k, v := range annotations {
		if want, ok := internalAnnotations[k]; ok && strings.EqualFold(v, want) {
			return true
		}
	}
	return false
}

func (f *entryFinder) services() {
	for o, s := range inventory.Typed[corev1.Service](f.inv) {
		base := Entry{Object: o, Internal: isInternal(o.Annotations()), Snat: s.Spec.ExternalTrafficPolicy != corev1.ServiceExternalTrafficPolicyLocal}
		for _, cidr := range s.Spec.LoadBalancerSourceRanges {
			if r, ok := rangeOf(cidr); ok {
				base.Sources = append(base.Sources, r)
			}
		}
		add := func(kind string, path ...any) {
			f.backends(o.Namespace(), s, nil, func(p *Pod, ports Ports) {
				e := base
				e.Kind, e.Path, e.Pod, e.Ports = kind, path, p, ports
				f.out = append(f.out, e)
			})
		}
		switch s.Spec.Type {
		case corev1.ServiceTypeLoadBalancer:
			// Source ranges guard the load balancer; the nodes' ports behind it are the provider's to guard.
			add("LoadBalancer", "spec", "type")
		case corev1.ServiceTypeNodePort:
			add("NodePort", "spec", "type")
		}
		if len(s.Spec.ExternalIPs) > 0 {
			add("ExternalIP", "spec", "externalIPs")
		}
	}
}

// backends finds the pods and their ports behind a Service, of one of its ports or of all. A Service without a selector
// has no pods: its endpoints are somebody's to write.
func (f *entryFinder) backends(namespace string, s *corev1.Service, port *intstr.IntOrString, yield func(*Pod, Ports)) {
	if len(s.Spec.Selector) == 0 {
		return
	}
	selector := labels.SelectorFromSet(s.Spec.Selector)
	for _, p := range f.pods[namespace] {
		if !selector.Matches(p.Labels) {
			continue
		}
		var ports Ports
		for i := range s.Spec.Ports {
			sp := &s.Spec.Ports[i]
			if port != nil && sp.Port != port.IntVal && (port.StrVal == "" || sp.Name != port.StrVal) {
				continue
			}
			protocol, ok := protocolOf(&sp.Protocol)
			if sp.Protocol == "" {
				protocol, ok = TCP, true
			}
			switch {
			case !ok:
			case sp.TargetPort.StrVal != "":
				ports = ports.Union((&class{Pod: p}).resolve([]namedPort{{name: sp.TargetPort.StrVal, protocol: protocol}}))
			case sp.TargetPort.IntVal != 0:
				ports = ports.Union(portRangeOf(protocol, sp.TargetPort.IntVal, sp.TargetPort.IntVal))
			default:
				ports = ports.Union(portRangeOf(protocol, sp.Port, sp.Port))
			}
		}
		if !ports.Empty() {
			yield(p, ports)
		}
	}
}

func (f *entryFinder) hostPorts(pods []*Pod) {
	for _, p := range pods {
		if p.Host() {
			continue // the whole node is its entry
		}
		for i := range p.Spec.Containers {
			for j, port := range p.Spec.Containers[i].Ports {
				protocol, ok := protocolOf(&port.Protocol)
				if port.Protocol == "" {
					protocol, ok = TCP, true
				}
				if port.HostPort > 0 && ok {
					f.out = append(f.out, Entry{Kind: "HostPort", Object: p.Object, Path: []any{"containers", i, "ports", j}, Pod: p, Ports: portRangeOf(protocol, port.ContainerPort, port.ContainerPort)})
				}
			}
		}
	}
}

func (f *entryFinder) service(namespace, name string, port *intstr.IntOrString, e Entry) {
	if _, s, ok := inventory.TypedGet[corev1.Service](f.inv, namespace, name); ok {
		f.backends(namespace, s, port, func(p *Pod, ports Ports) {
			e.Pod, e.Ports = p, ports
			f.out = append(f.out, e)
		})
	}
}

func (f *entryFinder) ingresses() {
	for o, ing := range inventory.Typed[networkingv1.Ingress](f.inv) {
		add := func(b *networkingv1.IngressBackend, path ...any) {
			if b == nil || b.Service == nil {
				return
			}
			port := intstr.FromInt32(b.Service.Port.Number)
			if b.Service.Port.Name != "" {
				port = intstr.FromString(b.Service.Port.Name)
			}
			f.service(o.Namespace(), b.Service.Name, &port, Entry{Kind: "Ingress", Object: o, Path: path, Proxied: true, Internal: isInternal(o.Annotations())})
		}
		add(ing.Spec.DefaultBackend, "spec", "defaultBackend")
		for i, r := range ing.Spec.Rules {
			if r.HTTP == nil {
				continue // a host alone goes to the default backend
			}
			for j := range r.HTTP.Paths {
				add(&r.HTTP.Paths[j].Backend, "spec", "rules", i, "http", "paths", j, "backend")
			}
		}
	}
}

// route is what matters of HTTPRoute (sigs.k8s.io/gateway-api, apis/v1).
type route struct {
	Spec struct {
		ParentRefs []struct {
			Group, Kind, Namespace *string
			Name                   string
		}
		Rules []struct {
			BackendRefs []struct {
				Group, Kind, Namespace *string
				Name                   string
				Port                   *int32
			}
		}
	}
}

func (f *entryFinder) gateways() {
	for o := range f.inv.ByKind(schema.GroupKind{Group: gatewayAPI, Kind: "HTTPRoute"}) {
		var r route
		if json.Unmarshal(o.JSON(), &r) != nil {
			continue
		}
		entry := Entry{Kind: "Gateway", Object: o, Proxied: true, Internal: true}
		attached := false
		for _, p := range r.Spec.ParentRefs {
			if p.Kind != nil && *p.Kind != "Gateway" || p.Group != nil && *p.Group != gatewayAPI {
				continue // a Service as the parent is a mesh's route
			}
			namespace := o.Namespace()
			if p.Namespace != nil {
				namespace = *p.Namespace
			}
			g, ok := f.inv.Get(schema.GroupKind{Group: gatewayAPI, Kind: "Gateway"}, namespace, p.Name)
			if ok && !f.admits(g, o) {
				continue
			}
			attached = true
			entry.Internal = entry.Internal && ok && isInternal(g.Annotations())
		}
		if !attached {
			continue
		}
		for i, rule := range r.Spec.Rules {
			for j, b := range rule.BackendRefs {
				namespace := o.Namespace()
				if b.Namespace != nil {
					namespace = *b.Namespace
				}
				if b.Kind != nil && *b.Kind != "Service" || b.Group != nil && *b.Group != "" || b.Port == nil || !f.granted(o, namespace, b.Name) {
					continue
				}
				port := intstr.FromInt32(*b.Port)
				e := entry
				e.Path = []any{"spec", "rules", i, "backendRefs", j}
				f.service(namespace, b.Name, &port, e)
			}
		}
	}
}

// admits tells whether a listener of the gateway takes routes of the namespace; the default is its own.
func (f *entryFinder) admits(gateway, of *inventory.Object) bool {
	var g struct {
		Spec struct {
			Listeners []struct {
				AllowedRoutes *struct {
					Namespaces *struct{ From *string }
				}
			}
		}
	}
	if json.Unmarshal(gateway.JSON(), &g) != nil {
		return true
	}
	return slices.ContainsFunc(g.Spec.Listeners, func(l struct {
		AllowedRoutes *struct {
			Namespaces *struct{ From *string }
		}
	}) bool {
		from := "Same"
		if l.AllowedRoutes != nil && l.AllowedRoutes.Namespaces != nil && l.AllowedRoutes.Namespaces.From != nil {
			from = *l.AllowedRoutes.Namespaces.From
		}
		return from != "Same" && from != "None" || from == "Same" && gateway.Namespace() == of.Namespace()
	})
}

// granted: a backend of another namespace needs a ReferenceGrant there.
func (f *entryFinder) granted(from *inventory.Object, namespace, name string) bool {
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
				if a.Kind == from.GroupKind().Kind && a.Namespace == from.Namespace() && b.Kind == "Service" && (b.Name == nil || *b.Name == name) {
					return true
				}
			}
		}
	}
	return false
}

func (f *entryFinder) routes() {
	for o := range f.inv.ByKind(schema.GroupKind{Group: "route.openshift.io", Kind: "Route"}) {
		var r struct {
			Spec struct {
				To   struct{ Kind, Name string }
				Port *struct{ TargetPort intstr.IntOrString }
			}
		}
		if json.Unmarshal(o.JSON(), &r) == nil && (r.Spec.To.Kind == "" || r.Spec.To.Kind == "Service") {
			// The port of a Route is one of the Service's endpoints; all of them is the most that it can be.
			f.service(o.Namespace(), r.Spec.To.Name, nil, Entry{Kind: "Route", Object: o, Path: []any{"spec", "to"}, Proxied: true})
		}
	}
}

func (e *Entry) String() string {
	if e.Kind == "HostPort" {
		return "a port of its node"
	}
	return fmt.Sprintf("%s %q", strings.Replace(e.Object.Ref().Kind, "Service", "Service ("+e.Kind+")", 1), e.Object.Name())
}

// Exposure is the ports of an entry on which policies let connections from outside pass: certainly, and possibly.
func (z *Zones) Exposure(e *Entry) (must, may Ports) {
	m := z.m
	m.mu.Lock()
	defer m.mu.Unlock()
	g := m.in[Ingress][e.Pod.class]
	if e.Proxied {
		found := false
		v := closed
		for _, p := range m.pods {
			if isController(p) {
				found = true
				x := m.pair(p.class, e.Pod.class)
				if p.Host() {
					x = x.locally(sharesNode(p, e.Pod))
				}
				v = m.join2(v, x)
			}
		}
		if !found {
			// Whoever it is, it is let in where everybody is.
			v = verdict{g.rest.must, allPorts}
			if len(g.policies) > 0 {
				for _, x := range g.cells {
					v.may = m.ports.or(v.may, x.may)
				}
			}
		}
		return m.ports.sets[v.must].Intersect(e.Ports), m.ports.sets[v.may].Intersect(e.Ports)
	}
	client := closed
	for i, a := range m.outside {
		if len(e.Sources) == 0 || slices.ContainsFunc(a.ranges, func(r addressRange) bool { return e.Sources.holds(r) != no }) {
			client = m.join2(client, g.cellOf(len(m.classes)+i))
		}
	}
	if e.Snat {
		// It comes with the address of a node, which rules for the client's may not name.
		node := g.rest
		client = verdict{m.ports.and(client.must, node.must), m.ports.or(client.may, node.may)}
	}
	return m.ports.sets[client.must].Intersect(e.Ports), m.ports.sets[client.may].Intersect(e.Ports)
}

// controllers are the images, by the last part of their name, of what serves Ingresses, Gateways and Routes.
var controllers = []string{
	"controller", "nginx-ingress", "nginx-ingress-controller", "traefik", "haproxy-ingress", "kubernetes-ingress", "contour", "envoy",
	"kong", "kong-gateway", "proxyv2", "emissary", "apisix", "openshift-router", "origin-haproxy-router", "nginx-gateway-fabric", "pomerium",
}

func isController(p *Pod) bool {
	for i := range p.Spec.Containers {
		image := p.Spec.Containers[i].Image
		name := imageName(image)
		if !slices.Contains(controllers, name) {
			continue
		}
		switch name {
		case "controller":
			return strings.Contains(image, "ingress-nginx/")
		case "proxyv2", "envoy":
			// A sidecar is no gateway.
			return len(p.Spec.Containers) == 1 || name == "envoy" && strings.Contains(p.Workload.Ref().Name, "envoy")
		}
		return true
	}
	return false
}
