package network

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// The policies of Cilium (https://docs.cilium.io/en/stable/security/policy/, pkg/policy/api). Denies come before every
// allow, those of NetworkPolicies too; allows are a union with them. What is not evaluated may match or not.
const ciliumAPI = "cilium.io"

// ciliumSpec is pkg/policy/api.Rule. A list that is there and empty is not the same as none.
type ciliumSpec struct {
	EndpointSelector, NodeSelector           *metav1.LabelSelector
	EnableDefaultDeny                        struct{ Ingress, Egress *bool }
	Ingress, IngressDeny, Egress, EgressDeny *[]map[string]json.RawMessage
}

var ciliumFields = []string{"endpointSelector", "nodeSelector", "enableDefaultDeny", "ingress", "ingressDeny", "egress", "egressDeny", "labels", "description", "log"}

func (b *builder) ciliumPolicies() {
	for _, kind := range []string{"CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"} {
		for o := range b.inv.ByKind(schema.GroupKind{Group: ciliumAPI, Kind: kind}) {
			r := &ciliumReader{builder: b, object: o, scope: namespace(o.Namespace())}
			if kind == "CiliumClusterwideNetworkPolicy" {
				r.scope = ""
			}
			var p struct {
				Spec  json.RawMessage
				Specs []json.RawMessage
			}
			if err := json.Unmarshal(o.JSON(), &p); err != nil {
				b.anything(o, r.scope, []any{"spec"}, fmt.Sprintf("it cannot be read: %v", err), anyPod)
				continue
			}
			if given(p.Spec) {
				r.spec(p.Spec, []any{"spec"})
			}
			for i, raw := range p.Specs {
				r.spec(raw, []any{"specs", i})
			}
		}
	}
}

