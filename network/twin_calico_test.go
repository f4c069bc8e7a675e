package network

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// calicoTwin is Calico's policies, judged as Felix does it: selectors of namespaces and service accounts are selectors of
// labels under a prefix (libcalico-go/lib/backend/syncersv1/updateprocessors/rules.go), rules match addresses of sets
// (felix/calc/rule_scanner.go), and tiers, policies and rules are asked in turn (felix/calc/policy_sorter.go,
// felix/rules/endpoints.go).
type calicoTwin struct {
	*twinWorld
	tiers    []calicoTwinTier
	policies []*calicoTwinPolicy
	sets     []calicoTwinSet
	labels   map[any]map[string]string // of pods and sets, once they were asked for
}

type calicoTwinTier struct {
	name   string
	order  *float64
	passes bool
}

type calicoTwinPolicy struct {
	name, namespace, tier          string // without a namespace it is global
	order                          *float64
	selector, namespaces, accounts *calicoExpr
	types                          []string
	rules                          [2][]calicoTwinRule
}

type calicoTwinRule struct {
	action                string
	protocol, notProtocol string
	source, destination   calicoTwinEntity
	extra                 string // a field that is not evaluated
}

type calicoTwinEntity struct {
	nets, notNets                                   []string
	selector, notSelector, namespaces, accountsLike *calicoExpr
	names                                           []string // of service accounts
	ports, notPorts                                 []string
	someAccounts                                    bool // names and selector are given, though perhaps empty
}

type calicoTwinSet struct {
	namespace string
	labels    map[string]string
	nets      []string
}

// calicoExpr is a selector.
type calicoExpr struct {
	op, key string
	values  []string
	of      []*calicoExpr
}

func newCalicoExpr(r *rand.Rand, depth int, keys ...string) *calicoExpr {
	if depth > 0 && r.IntN(3) == 0 {
		op := pick(r, "!", "&&", "||")
		of := []*calicoExpr{newCalicoExpr(r, depth-1, keys...)}
		if op != "!" {
			of = append(of, newCalicoExpr(r, depth-1, keys...))
		}
		return &calicoExpr{op: op, of: of}
	}
	key := pick(r, keys...)
	values := few(r, 2, func() string { return pick(r, twinValues...) })
	switch key {
	case calicoNameLabel, calicoNamespaceLabel, corev1.LabelMetadataName:
		values = []string{fmt.Sprintf("n%d", r.IntN(3))}
	case calicoAccountLabel:
		values = []string{pick(r, "sa", "default")}
	case "all", "global":
		return &calicoExpr{op: key}
	}
	op := pick(r, "has", "==", "==", "!=", "in", "not in", "contains", "starts with", "ends with")
	if op != "in" && op != "not in" {
		values = append(values, "x")[:1]
	}
	return &calicoExpr{op: op, key: key, values: values}
}

// text writes a selector as somebody might.
func (x *calicoExpr) text(r *rand.Rand) string {
	if x == nil {
		return ""
	}
	gap := func() string { return strings.Repeat(pick(r, " ", "\t"), r.IntN(2)) }
	quoted := func(v string) string { q := pick(r, "'", `"`); return q + v + q }
	switch x.op {
	case "all", "global":
		return x.op + "(" + gap() + ")"
	case "has":
		return "has(" + gap() + x.key + gap() + ")"
	case "in", "not in":
		var values []string
		for _, v := range x.values {
			values = append(values, gap()+quoted(v)+gap())
		}
		return x.key + " " + x.op + gap() + "{" + strings.Join(values, ",") + "}"
	case "!":
		return "!" + gap() + x.of[0].within(r, 3)
	case "&&":
		return x.of[0].within(r, 2) + gap() + "&&" + gap() + x.of[1].within(r, 2)
	case "||":
		return x.of[0].within(r, 1) + gap() + "||" + gap() + x.of[1].within(r, 1)
	}
	return x.key + " " + x.op + gap() + quoted(x.values[0])
}

// within writes a selector as a part of one that binds as tightly as strength.
func (x *calicoExpr) within(r *rand.Rand, strength int) string {
	own := map[string]int{"||": 1, "&&": 2}[x.op]
	if own > 0 && own < strength || r.IntN(4) == 0 {
		return "(" + x.text(r) + ")"
	}
	return x.text(r)
}

