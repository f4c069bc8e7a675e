package network

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nist190/nist190/inventory"
)

const istioNetworking = "networking.istio.io"

var (
	istioGatewayKind   = schema.GroupKind{Group: istioNetworking, Kind: "Gateway"}
	virtualServiceKind = schema.GroupKind{Group: istioNetworking, Kind: "VirtualService"}
)

func istioNeeds() []inventory.Need {
	return []inventory.Need{
		{Group: istioNetworking, Kind: "VirtualService", Resource: "virtualservices", Bias: inventory.Incriminating},
		// A VirtualService of a Gateway that was not seen may lead there; the other way round it leads nowhere.
		inventory.Need{Group: istioNetworking, Kind: "Gateway", Resource: "gateways", Bias: inventory.Incriminating}.IfRead(),
		inventory.Need{Group: istioNetworking, Kind: "DestinationRule", Resource: "destinationrules"}.IfRead(),
	}
}

// istioGateway is https://istio.io/latest/docs/reference/config/networking/gateway.
type istioGateway struct {
	Spec struct {
		Selector map[string]string
		Servers  []struct{ Hosts []string }
	}
}

// virtualService is https://istio.io/latest/docs/reference/config/networking/virtual-service.
type virtualService struct {
	Spec struct {
		Hosts, Gateways, ExportTo []string
		HTTP, TLS, TCP            []istioRoute
	}
}

type istioRoute struct {
	Match    []struct{ Gateways []string }
	Delegate *struct{ Name, Namespace string }
	Route    []struct {
		Destination istioDestination
		Weight      *int32
	}
	Mirror  *istioDestination
	Mirrors []struct{ Destination istioDestination }
}

type istioDestination struct {
	Host, Subset string
	Port         struct{ Number int32 }
}

// mesh is the name that stands for all sidecars: what is written for it alone is no way in. It is the default.
const meshGateway = "mesh"

// virtualServices follows those of Gateways to the Services that they send to.
func (f *entryFinder) virtualServices() {
	for o := range f.inv.ByKind(virtualServiceKind) {
		var v virtualService
		if !f.read(o, &v) {
			continue
		}
		for _, name := range v.Spec.Gateways {
			if name == meshGateway {
				continue
			}
			e, ok := f.throughGateway(o, &v, name)
			if !ok {
				continue
			}
			for _, list := range []struct {
				field  string
				routes []istioRoute
			}{{"http", v.Spec.HTTP}, {"tls", v.Spec.TLS}, {"tcp", v.Spec.TCP}} {
				for i := range list.routes {
					f.istioRoute(o, &list.routes[i], name, []any{"spec", list.field, i}, e)
				}
			}
		}
	}
}

// throughGateway is the entry of a VirtualService at one of its Gateways: the Gateway takes one of its hosts, and it is
// exported to where the Gateway's pods are.
func (f *entryFinder) throughGateway(o *inventory.Object, v *virtualService, name string) (Entry, bool) {
	e := Entry{Kind: "VirtualService", Object: o, Proxied: true, class: "istio.io/gateway-controller"}
	namespace, short := istioName(name, o.Namespace())
	at, ok := f.inv.Get(istioGatewayKind, namespace, short)
	if !ok {
		e.Unsure = fmt.Sprintf("Gateway %q was not seen", namespace+"/"+short)
		return e, f.missing(o, istioGatewayKind, namespace) != no
	}
	var g istioGateway
	if json.Unmarshal(at.JSON(), &g) != nil {
		e.Unsure = fmt.Sprintf("Gateway %q cannot be read", namespace+"/"+short)
		return e, true
	}
	takes := slices.ContainsFunc(g.Spec.Servers, func(s struct{ Hosts []string }) bool {
		return slices.ContainsFunc(s.Hosts, func(h string) bool {
			// "namespace/host" limits whose VirtualServices count; "." is the Gateway's own namespace.
			of, host, limited := strings.Cut(h, "/")
			if !limited {
				of, host = "*", h
			}
			return (of == "*" || of == o.Namespace() || of == "." && namespace == o.Namespace()) && hostsMeet([]string{host}, v.Spec.Hosts)
		})
	})
	// Gateways find their pods in every namespace.
	pods := f.labelled("", g.Spec.Selector)
	seen := exported(v.Spec.ExportTo, o.Namespace(), pods)
	if !takes || seen == no {
		return e, false
	}
	if seen == maybe {
		e.Unsure = fmt.Sprintf("it is exported to some namespaces, and the pods of Gateway %q were not seen", namespace+"/"+short)
	}
	if len(pods) > 0 {
		e.proxies = [][]*Pod{pods}
	}
	return e, true
}

