package network

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// The policies of Calico (https://docs.tigera.io/calico/latest/reference/resources/globalnetworkpolicy). They stand in
// tiers, that of Kubernetes' policies among them, and are asked in their order, rule by rule. What is not evaluated may
// match or not.

// calicoGroups are two views of one object: the API server's, and that of its storage.
var calicoGroups = []string{"projectcalico.org", "crd.projectcalico.org"}

type calicoSpec struct {
	Tier                                                string
	Order                                               *float64
	Selector, NamespaceSelector, ServiceAccountSelector string
	Types                                               []string
	Ingress, Egress                                     []map[string]json.RawMessage
	DoNotTrack, PreDNAT, ApplyOnForward                 bool
}

var calicoFields = []string{"tier", "order", "selector", "namespaceSelector", "serviceAccountSelector", "types", "ingress", "egress", "doNotTrack", "preDNAT", "applyOnForward", "performanceHints"}

func calicoKind(group, kind string) schema.GroupKind {
	return schema.GroupKind{Group: group, Kind: kind}
}

// calicoObjects lists the objects of a kind once, under whichever group. The storage names policies of the default tier
// with or without its name before theirs.
func (b *builder) calicoObjects(kind string) iter.Seq[*inventory.Object] {
	return func(yield func(*inventory.Object) bool) {
		seen := map[[2]string]bool{}
		for _, group := range calicoGroups {
			var names [][2]string
			for o := range b.inv.ByKind(calicoKind(group, kind)) {
				name := [2]string{o.Namespace(), calicoName(o)}
				if seen[name] {
					continue
				}
				names = append(names, name)
				if !yield(o) {
					return
				}
			}
			for _, n := range names {
				seen[n] = true
			}
		}
	}
}

func calicoName(o *inventory.Object) string { return strings.TrimPrefix(o.Name(), "default.") }

// calicoSeen tells whether all objects of a kind are there.
func (b *builder) calicoSeen(kind string) bool {
	for _, group := range calicoGroups {
		if !b.inv.Coverage(calicoKind(group, kind), "").State.Complete() {
			return false
		}
	}
	return true
}

func (b *builder) calicoPolicies() {
	r := &calicoReader{builder: b}
	first := len(b.policies)
	for _, kind := range []string{"NetworkPolicy", "GlobalNetworkPolicy"} {
		for o := range b.calicoObjects(kind) {
			if r.tiers == nil {
				r.tiers, r.sets = b.calicoTiers(), b.calicoSets()
				r.unseen = !b.calicoSeen("NetworkSet") || !b.calicoSeen("GlobalNetworkSet")
			}
			r.object, r.scope = o, ""
			if kind == "NetworkPolicy" {
				r.scope = namespace(o.Namespace())
			}
			if !b.mirrored(o) {
				r.policy()
			}
		}
	}
	orderByName(b.policies[first:])
}

// mirrored: Calico's API server shows NetworkPolicies of Kubernetes as its own, under a prefix.
func (b *builder) mirrored(o *inventory.Object) bool {
	name, ok := strings.CutPrefix(o.Name(), "knp.default.")
	if !ok {
		return false
	}
	_, seen := b.inv.Get(inventory.NeedOf[networkingv1.NetworkPolicy](inventory.Either).GroupKind(), o.Namespace(), name)
	return seen
}

// orderByName: policies of one order come by name. How those of a namespace compare with global ones differs between
// versions; both together keep their order, which is to say none. So does order 1000, which Kubernetes' policies share.
func orderByName(ps []*policy) {
	type place struct {
		tier  tier
		order float64
	}
	groups := map[place][]*policy{}
	for _, p := range ps {
		if at := (place{p.tier, p.order}); p.tier != denyTier && at != (place{policyTier, 1000}) {
			groups[at] = append(groups[at], p)
		}
	}
	for _, g := range groups {
		global := slices.ContainsFunc(g, func(p *policy) bool { return p.object.Namespace() == "" })
		if global && slices.ContainsFunc(g, func(p *policy) bool { return p.object.Namespace() != "" }) {
			continue
		}
		slices.SortFunc(g, func(a, b *policy) int { return cmp.Compare(calicoName(a.object), calicoName(b.object)) })
		for i, p := range g {
			p.order = above(p.order, i)
		}
	}
}