// eval asks of an expression about labels under a prefix. Those of namespaces know all() and global() as those that have
// one and those that have none.
func (x *calicoExpr) eval(prefix string, label func(key string) (string, bool)) bool {
	if x == nil {
		return true
	}
	value, has := label(prefix + x.key)
	switch x.op {
	case "all", "global":
		if prefix == "pcns." {
			_, within := label(calicoNamespaceLabel)
			return within == (x.op == "all")
		}
		return true
	case "has":
		return has
	case "==":
		return has && value == x.values[0]
	case "!=":
		return !has || value != x.values[0]
	case "in":
		return has && slices.Contains(x.values, value)
	case "not in":
		return !has || !slices.Contains(x.values, value)
	case "contains":
		return has && strings.Contains(value, x.values[0])
	case "starts with":
		return has && strings.HasPrefix(value, x.values[0])
	case "ends with":
		return has && strings.HasSuffix(value, x.values[0])
	case "!":
		return !x.of[0].eval(prefix, label)
	case "&&":
		return x.of[0].eval(prefix, label) && x.of[1].eval(prefix, label)
	}
	return x.of[0].eval(prefix, label) || x.of[1].eval(prefix, label)
}

func (w *calicoTwin) namespaceLabelsOf(name string, out map[string]string) {
	out[calicoNamespaceLabel] = name
	for k, v := range w.namespaceLabels(name) {
		out["pcns."+k] = v
	}
	out["pcns."+calicoNameLabel] = name
}

// podLabels are what a pod's endpoint has and inherits; other labels of its service account are not known.
func (w *calicoTwin) podLabels(p *corev1.Pod, c *choices) func(string) (string, bool) {
	account := cmp.Or(p.Spec.ServiceAccountName, "default")
	out, ok := w.labels[p]
	if !ok {
		out = map[string]string{}
		maps.Copy(out, p.Labels)
		w.namespaceLabelsOf(p.Namespace, out)
		out[calicoOrchestrator], out[calicoAccountLabel], out["pcsa."+calicoNameLabel] = "k8s", account, account
		w.labels[p] = out
	}
	return func(key string) (string, bool) {
		if v, ok := out[key]; ok {
			return v, true
		}
		if strings.HasPrefix(key, "pcsa.") {
			return "x", c.yes(p.Namespace, account, key)
		}
		return "", false
	}
}

func (w *calicoTwin) setLabels(s *calicoTwinSet) func(string) (string, bool) {
	out, ok := w.labels[s]
	if !ok {
		out = maps.Clone(s.labels)
		if s.namespace != "" {
			w.namespaceLabelsOf(s.namespace, out)
		}
		w.labels[s] = out
	}
	return func(key string) (string, bool) { v, ok := out[key]; return v, ok }
}

func newCalicoTwin(r *rand.Rand) *calicoTwin {
	w := &calicoTwin{twinWorld: newEngineWorld(r), labels: map[any]map[string]string{}}
	number := func(of ...float64) *float64 {
		if r.IntN(4) == 0 {
			return nil
		}
		n := pick(r, of...)
		return &n
	}
	tiers := []string{"default", "default"}
	for _, name := range []string{"a", "t"} {
		if r.IntN(3) == 0 {
			w.tiers = append(w.tiers, calicoTwinTier{name, number(10, 20, 1_000_000, 2_000_000), r.IntN(3) == 0})
			tiers = append(tiers, name)
		}
	}
	for range r.IntN(4) {
		s := calicoTwinSet{labels: twinLabels(r), nets: few(r, 2, func() string { return pick(r, append(slices.Clone(twinBlocks), "8.8.8.8", "10.0.1.110")...) })}
		if r.IntN(2) == 0 {
			s.namespace = fmt.Sprintf("n%d", r.IntN(len(w.namespaces)))
		}
		w.sets = append(w.sets, s)
	}
	names := r.Perm(9)
	for i := range 1 + r.IntN(4) {
		p := &calicoTwinPolicy{name: fmt.Sprintf("p%d", names[i]), tier: pick(r, tiers...), order: number(1, 500, 500, 1000, 1001)}
		if p.tier != "default" {
			p.name = p.tier + "." + p.name
		}
		p.selector = maybeExpr(r, 2, 2, "a", "b", "a", "b", "all", calicoAccountLabel, calicoNamespaceLabel)
		p.accounts = maybeExpr(r, 8, 1, calicoNameLabel, "all", "role")
		if r.IntN(2) == 0 {
			p.namespace = fmt.Sprintf("n%d", r.IntN(len(w.namespaces)))
		} else {
			p.namespaces = maybeExpr(r, 2, 1, "a", "b", calicoNameLabel, "all", "global", corev1.LabelMetadataName)
		}
		p.types = pick(r, nil, nil, []string{"Ingress"}, []string{"Egress"}, []string{"Egress", "Ingress"})
		for d := range p.rules {
			p.rules[d] = few(r, 3, func() calicoTwinRule { return newCalicoTwinRule(r, Direction(d)) })
		}
		w.policies = append(w.policies, p)
	}
	return w
}