// given tells a field that is there from one that is not, or is null.
func given(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// fieldsOf lists those that are there, in an order.
func fieldsOf(fields map[string]json.RawMessage) []string {
	var out []string
	for f, raw := range fields {
		if given(raw) {
			out = append(out, f)
		}
	}
	slices.Sort(out)
	return out
}

func anyPod(*class) truth { return maybe }

// anything stands in for a policy that allows and denies in ways that are not known, before or after every other.
func (b *builder) anything(o *inventory.Object, ns namespace, path []any, why string, selects func(*class) truth) {
	b.note(o, path, "%s", why)
	s := section{isolates: maybe, rules: []rule{{action: allow, peers: world, ports: portSpec{ports: AllPorts}, doubt: why}}}
	b.policies = append(b.policies, &policy{object: o, tier: denyTier, namespace: ns, doubt: why, selects: b.asSubject(selects, true), dirs: [2]section{s, s}})
}

// ciliumReader reads one object.
type ciliumReader struct {
	*builder
	object *inventory.Object
	scope  namespace // empty where the policy is clusterwide

	refused  string  // why Cilium does not take a spec
	requires [2]bool // directions of a spec with fromRequires or toRequires
}

func (r *ciliumReader) spec(raw json.RawMessage, at []any) {
	r.refused, r.requires = "", [2]bool{}
	var fields map[string]json.RawMessage
	var s ciliumSpec
	err := json.Unmarshal(raw, &fields)
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil {
		r.anything(r.object, r.scope, at, fmt.Sprintf("it cannot be read: %v", err), anyPod)
		return
	}
	switch {
	case s.NodeSelector != nil && s.EndpointSelector == nil:
		return // the host firewall: it does not concern pods
	case s.NodeSelector != nil || s.EndpointSelector == nil:
		r.note(r.object, at, "Cilium refuses the policy: it needs one of endpointSelector and nodeSelector")
		return
	}
	subject, why := r.subject(s.EndpointSelector)
	if why != "" {
		r.anything(r.object, r.scope, append(slices.Clone(at), "endpointSelector"), why, anyPod)
		return
	}
	for _, f := range fieldsOf(fields) {
		if !slices.Contains(ciliumFields, f) {
			r.anything(r.object, r.scope, append(slices.Clone(at), f), fmt.Sprintf("%s is not known here", f), subject)
		}
	}
	selects := r.asSubject(subject, true)
	allows := &policy{object: r.object, tier: policyTier, order: 1000, namespace: r.scope, selects: selects}
	denies := &policy{object: r.object, tier: denyTier, namespace: r.scope, selects: selects}
	for _, d := range []Direction{Ingress, Egress} {
		allowed, denied, byDefault := s.Ingress, s.IngressDeny, s.EnableDefaultDeny.Ingress
		if d == Egress {
			allowed, denied, byDefault = s.Egress, s.EgressDeny, s.EnableDefaultDeny.Egress
		}
		allows.dirs[d] = section{r.isolates(d, at, allowed, denied, byDefault), r.rules(d, allow, allowed, append(slices.Clone(at), d.String()))}
		denies.dirs[d].rules = r.rules(d, deny, denied, append(slices.Clone(at), d.String()+"Deny"))
		if r.requires[d] {
			// It takes from what every other policy allows the pod (pkg/policy/api/ingress.go, FromRequires).
			why := r.note(r.object, append(slices.Clone(at), d.String()), "requirements of peers are not evaluated, and hold for the rules of other policies too")
			denies.dirs[d].rules = append(denies.dirs[d].rules, rule{action: deny, peers: world, ports: portSpec{ports: AllPorts}, path: at, doubt: why})
		}
	}
	if r.refused != "" {
		why := r.note(r.object, at, "Cilium may refuse the policy: %s", r.refused)
		allows.doubt, denies.doubt = why, why
	}
	r.policies = append(r.policies, allows)
	if len(denies.dirs[Ingress].rules)+len(denies.dirs[Egress].rules) > 0 {
		r.policies = append(r.policies, denies)
	}
}

// isolates: a direction with a rule, one that denies too, is default deny unless enableDefaultDeny says otherwise
// (pkg/policy/api/rule_validation.go). What an empty list does differs between versions: isolate, nothing, or be refused.
func (r *ciliumReader) isolates(d Direction, at []any, allowed, denied *[]map[string]json.RawMessage, byDefault *bool) truth {
	if byDefault != nil {
		return truthOf(*byDefault)
	}
	if allowed != nil && len(*allowed) > 0 || denied != nil && len(*denied) > 0 {
		return yes
	}
	if allowed == nil && denied == nil {
		return no
	}
	r.note(r.object, append(slices.Clone(at), d.String()), "whether an empty list isolates depends on Cilium's version")
	return maybe
}

func (r *ciliumReader) rules(d Direction, a action, list *[]map[string]json.RawMessage, at []any) []rule {
	var out []rule
	if list == nil {
		return nil
	}
	for i, fields := range *list {
		out = append(out, r.rule(d, a, fields, append(slices.Clone(at), i))...)
	}
	return out
}

// rule reads one rule, which becomes two where only some of its ports are certain.
func (r *ciliumReader) rule(d Direction, a action, fields map[string]json.RawMessage, at []any) []rule {
	out := rule{action: a, path: at, ports: portSpec{ports: AllPorts}}
	doubt := func(format string, args ...any) { out.doubt = r.note(r.object, at, format, args...) }
	var unsure Ports
	limited, kinds, empty := false, 0, false
	for _, f := range fieldsOf(fields) {
		raw := fields[f]
		switch f {
		case "toPorts":
			spec, open, some := r.ports(raw, append(slices.Clone(at), f))
			if some {
				out.ports, unsure, limited = spec, unsure.Union(open), true
			}
		case "icmps":
			// Beside ports it is ignored (pkg/policy/api/ingress.go, ICMPs).
			r.note(r.object, append(slices.Clone(at), f), "types of ICMP are not told apart")
			if !limited && !given(fields["toPorts"]) {
				out.ports, unsure, limited = portSpec{}, Ports{other: true}, true
			}
		case "authentication":
			var v struct{ Mode string }
			if json.Unmarshal(raw, &v) != nil || v.Mode != "disabled" && v.Mode != "" {
				doubt("whether peers authenticate is not known")
			}
		case "fromRequires", "toRequires":
			r.requires[d] = true
			out.doubt = "requirements of peers are not evaluated"
		default:
			member, ok := strings.CutPrefix(f, [...]string{"from", "to"}[d])
			if !ok {
				member = ""
			}
			peers, some, known := r.peers(member, raw, append(slices.Clone(at), f))
			switch {
			case !known:
				doubt("%s is not known here", f)
				peers = world
				kinds++
			case some:
				kinds++
			default:
				empty = true
			}
			out.peers = append(out.peers, peers...)
		}
	}
	switch {
	case kinds > 1:
		r.refused = "a rule combines several kinds of peers"
	case kinds == 1:
	case empty:
		out.peers = world
		doubt("whether an empty list of peers selects nobody or everybody depends on Cilium's version")
	case !limited:
		// Without ports, rules were added peer by peer, of which there are none; newer versions take it for everybody.
		out.peers = world
		doubt("whether an empty rule matches nobody or everybody depends on Cilium's version")
	default:
		out.peers = world
	}
	rules := []rule{out}
	if !unsure.Empty() {
		out.ports = portSpec{ports: unsure}
		if out.doubt == "" {
			out.doubt = "protocols beside TCP and UDP are not told apart"
		}
		rules = append(rules, out)
	}
	return rules
}

// ciliumPort is a port as users write it.
type ciliumPort struct {
	Port     json.RawMessage
	EndPort  int32
	Protocol string
}

// ports reads toPorts; open are those that the rule may be about as well. Rules for what connections carry restrict the
// content: the port is reachable nevertheless.
func (r *ciliumReader) ports(raw json.RawMessage, at []any) (out portSpec, open Ports, some bool) {
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		r.refused = err.Error()
		return portSpec{}, AllPorts, true
	}
	for i, fields := range list {
		some = true
		var ports []ciliumPort
		for _, f := range fieldsOf(fields) {
			raw := fields[f]
			switch f {
			case "ports":
				if err := json.Unmarshal(raw, &ports); err != nil {
					r.refused = err.Error()
					open = AllPorts
				}
			case "rules", "terminatingTLS", "originatingTLS", "serverNames", "listener":
				r.note(r.object, append(slices.Clone(at), i, f), "what is let through on the ports is restricted further")
			default:
				r.note(r.object, append(slices.Clone(at), i, f), "%s is not known here", f)
				open = AllPorts
			}
		}
		if len(ports) == 0 {
			r.note(r.object, append(slices.Clone(at), i), "what no ports are depends on Cilium's version")
			open = AllPorts
		}
		for j := range ports {
			open = open.Union(r.port(&ports[j], &out))
		}
	}
	return out, open, some
}