// above is the n-th number after one; before it, where n is negative.
func above(x float64, n int) float64 {
	for ; n > 0; n-- {
		x = math.Nextafter(x, math.Inf(1))
	}
	for ; n < 0; n++ {
		x = math.Nextafter(x, math.Inf(-1))
	}
	return x
}

// last is the order of what has none: behind every other, with room for more.
const last = 1e300

func orderOf(order *float64) float64 {
	if order == nil {
		return last
	}
	return min(*order, last)
}

// calicoTier is a tier by its place. What none of its policies decides is denied unless it passes.
type calicoTier struct {
	at     tier
	passes bool
}

// calicoTiers orders the tiers, equal ones by name (https://docs.tigera.io/calico/latest/reference/resources/tier), around
// those that Kubernetes' own policies are in. The default tier is always there and always denies.
func (b *builder) calicoTiers() map[string]calicoTier {
	type entry struct {
		name  string
		order float64
		tier  calicoTier
		fixed bool
	}
	list := []entry{
		{"default", float64(policyTier), calicoTier{}, true}, {"adminnetworkpolicy", float64(adminTier), calicoTier{}, true}, {"baselineadminnetworkpolicy", float64(baselineTier), calicoTier{}, true},
	}
	out := map[string]calicoTier{"default": {at: policyTier}}
	for o := range b.calicoObjects("Tier") {
		var t struct {
			Spec struct {
				Order         *float64
				DefaultAction string
			}
		}
		if err := json.Unmarshal(o.JSON(), &t); err != nil || o.Name() == "default" {
			continue // policies of a tier that cannot be read are those of one that is not there
		}
		list = append(list, entry{name: o.Name(), order: orderOf(t.Spec.Order), tier: calicoTier{passes: t.Spec.DefaultAction == "Pass"}})
	}
	slices.SortFunc(list, func(x, y entry) int {
		return cmp.Or(cmp.Compare(x.order, y.order), cmp.Compare(x.name, y.name), cmp.Compare(b2i(y.fixed), b2i(x.fixed)))
	})
	for i := 0; i < len(list); {
		j, fixed := i, i
		for ; j < len(list) && list[j].order == list[i].order; j++ {
			if list[j].fixed {
				fixed = j
			}
		}
		for k := i; k < j; k++ {
			if !list[k].fixed {
				list[k].tier.at = tier(above(list[k].order, k-fixed))
				out[list[k].name] = list[k].tier
			}
		}
		i = j
	}
	return out
}

// calicoSet is a NetworkSet or GlobalNetworkSet: addresses with labels.
type calicoSet struct {
	nets      []string
	labels    map[string]string
	namespace *namespaceInfo // nil for a global one
	doubt     string
}

func (b *builder) calicoSets() []calicoSet {
	var out []calicoSet
	namespaces := namespacesOf(b.inv, nil)
	whole := b.inv.Coverage(inventory.NeedOf[corev1.Namespace](inventory.Either).GroupKind(), "").State.Complete()
	for _, kind := range []string{"NetworkSet", "GlobalNetworkSet"} {
		for o := range b.calicoObjects(kind) {
			var s struct {
				Spec struct {
					Nets                 []string
					AllowedEgressDomains []string
				}
			}
			set := calicoSet{labels: o.Labels()}
			if err := json.Unmarshal(o.JSON(), &s); err != nil {
				set.doubt = b.note(o, []any{"spec"}, "it cannot be read: %v", err)
			} else if len(s.Spec.AllowedEgressDomains) > 0 {
				set.doubt = b.note(o, []any{"spec", "allowedEgressDomains"}, "what domain names resolve to is not known")
			}
			set.nets = s.Spec.Nets
			if kind == "NetworkSet" {
				name := o.Namespace()
				if set.namespace = namespaces[name]; set.namespace == nil {
					set.namespace = &namespaceInfo{name: name, labels: map[string]string{corev1.LabelMetadataName: name}, known: whole}
				}
			}
			out = append(out, set)
		}
	}
	return out
}

// calicoReader reads one object.
type calicoReader struct {
	*builder
	object *inventory.Object
	scope  namespace // empty for a global policy
	tiers  map[string]calicoTier
	sets   []calicoSet
	unseen bool // there may be more sets
}

