package network

import (
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
	"github.com/nist190/nist190/inventory"
)

const (
	ingress = networkingv1.PolicyTypeIngress
	egress  = networkingv1.PolicyTypeEgress
)

func policyText(name, spec string) string {
	return fmt.Sprintf("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: %s, namespace: ns}, spec: %s}", name, spec)
}

func isolate(t *testing.T, d networkingv1.PolicyType, pod labels.Set, isTemplate bool, specs ...string) isolation {
	t.Helper()
	var objects []string
	for i, s := range specs {
		objects = append(objects, policyText(fmt.Sprintf("p%d", i), s))
	}
	inv := testobj.Inventory(t, objects)
	return isolationOf(policiesIn(inv, "ns"), pod, isTemplate, d)
}

// Cases that other tools are known to get wrong, among others: policy types by default, an egress policy that counts as
// ingress, selectors over missing keys, and rules that take everything back.
func TestIsolation(t *testing.T) {
	web := labels.Set{"app": "web"}
	for _, tt := range []struct {
		name            string
		specs           []string
		ingress, egress bool
	}{
		{"no policy", nil, false, false},
		{"ingress by default", []string{`{podSelector: {}}`}, true, false},
		{"egress by default, with a rule", []string{`{podSelector: {}, egress: [{ports: [{port: 53}]}]}`}, true, true},
		{"egress: [] does not name egress", []string{`{podSelector: {}, egress: []}`}, true, false},
		{"types are taken literally", []string{`{podSelector: {}, policyTypes: [Ingress], egress: [{ports: [{port: 53}]}]}`}, true, false},
		{"egress alone", []string{`{podSelector: {}, policyTypes: [Egress]}`}, false, true},
		{"both in one", []string{`{podSelector: {}, policyTypes: [Ingress, Egress]}`}, true, true},
		{"other pods", []string{`{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress, Egress]}`}, false, false},
		{"NotIn matches a missing key", []string{`{podSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [a]}]}}`}, true, false},
		{"an empty value is no missing key", []string{`{podSelector: {matchLabels: {tier: ""}}}`}, false, false},
		{"a selector that is refused", []string{`{podSelector: {matchExpressions: [{key: app, operator: In, values: []}]}}`}, false, false},
		{"- {}", []string{`{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}`}, false, false},
		{"empty lists are every peer and port", []string{`{podSelector: {}, ingress: [{from: [], ports: []}]}`}, false, false},
		{"a deny does not take away what another allows", []string{`{podSelector: {}}`, `{podSelector: {matchLabels: {app: web}}, ingress: [{}]}`}, false, false},
		{"open for others", []string{`{podSelector: {}}`, `{podSelector: {matchLabels: {app: db}}, ingress: [{}]}`}, true, false},
		{"the namespace's own pods", []string{`{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`}, true, false},
		{"every namespace", []string{`{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}`}, false, false},
		{"every namespace has that label", []string{`{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: Exists}]}}]}]}`}, false, false},
		{"some pods of every namespace", []string{`{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {a: b}}}]}]}`}, true, false},
		{"some namespaces", []string{`{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {a: b}}}]}]}`}, true, false},
		{"every address", []string{`{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`}, false, false},
		{"every address of IPv6", []string{`{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: "::/0"}}]}]}`}, false, false},
		{"IPv6 does not stand for IPv4", []string{`{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: "::/1"}}, {ipBlock: {cidr: 128.0.0.0/1}}]}]}`}, true, false},
		{"but the metadata service", []string{`{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}]}]}`}, true, false},
		{"what one excepts another allows", []string{`{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}]}`, `{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/9}}, {ipBlock: {cidr: 10.128.0.0/9}}]}]}`}, false, false},
		{"two halves", []string{`{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/1}}, {ipBlock: {cidr: 128.0.0.0/1}}]}]}`}, false, false},
		{"all TCP is not everything", []string{`{podSelector: {}, ingress: [{ports: [{}]}]}`}, true, false},
		{"all TCP and UDP", []string{`{podSelector: {}, ingress: [{ports: [{}, {protocol: UDP}]}]}`}, false, false},
		{"a named port is no range", []string{`{podSelector: {}, ingress: [{ports: [{port: http}, {protocol: UDP}]}]}`}, true, false},
		{"all but port 22", []string{`{podSelector: {}, ingress: [{ports: [{port: 1, endPort: 21}, {port: 23, endPort: 65535}, {protocol: UDP}]}]}`}, true, false},
		{"ranges that overlap", []string{`{podSelector: {}, ingress: [{ports: [{port: 1, endPort: 30}, {port: 10, endPort: 20}, {port: 23, endPort: 65535}, {protocol: UDP}]}]}`}, false, false},
		{"TCP for pods, the rest for addresses", []string{`{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}], ports: [{}]}, {from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{protocol: UDP}]}]}`}, false, false},
	} {
		if got := isolate(t, ingress, web, false, tt.specs...).isolated(); got != tt.ingress {
			t.Errorf("%s: ingress %v, want %v", tt.name, got, tt.ingress)
		}
		if got := isolate(t, egress, web, false, tt.specs...).isolated(); got != tt.egress {
			t.Errorf("%s: egress %v, want %v", tt.name, got, tt.egress)
		}
	}
}

