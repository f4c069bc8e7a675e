package network

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nist190/nist190/inventory"
)

// Requirement is a connection that has to be possible, and why. The zero End is anybody.
type Requirement struct {
	From, To End
	Ports    Ports
	Why      string
}

// Suggestion is NetworkPolicies that let what is required pass and little else, with the proof. Nothing is applied.
type Suggestion struct {
	// Policies are a default deny for each namespace, with DNS, and what lets the required connections pass.
	Policies []*networkingv1.NetworkPolicy
	// Lost are requirements that do not pass once the policies are added to those that there are: policies of other kinds
	// deny them, or pods cannot be told apart by labels.
	Lost []Requirement
	// Excess is what then may pass between workloads beyond what is required.
	Excess []Edge
	// Skipped says what could not be written as a policy.
	Skipped []string
}

// Suggest writes policies for requirements: at [LevelWorkload] a policy for each workload, at [LevelNamespace] one for each
// namespace, which are fewer and let more pass. The proof evaluates the inventory anew with the policies in it, beside
// those that are there: those are a union, so that what they allow today stays allowed and shows as excess.
func Suggest(ctx context.Context, inv *inventory.Inventory, required []Requirement, level Level) (*Suggestion, error) {
	if level != LevelWorkload && level != LevelNamespace {
		return nil, fmt.Errorf("level %s: want workload or namespace", level)
	}
	c, err := Of(ctx, inv)
	if err != nil {
		return nil, err
	}
	w := &policyWriter{level: level, byKey: map[string]*networkingv1.NetworkPolicy{}, out: &Suggestion{}}
	for _, p := range c.m.pods {
		w.namespace(p.Namespace)
	}
	for _, r := range required {
		w.require(r)
	}
	for _, k := range slices.Sorted(maps.Keys(w.byKey)) {
		w.out.Policies = append(w.out.Policies, w.byKey[k])
	}
	return w.out, w.out.prove(ctx, inv, required)
}

type policyWriter struct {
	level Level
	byKey map[string]*networkingv1.NetworkPolicy
	out   *Suggestion
}

var bothTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}

// namespace denies by default, and lets names be resolved over UDP and, for long answers, TCP.
func (w *policyWriter) namespace(name string) {
	key := name + "/default-deny"
	if w.byKey[key] != nil || name == metav1.NamespaceSystem {
		return
	}
	p := newPolicy(name, "default-deny", metav1.LabelSelector{})
	p.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{{
		To:    []networkingv1.NetworkPolicyPeer{{NamespaceSelector: byName(metav1.NamespaceSystem), PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "kube-dns"}}}},
		Ports: []networkingv1.NetworkPolicyPort{portOf(UDP, Span{53, 53}), portOf(TCP, Span{53, 53})},
	}}
	w.byKey[key] = p
}

func newPolicy(namespace, name string, pods metav1.LabelSelector) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       networkingv1.NetworkPolicySpec{PodSelector: pods, PolicyTypes: bothTypes},
	}
}

func byName(namespace string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}
}

func portOf(protocol Protocol, s Span) networkingv1.NetworkPolicyPort {
	p := corev1.Protocol(protocol.String())
	from := intstr.FromInt32(int32(s.From))
	out := networkingv1.NetworkPolicyPort{Protocol: &p, Port: &from}
	if s.To > s.From {
		end := int32(s.To)
		out.EndPort = &end
	}
	return out
}

func (w *policyWriter) require(r Requirement) {
	var ports []networkingv1.NetworkPolicyPort
	for _, protocol := range []Protocol{TCP, UDP, SCTP} {
		for _, s := range r.Ports.Spans(protocol) {
			ports = append(ports, portOf(protocol, s))
		}
	}
	if len(ports) == 0 {
		return
	}
	if p := w.policyOf(r.From.Pod); p != nil {
		if peer, ok := w.peerOf(r.To); ok {
			addEgress(p, peer, ports)
		}
	}
	if p := w.policyOf(r.To.Pod); p != nil {
		if r.From == (End{}) {
			p.Spec.Ingress = append([]networkingv1.NetworkPolicyIngressRule{{Ports: ports}}, p.Spec.Ingress...)
			return
		}
		if peer, ok := w.peerOf(r.From); ok {
			addIngress(p, peer, ports)
		}
	}
}

// policyOf is the policy of a pod's workload or namespace; nil where policies do not govern it.
func (w *policyWriter) policyOf(p *Pod) *networkingv1.NetworkPolicy {
	if p == nil || p.Host() || p.Namespace == metav1.NamespaceSystem {
		return nil
	}
	name, selector := "allow", metav1.LabelSelector{}
	if w.level == LevelWorkload {
		own := w.labelsOf(p)
		if own == nil {
			return nil
		}
		name, selector = "allow-"+p.Workload.Ref().Name, metav1.LabelSelector{MatchLabels: own}
	}
	key := p.Namespace + "/" + name + "/" + p.Workload.Ref().Kind
	if w.level == LevelNamespace {
		key = p.Namespace + "/" + name
	}
	if w.byKey[key] == nil {
		w.byKey[key] = newPolicy(p.Namespace, name, selector)
	}
	return w.byKey[key]
}