func (r *calicoReader) policy() {
	o := r.object
	var root struct {
		Spec json.RawMessage
	}
	var fields map[string]json.RawMessage
	var s calicoSpec
	err := json.Unmarshal(o.JSON(), &root)
	if err == nil && given(root.Spec) {
		if err = json.Unmarshal(root.Spec, &fields); err == nil {
			err = json.Unmarshal(root.Spec, &s)
		}
	}
	opaque := func(selects func(*class) truth, format string, args ...any) {
		r.anything(o, r.scope, []any{"spec"}, fmt.Sprintf(format, args...), selects)
	}
	if err != nil {
		opaque(anyPod, "it cannot be read: %v", err)
		return
	}
	subject, err := r.endpoints(s.NamespaceSelector, s.Selector, nil, s.ServiceAccountSelector)
	t, known := r.tiers[cmp.Or(s.Tier, "default")]
	selects := func(*class) truth { return no }
	if err == nil {
		selects = r.asSubject(subject.pods, true)
	}
	switch {
	case err != nil:
		opaque(anyPod, "%v", err)
		return
	case s.DoNotTrack || s.PreDNAT || s.ApplyOnForward:
		// They filter what nodes forward, to pods as well.
		opaque(anyPod, "policies of nodes that reach beyond them are not evaluated")
		return
	case !known:
		opaque(selects, "tier %q is not there", s.Tier)
		return
	}
	for _, f := range fieldsOf(fields) {
		if !slices.Contains(calicoFields, f) {
			opaque(selects, "%s is not known here", f)
			return
		}
	}
	p := &policy{object: o, tier: t.at, order: orderOf(s.Order), namespace: r.scope, selects: selects}
	for d, rules := range [][]map[string]json.RawMessage{Ingress: s.Ingress, Egress: s.Egress} {
		if !governs(&s, Direction(d)) {
			continue
		}
		p.dirs[d].isolates = truthOf(!t.passes)
		for i, fields := range rules {
			out, err := r.rule(Direction(d), fields, []any{"spec", Direction(d).String(), i})
			if err != nil {
				opaque(selects, "%v", err)
				return
			}
			p.dirs[d].rules = append(p.dirs[d].rules, out...)
		}
	}
	r.policies = append(r.policies, p)
}

// governs: without types a policy governs egress where it has egress rules, and ingress unless it has none but those.
func governs(s *calicoSpec, d Direction) bool {
	if len(s.Types) > 0 {
		return slices.Contains(s.Types, string(policyTypes[d]))
	}
	if d == Egress {
		return len(s.Egress) > 0
	}
	return len(s.Ingress) > 0 || len(s.Egress) == 0
}

// calicoEntity is one side of a rule.
type calicoEntity struct {
	Nets, NotNets                            []string
	Selector, NotSelector, NamespaceSelector string
	Ports, NotPorts                          []json.RawMessage
	ServiceAccounts                          *struct {
		Names    []string
		Selector string
	}
	other []string // fields that are not evaluated
}

var calicoEntityFields = []string{"nets", "notNets", "selector", "notSelector", "namespaceSelector", "ports", "notPorts", "serviceAccounts"}

func (e *calicoEntity) UnmarshalJSON(raw []byte) error {
	type plain calicoEntity
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	for _, f := range fieldsOf(fields) {
		if !slices.Contains(calicoEntityFields, f) {
			e.other = append(e.other, f)
		}
	}
	return json.Unmarshal(raw, (*plain)(e))
}

// selects tells whether a side asks for endpoints or sets, by which a policy of a namespace is limited to it.
func (e *calicoEntity) selects() bool {
	return e.Selector+e.NotSelector+e.NamespaceSelector != "" || e.ServiceAccounts != nil
}

