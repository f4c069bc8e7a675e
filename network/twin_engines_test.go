package network

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
)

// The twins of the engines judge one flow by the policies as they were written, pod by pod and rule by rule, and share
// nothing with the kernel. What the documents leave open they settle in one way or another: what is certain must hold in
// every way, what is excluded in none, and where nothing was open the answer is definite.

// choices settles what is open: way 0 says no to everything, 1 yes, and others something in between.
type choices struct {
	way   uint64
	asked bool // whether anything was open
}

const ways = 4

func (c *choices) yes(parts ...any) bool {
	c.asked = true
	if c.way < 2 {
		return c.way == 1
	}
	h := fnv.New64a()
	fmt.Fprint(h, c.way, parts)
	return h.Sum64()*0x9e3779b97f4a7c15>>63 == 1
}

// twinFlow is a question. A protocol beside TCP, UDP and SCTP is "OTHER".
type twinFlow struct {
	from, to twinEnd
	protocol corev1.Protocol
	port     int32
}

// sides are the pod that policies govern and its peer.
func (f *twinFlow) sides(ingress bool) (pod, peer twinEnd) {
	if ingress {
		return f.to, f.from
	}
	return f.from, f.to
}

func (e twinEnd) host() bool { return e.pod != nil && e.pod.Spec.HostNetwork }

// own reports whether the end is a pod with a network of its own.
func (e twinEnd) own() bool { return e.pod != nil && !e.pod.Spec.HostNetwork }

// in tells whether an end has an address in a block. Of a pod with two addresses either may be the one in use.
func (c *choices) in(cidr string, e twinEnd) bool {
	if e.pod == nil || len(e.pod.Status.PodIPs) < 2 {
		return twinInBlock(cidr, nil, e.addr)
	}
	first, second := twinInBlock(cidr, nil, e.pod.Status.PodIPs[0].IP), twinInBlock(cidr, nil, e.pod.Status.PodIPs[1].IP)
	if first == second {
		return first
	}
	if c.yes("address", e.pod.Name) {
		return first
	}
	return second
}

// inBlock is in with exceptions.
func (c *choices) inBlock(cidr string, except []string, e twinEnd) bool {
	return c.in(cidr, e) && !slices.ContainsFunc(except, func(x string) bool { return c.in(x, e) })
}

// through asks the two ends of a flow, and nobody where policies have no say.
func (f *twinFlow) through(direction func(ingress bool) bool) bool {
	if f.from.pod != nil && f.from.pod == f.to.pod {
		return true
	}
	if f.from.host() && f.to.own() && f.from.pod.Spec.NodeName == f.to.pod.Spec.NodeName {
		return true
	}
	return (!f.from.own() || direction(false)) && (!f.to.own() || direction(true))
}

// networkPolicies tells whether NetworkPolicies isolate a pod in a direction, and whether they allow a flow.
func (w *twinWorld) networkPolicies(f *twinFlow, ingress bool, inBlock func(cidr string, except []string, e twinEnd) bool) (isolated, allowed bool) {
	pod, peer := f.sides(ingress)
	for _, p := range w.policies {
		if p.Namespace != pod.pod.Namespace || !w.matches(&p.Spec.PodSelector, pod.pod.Labels) || !twinGoverns(p, ingress) {
			continue
		}
		isolated = true
		if ingress {
			for _, r := range p.Spec.Ingress {
				allowed = allowed || w.networkPolicyRule(p, r.From, r.Ports, peer, f, inBlock)
			}
		} else {
			for _, r := range p.Spec.Egress {
				allowed = allowed || w.networkPolicyRule(p, r.To, r.Ports, peer, f, inBlock)
			}
		}
	}
	return isolated, allowed
}

func (w *twinWorld) networkPolicyRule(p *networkingv1.NetworkPolicy, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort, peer twinEnd, f *twinFlow, inBlock func(string, []string, twinEnd) bool) bool {
	if !w.networkPolicyPorts(ports, f.to, f.protocol, f.port) {
		return false
	}
	return len(peers) == 0 || slices.ContainsFunc(peers, func(x networkingv1.NetworkPolicyPeer) bool {
		if x.IPBlock != nil {
			return inBlock(x.IPBlock.CIDR, x.IPBlock.Except, peer)
		}
		return w.networkPolicySelects(p, &x, peer)
	})
}

