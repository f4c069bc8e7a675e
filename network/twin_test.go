package network

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/nist190/nist190/internal/testobj"
)

// Two of five worlds have the policies of Kubernetes alone; each other engine has one of five.
var worlds = flag.Int("worlds", 1000, "random worlds that connectivity is compared with its twins on")

// twinWorld is a random cluster as typed objects. Everything in it is known, so that every answer is a definite one.
type twinWorld struct {
	namespaces map[string]map[string]string
	pods       []*corev1.Pod
	policies   []*networkingv1.NetworkPolicy
	cluster    []twinPolicy
	compiled   map[*metav1.LabelSelector]labels.Selector
}

// twinPolicy is a ClusterNetworkPolicy.
type twinPolicy struct {
	Tier     string
	Priority int32
	Subject  twinSubject
	Ingress  []twinRule `json:",omitempty"`
	Egress   []twinRule `json:",omitempty"`
}

type twinSubject struct {
	Namespaces *metav1.LabelSelector `json:"namespaces,omitempty"`
	Pods       *twinPods             `json:"pods,omitempty"`
}

type twinPods struct {
	NamespaceSelector metav1.LabelSelector `json:"namespaceSelector"`
	PodSelector       metav1.LabelSelector `json:"podSelector"`
}

type twinRule struct {
	Action    string         `json:"action"`
	From      []twinPeer     `json:"from,omitempty"`
	To        []twinPeer     `json:"to,omitempty"`
	Protocols []twinProtocol `json:"protocols,omitempty"`
}

type twinPeer struct {
	Namespaces *metav1.LabelSelector `json:"namespaces,omitempty"`
	Pods       *twinPods             `json:"pods,omitempty"`
	Networks   []string              `json:"networks,omitempty"`
}

type twinProtocol struct {
	TCP  *twinL4 `json:"tcp,omitempty"`
	UDP  *twinL4 `json:"udp,omitempty"`
	SCTP *twinL4 `json:"sctp,omitempty"`
	Name string  `json:"destinationNamedPort,omitempty"`
}

type twinL4 struct {
	DestinationPort *twinPort `json:"destinationPort,omitempty"`
}

type twinPort struct {
	Number *int32     `json:"number,omitempty"`
	Range  *twinRange `json:"range,omitempty"`
}

type twinRange struct {
	Start int32 `json:"start"`
	End   int32 `json:"end"`
}

var twinKeys, twinValues = []string{"a", "b", ""}, []string{"x", "y", ""}

func twinSelector(r *rand.Rand) *metav1.LabelSelector {
	s := &metav1.LabelSelector{}
	for range r.IntN(3) {
		key, value := twinKeys[r.IntN(2)], twinValues[r.IntN(3)]
		switch r.IntN(5) {
		case 0, 1:
			s.MatchLabels = map[string]string{key: value}
		case 2:
			s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpNotIn, Values: []string{value}})
		case 3:
			s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpExists})
		default:
			s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpDoesNotExist})
		}
	}
	if r.IntN(6) == 0 {
		s.MatchLabels = map[string]string{corev1.LabelMetadataName: fmt.Sprintf("n%d", r.IntN(3))}
	}
	return s
}

func twinLabels(r *rand.Rand) map[string]string {
	out := map[string]string{}
	for _, k := range twinKeys[:2] {
		if r.IntN(2) == 0 {
			out[k] = twinValues[r.IntN(3)]
		}
	}
	return out
}

var twinBlocks = []string{"10.0.0.0/8", "10.0.1.0/24", "10.0.1.128/25", "0.0.0.0/0", "192.168.242.213/24", "::/0", "fd00::/8", "169.254.169.254/32"}