// rule reads one rule, which becomes two where only some of its ports are certain; Log decides nothing.
func (r *calicoReader) rule(d Direction, fields map[string]json.RawMessage, at []any) ([]rule, error) {
	out := rule{path: at}
	doubt := func(format string, args ...any) { out.doubt = r.note(r.object, at, format, args...) }
	var action string
	var protocol, notProtocol json.RawMessage
	var sides [2]calicoEntity // source, destination
	for _, f := range fieldsOf(fields) {
		raw := fields[f]
		var err error
		switch f {
		case "action":
			err = json.Unmarshal(raw, &action)
		case "protocol":
			protocol = raw
		case "notProtocol":
			notProtocol = raw
		case "source":
			err = json.Unmarshal(raw, &sides[0])
		case "destination":
			err = json.Unmarshal(raw, &sides[1])
		case "metadata":
		case "ipVersion":
			doubt("the version of IP is not told apart")
		default: // http, icmp, notICMP
			doubt("%s is not evaluated", f)
		}
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", f, err)
		}
	}
	switch action {
	case "Allow":
		out.action = allow
	case "Deny":
		out.action = deny
	case "Pass":
		out.action = pass
	case "Log":
		return nil, nil
	default:
		return nil, fmt.Errorf("action %q is not known here", action)
	}
	other, own := &sides[0], &sides[1]
	if d == Egress {
		other, own = own, other
	}
	if own.selects() || len(own.Nets)+len(own.NotNets) > 0 {
		doubt("whom a rule governs beside the policy's selector is not evaluated")
	}
	if len(sides[0].Ports)+len(sides[0].NotPorts) > 0 {
		doubt("ports of the source are not evaluated")
	}
	for _, f := range slices.Concat(own.other, other.other) {
		doubt("%s is not evaluated", f)
	}
	var unsure portSpec
	var err error
	if out.ports, unsure, err = r.ports(protocol, notProtocol, sides[1].Ports, sides[1].NotPorts, doubt); err != nil {
		return nil, err
	}
	if out.peers, err = r.peers(other, doubt); err != nil {
		return nil, err
	}
	rules := []rule{out}
	if !unsure.ports.Empty() || len(unsure.named) > 0 {
		out.ports = unsure
		out.doubt = cmp.Or(out.doubt, "protocols beside TCP, UDP and SCTP, and ports by name without others, are not told apart")
		rules = append(rules, out)
	}
	return rules, nil
}

// calicoProtocol reads a protocol by name or number; what has no ports, or other ones, is one of many.
func calicoProtocol(raw json.RawMessage) Protocol {
	switch strings.ToUpper(strings.Trim(string(raw), `"`)) {
	case "TCP", "6":
		return TCP
	case "UDP", "17":
		return UDP
	case "SCTP", "132":
		return SCTP
	}
	return Other
}

// ports are what a rule is about; unsure are those that it is about in part.
func (r *calicoReader) ports(protocol, notProtocol json.RawMessage, ports, notPorts []json.RawMessage, doubt func(string, ...any)) (out, unsure portSpec, err error) {
	transports := AllPorts.Minus(PortRange(Other, 0, 0))
	of := AllPorts
	switch {
	case given(protocol) && calicoProtocol(protocol) == Other:
		of, unsure.ports = Ports{}, Ports{other: true}
	case given(protocol):
		of = protocolPorts(calicoProtocol(protocol))
	}
	switch {
	case given(notProtocol) && calicoProtocol(notProtocol) == Other:
		if of.Other() {
			of, unsure.ports = of.Minus(PortRange(Other, 0, 0)), Ports{other: true}
		}
	case given(notProtocol):
		of = of.Minus(protocolPorts(calicoProtocol(notProtocol)))
	}
	if len(ports) > 0 && !given(protocol) {
		doubt("ports need a protocol")
		of = of.Intersect(transports)
	}
	out.ports = of
	if len(ports) > 0 {
		out.ports = Ports{}
	}
	for _, raw := range ports {
		from, to, name, err := calicoPort(raw)
		if err != nil {
			return out, unsure, err
		}
		if name == "" {
			out.ports = out.ports.Union(of.Intersect(everyProtocol(from, to)))
			continue
		}
		r.uses.ports[name] = true
		for _, p := range []Protocol{TCP, UDP, SCTP} {
			if len(of.spans[p]) > 0 {
				out.named = append(out.named, namedPort{name: name, protocol: p})
			}
		}
	}
	for _, raw := range notPorts {
		from, to, name, err := calicoPort(raw)
		if err != nil {
			return out, unsure, err
		}
		if name != "" {
			doubt("ports by name are not taken from others")
			continue
		}
		out.ports = out.ports.Minus(everyProtocol(from, to))
	}
	if len(notPorts) > 0 {
		out.named, unsure.named = nil, out.named
	}
	return out, unsure, nil
}

func everyProtocol(from, to uint16) Ports {
	if to == 0 {
		return Ports{}
	}
	return PortRange(TCP, from, to).Union(PortRange(UDP, from, to)).Union(PortRange(SCTP, from, to))
}

// calicoPort reads a number, a range "80:90" or a name.
func calicoPort(raw json.RawMessage) (from, to uint16, name string, err error) {
	text := strings.Trim(string(raw), `"`)
	low, high, ranged := strings.Cut(text, ":")
	if !ranged {
		high = low
	}
	first, err1 := strconv.ParseUint(low, 10, 16)
	end, err2 := strconv.ParseUint(high, 10, 16)
	switch {
	case err1 == nil && err2 == nil && first <= end:
		return uint16(first), uint16(end), "", nil
	case ranged || text == "" || strings.Trim(text, "0123456789") == "":
		return 0, 0, "", fmt.Errorf("%q is no port", text)
	}
	return 0, 0, text, nil
}

