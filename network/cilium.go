package network

import (
	"encoding/json"
	"fmt"
	"slices"

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
// (pkg/policy/api/rule_validation.go). Where it says so and there is no rule, versions differ: as long as the direction has
// none, the policy has no part in it (pkg/policy/repository.go, computePolicyEnforcementAndRules). So they do of an empty
// list: isolate, nothing, or be refused.
func (r *ciliumReader) isolates(d Direction, at []any, allowed, denied *[]map[string]json.RawMessage, byDefault *bool) truth {
	some := allowed != nil && len(*allowed) > 0 || denied != nil && len(*denied) > 0
	switch {
	case byDefault != nil && !*byDefault:
		return no
	case some:
		return yes
	case byDefault != nil:
		r.note(r.object, append(slices.Clone(at), "enableDefaultDeny"), "whether a policy without rules isolates depends on Cilium's version")
	case allowed == nil && denied == nil:
		return no
	default:
		r.note(r.object, append(slices.Clone(at), d.String()), "whether an empty list isolates depends on Cilium's version")
	}
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