// port adds one to a spec. The protocol ANY is TCP and UDP, and SCTP where it is enabled; port 0 is every port.
func (r *ciliumReader) port(p *ciliumPort, out *portSpec) (open Ports) {
	text := strings.Trim(string(p.Port), `"`)
	n, err := strconv.ParseUint(text, 10, 16)
	named := err != nil && text != "" && text != "null" && strings.Trim(text, "0123456789") != ""
	if err != nil && !named && text != "" && text != "null" {
		r.refused = fmt.Sprintf("%q is no port", text)
		return AllPorts
	}
	add := func(protocol Protocol) Ports {
		switch {
		case n == 0:
			return protocolPorts(protocol)
		case p.EndPort > int32(n):
			return portRangeOf(protocol, int32(n), p.EndPort)
		}
		return PortRange(protocol, uint16(n), uint16(n))
	}
	if named {
		r.uses.ports[text] = true
	}
	switch protocol := strings.ToUpper(p.Protocol); protocol {
	case "", "ANY":
		switch {
		case named:
			out.named = append(out.named, namedPort{name: text, any: true})
		case n == 0:
			out.ports = AllPorts
		default:
			out.ports = out.ports.Union(add(TCP)).Union(add(UDP))
			return add(SCTP)
		}
	case "TCP", "UDP", "SCTP":
		known, _ := ParseProtocol(protocol)
		if named {
			out.named = append(out.named, namedPort{name: text, protocol: known})
		} else {
			out.ports = out.ports.Union(add(known))
		}
	default: // ICMP and others, of which one is not told from the next
		return Ports{other: true}
	}
	return Ports{}
}

// peers reads one kind of peers; some tells whether its list has any.
func (r *ciliumReader) peers(member string, raw json.RawMessage, at []any) (out []peer, some, known bool) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || member == "" {
		return nil, true, false
	}
	for i, item := range list {
		path := append(slices.Clone(at), i)
		switch member {
		case "Endpoints":
			out = append(out, r.endpoints(item, path)...)
		case "CIDR":
			var cidr string
			if json.Unmarshal(item, &cidr) != nil {
				return nil, true, false
			}
			out = append(out, r.block(cidr, nil, path)...)
		case "CIDRSet":
			var set struct {
				CIDR              string
				Except            []string
				CIDRGroupRef      string
				CIDRGroupSelector json.RawMessage
			}
			switch {
			case json.Unmarshal(item, &set) != nil:
				return nil, true, false
			case set.CIDR == "":
				out = append(out, r.outside(r.note(r.object, path, "groups of addresses are not evaluated"))...)
			default:
				out = append(out, r.block(set.CIDR, set.Except, path)...)
			}
		case "Entities":
			var name string
			if json.Unmarshal(item, &name) != nil {
				return nil, true, false
			}
			out = append(out, r.entity(name, path)...)
		case "Nodes":
			out = append(out, r.hosts(r.note(r.object, path, "which nodes a policy selects is not evaluated")))
		case "FQDNs":
			out = append(out, r.outside(r.note(r.object, path, "what domain names resolve to is not known"))...)
		case "Groups":
			out = append(out, r.outside(r.note(r.object, path, "groups of cloud providers are not evaluated"))...)
		case "Services":
			out = append(out, peer{everybody: true, doubt: r.note(r.object, path, "peers by service are not evaluated")})
		default:
			return nil, true, false
		}
	}
	return out, len(list) > 0, true
}

