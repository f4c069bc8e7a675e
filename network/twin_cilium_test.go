package network

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190/inventory"
)

// ciliumTwin is Cilium's policies, judged by the labels of identities as the agent does it: selectors are completed with
// the namespace (pkg/k8s/apis/cilium.io/utils, getEndpointSelector), addresses belong to the world, and denies come before
// every allow, of NetworkPolicies too (pkg/policy/rule.go, pkg/policy/mapstate.go).
type ciliumTwin struct {
	*twinWorld
	policies []*ciliumTwinPolicy
}

type ciliumTwinPolicy struct {
	name, namespace string // clusterwide without a namespace
	specs           []*ciliumTwinSpec
}

type ciliumTwinSpec struct {
	selector    *metav1.LabelSelector
	defaultDeny map[Direction]bool // as far as it is said
	allow, deny [2][]*ciliumTwinRule
	empty       [2]bool // a list is there and empty
	moons       bool    // and a field that nobody knows
}

type ciliumTwinRule struct {
	kind       string // of its peers; none are everybody, where there are ports
	selectors  []*metav1.LabelSelector
	blocks     []ciliumTwinBlock
	entities   []string
	ports      []ciliumTwinPort
	icmp, auth bool
}

type ciliumTwinBlock struct {
	CIDR   string   `json:"cidr,omitempty"`
	Except []string `json:"except,omitempty"`
	Ref    string   `json:"cidrGroupRef,omitempty"`
}

type ciliumTwinPort struct {
	Port     string `json:"port"`
	EndPort  int32  `json:"endPort,omitempty"`
	Protocol string `json:"protocol,omitempty"`
}

const hiddenLabel = "kubernetes.io/os"

func newCiliumTwin(r *rand.Rand) *ciliumTwin {
	w := &ciliumTwin{twinWorld: newEngineWorld(r)}
	for _, p := range w.pods {
		if r.IntN(6) == 0 {
			p.Labels[hiddenLabel] = "x"
		}
	}
	opaque := r.IntN(3) == 0
	for i := range 1 + r.IntN(4) {
		p := &ciliumTwinPolicy{name: fmt.Sprintf("c%d", i)}
		if r.IntN(2) == 0 {
			p.namespace = fmt.Sprintf("n%d", r.IntN(len(w.namespaces)))
		}
		for range 1 + r.IntN(2) {
			p.specs = append(p.specs, newCiliumTwinSpec(r, opaque))
		}
		w.policies = append(w.policies, p)
	}
	return w
}

func newCiliumTwinSpec(r *rand.Rand, opaque bool) *ciliumTwinSpec {
	s := &ciliumTwinSpec{selector: ciliumTwinSelector(r), defaultDeny: map[Direction]bool{}, moons: opaque && r.IntN(12) == 0}
	for _, d := range []Direction{Ingress, Egress} {
		if r.IntN(3) == 0 {
			s.defaultDeny[d] = r.IntN(2) == 0
		}
		s.allow[d] = few(r, 2, func() *ciliumTwinRule { return newCiliumTwinRule(r, d, opaque, true) })
		if r.IntN(3) == 0 {
			s.deny[d] = few(r, 2, func() *ciliumTwinRule { return newCiliumTwinRule(r, d, opaque, false) })
		}
		s.empty[d] = opaque && r.IntN(8) == 0
	}
	return s
}

func ciliumTwinSelector(r *rand.Rand) *metav1.LabelSelector {
	s := &metav1.LabelSelector{MatchLabels: map[string]string{}}
	for range r.IntN(3) {
		key, value := pick(r, "a", "b"), pick(r, twinValues...)
		switch r.IntN(12) {
		case 0, 1:
			key, value = ciliumNamespace, fmt.Sprintf("n%d", r.IntN(3))
		case 2, 3:
			key = ciliumNamespaceLabels + key
		case 4:
			key, value = ciliumNamespaceLabels+corev1.LabelMetadataName, fmt.Sprintf("n%d", r.IntN(3))
		case 5:
			key, value = ciliumAccount, pick(r, "sa", "default")
		case 6:
			if r.IntN(3) == 0 {
				key, value = pick(r, hiddenLabel, ciliumCluster), "x"
			}
		}
		key = pick(r, "", "", "k8s:", "any:") + key
		if r.IntN(2) == 0 {
			s.MatchLabels[key] = value
			continue
		}
		e := metav1.LabelSelectorRequirement{Key: key, Operator: pick(r, metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist)}
		if e.Operator == metav1.LabelSelectorOpIn || e.Operator == metav1.LabelSelectorOpNotIn {
			e.Values = append(few(r, 1, func() string { return pick(r, twinValues...) }), value)
		}
		s.MatchExpressions = append(s.MatchExpressions, e)
	}
	return s
}