// tally counts what was asked, that no test passes for want of questions.
type tally struct {
	asked, allowed, open int
	// static is set where the documents do not tell everything of the pods that the twin judges: all answers are bounds.
	static bool
}

func (n *tally) report(t *testing.T) {
	t.Helper()
	t.Logf("%d questions, %d allowed, %d open", n.asked, n.allowed, n.open)
	if n.allowed < n.asked/20 || n.allowed > n.asked*19/20 || n.open > n.asked/2 {
		t.Errorf("of %d questions %d allowed and %d open: the worlds say little", n.asked, n.allowed, n.open)
	}
}

// probes are the protocols and ports that are asked for.
var probes = []struct {
	protocol Protocol
	ports    []uint16
}{{TCP, []uint16{1, 53, 79, 80, 81, 90, 91, 443, 8080}}, {UDP, []uint16{53, 80, 81}}, {SCTP, []uint16{79, 80}}, {Other, []uint16{1}}}

var twinAddrs = []string{"8.8.8.8", "169.254.169.254", "10.9.9.9", "192.168.242.1", "2001:db8::1", "fd00::ffff"}

// against compares every pair of ends, on every probe, with a twin, and the answers of [Connectivity.Evaluate] and
// [Zones.Edges] with each other.
func (w *twinWorld) against(t *testing.T, docs []string, settings []inventory.Value, n *tally, decide func(f *twinFlow, c *choices) bool) {
	t.Helper()
	z, err := ZonesOf(context.Background(), testobj.Inventory(t, docs, settings...))
	if err != nil {
		t.Fatal(err)
	}
	pods := map[string]*Pod{}
	for _, p := range z.Pods() {
		pods[p.Namespace+"/"+p.Object.Name()] = p
	}
	var ends []twinEnd
	var real []End
	for _, p := range w.pods {
		if p.Status.Phase == corev1.PodSucceeded {
			if pods[p.Namespace+"/"+p.Name] != nil {
				t.Fatalf("%s has ended", p.Name)
			}
			continue
		}
		ends, real = append(ends, twinEnd{p, p.Status.PodIP}), append(real, End{Pod: pods[p.Namespace+"/"+p.Name]})
	}
	if len(ends) != len(pods) {
		t.Fatalf("%d pods of %d", len(pods), len(ends))
	}
	for _, a := range twinAddrs {
		ends, real = append(ends, twinEnd{addr: a}), append(real, End{Addr: netip.MustParseAddr(a)})
	}
	edges := edgesBetween(z)
	name := func(e twinEnd) string {
		if e.pod != nil {
			return e.pod.Namespace + "/" + e.pod.Name
		}
		return e.addr
	}
	for i, from := range ends {
		for j, to := range ends {
			if from.pod == nil && to.pod == nil || from.pod != nil && from.pod == to.pod {
				continue
			}
			must, may := z.between(real[i], real[j])
			if !must.Within(may) {
				t.Fatalf("%s to %s: %s is certain and %s possible\n%v", name(from), name(to), must, may, docs)
			}
			if e := edges(real[i], real[j]); !e.Must.Equal(must) || !e.May.Equal(may) {
				if e.From.Kind != "" || !may.Within(PortRange(Other, 0, 0)) {
					t.Fatalf("%s to %s: must %s, may %s, and as an edge %s, %s\n%v", name(from), name(to), must, may, e.Must, e.May, docs)
				}
			}
			for k, probe := range probes {
				for l, port := range probe.ports {
					f := twinFlow{from, to, corev1.Protocol(probe.protocol.String()), int32(port)}
					certain, possible := must.Has(probe.protocol, port), may.Has(probe.protocol, port)
					var c choices
					want := decide(&f, &c)
					n.asked++
					n.allowed += b2i(want)
					if n.static {
						n.open += b2i(certain != possible)
					} else {
						n.open += b2i(c.asked)
					}
					bad := certain && !want || want && !possible || !c.asked && !n.static && certain != possible
					for way := uint64(1); c.asked && way < ways && !bad; way++ {
						want = decide(&f, &choices{way: way})
						bad = certain && !want || want && !possible
					}
					if bad {
						t.Fatalf("%s to %s %s %d: must %s, may %s, want %v, definitely %v\n%s", name(from), name(to), probe.protocol, port, must, may, want, !c.asked, lines(docs))
					}
					if (i+j)%len(probes) != k || (i*j)%len(probe.ports) != l {
						continue
					}
					v, err := z.Evaluate(Flow{real[i], real[j], probe.protocol, port})
					if err != nil || (v.Answer == Allowed) != certain || (v.Answer == Denied) == possible || v.Reason == "" {
						t.Fatalf("%s to %s %s %d: must %s, may %s, and evaluated %+v, %v\n%s", name(from), name(to), probe.protocol, port, must, may, v, err, lines(docs))
					}
				}
			}
		}
	}
}