func newTwinWorld(r *rand.Rand) *twinWorld {
	w := &twinWorld{namespaces: map[string]map[string]string{}, compiled: map[*metav1.LabelSelector]labels.Selector{}}
	for i := range 2 + r.IntN(2) {
		w.namespaces[fmt.Sprintf("n%d", i)] = twinLabels(r)
	}
	always := corev1.ContainerRestartPolicyAlways
	for i := range 3 + r.IntN(5) {
		ip := fmt.Sprintf("10.0.%d.%d", r.IntN(2)+1, 100+i*10)
		if r.IntN(5) == 0 {
			ip = fmt.Sprintf("fd00::%d", i+1)
		}
		p := &corev1.Pod{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("p%d", i), Namespace: fmt.Sprintf("n%d", r.IntN(len(w.namespaces))), Labels: twinLabels(r)},
			Spec: corev1.PodSpec{NodeName: fmt.Sprintf("node%d", r.IntN(2)), Containers: []corev1.Container{{Name: "c", Image: "i", Ports: []corev1.ContainerPort{
				{Name: "web", ContainerPort: int32(80 + r.IntN(2)), Protocol: corev1.ProtocolTCP}, {Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP},
			}}}},
			Status: corev1.PodStatus{PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}}},
		}
		if r.IntN(4) == 0 {
			p.Spec.InitContainers = []corev1.Container{{Name: "s", Image: "i", RestartPolicy: &always, Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: 8080}, {Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolTCP}}}}
		}
		if r.IntN(6) == 0 {
			p.Spec.HostNetwork = true
		}
		w.pods = append(w.pods, p)
	}
	for i := range r.IntN(5) {
		w.policies = append(w.policies, twinNetworkPolicy(r, i, len(w.namespaces)))
	}
	for i := range max(r.IntN(6)-2, 0) {
		w.cluster = append(w.cluster, newTwinPolicy(r, int32(i)))
	}
	return w
}

func twinNetworkPolicy(r *rand.Rand, i, namespaces int) *networkingv1.NetworkPolicy {
	p := &networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("np%d", i), Namespace: fmt.Sprintf("n%d", r.IntN(namespaces))},
		Spec:       networkingv1.NetworkPolicySpec{PodSelector: *twinSelector(r)},
	}
	switch r.IntN(4) {
	case 0:
		p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}
	case 1:
		p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	}
	peers := func() []networkingv1.NetworkPolicyPeer {
		var out []networkingv1.NetworkPolicyPeer
		for range r.IntN(3) {
			var x networkingv1.NetworkPolicyPeer
			switch r.IntN(4) {
			case 0:
				x.PodSelector = twinSelector(r)
			case 1:
				x.NamespaceSelector = twinSelector(r)
			case 2:
				x.PodSelector, x.NamespaceSelector = twinSelector(r), twinSelector(r)
			default:
				x.IPBlock = &networkingv1.IPBlock{CIDR: twinBlocks[r.IntN(len(twinBlocks))]}
				if x.IPBlock.CIDR == "0.0.0.0/0" {
					x.IPBlock.Except = []string{twinBlocks[r.IntN(3)], "169.254.169.254/32"}
				}
			}
			out = append(out, x)
		}
		return out
	}
	ports := func() []networkingv1.NetworkPolicyPort {
		var out []networkingv1.NetworkPolicyPort
		for range r.IntN(3) {
			protocol := []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}[r.IntN(3)]
			x := networkingv1.NetworkPolicyPort{Protocol: &protocol}
			switch r.IntN(5) {
			case 0:
			case 1:
				x.Port = &intstr.IntOrString{Type: intstr.String, StrVal: []string{"web", "dns", "gone"}[r.IntN(3)]}
			case 2:
				end := int32(90)
				x.Port, x.EndPort = &intstr.IntOrString{IntVal: 79}, &end
			default:
				x.Port = &intstr.IntOrString{IntVal: []int32{53, 80, 81, 443}[r.IntN(4)]}
				if r.IntN(3) == 0 {
					x.Protocol = nil
				}
			}
			out = append(out, x)
		}
		return out
	}
	for range r.IntN(3) {
		p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: peers(), Ports: ports()})
	}
	for range r.IntN(3) {
		p.Spec.Egress = append(p.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: peers(), Ports: ports()})
	}
	return p
}