func newCiliumTwinRule(r *rand.Rand, d Direction, opaque, allow bool) *ciliumTwinRule {
	out := &ciliumTwinRule{kind: pick(r, "Endpoints", "Endpoints", "Endpoints", "CIDR", "CIDRSet", "Entities", "Entities", "")}
	if opaque && r.IntN(4) == 0 {
		out.kind = pick(r, "Groups", "Nodes", "Requires", "", "nothing")
		if d == Egress && r.IntN(2) == 0 {
			out.kind = pick(r, "FQDNs", "Services")
		}
	}
	switch out.kind {
	case "Endpoints", "Requires":
		out.selectors = append(few(r, 1, func() *metav1.LabelSelector { return ciliumTwinSelector(r) }), ciliumTwinSelector(r))
	case "CIDR", "CIDRSet":
		for range 1 + r.IntN(2) {
			b := ciliumTwinBlock{CIDR: pick(r, twinBlocks...)}
			if out.kind == "CIDRSet" && b.CIDR == "0.0.0.0/0" {
				b.Except = few(r, 2, func() string { return twinBlocks[r.IntN(3)] })
			}
			if out.kind == "CIDRSet" && opaque && r.IntN(4) == 0 {
				b = ciliumTwinBlock{Ref: "group"}
			}
			out.blocks = append(out.blocks, b)
		}
	case "Entities":
		out.entities = append(few(r, 1, func() string { return pick(r, "world", "cluster") }), pick(r, "all", "world", "cluster", "none", "health", "world-ipv4", "world-ipv6"))
		if opaque && r.IntN(3) == 0 {
			out.entities = []string{pick(r, "host", "remote-node", "kube-apiserver", "init", "unmanaged", "ingress")}
		}
	}
	out.ports = few(r, 2, func() ciliumTwinPort {
		return pick(r, ciliumTwinPort{Port: pick(r, "80", "53", "443"), Protocol: pick(r, "TCP", "UDP", "tcp", "SCTP", "ANY", "")},
			ciliumTwinPort{Port: "79", EndPort: 90, Protocol: pick(r, "TCP", "UDP", "ANY")}, ciliumTwinPort{Port: "0", Protocol: pick(r, "TCP", "ANY")},
			ciliumTwinPort{Port: pick(r, "web", "dns", "gone", "WEB"), Protocol: pick(r, "TCP", "UDP", "")})
	})
	if out.kind == "Services" {
		out.ports = nil
	}
	if out.kind == "" && len(out.ports) == 0 && !opaque {
		out.ports = []ciliumTwinPort{{Port: "80", Protocol: "TCP"}}
	}
	if opaque && r.IntN(8) == 0 && len(out.ports) == 0 {
		out.icmp = true
	}
	out.auth = opaque && allow && r.IntN(10) == 0
	return out
}

func (w *ciliumTwin) docs(t *testing.T) []string {
	docs := w.twinWorld.docs(t)
	for _, p := range w.policies {
		kind, meta := "CiliumClusterwideNetworkPolicy", map[string]any{"name": p.name}
		if p.namespace != "" {
			kind, meta["namespace"] = "CiliumNetworkPolicy", p.namespace
		}
		out := map[string]any{"apiVersion": "cilium.io/v2", "kind": kind, "metadata": meta}
		var specs []any
		for _, s := range p.specs {
			specs = append(specs, s.doc())
		}
		if len(specs) == 1 {
			out["spec"] = specs[0]
		} else {
			out["specs"] = specs
		}
		docs = append(docs, marshal(t, out))
	}
	return docs
}