// exported tells whether a VirtualService is seen by pods; those that are not known may be anywhere.
func exported(to []string, own string, pods []*Pod) truth {
	switch {
	case len(to) == 0 || slices.Contains(to, "*"):
		return yes
	case len(pods) == 0:
		return maybe
	}
	return truthOf(slices.ContainsFunc(pods, func(p *Pod) bool {
		return slices.Contains(to, p.Namespace) || slices.Contains(to, ".") && p.Namespace == own
	}))
}

// istioName reads "namespace/name", "name", and "name.namespace" with a domain behind, which is the old way.
func istioName(name, own string) (namespace, short string) {
	if namespace, short, ok := strings.Cut(name, "/"); ok {
		if namespace == "." {
			namespace = own
		}
		return namespace, short
	}
	if short, rest, ok := strings.Cut(name, "."); ok {
		namespace, _, _ := strings.Cut(rest, ".")
		return namespace, short
	}
	return own, name
}

// istioRoute adds what one route sends to, if it is one of the gateway's.
func (f *entryFinder) istioRoute(o *inventory.Object, r *istioRoute, gateway string, at []any, e Entry) {
	here := len(r.Match) == 0
	for _, m := range r.Match {
		here = here || len(m.Gateways) == 0 || slices.Contains(m.Gateways, gateway)
	}
	if !here {
		return
	}
	for i := range r.Route {
		if d := &r.Route[i]; d.Weight == nil || *d.Weight > 0 || len(r.Route) == 1 {
			f.istioDestination(o, &d.Destination, append(slices.Clone(at), "route", i, "destination"), e)
		}
	}
	if r.Mirror != nil {
		f.istioDestination(o, r.Mirror, append(slices.Clone(at), "mirror"), e)
	}
	for i := range r.Mirrors {
		f.istioDestination(o, &r.Mirrors[i].Destination, append(slices.Clone(at), "mirrors", i, "destination"), e)
	}
	if r.Delegate == nil {
		return
	}
	// Its routes are written elsewhere, in one step and no more.
	namespace := r.Delegate.Namespace
	if namespace == "" {
		namespace = o.Namespace()
	}
	to, ok := f.inv.Get(virtualServiceKind, namespace, r.Delegate.Name)
	var v virtualService
	if !ok || json.Unmarshal(to.JSON(), &v) != nil {
		return
	}
	e.Object = to
	for i := range v.Spec.HTTP {
		r := v.Spec.HTTP[i]
		r.Delegate = nil
		f.istioRoute(to, &r, gateway, []any{"spec", "http", i}, e)
	}
}

// istioDestination adds the Service of a host: one port or, where a Service has one only, that.
func (f *entryFinder) istioDestination(o *inventory.Object, d *istioDestination, path []any, e Entry) {
	namespace, name, ok := istioService(d.Host, o.Namespace())
	if !ok {
		return // a host outside, of a ServiceEntry
	}
	var port *intstr.IntOrString
	if d.Port.Number != 0 {
		n := intstr.FromInt32(d.Port.Number)
		port = &n
	}
	e.Path = path
	if d.Subset == "" {
		f.service(namespace, name, port, e)
		return
	}
	set, found := f.istioSubset(namespace, name, d.Subset)
	if !found && e.Unsure == "" {
		e.Unsure = fmt.Sprintf("subset %q of host %q was not seen", d.Subset, d.Host)
	}
	f.subset(namespace, name, port, set, e)
}

// istioService is the Service that a host names. A name without dots is one of the own namespace; a name and a namespace
// alone are a host outside, which surprises many.
func istioService(host, own string) (namespace, name string, ok bool) {
	parts := strings.Split(host, ".")
	switch {
	case len(parts) == 1:
		return own, host, host != ""
	case len(parts) >= 3 && parts[2] == "svc":
		return parts[1], parts[0], true
	}
	return "", "", false
}

// istioSubset is the labels of a subset.
func (f *entryFinder) istioSubset(namespace, name, subset string) (map[string]string, bool) {
	for o := range f.inv.ByKind(destinationRuleKind) {
		var r struct {
			Spec struct {
				Host    string
				Subsets []struct {
					Name   string
					Labels map[string]string
				}
			}
		}
		if json.Unmarshal(o.JSON(), &r) != nil {
			continue
		}
		if ns, short, ok := istioService(r.Spec.Host, o.Namespace()); !ok || ns != namespace || short != name {
			continue
		}
		for _, s := range r.Spec.Subsets {
			if s.Name == subset {
				return s.Labels, true
			}
		}
	}
	return nil, false
}