// labelsOf are those of the pods of a workload that its template gives. Pods without any cannot be selected alone: an
// empty selector selects them all.
func (w *policyWriter) labelsOf(p *Pod) map[string]string {
	own := p.Workload.Template.Labels
	if len(own) == 0 {
		text := fmt.Sprintf("%s has no labels to select it by", p.Workload.Ref())
		if !slices.Contains(w.out.Skipped, text) {
			w.out.Skipped = append(w.out.Skipped, text)
		}
		return nil
	}
	return own
}

func (w *policyWriter) peerOf(e End) (networkingv1.NetworkPolicyPeer, bool) {
	switch {
	case e.Named != nil:
		text := fmt.Sprintf("%s is a name: policies cannot name it", e.Named.Place().Key())
		if !slices.Contains(w.out.Skipped, text) {
			w.out.Skipped = append(w.out.Skipped, text)
		}
		return networkingv1.NetworkPolicyPeer{}, false
	case e.Pod == nil:
		return networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: netip.PrefixFrom(e.Addr, e.Addr.BitLen()).String()}}, true
	case e.Pod.Host():
		text := fmt.Sprintf("%s is on the network of its node: policies cannot name it", e.Pod.Workload.Ref())
		if !slices.Contains(w.out.Skipped, text) {
			w.out.Skipped = append(w.out.Skipped, text)
		}
		return networkingv1.NetworkPolicyPeer{}, false
	}
	peer := networkingv1.NetworkPolicyPeer{NamespaceSelector: byName(e.Pod.Namespace)}
	if w.level == LevelWorkload {
		own := w.labelsOf(e.Pod)
		if own == nil {
			return peer, false
		}
		peer.PodSelector = &metav1.LabelSelector{MatchLabels: own}
	}
	return peer, true
}

func addIngress(p *networkingv1.NetworkPolicy, peer networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) {
	for i := range p.Spec.Ingress {
		if r := &p.Spec.Ingress[i]; len(r.From) > 0 && samePeer(&r.From[0], &peer) {
			r.Ports = joinPorts(r.Ports, ports)
			return
		}
	}
	p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: []networkingv1.NetworkPolicyPeer{peer}, Ports: ports})
	key := func(r *networkingv1.NetworkPolicyIngressRule) string {
		if len(r.From) == 0 {
			return ""
		}
		return r.From[0].String()
	}
	slices.SortStableFunc(p.Spec.Ingress, func(a, b networkingv1.NetworkPolicyIngressRule) int { return cmp.Compare(key(&a), key(&b)) })
}

func addEgress(p *networkingv1.NetworkPolicy, peer networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) {
	for i := range p.Spec.Egress {
		if r := &p.Spec.Egress[i]; samePeer(&r.To[0], &peer) {
			r.Ports = joinPorts(r.Ports, ports)
			return
		}
	}
	p.Spec.Egress = append(p.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: []networkingv1.NetworkPolicyPeer{peer}, Ports: ports})
	slices.SortFunc(p.Spec.Egress, func(a, b networkingv1.NetworkPolicyEgressRule) int {
		return cmp.Compare(a.To[0].String(), b.To[0].String())
	})
}

func samePeer(a, b *networkingv1.NetworkPolicyPeer) bool { return a.String() == b.String() }

func joinPorts(have, more []networkingv1.NetworkPolicyPort) []networkingv1.NetworkPolicyPort {
	for _, p := range more {
		if !slices.ContainsFunc(have, func(q networkingv1.NetworkPolicyPort) bool { return q.String() == p.String() }) {
			have = append(have, p)
		}
	}
	return have
}