func (s *ciliumTwinSpec) doc() map[string]any {
	out := map[string]any{"endpointSelector": s.selector, "description": "x"}
	byDefault := map[string]bool{}
	for d, deny := range s.defaultDeny {
		byDefault[d.String()] = deny
	}
	if len(byDefault) > 0 {
		out["enableDefaultDeny"] = byDefault
	}
	for _, d := range []Direction{Ingress, Egress} {
		for suffix, rules := range map[string][]*ciliumTwinRule{"": s.allow[d], "Deny": s.deny[d]} {
			list := []any{}
			for _, x := range rules {
				list = append(list, x.doc(d))
			}
			if len(list) > 0 || suffix == "" && s.empty[d] {
				out[d.String()+suffix] = list
			}
		}
	}
	if s.moons {
		out["moons"] = 1
	}
	return out
}

func (x *ciliumTwinRule) doc(d Direction) map[string]any {
	out := map[string]any{}
	field := [...]string{"from", "to"}[d]
	switch x.kind {
	case "":
	case "nothing":
		out[field+"Endpoints"] = []any{}
	case "Endpoints", "Requires":
		out[field+x.kind] = x.selectors
	case "CIDR":
		out[field+x.kind] = each(x.blocks, func(b ciliumTwinBlock) string { return b.CIDR })
	case "CIDRSet":
		out[field+x.kind] = x.blocks
	case "Entities":
		out[field+x.kind] = x.entities
	case "FQDNs":
		out[field+x.kind] = []any{map[string]string{"matchName": "example.com"}}
	case "Services":
		out[field+x.kind] = []any{map[string]any{"k8sService": map[string]string{"serviceName": "s"}}}
	default:
		out[field+x.kind] = []any{map[string]any{}}
	}
	if len(x.ports) > 0 {
		out["toPorts"] = []any{map[string]any{"ports": x.ports[:1]}, map[string]any{"ports": x.ports}}
	}
	if x.icmp {
		out["icmps"] = []any{map[string]any{"fields": []any{map[string]any{"type": 8}}}}
	}
	if x.auth {
		out["authentication"] = map[string]string{"mode": "required"}
	}
	return out
}

// identity tells the labels of an end by their keys with a source. Nodes and the world have none of pods'.
func (w *ciliumTwin) identity(e twinEnd, c *choices) func(key string) (string, bool) {
	if !e.own() {
		return func(string) (string, bool) { return "", false }
	}
	return func(key string) (string, bool) {
		source, name, ok := strings.Cut(key, ":")
		if !ok {
			source, name = "any", key
		}
		of, ofNamespace := strings.CutPrefix(name, ciliumNamespaceLabels)
		switch {
		case source != "any" && source != "k8s":
			return "", false
		case name == ciliumNamespace:
			return e.pod.Namespace, true
		case name == ciliumAccount:
			return cmp.Or(e.pod.Spec.ServiceAccountName, "default"), true
		case name == ciliumCluster:
			return "x", c.yes("cluster")
		case ofNamespace:
			v, ok := w.namespaceLabels(e.pod.Namespace)[of]
			return v, ok
		}
		v, ok := e.pod.Labels[name]
		if ok && (name == hiddenLabel || name == assigned) {
			ok = c.yes("hidden", name)
		}
		return v, ok
	}
}

// ciliumMatches asks every requirement, as labels.Requirement does.
func ciliumMatches(s *metav1.LabelSelector, label func(string) (string, bool)) bool {
	for k, want := range s.MatchLabels {
		if v, ok := label(k); !ok || v != want {
			return false
		}
	}
	for _, e := range s.MatchExpressions {
		v, ok := label(e.Key)
		in := ok && slices.Contains(e.Values, v)
		switch e.Operator {
		case metav1.LabelSelectorOpIn:
			ok = in
		case metav1.LabelSelectorOpNotIn:
			ok = !in
		case metav1.LabelSelectorOpDoesNotExist:
			ok = !ok
		}
		if !ok {
			return false
		}
	}
	return true
}