// block never matches pods, which have an identity of their own (https://github.com/cilium/cilium/issues/9209).
func (r *ciliumReader) block(cidr string, except []string, at []any) []peer {
	cidr = withLength(cidr)
	if _, ok := rangeOf(cidr); !ok {
		r.refused = fmt.Sprintf("%q is no CIDR", cidr)
		return r.outside(r.note(r.object, at, "%s", r.refused))
	}
	for _, e := range except {
		if _, ok := rangeOf(withLength(e)); !ok {
			r.refused = fmt.Sprintf("%q is no CIDR", e)
		}
	}
	block := blockOf(&networkingv1.IPBlock{CIDR: cidr, Except: each(except, withLength)})
	r.blocks.id(block)
	return []peer{{block: block, podless: true}}
}

// withLength makes an address the block of itself.
func withLength(cidr string) string {
	cidr = strings.TrimSpace(cidr)
	if a, ok := parseAddr(cidr); ok {
		return cidr + "/" + strconv.Itoa(a.BitLen())
	}
	return cidr
}

func each[T, U any](list []T, f func(T) U) []U {
	out := make([]U, len(list))
	for i, x := range list {
		out[i] = f(x)
	}
	return out
}

// outside is every address beyond the cluster.
func (b *builder) outside(doubt string) []peer {
	return each(families, func(f addressRange) peer {
		block := prefixes{f}
		b.blocks.id(block)
		return peer{block: block, podless: true, doubt: doubt}
	})
}

// hosts are pods on the network of their node, which are the node to Cilium; whether it is the own one is not known.
func (r *ciliumReader) hosts(doubt string) peer {
	return peer{pods: func(c *class) truth { return min(maybe, truthOf(c.Host())) }, key: "cilium hosts", doubt: doubt}
}

// entity is pkg/policy/api/entity.go.
func (r *ciliumReader) entity(name string, at []any) []peer {
	unknown := func() string { return r.note(r.object, at, "what %s is cannot be told from manifests", name) }
	switch name {
	case "all":
		return world
	case "world":
		return r.outside("")
	case "world-ipv4":
		return r.outside("")[:1]
	case "world-ipv6":
		return r.outside("")[1:]
	case "cluster":
		return []peer{{pods: func(*class) truth { return yes }, key: "cilium cluster"}}
	case "host", "remote-node", "ingress":
		return []peer{r.hosts(unknown())}
	case "kube-apiserver":
		return r.outside(unknown()) // a node or an address elsewhere
	case "init", "unmanaged":
		return []peer{{pods: r.asPeer(anyPod, true), key: "cilium unlabelled", doubt: unknown()}}
	case "none", "health":
		return nil // never a pod
	}
	return []peer{{everybody: true, doubt: unknown()}}
}

// endpoints is one selector of peers. Unless it says which namespaces, a policy of a namespace finds its own pods only
// (pkg/k8s/apis/cilium.io/utils, getEndpointSelector).
func (r *ciliumReader) endpoints(raw json.RawMessage, at []any) []peer {
	var s metav1.LabelSelector
	if json.Unmarshal(raw, &s) != nil {
		return []peer{{everybody: true, doubt: r.note(r.object, at, "a selector cannot be read")}}
	}
	sel, why := r.selector(&s)
	switch {
	case why != "":
		r.refused = why
		return []peer{{everybody: true, doubt: r.note(r.object, at, "%s", why)}}
	case sel.reserved:
		return []peer{{everybody: true, doubt: r.note(r.object, at, "reserved labels are not evaluated")}}
	}
	out := peer{pods: r.asPeer(sel.matches, true), key: "cilium " + sel.key}
	if !sel.namespaced {
		out.namespace = r.scope
	}
	return []peer{out}
}

// subject is whom a spec governs. A policy of a namespace governs pods of it alone, whatever namespace it names.
func (r *ciliumReader) subject(s *metav1.LabelSelector) (func(*class) truth, string) {
	own := "k8s:" + ciliumNamespace
	if r.scope != "" && s.MatchLabels[own] != "" {
		s = s.DeepCopy()
		delete(s.MatchLabels, own)
	}
	sel, why := r.selector(s)
	if sel.reserved {
		return anyPod, why
	}
	return sel.matches, why
}