func TestLabelsThatControllersGive(t *testing.T) {
	web := labels.Set{"app": "web"}
	for _, tt := range []struct {
		spec       string
		isTemplate bool
		by, maybe  int
	}{
		{`{podSelector: {matchLabels: {app: web, pod-template-hash: abc}}}`, true, 0, 1},
		{`{podSelector: {matchLabels: {app: db, pod-template-hash: abc}}}`, true, 0, 0},
		{`{podSelector: {matchLabels: {app: web, pod-template-hash: abc}}}`, false, 0, 0},
		{`{podSelector: {matchLabels: {app: web}}}`, true, 1, 0},
	} {
		i := isolate(t, ingress, web, tt.isTemplate, tt.spec)
		if len(i.by) != tt.by || len(i.unknown) != tt.maybe {
			t.Errorf("%s: %d, %d unknown", tt.spec, len(i.by), len(i.unknown))
		}
	}
}

func TestRangeOf(t *testing.T) {
	for cidr, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0-10.255.255.255", "192.168.242.213/24": "192.168.242.0-192.168.242.255", "010.0.00.1/32": "10.0.0.1-10.0.0.1",
		"fd00::/8": "fd00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "0.0.0.0/0": "0.0.0.0-255.255.255.255",
		"10.0.0.0": "", "10.0.0.0/33": "", "10.0.0/8": "", "256.0.0.0/8": "", "nonsense": "", "fe80::1%eth0/64": "",
	} {
		r, ok := rangeOf(cidr)
		got := ""
		if ok {
			got = r.first.String() + "-" + r.last.String()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", cidr, got, want)
		}
	}
}