// selects completes a selector of peers with the namespace, unless it names one.
func (w *ciliumTwin) selects(s *metav1.LabelSelector, namespace string, e twinEnd, c *choices) bool {
	var named, labelled bool
	keys := func(key string) {
		_, name, ok := strings.Cut(key, ":")
		if !ok {
			name = key
		}
		named, labelled = named || name == ciliumNamespace, labelled || strings.HasPrefix(name, ciliumNamespaceLabels)
	}
	for k := range s.MatchLabels {
		keys(k)
	}
	for _, e := range s.MatchExpressions {
		keys(e.Key)
	}
	label := w.identity(e, c)
	own, ok := label("k8s:" + ciliumNamespace)
	switch {
	case named:
	case namespace == "" && !ok, namespace != "" && !labelled && own != namespace:
		return false
	}
	if !ciliumMatches(s, label) {
		return false
	}
	// What only excepts finds what has no labels too, which the engine does not promise.
	c.asked = c.asked || !e.own()
	return true
}

func (w *ciliumTwin) decide(f *twinFlow, c *choices) bool {
	return f.through(func(ingress bool) bool {
		d := Egress
		if ingress {
			d = Ingress
		}
		pod, peer := f.sides(ingress)
		// Blocks are of the world; whether of nodes as well is a setting.
		isolated, allowed := w.networkPolicies(f, ingress, func(cidr string, except []string, e twinEnd) bool {
			return !e.own() && c.inBlock(cidr, except, e) && (!e.host() || c.yes("node"))
		})
		var specs []*ciliumTwinSpec
		var of []*ciliumTwinPolicy
		for _, p := range w.policies {
			for _, s := range p.specs {
				if !w.governs(p, s, pod, c) {
					continue
				}
				specs, of = append(specs, s), append(of, p)
				if s.moons && c.yes("moons", len(specs), d, peer.addr) {
					return !c.yes("moons deny", len(specs), d, peer.addr)
				}
			}
		}
		for i, s := range specs {
			at, namespace := [3]int{i, int(d)}, of[i].namespace
			for k, x := range s.deny[d] {
				if w.rule(x, namespace, d, f, c, [3]int{i, int(d), -1 - k}) {
					return false
				}
			}
			for k, x := range s.allow[d] {
				allowed = allowed || w.rule(x, namespace, d, f, c, [3]int{i, int(d), k + 1})
			}
			for _, x := range slices.Concat(s.allow[d], s.deny[d]) {
				// What is required of peers is required of those of every rule.
				if x.kind == "Requires" && c.yes("required", at, peer.addr) {
					return false
				}
			}
			switch deny, said := s.defaultDeny[d]; {
			case said && !deny:
			case len(s.allow[d])+len(s.deny[d]) > 0:
				isolated = true
			case said, s.empty[d]:
				isolated = isolated || c.yes("empty", at)
			}
		}
		return allowed || !isolated || f.protocol == "OTHER" && c.yes("other", ingress)
	})
}

// governs tells whom a spec is about: of a namespace its own pods alone, whatever namespace it names.
func (w *ciliumTwin) governs(p *ciliumTwinPolicy, s *ciliumTwinSpec, pod twinEnd, c *choices) bool {
	if p.namespace != "" && pod.pod.Namespace != p.namespace {
		return false
	}
	subject := s.selector
	if own := "k8s:" + ciliumNamespace; p.namespace != "" && subject.MatchLabels[own] != "" {
		subject = subject.DeepCopy()
		delete(subject.MatchLabels, own)
	}
	return ciliumMatches(subject, w.identity(pod, c))
}

func (w *ciliumTwin) rule(x *ciliumTwinRule, namespace string, d Direction, f *twinFlow, c *choices, at [3]int) bool {
	_, peer := f.sides(d == Ingress)
	finds := func(e twinEnd) bool { return w.peer(x, namespace, e, c, at) }
	switch {
	case x.kind == "Requires", !finds(peer), x.auth && !c.yes("authenticated", at), x.icmp && (f.protocol != "OTHER" || !c.yes("icmp", at)):
		return false
	case x.icmp:
		return true
	}
	return len(x.ports) == 0 || slices.ContainsFunc(x.ports, func(p ciliumTwinPort) bool { return w.port(p, d, f, c, finds) })
}