func maybeExpr(r *rand.Rand, oneOf, depth int, keys ...string) *calicoExpr {
	if r.IntN(oneOf) != 0 {
		return nil
	}
	return newCalicoExpr(r, depth, keys...)
}

func newCalicoTwinRule(r *rand.Rand, d Direction) calicoTwinRule {
	out := calicoTwinRule{action: pick(r, "Allow", "Allow", "Deny", "Pass", "Log")}
	peer := &out.source
	if d == Egress {
		peer = &out.destination
	}
	net := func() string { return pick(r, append(slices.Clone(twinBlocks), "8.8.8.8", "10.0.1.110")...) }
	switch r.IntN(5) {
	case 0:
	case 1:
		peer.nets, peer.notNets = few(r, 2, net), few(r, 1, net)
	case 2:
		peer.notNets = few(r, 2, net)
	default:
		peer.selector = maybeExpr(r, 2, 2, "a", "b", "a", "b", "all", calicoNamespaceLabel, "pcns.a", "pcsa."+calicoNameLabel)
		peer.notSelector = maybeExpr(r, 4, 1, "a", "b")
		peer.namespaces = maybeExpr(r, 2, 1, "a", "b", calicoNameLabel, "all", "global")
		if r.IntN(5) == 0 {
			peer.someAccounts, peer.names, peer.accountsLike = true, few(r, 1, func() string { return pick(r, "sa", "default") }), maybeExpr(r, 3, 0, calicoNameLabel, "role")
		}
		if r.IntN(8) == 0 {
			peer.nets = few(r, 1, net)
		}
	}
	switch r.IntN(4) {
	case 0:
		out.protocol = pick(r, "TCP", "UDP", "SCTP", "6", "ICMP", "UDPLite")
	case 1:
		out.protocol = pick(r, "TCP", "UDP", "SCTP", "17")
		port := func() string { return pick(r, "80", "79:90", "53", "web", "dns", "gone") }
		out.destination.ports, out.destination.notPorts = few(r, 2, port), few(r, 1, port)
	case 2:
		out.notProtocol = pick(r, "TCP", "UDP", "ICMP")
	}
	if r.IntN(20) == 0 {
		out.extra = pick(r, "http", "sourcePorts", "ipVersion", "own")
		if out.protocol == "" {
			out.protocol = "TCP"
		}
	}
	return out
}

