package network

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nist190/nist190/inventory"
)

// Attribution finds the pods behind what observed connections name, and judges them. Policies see pods: a connection to the
// address of a Service, of its load balancer or of its port on nodes is one to a pod behind it, on the port that this has.
// It is made once for a stream of connections, is immutable and safe for concurrent use.
type Attribution struct {
	z         *Zones
	finder    *entryFinder
	addrs     map[netip.Addr]*Pod
	pods      map[string]*Pod   // by namespace/name
	workloads map[string][]*Pod // by namespace/name, of whatever kind
	services  map[netip.Addr]*inventory.Object
	nodes     map[netip.Addr]string
	nodePorts map[nodePort]*inventory.Object
	slices    map[string][]*discoveryv1.EndpointSlice // by namespace/name of Services without a selector
}

type nodePort struct {
	protocol Protocol
	port     uint16
}

// Attribution reads Services, the endpoints of those without a selector, and Nodes of an inventory that z was made from; what
// it has none of is not attributed. Cost: linear in them and in pods.
func (z *Zones) Attribution(inv *inventory.Inventory) *Attribution {
	a := &Attribution{
		z: z, finder: newEntryFinder(z.m, inv),
		addrs: map[netip.Addr]*Pod{}, pods: map[string]*Pod{}, workloads: map[string][]*Pod{},
		services: map[netip.Addr]*inventory.Object{}, nodes: map[netip.Addr]string{}, nodePorts: map[nodePort]*inventory.Object{}, slices: map[string][]*discoveryv1.EndpointSlice{},
	}
	for _, p := range z.m.pods {
		if name := p.Namespace + "/" + p.Object.Name(); !p.Template && a.pods[name] == nil {
			a.pods[name] = p
		}
		name := p.Namespace + "/" + p.Workload.Ref().Name
		a.workloads[name] = append(a.workloads[name], p)
		for _, addr := range p.Addrs {
			if !p.Host() && a.addrs[addr] == nil {
				a.addrs[addr] = p
			}
		}
	}
	for o, s := range inventory.Typed[corev1.Service](inv) {
		for _, text := range slices.Concat([]string{s.Spec.ClusterIP}, s.Spec.ClusterIPs, s.Spec.ExternalIPs, ingressIPs(s)) {
			if addr, ok := parseAddr(text); ok {
				a.services[addr] = o
			}
		}
		for i := range s.Spec.Ports {
			if protocol, ok := serviceProtocol(&s.Spec.Ports[i]); ok && s.Spec.Ports[i].NodePort > 0 && s.Spec.Ports[i].NodePort <= lastPort {
				a.nodePorts[nodePort{protocol, uint16(s.Spec.Ports[i].NodePort)}] = o
			}
		}
	}
	for o, n := range inventory.Typed[corev1.Node](inv) {
		for _, addr := range n.Status.Addresses {
			if x, ok := parseAddr(addr.Address); ok {
				a.nodes[x] = o.Name()
			}
		}
	}
	for o, s := range inventory.Typed[discoveryv1.EndpointSlice](inv) {
		name := o.Namespace() + "/" + s.Labels[discoveryv1.LabelServiceName]
		a.slices[name] = append(a.slices[name], s)
	}
	return a
}

func ingressIPs(s *corev1.Service) []string {
	var out []string
	for _, x := range s.Status.LoadBalancer.Ingress {
		out = append(out, x.IP)
	}
	return out
}

func serviceProtocol(p *corev1.ServicePort) (Protocol, bool) {
	if p.Protocol == "" {
		return TCP, true
	}
	return protocolOf(&p.Protocol)
}

// Judged is an observation with what the policies say of it.
type Judged struct {
	Observation
	// Source and Destination are the ends; where a workload was named and no pod of it, the first that it has, and SourcePods or
	// DestinationPods are all of them.
	Source, Destination         End
	SourcePods, DestinationPods []*Pod
	// PodPort is the port of the destination; another than Port where a Service stands before it.
	PodPort uint16
	// Via is "namespace/name" of that Service.
	Via     string
	Verdict Verdict
	// Unexpected says what is odd: it passed though the policies deny it (they are not enforced, or are newer), or was
	// dropped though they allow it. Empty where nothing is.
	Unexpected string
	// Err is set where an end is not known.
	Err error
}

// Zones is the connectivity that connections are judged by.
func (a *Attribution) Zones() *Zones { return a.z }