// Labels that Cilium derives for pods (pkg/k8s/apis/cilium.io/const.go).
const (
	ciliumNamespace       = "io.kubernetes.pod.namespace"
	ciliumNamespaceLabels = "io.cilium.k8s.namespace.labels."
	ciliumAccount         = "io.cilium.k8s.policy.serviceaccount"
	ciliumCluster         = "io.cilium.k8s.policy.cluster"
)

type ciliumSelector struct {
	terms      []ciliumTerm
	namespaced bool // it says which namespaces
	reserved   bool // it looks at labels of what is no pod
	key        string
}

// ciliumTerm is one requirement.
type ciliumTerm struct {
	label    func(*class) (string, truth)
	operator metav1.LabelSelectorOperator
	values   []string
}

func (s ciliumSelector) matches(c *class) truth {
	out := yes
	for i := range s.terms {
		out = min(out, s.terms[i].matches(c))
	}
	return out
}

func (t *ciliumTerm) matches(c *class) truth {
	value, has := t.label(c)
	if has == maybe {
		return maybe
	}
	in := has == yes && slices.Contains(t.values, value)
	switch t.operator {
	case metav1.LabelSelectorOpIn:
		return truthOf(in)
	case metav1.LabelSelectorOpNotIn:
		return truthOf(!in)
	case metav1.LabelSelectorOpExists:
		return has
	}
	return truthOf(has == no)
}

// selector reads keys with the source of the label before a colon; without one it is any
// (https://docs.cilium.io/en/stable/gettingstarted/terminology/#label-source).
func (r *ciliumReader) selector(s *metav1.LabelSelector) (out ciliumSelector, refused string) {
	key, err := json.Marshal(s)
	if err != nil {
		return out, err.Error()
	}
	out.key = string(key)
	put := func(key string, operator metav1.LabelSelectorOperator, values ...string) {
		source, name, ok := strings.Cut(key, ":")
		if !ok {
			source, name = "any", key
		}
		out.namespaced = out.namespaced || name == ciliumNamespace || strings.HasPrefix(name, ciliumNamespaceLabels)
		out.reserved = out.reserved || source == "reserved"
		out.terms = append(out.terms, ciliumTerm{r.label(source, name), operator, values})
	}
	for k, v := range s.MatchLabels {
		put(k, metav1.LabelSelectorOpIn, v)
	}
	for _, e := range s.MatchExpressions {
		switch e.Operator {
		case metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist:
			put(e.Key, e.Operator, e.Values...)
		default:
			return out, fmt.Sprintf("operator %q is not known", e.Operator)
		}
	}
	return out, ""
}

func (r *ciliumReader) label(source, key string) func(*class) (string, truth) {
	unknown := func(*class) (string, truth) { return "", maybe }
	switch {
	case source != "k8s" && source != "any" || key == ciliumCluster:
		return unknown
	case key == ciliumNamespace:
		return func(c *class) (string, truth) { return c.in.named() }
	case key == ciliumAccount:
		r.uses.accounts = true
		return (*class).account
	}
	if of, ok := strings.CutPrefix(key, ciliumNamespaceLabels); ok {
		return func(c *class) (string, truth) { return c.in.label(of) }
	}
	r.uses.labels[key] = true
	return func(c *class) (string, truth) {
		value, has := c.label(key)
		if has == yes && !identifies(key) {
			return "", maybe
		}
		return value, has
	}
}

// identifies tells whether a label is part of pods' identities unless Cilium is configured otherwise; policies do not see
// others (https://docs.cilium.io/en/stable/operations/performance/scalability/identity-relevant-labels/).
func identifies(key string) bool {
	for _, hidden := range []string{"io.kubernetes", "kubernetes.io", "k8s.io", "annotation", "etcd_node"} {
		if strings.HasPrefix(key, hidden) {
			return false
		}
	}
	return !strings.Contains(key, "beta.kubernetes.io") && !slices.Contains(assignedLabels, key)
}

// named is the namespace's name; that of one which does not exist yet is not known.
func (n *namespaceInfo) named() (string, truth) {
	if n.name == elsewhere {
		return "", maybe
	}
	return n.name, yes
}

// account is the name of the pods' service account. The older of its two fields does not tell classes apart.
func (c *class) account() (string, truth) {
	for _, p := range c.pods {
		if p.Spec.ServiceAccountName == "" && p.Spec.DeprecatedServiceAccount != "" {
			return "", maybe
		}
	}
	if c.Spec.ServiceAccountName == "" {
		return "default", yes
	}
	return c.Spec.ServiceAccountName, yes
}
