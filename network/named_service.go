package network

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nist190/nist190/inventory"
)

// Policies see the pods behind a Service and their ports, once its address was translated, and not the Service
// (https://kubernetes.io/docs/concepts/services-networking/network-policies/).

type serviceKey struct{ namespace, name string }

// services are those that were collected, decoded when somebody asks.
type services map[serviceKey]*inventory.Object

// get is nil for a Service that is not there or cannot be read, which is a problem of the inventory.
func (x services) get(k serviceKey) *corev1.Service {
	if x[k] == nil {
		return nil
	}
	s, err := inventory.As[corev1.Service](x[k])
	if err != nil {
		return nil
	}
	return s
}

// mayBeExternal looks for the word, which JSON can spell with escapes.
func mayBeExternal(o *inventory.Object) bool {
	return bytes.Contains(o.JSON(), []byte(corev1.ServiceTypeExternalName)) || bytes.Contains(o.JSON(), []byte(`\u`))
}

// selecting is a Service with pods behind it.
func selecting(s *corev1.Service) *corev1.Service {
	if s == nil || len(s.Spec.Selector) == 0 || s.Spec.Type == corev1.ServiceTypeExternalName {
		return nil
	}
	return s
}

// serviceEnd is a Service as an end. One without a selector leads wherever somebody writes.
func serviceEnd(namespace, name string, s *corev1.Service) *Named {
	out := &Named{Kind: "Service", Namespace: namespace, Name: name, Ports: AllPorts}
	if out.service = selecting(s); out.service != nil {
		out.inside = namespace
	}
	return out
}

// serviceAt is the Service of an address within the cluster.
func (m *model) serviceAt(a netip.Addr) *Named {
	var out *Named
	for k := range m.services {
		s := m.services.get(k)
		if s == nil {
			continue
		}
		for _, ip := range append(slices.Clip(s.Spec.ClusterIPs), s.Spec.ClusterIP) {
			// Of two that claim an address, which manifests can hold, neither is it.
			if have, ok := parseAddr(ip); !ok || have != a || out != nil && out.Namespace == k.namespace && out.Name == k.name {
				continue
			}
			if out != nil {
				return nil
			}
			out = serviceEnd(k.namespace, k.name, s)
		}
	}
	return out
}

// behind lists the pods behind a port of a Service, with their ports.
func (m *model) behind(n *Named, protocol Protocol, port uint16, yield func(*Pod, Ports)) {
	f := entryFinder{pods: map[string][]*Pod{n.inside: m.podsIn(n.inside)}}
	number := intstr.FromInt32(int32(port))
	f.backends(n.inside, n.service, &number, func(p *Pod, ports Ports) {
		if ports = ports.Intersect(protocolPorts(protocol)); !ports.Empty() {
			yield(p, ports)
		}
	})
}

func (m *model) podsIn(namespace string) []*Pod {
	var out []*Pod
	own := m.inCluster[namespace]
	for _, c := range m.classes[own[0]:own[1]] {
		if !c.newcomer {
			out = append(out, c.pods...)
		}
	}
	return out
}

// toService is the ports of a Service that lead the pods of a class to every pod behind it, and to some.
func (m *model) toService(class int, n *Named) verdict {
	var must, may Ports
	for i := range n.service.Spec.Ports {
		sp := &n.service.Spec.Ports[i]
		protocol, ok := protocolOf(&sp.Protocol)
		if !ok && sp.Protocol != "" {
			continue
		}
		every, some := true, false
		m.behind(n, protocol, uint16(sp.Port), func(p *Pod, ports Ports) {
			v := m.pair(class, p.class).locally(sharesNode(m.classes[class].Pod, p))
			every = every && ports.Within(m.ports.sets[v.must])
			some = some || !ports.Intersect(m.ports.sets[v.may]).Empty()
		})
		one := portRangeOf(protocol, sp.Port, sp.Port)
		if some {
			may = may.Union(one)
			if every {
				must = must.Union(one)
			}
		}
	}
	return verdict{m.ports.id(must), m.ports.id(may)}
}

// throughService answers for a flow to a Service: for all pods behind it alike, or not at all.
func (c *Connectivity) throughService(f Flow) (Verdict, error) {
	n := f.To.Named
	var out Verdict
	var err error
	count, agreed := 0, true
	c.m.behind(n, f.Protocol, f.Port, func(p *Pod, ports Ports) {
		for _, span := range ports.Spans(f.Protocol) {
			for port := int(span.From); port <= int(span.To); port++ {
				v, err2 := c.evaluate(Flow{f.From, End{Pod: p}, f.Protocol, uint16(port)})
				if err2 != nil {
					err = err2
					return
				}
				v.Reason = fmt.Sprintf("the Service leads to port %d of %s: %s", port, p.Ref(), v.Reason)
				if count++; count == 1 {
					out = v
				} else if agreed && v.Answer != out.Answer {
					agreed, out = false, Verdict{Reason: "pods behind the Service differ: " + out.Reason + "; " + v.Reason}
				}
			}
		}
	})
	if count == 0 {
		out.Reason = fmt.Sprintf("no pod with such a port is behind %s", n)
	}
	return out, err
}
