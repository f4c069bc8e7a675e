package network

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// Named is an end that is known by its name: a host outside of the cluster, of which the addresses are mostly not known, or
// a Service of Knative, of which the pods are made later. Services of type ExternalName, ServiceEntries of Istio, policies
// that admit hosts by name, and Services of Knative speak of such ends.
type Named struct {
	// Kind is "Name" for a host, "Knative", and "Service" for one of the cluster, which somebody asks for.
	Kind string
	// Namespace and Name are those of a Service; a host has its name, or a pattern such as "*.example.com", in
	// lower case.
	Namespace, Name string
	// Objects speak of it, in order.
	Objects []*inventory.Object
	// Ports are those that it is said to have; every port where nothing is said.
	Ports Ports
	// Public is set where a Service of Knative is reached from outside.
	Public bool

	declared bool     // by an object that stands for it; others are in policies alone
	addrs    prefixes // known ones, of a ServiceEntry
	entries  int      // how many there are
	inside   string   // the namespace of the pods behind it; "" where it is outside
	service  *corev1.Service
}

// Place is the place of the end in maps.
func (n *Named) Place() Place {
	return Place{Kind: n.Kind, Namespace: n.Namespace, Name: n.Name, Named: n}
}

func (n *Named) String() string { return n.Place().Key() }

var serviceEntryKind = schema.GroupKind{Group: istioNetworking, Kind: "ServiceEntry"}

// NamedNeeds are what named ends are found in, beside policies. Checks on the map do not look at them.
func NamedNeeds() []inventory.Need {
	return append(knativeNeeds(),
		inventory.NeedOf[corev1.Service](inventory.Incriminating),
		inventory.Need{Group: istioNetworking, Kind: "ServiceEntry", Resource: "serviceentries", Bias: inventory.Incriminating},
	)
}

// host notes that an object speaks of a host.
func (b *builder) host(name string, o *inventory.Object) *Named {
	name = hostName(name)
	return b.named(Named{Kind: "Name", Name: name}, o)
}

func (b *builder) named(n Named, o *inventory.Object) *Named {
	key := n.String()
	have := b.names[key]
	if have == nil {
		if b.names == nil {
			b.names = map[string]*Named{}
		}
		have = &n
		b.names[key] = have
	}
	if o != nil && !slices.Contains(have.Objects, o) {
		have.Objects = append(have.Objects, o)
	}
	return have
}

// hostName is a name as DNS compares it.
func hostName(s string) string { return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(s), ".")) }

// isHost tells a host name, or a pattern of some, from other text: labels of letters, digits, hyphens and underscores with a
// dot between them (RFC 1123; ServiceEntries and policies have stars).
func isHost(s string) bool {
	labels := strings.Split(hostName(s), ".")
	if len(labels) < 2 || len(s) > 255 {
		return false
	}
	return !slices.ContainsFunc(labels, func(l string) bool {
		return l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_*") != ""
	})
}

// namedEnds notes what objects other than policies speak of.
func (b *builder) namedEnds() {
	b.services = services{}
	for o := range b.inv.ByKind(serviceKind) {
		k := serviceKey{o.Namespace(), o.Name()}
		b.services[k] = o
		if !mayBeExternal(o) {
			continue // most are not, and need not be decoded
		}
		s := b.services.get(k)
		if s == nil || s.Spec.Type != corev1.ServiceTypeExternalName || !isHost(s.Spec.ExternalName) {
			continue
		}
		n := b.host(s.Spec.ExternalName, o)
		n.declared = true
		n.inside, _ = insideOf(n.Name)
		var ports Ports
		for i := range s.Spec.Ports {
			if p, ok := protocolOf(&s.Spec.Ports[i].Protocol); ok || s.Spec.Ports[i].Protocol == "" {
				ports = ports.Union(portRangeOf(p, s.Spec.Ports[i].Port, s.Spec.Ports[i].Port))
			}
		}
		n.has(ports)
	}
	for o := range b.inv.ByKind(serviceEntryKind) {
		b.serviceEntry(o)
	}
	for o := range b.inv.ByKind(knativeServiceKind) {
		n := b.named(Named{Kind: "Knative", Namespace: o.Namespace(), Name: o.Name(), declared: true, inside: o.Namespace(), Public: knativePublic(o)}, o)
		n.has(PortRange(TCP, 80, 80).Union(PortRange(TCP, 443, 443)))
	}
}

// insideOf is the Service that a host name is: "web.shop.svc", with a domain behind or not.
func insideOf(host string) (namespace, name string) {
	if namespace, name, ok := istioService(host, ""); ok && strings.Contains(host, ".") {
		return namespace, name
	}
	return "", ""
}

// has adds ports that something says of a host; that something does not say any leaves all of them.
func (n *Named) has(ports Ports) {
	if ports.Empty() {
		ports = AllPorts
	}
	n.Ports = n.Ports.Union(ports)
}

// serviceEntry is https://istio.io/latest/docs/reference/config/networking/service-entry. Endpoints are where proxies
// connect to; without any, and without resolution, connections go to the addresses of the entry.
func (b *builder) serviceEntry(o *inventory.Object) {
	var e struct {
		Spec struct {
			Hosts, Addresses []string
			Resolution       string
			Ports            []struct {
				Number, TargetPort int32
				Protocol           string
			}
			Endpoints []struct{ Address string }
		}
	}
	if err := json.Unmarshal(o.JSON(), &e); err != nil {
		b.note(o, []any{"spec"}, "it cannot be read: %v", err)
		return
	}
	var ports Ports
	for _, p := range e.Spec.Ports {
		protocol := TCP
		if strings.EqualFold(p.Protocol, "UDP") {
			protocol = UDP
		}
		number := cmp.Or(p.TargetPort, p.Number)
		ports = ports.Union(portRangeOf(protocol, number, number))
	}
	var where []string
	switch {
	case e.Spec.Resolution == "STATIC" || strings.HasPrefix(e.Spec.Resolution, "DNS") && len(e.Spec.Endpoints) > 0:
		where = each(e.Spec.Endpoints, func(x struct{ Address string }) string { return x.Address })
	case e.Spec.Resolution == "" || e.Spec.Resolution == "NONE":
		where = e.Spec.Addresses
	}
	var addrs prefixes
	for _, a := range where {
		r, ok := rangeOf(withLength(a))
		if !ok {
			addrs = nil // one is a name
			break
		}
		addrs = append(addrs, r)
	}
	if len(addrs) > 0 {
		b.blocks.id(addrs)
	}
	for _, h := range e.Spec.Hosts {
		if !isHost(h) {
			continue
		}
		n := b.host(h, o)
		n.declared = true
		n.has(ports)
		// Of a name that several entries speak of, addresses of one are not all of them.
		if n.entries++; n.entries == 1 {
			n.addrs = addrs
		} else {
			n.addrs = nil
		}
	}
}

// allNames lists the ends that were noted.
func (b *builder) allNames() []*Named {
	out := make([]*Named, 0, len(b.names))
	for _, n := range b.names {
		b.lead(n)
		n.has(n.Ports)
		slices.SortFunc(n.Objects, func(a, b *inventory.Object) int { return a.Ref().Compare(b.Ref()) })
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b *Named) int { return a.Place().Compare(b.Place()) })
	return out
}

// Names lists the ends that are known by their names.
func (c *Connectivity) Names() []*Named { return c.m.names }

// lead finds the Service that a name within the cluster is.
func (b *builder) lead(n *Named) {
	if n.Kind == "Name" && n.inside != "" {
		namespace, name := insideOf(n.Name)
		n.service = selecting(b.services.get(serviceKey{namespace, name}))
	}
}