func (w *ciliumTwin) peer(x *ciliumTwinRule, namespace string, e twinEnd, c *choices, at [3]int) bool {
	outside := e.pod == nil
	yes := func(of bool) bool { return of && c.yes(at, e.addr) }
	switch x.kind {
	case "":
		return len(x.ports) > 0 || x.icmp || c.yes("empty rule", at)
	case "nothing":
		return c.yes("nothing", at)
	case "Endpoints":
		return slices.ContainsFunc(x.selectors, func(s *metav1.LabelSelector) bool { return w.selects(s, namespace, e, c) })
	case "CIDR", "CIDRSet":
		return slices.ContainsFunc(x.blocks, func(b ciliumTwinBlock) bool {
			if b.Ref != "" {
				return yes(!e.own())
			}
			return !e.own() && c.inBlock(b.CIDR, b.Except, e) && (outside || c.yes("node"))
		})
	case "Entities":
		if e.host() && slices.Contains(x.entities, "host") && slices.Contains(x.entities, "remote-node") {
			return true // its node is one of the two
		}
		return slices.ContainsFunc(x.entities, func(name string) bool {
			v6 := strings.Contains(e.addr, ":")
			switch name {
			case "all":
				return true
			case "cluster":
				return !outside
			case "world":
				return outside
			case "world-ipv4":
				return outside && !v6
			case "world-ipv6":
				return outside && v6
			case "host", "remote-node", "ingress": // nodes have private addresses
				return yes(e.host() || outside && twinPrivate(e.addr))
			case "kube-apiserver":
				return yes(!e.own())
			case "init", "unmanaged":
				return yes(e.own())
			}
			return false
		})
	case "Nodes":
		return yes(e.host() || outside && twinPrivate(e.addr))
	case "Services":
		return yes(true)
	}
	return yes(!e.own()) // FQDNs, Groups
}

func twinPrivate(addr string) bool { return netip.MustParseAddr(addr).IsPrivate() }

// port: the protocol ANY is TCP and UDP, and SCTP where that is enabled. A port by name is the endpoint's own; of peers it
// is the one number that the name has, among all endpoints or, in newer versions, those that the rule selects
// (pkg/policy/mapstate.go, pkg/types/portmap.go).
func (w *ciliumTwin) port(p ciliumTwinPort, d Direction, f *twinFlow, c *choices, finds func(twinEnd) bool) bool {
	protocol := corev1.Protocol(strings.ToUpper(p.Protocol))
	any := protocol == "" || protocol == "ANY"
	if f.protocol == "OTHER" && any && p.Port == "0" {
		return c.yes("beside") // the engine leaves that open
	}
	if f.protocol == "OTHER" || !any && protocol != f.protocol {
		return false
	}
	hit := false
	n, err := strconv.Atoi(p.Port)
	switch name := strings.ToLower(p.Port); {
	case err == nil && n == 0:
		hit = true
	case err == nil && p.EndPort > 0:
		hit = int32(n) <= f.port && f.port <= p.EndPort
	case err == nil:
		hit = int32(n) == f.port
	case d == Ingress:
		return twinNamed(f.to, name, nil, f.protocol, f.port)
	default:
		all, selected := map[int32]bool{}, map[int32]bool{}
		for _, pod := range w.pods {
			e := twinEnd{pod, pod.Status.PodIP}
			for _, port := range []int32{53, 80, 81, 8080} {
				if pod.Status.Phase != corev1.PodSucceeded && twinNamed(e, name, nil, f.protocol, port) {
					all[port] = true
					selected[port] = selected[port] || finds(e)
				}
			}
		}
		delete(selected, 0)
		if !all[f.port] {
			return false
		}
		if len(all) == 1 && twinNamed(f.to, name, nil, f.protocol, f.port) {
			return true
		}
		one := 0
		for _, is := range selected {
			one += b2i(is)
		}
		if c.yes("all endpoints") {
			return len(all) == 1
		}
		return one == 1 && selected[f.port]
	}
	return hit && (!any || f.protocol != corev1.ProtocolSCTP || c.yes("SCTP"))
}

func TestCiliumAgainstTwin(t *testing.T) {
	t.Parallel()
	profile := []inventory.Value{PluginProfile.Set(Profile{Plugin: "cilium", IPBlockMatchesPods: No})}
	var n tally
	for seed := range uint64(*worlds) / 5 {
		w := newCiliumTwin(rand.New(rand.NewPCG(seed, 439)))
		w.against(t, w.docs(t), profile, &n, w.decide)
	}
	n.report(t)
}