// prove evaluates the inventory with the policies in it.
func (s *Suggestion) prove(ctx context.Context, inv *inventory.Inventory, required []Requirement) error {
	var set []*inventory.Object
	for _, p := range s.Policies {
		raw, err := json.Marshal(p)
		if err != nil {
			return err
		}
		o, err := inventory.NewObject(inventory.Item{JSON: raw, Strength: inventory.Inferred})
		if err != nil {
			return err
		}
		set = append(set, o)
	}
	z, err := ZonesOf(ctx, inv.With(inventory.Change{Set: set}))
	if err != nil {
		return err
	}
	needed, byAnybody := map[[2]string]Ports{}, map[string]Ports{}
	for _, r := range required {
		if r.From == (End{}) {
			to, err := z.same(r.To)
			if err != nil {
				return err
			}
			if !r.Ports.Within(z.fromAnybody(to.Pod)) {
				s.Lost = append(s.Lost, r)
			}
			byAnybody[z.keyOf(to)] = byAnybody[z.keyOf(to)].Union(r.Ports)
			continue
		}
		// Pods of the new inventory are others; they are found by what they are called.
		from, err := z.same(r.From)
		if err != nil {
			return err
		}
		to, err := z.same(r.To)
		if err != nil {
			return err
		}
		must, _ := z.between(from, to)
		if !r.Ports.Within(must) {
			s.Lost = append(s.Lost, r)
		}
		k := [2]string{z.keyOf(from), z.keyOf(to)}
		needed[k] = needed[k].Union(r.Ports)
	}
	for e := range z.Edges(LevelWorkload) {
		if e.From.Outside() || e.To.Outside() {
			continue
		}
		if rest := e.May.Minus(needed[[2]string{e.From.Key(), e.To.Key()}]).Minus(byAnybody[e.To.Key()]).Minus(PortRange(Other, 0, 0)); !rest.Empty() {
			s.Excess = append(s.Excess, Edge{e.From, e.To, e.Must.Intersect(rest), rest})
		}
	}
	return nil
}

// fromAnybody is what a pod certainly lets in whoever it is.
func (z *Zones) fromAnybody(p *Pod) Ports {
	z.m.mu.Lock()
	defer z.m.mu.Unlock()
	return z.m.ports.sets[z.m.in[Ingress][p.class].rest.must]
}

// EntryRequirements are the ways from outside that Services, Ingresses, Gateways and Routes open: from the controllers that
// proxy for clients where they are known, else from anybody.
func (z *Zones) EntryRequirements(inv *inventory.Inventory) []Requirement {
	var out []Requirement
	entries := z.Entries(inv)
	for i := range entries {
		e := &entries[i]
		var ways [][]*Pod
		if e.Proxied && !fromCloud(e.class) {
			ways = z.m.waysTo(e)
		}
		if len(ways) == 0 {
			out = append(out, Requirement{End{}, End{Pod: e.Pod}, e.Ports, e.String()})
		}
		for _, pods := range ways {
			for _, p := range pods {
				out = append(out, Requirement{End{Pod: p}, End{Pod: e.Pod}, e.Ports, e.String()})
			}
		}
	}
	return out
}

func (z *Zones) same(e End) (End, error) {
	if e.Pod == nil {
		return e, nil
	}
	return z.Find(e.Pod.Namespace + "/" + e.Pod.Object.Name())
}

func (z *Zones) keyOf(e End) string {
	if e.Named != nil {
		return e.Named.String()
	}
	if e.Pod == nil {
		return e.Addr.String()
	}
	return z.placeOf(e.Pod, LevelWorkload).Key()
}

// RequiredBy turns observed connections into requirements; what was dropped, and what has an end that is not known, is not
// one. Ends are taken for their workloads.
func (c *Connectivity) RequiredBy(seen []Observation) []Requirement {
	var out []Requirement
	for _, o := range seen {
		from, err := c.Find(o.From)
		to, err2 := c.Find(o.To)
		if err == nil && err2 == nil && !o.Dropped {
			out = append(out, Requirement{from, to, PortRange(o.Protocol, o.Port, o.Port), "observed"})
		}
	}
	return out
}

// host is what looks like the name of a Service with a port, as in "http://orders.shop.svc:8080/path" or "db:5432".
var host = regexp.MustCompile(`^(?:[a-z][a-z0-9+.-]*://)?(?:[^/@\s]*@)?([a-z0-9]([-a-z0-9]*[a-z0-9])?)(?:\.([a-z0-9]([-a-z0-9]*[a-z0-9])?))?(?:\.svc(?:\.[-a-z0-9.]+)?)?(?::([0-9]{1,5}))?(?:/.*)?$`)

// References finds what workloads say of Services in the values of their environment, as programs are commonly told where
// others are: a name with its port, or a name alone for all ports of the Service.
func (z *Zones) References(inv *inventory.Inventory) []Requirement {
	f := newEntryFinder(z.m, inv)
	var out []Requirement
	for _, p := range z.m.pods {
		for i := range p.Spec.Containers {
			for _, env := range p.Spec.Containers[i].Env {
				m := host.FindStringSubmatch(env.Value)
				if m == nil {
					continue
				}
				namespace := cmp.Or(m[3], p.Namespace)
				_, s, ok := inventory.TypedGet[corev1.Service](inv, namespace, m[1])
				if !ok {
					continue
				}
				var port *intstr.IntOrString
				if n, err := strconv.Atoi(m[5]); err == nil {
					v := intstr.FromInt32(int32(n))
					port = &v
				}
				f.backends(namespace, s, port, func(to *Pod, ports Ports) {
					if to != p {
						out = append(out, Requirement{End{Pod: p}, End{Pod: to}, ports, fmt.Sprintf("environment variable %s of container %s", env.Name, strings.ToValidUTF8(p.Spec.Containers[i].Name, ""))})
					}
				})
			}
		}
	}
	return out
}
