package network

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"

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