func (w *calicoTwin) docs(t *testing.T, r *rand.Rand) []string {
	docs := w.twinWorld.docs(t)
	add := func(kind, namespace, name string, labels map[string]string, spec map[string]any) {
		maps.DeleteFunc(spec, func(_ string, v any) bool {
			switch v := v.(type) {
			case string:
				return v == ""
			case *float64:
				return v == nil
			}
			return v == nil
		})
		docs = append(docs, marshal(t, map[string]any{"apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": map[string]any{"namespace": namespace, "name": name, "labels": labels}, "spec": spec}))
	}
	for _, x := range w.tiers {
		action := "Deny"
		if x.passes {
			action = "Pass"
		}
		add("Tier", "", x.name, nil, map[string]any{"order": x.order, "defaultAction": action})
	}
	for i, s := range w.sets {
		kind := "GlobalNetworkSet"
		if s.namespace != "" {
			kind = "NetworkSet"
		}
		add(kind, s.namespace, fmt.Sprintf("s%d", i), s.labels, map[string]any{"nets": s.nets})
	}
	for _, p := range w.policies {
		kind := "GlobalNetworkPolicy"
		if p.namespace != "" {
			kind = "NetworkPolicy"
		}
		spec := map[string]any{"tier": p.tier, "order": p.order, "selector": p.selector.text(r), "namespaceSelector": p.namespaces.text(r), "serviceAccountSelector": p.accounts.text(r), "types": p.types}
		for d, rules := range p.rules {
			var out []any
			for i := range rules {
				out = append(out, rules[i].doc(r, Direction(d)))
			}
			if out != nil {
				spec[Direction(d).String()] = out
			}
		}
		add(kind, p.namespace, p.name, nil, spec)
	}
	return docs
}

func (x *calicoTwinRule) doc(r *rand.Rand, d Direction) map[string]any {
	source, destination := x.source.doc(r), x.destination.doc(r)
	out := map[string]any{"action": x.action, "source": source, "destination": destination}
	number := func(key, protocol string) {
		switch protocol {
		case "":
		case "6":
			out[key] = 6
		case "17":
			out[key] = 17
		default:
			out[key] = protocol
		}
	}
	number("protocol", x.protocol)
	number("notProtocol", x.notProtocol)
	switch x.extra {
	case "http":
		out["http"] = map[string]any{"methods": []string{"GET"}}
	case "sourcePorts":
		source["ports"] = []int{12345}
	case "ipVersion":
		out["ipVersion"] = 4
	case "own":
		if d == Ingress {
			destination["selector"] = "has(a)"
		} else {
			source["selector"] = "has(a)"
		}
	}
	return out
}

func (e *calicoTwinEntity) doc(r *rand.Rand) map[string]any {
	out := map[string]any{}
	put := func(key string, list []string) {
		if len(list) > 0 {
			out[key] = list
		}
	}
	put("nets", e.nets)
	put("notNets", e.notNets)
	for key, x := range map[string]*calicoExpr{"selector": e.selector, "notSelector": e.notSelector, "namespaceSelector": e.namespaces} {
		if x != nil {
			out[key] = ""
		}
	}
	for _, key := range slices.Sorted(maps.Keys(out)) {
		switch key {
		case "selector":
			out[key] = e.selector.text(r)
		case "notSelector":
			out[key] = e.notSelector.text(r)
		case "namespaceSelector":
			out[key] = e.namespaces.text(r)
		}
	}
	if e.someAccounts {
		accounts := map[string]any{}
		if len(e.names) > 0 {
			accounts["names"] = e.names
		}
		if e.accountsLike != nil {
			accounts["selector"] = e.accountsLike.text(r)
		}
		out["serviceAccounts"] = accounts
	}
	ports := func(key string, list []string) {
		var all []any
		for _, p := range list {
			if p == "80" {
				all = append(all, 80)
			} else {
				all = append(all, p)
			}
		}
		if all != nil {
			out[key] = all
		}
	}
	ports("ports", e.ports)
	ports("notPorts", e.notPorts)
	return out
}

func (p *calicoTwinPolicy) governs(ingress bool) bool {
	switch {
	case len(p.types) > 0 && ingress:
		return slices.Contains(p.types, "Ingress")
	case len(p.types) > 0:
		return slices.Contains(p.types, "Egress")
	case ingress:
		return len(p.rules[Ingress]) > 0 || len(p.rules[Egress]) == 0
	}
	return len(p.rules[Egress]) > 0
}

func (w *calicoTwin) selects(p *calicoTwinPolicy, pod *corev1.Pod, c *choices) bool {
	if p.namespace != "" && pod.Namespace != p.namespace {
		return false
	}
	label := w.podLabels(pod, c)
	return p.selector.eval("", label) && p.namespaces.eval("pcns.", label) && p.accounts.eval("pcsa.", label)
}

