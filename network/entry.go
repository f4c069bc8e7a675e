package network

import (
	"encoding/json"
	"fmt"
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
	// Kind is LoadBalancer, NodePort, ExternalIP, HostPort, Ingress, Gateway, Route, VirtualService or Knative.
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
	// Unsure says why the way may not be there, such as a Gateway that was not seen; empty where it is.
	Unsure string

	// class is the name of the controller that serves it, where a class tells; proxies are the pods that connect in the
	// client's place, where something names them, as many times as there are ways through them.
	class   string
	proxies [][]*Pod
}

// entrySources are where ways in are written down, and who finds them there.
var entrySources = []struct {
	needs func() []inventory.Need
	find  func(*entryFinder)
}{
	{func() []inventory.Need {
		return []inventory.Need{inventory.NeedOf[corev1.Service](inventory.Incriminating)}
	}, (*entryFinder).services},
	{inPods, (*entryFinder).hostPorts},
	{ingressNeeds, (*entryFinder).ingresses},
	{gatewayNeeds, (*entryFinder).gateways},
	{func() []inventory.Need {
		return []inventory.Need{{Group: "route.openshift.io", Kind: "Route", Resource: "routes", Bias: inventory.Incriminating}}
	}, (*entryFinder).routes},
	{istioNeeds, (*entryFinder).virtualServices},
	{knativeNeeds, (*entryFinder).knative},
}

// inPods: what connectivity needs anyway.
func inPods() []inventory.Need { return nil }

// nodeSources are the first of them: those that open ports of nodes.
const nodeSources = 2

// EntryNeeds are what entries are found in.
func EntryNeeds() []inventory.Need { return sourceNeeds(len(entrySources)) }

func sourceNeeds(n int) []inventory.Need {
	var out []inventory.Need
	for _, s := range entrySources[:n] {
		out = append(out, s.needs()...)
	}
	return inventory.JoinNeeds(out)
}

// Entries lists the entries by object, of an inventory that z was made from.
func (z *Zones) Entries(inv *inventory.Inventory) []Entry { return z.entriesOf(inv, len(entrySources)) }

func (z *Zones) entriesOf(inv *inventory.Inventory, sources int) []Entry {
	return z.find(inv, sources).out
}

func (z *Zones) find(inv *inventory.Inventory, sources int) *entryFinder {
	f := newEntryFinder(z.m, inv)
	for _, s := range entrySources[:sources] {
		s.find(f)
	}
	f.settle(z.m)
	return f
}

type entryFinder struct {
	inv        *inventory.Inventory
	all        []*Pod
	pods       map[string][]*Pod // by namespace
	namespaces map[string]*namespaceInfo
	out        []Entry
	blind      []blindWay
}

// blindWay is an object that may lead from outside to pods that it does not tell.
type blindWay struct {
	object *inventory.Object
	why    string
}

// read reads an object; one that cannot be read may lead anywhere in its namespace.
func (f *entryFinder) read(o *inventory.Object, into any) bool {
	if err := json.Unmarshal(o.JSON(), into); err != nil {
		f.blind = append(f.blind, blindWay{o, fmt.Sprintf("%s %q cannot be read, and may lead the outside to pods", o.GroupKind().Kind, o.Name())})
		return false
	}
	return true
}

func newEntryFinder(m *model, inv *inventory.Inventory) *entryFinder {
	f := &entryFinder{inv: inv, all: m.pods, pods: map[string][]*Pod{}, namespaces: m.namespaces}
	for _, p := range m.pods {
		f.pods[p.Namespace] = append(f.pods[p.Namespace], p)
	}
	return f
}

// missing tells what it means that an object refers to one that is not there: in a cluster of which every such object was
// seen, nothing; manifests of an application refer to objects of the platform, which are not among them.
func (f *entryFinder) missing(of *inventory.Object, gk schema.GroupKind, namespace string) truth {
	if of.Strength() >= inventory.Observed && f.inv.Coverage(gk, namespace).State.Complete() {
		return no
	}
	return maybe
}

// labelled lists the pods of a namespace, or of every one, that have labels.
func (f *entryFinder) labelled(namespace string, set map[string]string) []*Pod {
	if len(set) == 0 {
		return nil
	}
	pods := f.all
	if namespace != "" {
		pods = f.pods[namespace]
	}
	var out []*Pod
	selector := labels.SelectorFromSet(set)
	for _, p := range pods {
		if selector.Matches(p.Labels) {
			out = append(out, p)
		}
	}
	return out
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
	"networking.istio.io/service-type":                                   "ClusterIP",
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

func (f *entryFinder) hostPorts() {
	for _, p := range f.all {
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
	f.subset(namespace, name, port, nil, e)
}

// subset is a Service's pods that have further labels.
func (f *entryFinder) subset(namespace, name string, port *intstr.IntOrString, of map[string]string, e Entry) {
	if _, s, ok := inventory.TypedGet[corev1.Service](f.inv, namespace, name); ok {
		f.backends(namespace, s, port, func(p *Pod, ports Ports) {
			if labels.SelectorFromSet(of).Matches(p.Labels) {
				e.Pod, e.Ports = p, ports
				f.out = append(f.out, e)
			}
		})
	}
}

// throughServices: a Service more is a way in, and can show that a proxy is reached from inside alone.
func throughServices() inventory.Need { return inventory.NeedOf[corev1.Service](inventory.Either) }

func ingressNeeds() []inventory.Need {
	return []inventory.Need{
		throughServices(),
		inventory.NeedOf[networkingv1.Ingress](inventory.Incriminating),
		inventory.NeedOf[networkingv1.IngressClass](inventory.Either).IfRead(), // it says through which controller
	}
}

func (f *entryFinder) ingresses() {
	for o, ing := range inventory.Typed[networkingv1.Ingress](f.inv) {
		class := f.ingressClass(o, ing)
		add := func(b *networkingv1.IngressBackend, path ...any) {
			if b == nil || b.Service == nil {
				return
			}
			port := intstr.FromInt32(b.Service.Port.Number)
			if b.Service.Port.Name != "" {
				port = intstr.FromString(b.Service.Port.Name)
			}
			f.service(o.Namespace(), b.Service.Name, &port, Entry{Kind: "Ingress", Object: o, Path: path, Proxied: true, Internal: isInternal(o.Annotations()), class: class})
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

func (f *entryFinder) routes() {
	for o := range f.inv.ByKind(schema.GroupKind{Group: "route.openshift.io", Kind: "Route"}) {
		var r struct {
			Spec struct {
				To   struct{ Kind, Name string }
				Port *struct{ TargetPort intstr.IntOrString }
			}
		}
		if f.read(o, &r) && (r.Spec.To.Kind == "" || r.Spec.To.Kind == "Service") {
			// The port of a Route is one of the Service's endpoints; all of them is the most that it can be.
			f.service(o.Namespace(), r.Spec.To.Name, nil, Entry{Kind: "Route", Object: o, Path: []any{"spec", "to"}, Proxied: true, class: openshiftRouter})
		}
	}
}

func (e *Entry) String() string {
	if e.Kind == "HostPort" {
		return "a port of its node"
	}
	kind := e.Object.Ref().Kind
	if kind == "Service" {
		kind += " (" + e.Kind + ")"
	}
	return fmt.Sprintf("%s %q", kind, e.Object.Name())
}