func newTwinPolicy(r *rand.Rand, priority int32) twinPolicy {
	p := twinPolicy{Tier: []string{"Admin", "Baseline"}[r.IntN(2)], Priority: priority}
	pods := func() *twinPods {
		return &twinPods{NamespaceSelector: *twinSelector(r), PodSelector: *twinSelector(r)}
	}
	if r.IntN(2) == 0 {
		p.Subject.Namespaces = twinSelector(r)
	} else {
		p.Subject.Pods = pods()
	}
	rule := func(egress bool) twinRule {
		out := twinRule{Action: []string{"Accept", "Deny", "Pass"}[r.IntN(3)]}
		for range 1 + r.IntN(2) {
			var x twinPeer
			switch {
			case r.IntN(3) == 0:
				x.Namespaces = twinSelector(r)
			case egress && r.IntN(2) == 0:
				x.Networks = []string{twinBlocks[r.IntN(len(twinBlocks))]}
			default:
				x.Pods = pods()
			}
			if egress {
				out.To = append(out.To, x)
			} else {
				out.From = append(out.From, x)
			}
		}
		for range r.IntN(3) {
			n := int32(80)
			out.Protocols = append(out.Protocols, []twinProtocol{
				{TCP: &twinL4{&twinPort{Number: &n}}}, {UDP: &twinL4{}}, {Name: "web"}, {SCTP: &twinL4{&twinPort{Range: &twinRange{50, 81}}}}, {TCP: &twinL4{&twinPort{Range: &twinRange{1, 80}}}},
			}[r.IntN(5)])
		}
		return out
	}
	for range r.IntN(3) {
		p.Ingress = append(p.Ingress, rule(false))
	}
	for range r.IntN(3) {
		p.Egress = append(p.Egress, rule(true))
	}
	return p
}

func (w *twinWorld) docs(t *testing.T) []string {
	var out []string
	add := func(o any) {
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	for name, l := range w.namespaces {
		// A label that lies about the name is overwritten.
		add(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name, "labels": l}})
	}
	for _, p := range w.pods {
		add(p)
	}
	for _, p := range w.policies {
		add(p)
	}
	for i, p := range w.cluster {
		spec := map[string]any{"tier": p.Tier, "priority": p.Priority, "subject": p.Subject, "ingress": p.Ingress, "egress": p.Egress}
		add(map[string]any{"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": map[string]any{"name": fmt.Sprintf("c%d", i)}, "spec": spec})
	}
	return out
}

// The twin answers for one pair and port, rule by rule.

func (w *twinWorld) namespaceLabels(name string) labels.Set {
	out := labels.Set{}
	for k, v := range w.namespaces[name] {
		out[k] = v
	}
	out[corev1.LabelMetadataName] = name
	return out
}

func (w *twinWorld) matches(s *metav1.LabelSelector, set labels.Set) bool {
	sel, ok := w.compiled[s]
	if !ok {
		var err error
		if sel, err = metav1.LabelSelectorAsSelector(s); err != nil {
			panic(err)
		}
		w.compiled[s] = sel
	}
	return sel.Matches(set)
}

func twinInBlock(cidr string, except []string, addr string) bool {
	if strings.Contains(cidr, ":") != strings.Contains(addr, ":") {
		return false
	}
	a := netip.MustParseAddr(addr)
	if !netip.MustParsePrefix(cidr).Masked().Contains(a) {
		return false
	}
	return !slices.ContainsFunc(except, func(e string) bool { return netip.MustParsePrefix(e).Masked().Contains(a) })
}

// twinEnd is a pod, or an address.
type twinEnd struct {
	pod  *corev1.Pod
	addr string
}

func (w *twinWorld) inPods(p *twinPods, e twinEnd) bool {
	return e.pod != nil && !e.pod.Spec.HostNetwork && w.matches(&p.NamespaceSelector, w.namespaceLabels(e.pod.Namespace)) && w.matches(&p.PodSelector, e.pod.Labels)
}

// twinNamed tells whether a port of a pod has a name; what has the network of its node is no pod to policies.
func twinNamed(e twinEnd, name string, protocol *corev1.Protocol, want corev1.Protocol, port int32) bool {
	if !e.own() {
		return false
	}
	lasting := slices.Clone(e.pod.Spec.Containers)
	for _, c := range e.pod.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			lasting = append(lasting, c)
		}
	}
	for _, c := range lasting {
		for _, p := range c.Ports {
			has := p.Protocol
			if has == "" {
				has = corev1.ProtocolTCP
			}
			if p.Name == name && has == want && p.ContainerPort == port && (protocol == nil || *protocol == has) {
				return true
			}
		}
	}
	return false
}