// TestIsolationAgainstEveryFlow compares with the definition on random policies: a pod is isolated in a direction if a
// policy that governs it selects the pod, and some flow of a small world, with peers and ports that no policy mentions
// among them, is not allowed by any rule of such a policy.
func TestIsolationAgainstEveryFlow(t *testing.T) {
	type peer struct {
		pod, ns labels.Set
		own     bool // of the policy's namespace
		ip      netip.Addr
	}
	var peers []peer
	for _, pod := range []labels.Set{{}, {"app": "a"}, {"fresh": "x"}} {
		for _, ns := range []labels.Set{{}, {"team": "a"}, {"fresh": "x"}} {
			peers = append(peers, peer{pod: pod, ns: ns}, peer{pod: pod, ns: ns, own: true})
		}
	}
	var outside []peer
	for _, ip := range []string{"0.0.0.0", "10.0.0.1", "127.255.255.255", "128.0.0.0", "192.0.2.1", "255.255.255.255"} {
		outside = append(outside, peer{ip: netip.MustParseAddr(ip)})
	}
	ports := []int32{1, 79, 80, 81, 8080, 65535}
	protocols := []corev1.Protocol{"TCP", "UDP"}

	matches := func(p networkingv1.NetworkPolicyPeer, q peer) bool {
		if p.IPBlock != nil {
			if !q.ip.IsValid() || !netip.MustParsePrefix(p.IPBlock.CIDR).Contains(q.ip) {
				return false
			}
			return !slices.ContainsFunc(p.IPBlock.Except, func(e string) bool { return netip.MustParsePrefix(e).Contains(q.ip) })
		}
		if q.ip.IsValid() {
			return false
		}
		in := func(s *metav1.LabelSelector, l labels.Set) bool {
			sel, err := metav1.LabelSelectorAsSelector(s)
			return err == nil && sel.Matches(l)
		}
		if p.NamespaceSelector == nil && !q.own || p.NamespaceSelector != nil && !in(p.NamespaceSelector, q.ns) {
			return false
		}
		return p.PodSelector == nil || in(p.PodSelector, q.pod)
	}
	allows := func(f flow, q peer, protocol corev1.Protocol, port int32) bool {
		if len(f.peers) > 0 && !slices.ContainsFunc(f.peers, func(p networkingv1.NetworkPolicyPeer) bool { return matches(p, q) }) {
			return false
		}
		return len(f.ports) == 0 || slices.ContainsFunc(f.ports, func(p networkingv1.NetworkPolicyPort) bool {
			if *p.Protocol != protocol {
				return false
			}
			if p.Port == nil {
				return true
			}
			if p.EndPort != nil {
				return p.Port.IntVal <= port && port <= *p.EndPort
			}
			return p.Port.IntVal == port
		})
	}

	opened, isolated := 0, 0
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 2))
		pod := labels.Set{"app": []string{"a", "b"}[rng.IntN(2)]}
		var ps []*policy
		for i := range 1 + rng.IntN(4) {
			ps = append(ps, randomPolicy(t, rng, i))
		}
		for _, d := range directions {
			var rules []flow
			selected := false
			for _, p := range ps {
				if p.governs(d) && p.selector.Matches(pod) {
					selected = true
					rules = append(rules, rulesOf(p.spec, d)...)
				}
			}
			everything := func(from []peer) bool {
				for _, q := range from {
					for _, protocol := range protocols {
						for _, port := range ports {
							if !slices.ContainsFunc(rules, func(f flow) bool { return allows(f, q, protocol, port) }) {
								return false
							}
						}
					}
				}
				return true
			}
			// Every pod of the cluster, or every address: an address is a pod's, too.
			toAddresses := outside
			open := everything(peers)
			if !open {
				withPods := true
				for _, q := range toAddresses {
					for _, protocol := range protocols {
						for _, port := range ports {
							byPods := slices.ContainsFunc(rules, func(f flow) bool {
								return !slices.ContainsFunc(peers, func(p peer) bool { return !allows(f, p, protocol, port) })
							})
							if !byPods && !slices.ContainsFunc(rules, func(f flow) bool { return allows(f, q, protocol, port) }) {
								withPods = false
							}
						}
					}
				}
				open = withPods
			}
			want := selected && !open
			got := isolationOf(ps, pod, false, d)
			if got.isolated() != want {
				t.Fatalf("seed %d, %s: isolated %v, want %v (selected %v): %s", seed, d, got.isolated(), want, selected, describe(ps))
			}
			if selected && open {
				opened++
			}
			if want {
				isolated++
			}
		}
	}
	if opened < 50 || isolated < 50 {
		t.Errorf("%d open and %d isolated: the test shows little", opened, isolated)
	}
}

func describe(ps []*policy) string {
	var out []string
	for _, p := range ps {
		out = append(out, fmt.Sprintf("%+v", *p.spec))
	}
	return strings.Join(out, "\n")
}