// Judge compares what was seen with what policies say. Of several workloads behind a Service it is taken to have been one of
// which they say what happened.
func (a *Attribution) Judge(o Observation) Judged {
	out := Judged{Observation: o, PodPort: o.Port}
	targets, via, err := a.targets(o)
	if err == nil {
		out.Source, out.SourcePods, err = a.source(o)
	}
	if err != nil {
		out.Err = err
		return out
	}
	out.Via = via
	for i, t := range targets {
		v, err := a.evaluate(out.Source, t, o.Protocol)
		if err != nil {
			out.Err = err
			return out
		}
		if i == 0 || likelier(v.Answer, out.Verdict.Answer, o.Dropped) {
			out.Destination, out.DestinationPods, out.PodPort, out.Verdict = t.end, t.all, t.port, v
		}
	}
	switch {
	case out.Verdict.Answer == Denied && !o.Dropped:
		out.Unexpected = "it passed, and the policies deny it"
	case out.Verdict.Answer == Allowed && o.Dropped:
		out.Unexpected = "it was dropped, and the policies allow it"
	}
	return out
}

// likelier tells whether one answer fits what was seen better than another.
func likelier(x, than Reachable, dropped bool) bool {
	fits := func(r Reachable) int {
		switch {
		case r == Undecided:
			return 1
		case (r == Denied) == dropped:
			return 2
		}
		return 0
	}
	return fits(x) > fits(than)
}

// target is where a connection may have ended.
type target struct {
	end  End
	all  []*Pod // of the workload, where that is all that is known
	port uint16
}

func (a *Attribution) evaluate(from End, to target, protocol Protocol) (Verdict, error) {
	if from.Pod != nil && from.Pod == to.end.Pod {
		// Replicas of one workload that is known by its name: one pod to another.
		if i := slices.IndexFunc(to.all, func(p *Pod) bool { return p != from.Pod }); i >= 0 {
			to.end.Pod = to.all[i]
		} else if from.Pod.Template && from.Pod.Workload.Replicas != 1 {
			twin := *from.Pod
			to.end.Pod = &twin
		}
	}
	v, err := a.z.Evaluate(Flow{from, to.end, protocol, to.port})
	if node := a.nodes[from.Addr]; from.Pod == nil && to.end.Pod != nil && node != "" && !to.end.Pod.Host() && v.Answer != Allowed {
		// What comes from a pod's own node is let through whatever policies say (k8s.io/api/networking/v1).
		switch to.end.Pod.Node {
		case node:
			v = Verdict{Answer: Allowed, Reason: "it comes from the pod's own node"}
		case "":
			v.Answer, v.Reason = Undecided, v.Reason+"; it comes from a node, which may be the pod's own, from which everything is let through"
		}
	}
	return v, err
}

func (a *Attribution) source(o Observation) (End, []*Pod, error) {
	if p := a.pods[o.FromPod]; p != nil {
		return End{Pod: p}, nil, nil
	}
	return a.find(o.From)
}

// find is an end as texts name it.
func (a *Attribution) find(text string) (End, []*Pod, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		if p := a.addrs[addr]; p != nil {
			return End{Pod: p}, nil, nil
		}
		return End{Addr: addr}, nil, nil
	}
	if p := a.pods[text]; p != nil {
		return End{Pod: p}, nil, nil
	}
	if all := a.workloads[text]; len(all) > 0 {
		return End{Pod: all[0]}, all, nil
	}
	end, err := a.z.Find(text)
	return end, nil, err
}

// targets lists where a connection may have ended, one for each workload, and the Service that it was addressed to.
func (a *Attribution) targets(o Observation) ([]target, string, error) {
	if p := a.pods[o.ToPod]; p != nil {
		return []target{{end: End{Pod: p}, port: o.Port}}, "", nil
	}
	end, all, err := a.find(o.To)
	if end.Pod != nil {
		return []target{{end, all, o.Port}}, "", nil
	}
	s, onNode := a.serviceOf(o, end)
	if s == nil {
		if err != nil {
			return nil, "", err
		}
		return []target{{end: end, port: o.Port}}, "", nil
	}
	targets, err := a.behind(s, o, onNode)
	return targets, s.Namespace() + "/" + s.Name(), err
}