// decide asks the tiers in their order. What none of them decides the profile of the namespace allows.
func (w *calicoTwin) decide(f *twinFlow, c *choices) bool {
	tiers := append(slices.Clone(w.tiers), calicoTwinTier{name: "default", order: new(float64)})
	*tiers[len(tiers)-1].order = 1_000_000
	slices.SortFunc(tiers, func(a, b calicoTwinTier) int {
		return cmp.Or(compareOrders(a.order, b.order), cmp.Compare(a.name, b.name))
	})
	return f.through(func(ingress bool) bool {
		for _, tier := range tiers {
			switch w.tier(tier, f, ingress, c) {
			case "Allow":
				return true
			case "Deny":
				return false
			}
		}
		return true
	})
}

// compareOrders: what has no order is last.
func compareOrders(a, b *float64) int {
	if a == nil || b == nil {
		return cmp.Compare(b2i(a == nil), b2i(b == nil))
	}
	return cmp.Compare(*a, *b)
}

func (w *calicoTwin) tier(tier calicoTwinTier, f *twinFlow, ingress bool, c *choices) string {
	pod, _ := f.sides(ingress)
	thousand := 1000.0
	// step is a policy, or all of Kubernetes', which only allow.
	type step struct {
		name  string
		order *float64
		*calicoTwinPolicy
	}
	var steps []step
	mixed := map[float64][2]bool{}
	at := func(order *float64) float64 {
		if order == nil {
			return -1
		}
		return *order
	}
	for _, p := range w.policies {
		if p.tier != tier.name {
			continue
		}
		m := mixed[at(p.order)]
		m[b2i(p.namespace == "")] = true
		mixed[at(p.order)] = m
		if p.governs(ingress) && w.selects(p, pod.pod, c) {
			steps = append(steps, step{p.name, p.order, p})
		}
	}
	isolated, allowed := w.networkPolicies(f, ingress, c.inBlock)
	if tier.name == "default" && isolated {
		steps = append(steps, step{name: "knp", order: &thousand})
	}
	if len(steps) == 0 {
		return ""
	}
	slices.SortFunc(steps, func(a, b step) int { return cmp.Or(compareOrders(a.order, b.order), cmp.Compare(a.name, b.name)) })
	for i := 0; i < len(steps); {
		j := i
		var actions []string
		for ; j < len(steps) && compareOrders(steps[i].order, steps[j].order) == 0; j++ {
			action := ""
			if p := steps[j].calicoTwinPolicy; p != nil {
				action = w.policy(p, f, ingress, c)
			} else if allowed {
				action = "Allow"
			}
			if action != "" && !slices.Contains(actions, action) {
				actions = append(actions, action)
			}
		}
		// How policies of a namespace compare with global ones depends on the version, and names with those of Kubernetes'.
		known := mixed[at(steps[i].order)] != [2]bool{true, true} && (tier.name != "default" || at(steps[i].order) != 1000)
		for k, action := range actions {
			if known || k == len(actions)-1 || c.yes("first", tier.name, at(steps[i].order), ingress, k) {
				return action
			}
		}
		i = j
	}
	switch {
	case tier.passes:
		return ""
	case tier.name == "default" && f.protocol == "OTHER" && c.yes("other", ingress):
		return "Allow"
	}
	return "Deny"
}

func (w *calicoTwin) policy(p *calicoTwinPolicy, f *twinFlow, ingress bool, c *choices) string {
	rules := p.rules[Egress]
	if ingress {
		rules = p.rules[Ingress]
	}
	for i := range rules {
		if r := &rules[i]; r.action != "Log" && w.rule(p, r, f, ingress, c) {
			return r.action
		}
	}
	return ""
}

func (w *calicoTwin) rule(p *calicoTwinPolicy, r *calicoTwinRule, f *twinFlow, ingress bool, c *choices) bool {
	_, peer := f.sides(ingress)
	e := &r.destination
	if ingress {
		e = &r.source
	}
	return r.covers(f, c) && w.entity(p, e, peer, c) && (r.extra == "" || c.yes(r.extra, p.name, ingress, peer.addr))
}