// randomPolicy draws from selectors that match by equality or presence, so that only the empty one matches every peer.
func randomPolicy(t *testing.T, rng *rand.Rand, i int) *policy {
	t.Helper()
	one := func(from ...string) string { return from[rng.IntN(len(from))] }
	peer := func() string {
		return one("{podSelector: {}}", "{podSelector: {matchLabels: {app: a}}}", "{namespaceSelector: {}}", "{namespaceSelector: {}, podSelector: {}}",
			"{namespaceSelector: {matchLabels: {team: a}}}", "{namespaceSelector: {}, podSelector: {matchLabels: {app: a}}}",
			"{namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]}}",
			"{ipBlock: {cidr: 0.0.0.0/0}}", "{ipBlock: {cidr: 0.0.0.0/1}}", "{ipBlock: {cidr: 128.0.0.0/1}}", `{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}`, "{ipBlock: {cidr: 10.0.0.0/8}}")
	}
	port := func() string {
		return one("{protocol: TCP}", "{protocol: UDP}", "{}", "{port: 80}", "{port: 1, endPort: 80}", "{port: 80, endPort: 65535}", "{port: 81, endPort: 65535}", "{protocol: UDP, port: 1, endPort: 65535}")
	}
	list := func(f func() string) string {
		var out []string
		for range rng.IntN(4) {
			out = append(out, f())
		}
		return "[" + strings.Join(out, ", ") + "]"
	}
	rules := func(peers string) string {
		return list(func() string { return fmt.Sprintf("{%s: %s, ports: %s}", peers, list(peer), list(port)) })
	}
	selector := one("{}", "{}", "{matchLabels: {app: a}}", "{matchExpressions: [{key: app, operator: NotIn, values: [a]}]}", "{matchExpressions: [{key: tier, operator: DoesNotExist}]}")
	types := one("", ", policyTypes: [Ingress]", ", policyTypes: [Egress]", ", policyTypes: [Ingress, Egress]")
	text := policyText(fmt.Sprintf("p%d", i), fmt.Sprintf("{podSelector: %s%s, ingress: %s, egress: %s}", selector, types, rules("from"), rules("to")))
	o := testobj.Object(t, text, inventory.Origin{})
	np, err := inventory.As[networkingv1.NetworkPolicy](o)
	if err != nil {
		t.Fatal(err)
	}
	sel, err := metav1.LabelSelectorAsSelector(&np.Spec.PodSelector)
	if err != nil {
		t.Fatal(err)
	}
	return &policy{object: o, spec: &np.Spec, selector: sel}
}

func TestForeignEffects(t *testing.T) {
	for _, tt := range []struct {
		text           string
		d              networkingv1.PolicyType
		isolate, allow bool
	}{
		{`{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: a, namespace: ns}, spec: {ingress: [{}]}}`, ingress, true, true},
		{`{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: a, namespace: ns}, spec: {ingress: [{}]}}`, egress, false, false},
		{`{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: a, namespace: ns}, specs: [{egressDeny: [{}]}]}`, egress, true, false},
		{`{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {name: a, namespace: ns}, spec: {egress: [{action: Deny}]}}`, egress, true, false},
		{`{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {name: a}, spec: {types: [Ingress], ingress: [{action: Allow}]}}`, ingress, true, true},
		{`{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: a}, spec: {ingress: [{action: Deny}]}}`, ingress, true, false},
		{`{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: a}, spec: {ingress: [{action: Allow}]}}`, ingress, false, true},
		{`{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: a}, spec: {egress: [{action: Accept}, {action: Deny}]}}`, egress, true, true},
	} {
		e := effectOf(testobj.Object(t, tt.text, inventory.Origin{}), tt.d)
		if e.isolate != tt.isolate || e.allow != tt.allow {
			t.Errorf("%s %s: isolate %v, allow %v", tt.d, tt.text, e.isolate, e.allow)
		}
	}
}

func TestAllowanceIsFull(t *testing.T) {
	port := func(n int32) *intstr.IntOrString { v := intstr.FromInt32(n); return &v }
	end := func(n int32) *int32 { return &n }
	tcp, udp := corev1.ProtocolTCP, corev1.ProtocolUDP
	a := portsOf([]networkingv1.NetworkPolicyPort{{Protocol: &tcp, Port: port(1), EndPort: end(65534)}, {Protocol: &udp}})
	if a.full() {
		t.Error("port 65535 is missing")
	}
	a.add(portsOf([]networkingv1.NetworkPolicyPort{{Protocol: &tcp, Port: port(65535)}}))
	if !a.full() {
		t.Error("nothing is missing")
	}
}