// serviceOf finds the Service that an observation names: by its address, a port of a node, its name, or its name in DNS.
func (a *Attribution) serviceOf(o Observation, to End) (s *inventory.Object, onNode bool) {
	if to.Addr.IsValid() {
		if s := a.services[to.Addr]; s != nil {
			return s, false
		}
		if s := a.nodePorts[nodePort{o.Protocol, o.Port}]; s != nil && a.nodes[to.Addr] != "" {
			return s, true
		}
	}
	namespace, name, _ := strings.Cut(cmp.Or(o.ToService, o.To), "/")
	if o.ToService == "" && !to.Addr.IsValid() && name == "" {
		// https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#services
		parts := strings.Split(o.To, ".")
		if len(parts) < 3 || parts[2] != "svc" {
			return nil, false
		}
		name, namespace = parts[0], parts[1]
	}
	s, _, _ = inventory.TypedGet[corev1.Service](a.finder.inv, namespace, name)
	return s, false
}

// behind lists the pods behind a Service on the port that the observation has, one for each workload.
func (a *Attribution) behind(o *inventory.Object, seen Observation, onNode bool) ([]target, error) {
	s, err := inventory.As[corev1.Service](o)
	name := o.Namespace() + "/" + o.Name()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(s.Spec.Ports, func(p corev1.ServicePort) bool {
		protocol, ok := serviceProtocol(&p)
		return ok && protocol == seen.Protocol && (onNode && p.NodePort == int32(seen.Port) || !onNode && p.Port == int32(seen.Port))
	})
	var out []target
	add := func(p *Pod, ports Ports) {
		for _, span := range ports.Spans(seen.Protocol)[:min(1, len(ports.Spans(seen.Protocol)))] {
			if !slices.ContainsFunc(out, func(t target) bool { return t.end.Pod.Workload == p.Workload }) {
				out = append(out, target{End{Pod: p}, a.workloads[p.Namespace+"/"+p.Workload.Ref().Name], span.From})
			}
		}
	}
	if i >= 0 && len(s.Spec.Selector) > 0 {
		port := intstr.FromInt32(s.Spec.Ports[i].Port)
		a.finder.backends(o.Namespace(), s, &port, func(p *Pod, ports Ports) { add(p, ports) })
	} else if len(s.Spec.Selector) > 0 {
		// It may be the port of a pod that was noted, after the address was translated.
		a.finder.backends(o.Namespace(), s, nil, func(p *Pod, ports Ports) {
			add(p, ports.Intersect(PortRange(seen.Protocol, seen.Port, seen.Port)))
		})
	} else if i >= 0 {
		out = a.written(name, &s.Spec.Ports[i])
	}
	switch {
	case s.Spec.Type == corev1.ServiceTypeExternalName:
		end, err := a.z.Find(s.Spec.ExternalName)
		return []target{{end: end, port: seen.Port}}, err
	case len(out) == 0:
		return nil, fmt.Errorf("%q is a Service that leads to nothing known on %s %d", name, seen.Protocol, seen.Port)
	}
	return out, nil
}

// written are the endpoints of a Service that somebody wrote.
func (a *Attribution) written(name string, port *corev1.ServicePort) []target {
	var out []target
	for _, s := range a.slices[name] {
		for _, p := range s.Ports {
			if p.Port == nil || p.Name != nil && *p.Name != port.Name || *p.Port < 1 || *p.Port > lastPort {
				continue
			}
			for _, e := range s.Endpoints {
				for _, text := range e.Addresses {
					addr, ok := parseAddr(text)
					if !ok {
						continue
					}
					t := target{end: End{Addr: addr}, port: uint16(*p.Port)}
					if pod := a.addrs[addr]; pod != nil {
						t.end = End{Pod: pod}
					}
					out = append(out, t)
				}
			}
		}
	}
	return out
}

// RequiredBy turns observed connections into requirements; what was dropped, and what has an end that is not known, is not
// one. Ends are taken for their workloads, and all workloads behind a Service for its end.
func (a *Attribution) RequiredBy(seen []Observation) []Requirement {
	var out []Requirement
	for _, o := range seen {
		if o.Dropped {
			continue
		}
		from, _, err := a.source(o)
		targets, via, err2 := a.targets(o)
		if errors.Join(err, err2) != nil {
			continue
		}
		why := "observed"
		if via != "" {
			why = fmt.Sprintf("observed, to Service %q", via)
		}
		for _, t := range targets {
			if from.Pod == nil && t.end.Pod == nil {
				continue // both are outside
			}
			out = append(out, Requirement{from, t.end, PortRange(o.Protocol, t.port, t.port), why})
		}
	}
	return out
}