func lines(docs []string) string {
	out := ""
	for _, d := range docs {
		out += d + "\n"
	}
	return out
}

// edgesBetween finds the edge between two ends in a map of pods; there is none where it has no kind.
func edgesBetween(z *Zones) func(from, to End) Edge {
	type pair struct{ from, to string }
	byKey := map[pair]Edge{}
	var outside []Edge
	for e := range z.Edges(LevelPod) {
		if e.From.Addresses != nil || e.To.Addresses != nil {
			outside = append(outside, e)
		} else {
			byKey[pair{e.From.Key(), e.To.Key()}] = e
		}
	}
	is := func(p Place, e End) bool {
		if e.Pod == nil {
			return p.Addresses != nil && p.Addresses.Has(e.Addr)
		}
		return p.Addresses == nil && p.Key() == z.placeOf(e.Pod, LevelPod).Key()
	}
	return func(from, to End) Edge {
		if from.Pod != nil && to.Pod != nil {
			if e, ok := byKey[pair{z.placeOf(from.Pod, LevelPod).Key(), z.placeOf(to.Pod, LevelPod).Key()}]; ok {
				return e
			}
			return Edge{From: &Place{}}
		}
		for _, e := range outside {
			if is(*e.From, from) && is(*e.To, to) {
				return e
			}
		}
		return Edge{From: &Place{}}
	}
}

// newEngineWorld is a world without policies of clusters, with more of what pods can be.
func newEngineWorld(r *rand.Rand) *twinWorld {
	w := newTwinWorld(r)
	w.cluster = nil
	for _, l := range w.namespaces {
		if r.IntN(4) == 0 {
			l[corev1.LabelMetadataName] = "n1" // which is overwritten
		}
	}
	for i, p := range w.pods {
		p.Spec.ServiceAccountName = []string{"", "default", "sa"}[r.IntN(3)]
		switch r.IntN(8) {
		case 0:
			p.Spec.InitContainers = append(p.Spec.InitContainers, corev1.Container{Name: "once", Image: "i", Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: 443}}})
		case 1:
			p.Status.PodIPs = []corev1.PodIP{{IP: fmt.Sprintf("10.0.1.%d", 200+i)}, {IP: fmt.Sprintf("fd00::%d", 20+i)}}
			p.Status.PodIP = p.Status.PodIPs[0].IP
		}
	}
	if r.IntN(4) == 0 {
		gone := w.pods[0].DeepCopy()
		gone.Name, gone.Labels, gone.Status.Phase = "gone", twinLabels(r), corev1.PodSucceeded
		w.pods = append(w.pods, gone)
	}
	return w
}

func marshal(t *testing.T, o any) string {
	t.Helper()
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// pick is one of several.
func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func few[T any](r *rand.Rand, most int, make func() T) []T {
	var out []T
	for range r.IntN(most + 1) {
		out = append(out, make())
	}
	return out
}