// peers are the other side of a rule. Addresses and selectors together are an intersection, of which the selectors are
// evaluated.
func (r *calicoReader) peers(e *calicoEntity, doubt func(string, ...any)) ([]peer, error) {
	nets, err := r.nets(e)
	if err != nil || !e.selects() {
		return nets, err
	}
	names, accounts := []string(nil), ""
	if e.ServiceAccounts != nil {
		names, accounts = e.ServiceAccounts.Names, e.ServiceAccounts.Selector
	}
	in, err := r.endpoints(e.NamespaceSelector, e.Selector, names, accounts)
	if err != nil {
		return nil, err
	}
	if len(e.Nets)+len(e.NotNets) > 0 {
		doubt("addresses that selectors are limited to are not evaluated")
	}
	if e.NotSelector == "" {
		return append(r.setsOf(in, nil, ""), in.peer()), nil
	}
	except, err := r.endpoints("all()||global()", e.NotSelector, nil, "")
	if err != nil {
		return nil, err
	}
	if r.scope == "" && e.Selector+e.NamespaceSelector == "" && e.ServiceAccounts == nil {
		// Everything else, addresses of no set included.
		doubt("all but what a selector finds is not evaluated")
		return world, nil
	}
	both := *in
	both.pods = func(c *class) truth { return min(in.pods(c), not(except.pods(c))) }
	both.key += " not " + except.key
	why := ""
	if len(r.sets) > 0 || r.unseen {
		why = "addresses can be in several sets"
	}
	return append(r.setsOf(in, except, why), both.peer()), nil
}

// nets are the blocks of a rule, without those that it excepts; no blocks are every address.
func (r *calicoReader) nets(e *calicoEntity) ([]peer, error) {
	for _, n := range slices.Concat(e.Nets, e.NotNets) {
		if _, ok := rangeOf(withLength(n)); !ok {
			return nil, fmt.Errorf("%q is no CIDR", n)
		}
	}
	if len(e.Nets)+len(e.NotNets) == 0 {
		return world, nil
	}
	blocks := each(e.Nets, withLength)
	if len(blocks) == 0 {
		blocks = []string{"0.0.0.0/0", "::/0"}
	}
	return each(blocks, func(cidr string) peer { return r.addresses(cidr, e.NotNets) }), nil
}

func (r *calicoReader) addresses(cidr string, except []string) peer {
	block := blockOf(&networkingv1.IPBlock{CIDR: cidr, Except: each(except, withLength)})
	r.blocks.id(block)
	return r.blockPeer(block)
}

// setsOf are the addresses of the sets that selectors find.
func (r *calicoReader) setsOf(in, except *calicoEndpoints, why string) []peer {
	var out []peer
	for i := range r.sets {
		s := &r.sets[i]
		t := in.set(s)
		if except != nil {
			t = min(t, not(except.set(s)))
		}
		if t == no {
			continue
		}
		doubt := cmp.Or(why, s.doubt)
		if t == maybe && doubt == "" {
			doubt = "whether a set of addresses is selected is not known"
		}
		for _, n := range s.nets {
			if _, ok := rangeOf(withLength(n)); ok {
				p := r.addresses(withLength(n), nil)
				p.doubt = cmp.Or(doubt, p.doubt)
				out = append(out, p)
			}
		}
		if s.doubt != "" {
			out = append(out, r.outside(s.doubt)...)
		}
	}
	if r.unseen {
		out = append(out, r.outside("not every set of addresses could be seen")...)
	}
	return out
}

// calicoEndpoints is what selectors find.
type calicoEndpoints struct {
	scope namespace
	pods  func(*class) truth
	set   func(*calicoSet) truth
	key   string
	hosts truth // whether they could find endpoints of nodes
}

// peer is the pods. Whether a node has an endpoint, and its labels, are not known.
func (e *calicoEndpoints) peer() peer {
	return peer{namespace: e.scope, key: "calico " + e.key, pods: func(c *class) truth {
		if c.Host() {
			return min(e.hosts, maybe)
		}
		return e.pods(c)
	}}
}