func (w *twinWorld) networkPolicyAllows(p *networkingv1.NetworkPolicy, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort, peer, to twinEnd, protocol corev1.Protocol, port int32) bool {
	okPeer := len(peers) == 0
	for _, x := range peers {
		if x.IPBlock != nil {
			okPeer = okPeer || twinInBlock(x.IPBlock.CIDR, x.IPBlock.Except, peer.addr)
		} else {
			okPeer = okPeer || w.networkPolicySelects(p, &x, peer)
		}
	}
	return okPeer && w.networkPolicyPorts(ports, to, protocol, port)
}

func (w *twinWorld) networkPolicySelects(p *networkingv1.NetworkPolicy, x *networkingv1.NetworkPolicyPeer, peer twinEnd) bool {
	if !peer.own() {
		return false
	}
	ns := x.NamespaceSelector == nil && peer.pod.Namespace == p.Namespace || x.NamespaceSelector != nil && w.matches(x.NamespaceSelector, w.namespaceLabels(peer.pod.Namespace))
	return ns && (x.PodSelector == nil || w.matches(x.PodSelector, peer.pod.Labels))
}

func (w *twinWorld) networkPolicyPorts(ports []networkingv1.NetworkPolicyPort, to twinEnd, protocol corev1.Protocol, port int32) bool {
	okPort := len(ports) == 0
	for _, x := range ports {
		want := corev1.ProtocolTCP
		if x.Protocol != nil {
			want = *x.Protocol
		}
		switch {
		case want != protocol:
		case x.Port == nil:
			okPort = true
		case x.Port.Type == intstr.String:
			okPort = okPort || twinNamed(to, x.Port.StrVal, &want, protocol, port)
		case x.EndPort != nil:
			okPort = okPort || x.Port.IntVal <= port && port <= *x.EndPort
		default:
			okPort = okPort || x.Port.IntVal == port
		}
	}
	return okPort
}

// twinGoverns tells whether a policy speaks of a direction (pkg/apis/networking/v1/defaults.go).
func twinGoverns(p *networkingv1.NetworkPolicy, ingress bool) bool {
	types := p.Spec.PolicyTypes
	if len(types) == 0 {
		return ingress || len(p.Spec.Egress) > 0
	}
	if ingress {
		return slices.Contains(types, networkingv1.PolicyTypeIngress)
	}
	return slices.Contains(types, networkingv1.PolicyTypeEgress)
}

func (w *twinWorld) fromTier(tier string, ingress bool, pod, peer, to twinEnd, protocol corev1.Protocol, port int32) string {
	for _, p := range w.cluster { // by priority
		subject := p.Subject.Namespaces != nil && !pod.pod.Spec.HostNetwork && w.matches(p.Subject.Namespaces, w.namespaceLabels(pod.pod.Namespace)) ||
			p.Subject.Pods != nil && w.inPods(p.Subject.Pods, pod)
		if p.Tier != tier || !subject {
			continue
		}
		rules := p.Egress
		if ingress {
			rules = p.Ingress
		}
		for _, r := range rules {
			hit := false
			for _, x := range append(slices.Clone(r.From), r.To...) {
				hit = hit || x.Namespaces != nil && peer.pod != nil && !peer.pod.Spec.HostNetwork && w.matches(x.Namespaces, w.namespaceLabels(peer.pod.Namespace))
				hit = hit || x.Pods != nil && w.inPods(x.Pods, peer)
				hit = hit || slices.ContainsFunc(x.Networks, func(n string) bool { return twinInBlock(n, nil, peer.addr) })
			}
			okPort := len(r.Protocols) == 0
			for _, x := range r.Protocols {
				for p, l4 := range map[corev1.Protocol]*twinL4{corev1.ProtocolTCP: x.TCP, corev1.ProtocolUDP: x.UDP, corev1.ProtocolSCTP: x.SCTP} {
					if l4 != nil && p == protocol {
						okPort = okPort || l4.DestinationPort == nil || l4.DestinationPort.Number != nil && *l4.DestinationPort.Number == port ||
							l4.DestinationPort.Range != nil && l4.DestinationPort.Range.Start <= port && port <= l4.DestinationPort.Range.End
					}
				}
				okPort = okPort || x.Name != "" && twinNamed(to, x.Name, nil, protocol, port)
			}
			if hit && okPort {
				return r.Action
			}
		}
	}
	return ""
}