func (r *calicoTwinRule) covers(f *twinFlow, c *choices) bool {
	is := func(protocol string) bool {
		switch protocol {
		case "6":
			protocol = "TCP"
		case "17":
			protocol = "UDP"
		case "ICMP", "UDPLite":
			return f.protocol == "OTHER" && c.yes("protocol", protocol)
		}
		return protocol == string(f.protocol)
	}
	if r.protocol != "" && !is(r.protocol) || r.notProtocol != "" && is(r.notProtocol) {
		return false
	}
	among := func(list []string) bool {
		return slices.ContainsFunc(list, func(p string) bool {
			var from, to int32
			switch {
			case f.protocol == "OTHER":
				return false
			case len(r.destination.notPorts) > 0 && strings.ContainsAny(p, "wdg"):
				c.asked = true // names beside ports that are taken away
			}
			if n, _ := fmt.Sscanf(p, "%d:%d", &from, &to); n == 2 {
				return from <= f.port && f.port <= to
			} else if n == 1 {
				return from == f.port
			}
			return twinNamed(f.to, p, &f.protocol, f.protocol, f.port)
		})
	}
	return (len(r.destination.ports) == 0 || among(r.destination.ports)) && !among(r.destination.notPorts)
}

// entity tells whether an end is what a side of a rule speaks of. A rule with addresses of one family alone is one of that
// family, and so it is where it excepts them (felix/rules/policy.go, FilterRuleToIPVersion).
func (w *calicoTwin) entity(p *calicoTwinPolicy, e *calicoTwinEntity, end twinEnd, c *choices) bool {
	accounts := len(e.names) > 0 || e.accountsLike != nil
	selects := e.selector != nil || e.namespaces != nil || accounts || e.notSelector != nil && p.namespace != ""
	if len(e.nets)+len(e.notNets) > 0 && (selects || e.notSelector != nil) {
		c.asked = true // the engine does not intersect them
	}
	inAny := func(nets []string) bool {
		return slices.ContainsFunc(nets, func(n string) bool { return c.in(withLength(n), end) })
	}
	if len(e.nets) > 0 && !inAny(e.nets) || inAny(e.notNets) {
		return false
	}
	family := "0.0.0.0/0"
	if slices.ContainsFunc(e.notNets, func(n string) bool { return strings.Contains(n, ":") }) {
		family = "::/0"
	}
	if len(e.notNets) > 0 && !slices.ContainsFunc(e.notNets, func(n string) bool { return strings.Contains(n, ":") != strings.Contains(e.notNets[0], ":") }) && !c.in(family, end) {
		return false
	}
	// found tells whether a thing with some labels is selected.
	found := func(label func(string) (string, bool)) bool {
		if e.namespaces == nil && p.namespace != "" {
			if ns, _ := label(calicoNamespaceLabel); ns != p.namespace {
				return false
			}
		}
		if account, _ := label(calicoAccountLabel); len(e.names) > 0 && !slices.Contains(e.names, account) {
			return false
		}
		return e.selector.eval("", label) && e.namespaces.eval("pcns.", label) && e.accountsLike.eval("pcsa.", label)
	}
	excepted := func(label func(string) (string, bool)) bool {
		return e.notSelector != nil && e.notSelector.eval("", label)
	}
	some := func(is func(label func(string) (string, bool)) bool) bool {
		if end.own() && is(w.podLabels(end.pod, c)) {
			return true
		}
		// A node may have an endpoint, of any labels but those of a namespace.
		if end.host() && e.namespaces.eval("pcns.", func(string) (string, bool) { return "", false }) && (e.namespaces != nil || p.namespace == "") && c.yes("host", end.addr) {
			return true
		}
		for i := range w.sets {
			s := &w.sets[i]
			if slices.ContainsFunc(s.nets, func(n string) bool { return c.in(withLength(n), end) }) && is(w.setLabels(s)) {
				return true
			}
		}
		return false
	}
	switch {
	case selects:
		return some(func(l func(string) (string, bool)) bool { return found(l) && !excepted(l) })
	case e.notSelector != nil:
		c.asked = true // the engine does not look for all but what a selector finds
		return !some(excepted)
	}
	return true
}

func TestCalicoAgainstTwin(t *testing.T) {
	t.Parallel()
	var n tally
	for seed := range uint64(*worlds) / 5 {
		r := rand.New(rand.NewPCG(seed, 438))
		w := newCalicoTwin(r)
		w.against(t, w.docs(t, r), nil, &n, w.decide)
	}
	n.report(t)
}