// endpoints reads the selectors of a policy, or of one side of a rule. Without one for namespaces, a policy of a namespace
// is about that one (libcalico-go/lib/backend/syncersv1/updateprocessors/rules.go).
func (r *calicoReader) endpoints(namespaces, endpoints string, accounts []string, accountSelector string) (*calicoEndpoints, error) {
	of, err1 := parseCalico(namespaces, true)
	is, err2 := parseCalico(endpoints, false)
	runs, err3 := parseCalico(accountSelector, false)
	if err := cmp.Or(err1, err2, err3); err != nil {
		return nil, err
	}
	for _, key := range is.keys {
		r.uses.labels[key] = true
	}
	usesAccounts := len(accounts) > 0 || accountSelector != "" || slices.ContainsFunc(is.keys, func(k string) bool { return k == calicoAccountLabel || strings.HasPrefix(k, calicoAccountPrefix) })
	r.uses.accounts = r.uses.accounts || usesAccounts
	everywhere := namespaces == "" && r.scope == ""
	out := &calicoEndpoints{key: fmt.Sprintf("%q %q %q %q", namespaces, endpoints, accounts, accountSelector)}
	if namespaces == "" {
		out.scope = r.scope
	}
	scope := out.scope
	inScope := func(n *namespaceInfo) truth {
		switch {
		case everywhere:
			return yes
		case namespaces != "":
			return of.matches(namespaceThing(n))
		case n == nil:
			return no
		}
		return truthOf(namespace(n.name) == scope)
	}
	out.hosts = inScope(nil)
	out.pods = func(c *class) truth {
		t := min(inScope(c.in), is.matches(calicoThing{label: c.calicoLabel}))
		if t == no || accounts == nil && accountSelector == "" {
			return t
		}
		name, has := c.account()
		if len(accounts) > 0 && has == yes && !slices.Contains(accounts, name) {
			return no
		}
		if len(accounts) > 0 {
			t = min(t, has)
		}
		return min(t, runs.matches(calicoThing{label: c.accountLabel}))
	}
	out.set = func(s *calicoSet) truth {
		if len(accounts) > 0 {
			return no
		}
		t := min(inScope(s.namespace), is.matches(calicoThing{label: s.label}))
		return min(t, runs.matches(calicoThing{label: noLabel}))
	}
	return out, nil
}

// Labels that Calico gives to endpoints (https://docs.tigera.io/calico/latest/network-policy/get-started/calico-policy/calico-labels).
const (
	calicoNameLabel       = "projectcalico.org/name" // of namespaces and service accounts
	calicoNamespaceLabel  = "projectcalico.org/namespace"
	calicoAccountLabel    = "projectcalico.org/serviceaccount"
	calicoOrchestrator    = "projectcalico.org/orchestrator"
	calicoNamespacePrefix = "pcns."
	calicoAccountPrefix   = "pcsa."
)

func noLabel(string) (string, truth) { return "", no }

// namespaceThing is a namespace, or that of what has none.
func namespaceThing(n *namespaceInfo) calicoThing {
	if n == nil {
		return calicoThing{label: noLabel, global: true}
	}
	return calicoThing{label: n.calicoLabel}
}

func (n *namespaceInfo) calicoLabel(key string) (string, truth) {
	if key == calicoNameLabel {
		return n.named()
	}
	return n.label(key)
}

func (c *class) calicoLabel(key string) (string, truth) {
	switch key {
	case calicoNamespaceLabel:
		return c.in.named()
	case calicoAccountLabel:
		return c.account()
	case calicoOrchestrator:
		return "k8s", yes
	}
	if of, ok := strings.CutPrefix(key, calicoNamespacePrefix); ok {
		return c.in.calicoLabel(of)
	}
	if of, ok := strings.CutPrefix(key, calicoAccountPrefix); ok {
		return c.accountLabel(of)
	}
	return c.label(key)
}

// accountLabel: labels of service accounts are not read, but for their name.
func (c *class) accountLabel(key string) (string, truth) {
	if key == calicoNameLabel {
		return c.account()
	}
	return "", maybe
}

func (s *calicoSet) label(key string) (string, truth) {
	if s.namespace != nil {
		if key == calicoNamespaceLabel {
			return s.namespace.named()
		}
		if of, ok := strings.CutPrefix(key, calicoNamespacePrefix); ok {
			return s.namespace.calicoLabel(of)
		}
	}
	value, ok := s.labels[key]
	return value, truthOf(ok)
}