func (w *twinWorld) direction(ingress bool, pod, peer, to twinEnd, protocol corev1.Protocol, port int32) bool {
	if pod.pod == nil || pod.pod.Spec.HostNetwork {
		return true
	}
	switch w.fromTier("Admin", ingress, pod, peer, to, protocol, port) {
	case "Accept":
		return true
	case "Deny":
		return false
	}
	isolated := false
	for _, p := range w.policies {
		if p.Namespace != pod.pod.Namespace || !twinGoverns(p, ingress) || !w.matches(&p.Spec.PodSelector, pod.pod.Labels) {
			continue
		}
		isolated = true
		if ingress {
			for _, r := range p.Spec.Ingress {
				if w.networkPolicyAllows(p, r.From, r.Ports, peer, to, protocol, port) {
					return true
				}
			}
		} else {
			for _, r := range p.Spec.Egress {
				if w.networkPolicyAllows(p, r.To, r.Ports, peer, to, protocol, port) {
					return true
				}
			}
		}
	}
	if isolated {
		return false
	}
	return w.fromTier("Baseline", ingress, pod, peer, to, protocol, port) != "Deny"
}

func (w *twinWorld) allowed(from, to twinEnd, protocol corev1.Protocol, port int32) bool {
	if from.pod != nil && from.pod == to.pod {
		return true
	}
	if from.pod != nil && to.pod != nil && from.pod.Spec.HostNetwork && !to.pod.Spec.HostNetwork && from.pod.Spec.NodeName == to.pod.Spec.NodeName {
		return true
	}
	return w.direction(false, from, to, to, protocol, port) && w.direction(true, to, from, to, protocol, port)
}

// Every pair of ends, protocol and port is answered as the twin answers, and definitely.
func TestConnectivityAgainstTwin(t *testing.T) {
	t.Parallel()
	asked, allowed := 0, 0
	for seed := range uint64(*worlds) * 2 / 5 {
		w := newTwinWorld(rand.New(rand.NewPCG(seed, 433)))
		docs := w.docs(t)
		c, err := Of(context.Background(), testobj.Inventory(t, docs))
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Pods()) != len(w.pods) {
			t.Fatalf("seed %d: %d pods of %d", seed, len(c.Pods()), len(w.pods))
		}
		pods := map[string]*Pod{}
		for _, p := range c.Pods() {
			pods[p.Namespace+"/"+p.Object.Name()] = p
		}
		var ends []twinEnd
		var real []End
		for _, p := range w.pods {
			ends = append(ends, twinEnd{p, p.Status.PodIP})
			real = append(real, End{Pod: pods[p.Namespace+"/"+p.Name]})
		}
		for _, a := range []string{"8.8.8.8", "169.254.169.254", "10.9.9.9", "192.168.242.1", "2001:db8::1", "fd00::ffff"} {
			ends = append(ends, twinEnd{addr: a})
			real = append(real, End{Addr: netip.MustParseAddr(a)})
		}
		for i, from := range ends {
			for j, to := range ends {
				if from.pod == nil && to.pod == nil {
					continue
				}
				must, may := c.between(real[i], real[j])
				for _, protocol := range []Protocol{TCP, UDP, SCTP} {
					for _, port := range []uint16{1, 53, 79, 80, 81, 90, 91, 443, 8080} {
						want := w.allowed(from, to, corev1.Protocol(protocol.String()), int32(port))
						asked++
						if want {
							allowed++
						}
						if must.Has(protocol, port) != want || may.Has(protocol, port) != want {
							t.Fatalf("seed %d: %v to %v %s %d: must %v, may %v, want %v\n%v", seed, real[i], real[j], protocol, port, must, may, want, docs)
						}
					}
				}
				if i%3 == 0 && j%2 == 0 {
					v, err := c.Evaluate(Flow{real[i], real[j], TCP, 80})
					if want := w.allowed(from, to, corev1.ProtocolTCP, 80); err != nil || (v.Answer == Allowed) != want || v.Answer == Undecided || v.Reason == "" {
						t.Fatalf("seed %d: %v to %v: %+v, %v, want %v", seed, real[i], real[j], v, err, want)
					}
				}
			}
		}
	}
	t.Logf("%d questions, %d allowed", asked, allowed)
	if allowed < asked/20 || allowed > asked*19/20 {
		t.Errorf("%d of %d allowed: the worlds say little", allowed, asked)
	}
}
