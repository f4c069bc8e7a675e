package rbac

import (
	"fmt"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nist190/nist190/inventory"
)

// Role is a Role or ClusterRole with the rules that it comes to.
type Role struct {
	Object *inventory.Object
	// Rules are in effect: those of an aggregated cluster role are what the controller writes, except where the object
	// was observed in a cluster, whose rules the controller has written already.
	Rules []rbacv1.PolicyRule
	// Refused says why the API server would not store the role as it is written; it then gives nothing.
	Refused string

	bindings []*Binding
	sources  []RuleSource // of an aggregated role, by rule
	drift    *Drift
}

// RuleSource is where a rule is written.
type RuleSource struct {
	Role  *Role
	Index int // in the rules of its object
}

// Source tells where a rule is written: in the role itself, or in the one that it is aggregated from.
func (r *Role) Source(rule int) RuleSource {
	if r.sources == nil {
		return RuleSource{r, rule}
	}
	return r.sources[rule]
}

// Aggregated reports whether the rules come from other roles.
func (r *Role) Aggregated() bool { return r.sources != nil }

// Bindings lists the bindings that refer to the role and are in effect.
func (r *Role) Bindings() []*Binding { return r.bindings }

func (r *Role) String() string {
	return fmt.Sprintf("%s %q", r.Object.Ref().Kind, r.Object.Name())
}

// clusterRole is a ClusterRole on its way to a Role.
type clusterRole struct {
	*Role
	object *rbacv1.ClusterRole
	from   []*clusterRole
}

// aggregate writes the rules of aggregated roles as pkg/controller/clusterroleaggregation does: for each selector in
// order the matching roles by name, without the role itself, and of their rules each that is not there yet. What is
// written in the role by hand is overwritten, unless nothing is selected: the controller then applies no rules at all,
// which leaves the field to whoever wrote it. An invalid selector leaves the role alone. Roles that select aggregated
// roles settle after some rounds; roles that select each other keep what one of them began with.
//
// byName is ordered by name. Cost: aggregated roles times cluster roles, and a round for each level of nesting.
func aggregate(byName []*clusterRole) {
	var aggregated []*clusterRole
	for _, r := range byName {
		if r.object.AggregationRule != nil && r.Object.Strength() < inventory.Observed && r.Refused == "" && r.selects(byName) {
			aggregated = append(aggregated, r)
		}
	}
	// Each round settles at least one role, except of those that go in circles.
	for range aggregated {
		changed := false
		for _, r := range aggregated {
			changed = r.gather() || changed
		}
		if !changed {
			break
		}
	}
}

func (r *clusterRole) selects(byName []*clusterRole) bool {
	for i := range r.object.AggregationRule.ClusterRoleSelectors {
		sel, err := metav1.LabelSelectorAsSelector(&r.object.AggregationRule.ClusterRoleSelectors[i])
		if err != nil {
			return false
		}
		for _, other := range byName {
			if other != r && other.Refused == "" && sel.Matches(labels.Set(other.Object.Labels())) {
				r.from = append(r.from, other)
			}
		}
	}
	return true
}

// gather reports whether the rules changed.
func (r *clusterRole) gather() bool {
	var rules []rbacv1.PolicyRule
	sources := []RuleSource{}
	seen := map[string]bool{}
	for _, other := range r.from {
		for i := range other.Rules {
			key := ruleKey(&other.Rules[i])
			if seen[key] {
				continue
			}
			seen[key] = true
			rules = append(rules, other.Rules[i])
			sources = append(sources, other.Source(i))
		}
	}
	if len(rules) == 0 {
		return false
	}
	changed := rulesKey(rules) != rulesKey(r.Rules)
	r.Rules, r.sources = rules, sources
	return changed
}

// ruleKey is equal for rules that equality.Semantic.DeepEqual takes for equal.
func ruleKey(r *rbacv1.PolicyRule) string {
	var b strings.Builder
	writeRule(&b, r)
	return b.String()
}

func writeRule(b *strings.Builder, r *rbacv1.PolicyRule) {
	for _, list := range [...][]string{r.Verbs, r.APIGroups, r.Resources, r.ResourceNames, r.NonResourceURLs} {
		for _, s := range list {
			b.WriteString(s)
			b.WriteByte(0)
		}
		b.WriteByte(1)
	}
}

// Drift is how the rules of an aggregated role that was observed differ from those that the controller writes: it has not
// run since a role was changed, or somebody writes the rules and the controller loses.
type Drift struct {
	Missing, Extra []rbacv1.PolicyRule
}

// Drift is nil for a role that is as it should be, that is not aggregated, or that is computed since it was not observed.
func (r *Role) Drift() *Drift { return r.drift }

// compare finds the drift of observed aggregated roles.
func compareAggregated(byName []*clusterRole) {
	for _, r := range byName {
		if r.object.AggregationRule == nil || r.Object.Strength() < inventory.Observed || !r.selects(byName) {
			continue
		}
		twin := &clusterRole{Role: &Role{}, from: r.from}
		twin.gather()
		if len(twin.Rules) == 0 {
			continue // the controller leaves the rules alone
		}
		d := &Drift{Missing: without(twin.Rules, r.Rules), Extra: without(r.Rules, twin.Rules)}
		if len(d.Missing)+len(d.Extra) > 0 {
			r.drift = d
		}
	}
}

// without lists the rules that are not among others.
func without(rules, others []rbacv1.PolicyRule) []rbacv1.PolicyRule {
	var out []rbacv1.PolicyRule
	there := keysOf(others)
	for i := range rules {
		if !there[ruleKey(&rules[i])] {
			out = append(out, rules[i])
		}
	}
	return out
}

func keysOf(rules []rbacv1.PolicyRule) map[string]bool {
	out := make(map[string]bool, len(rules))
	for i := range rules {
		out[ruleKey(&rules[i])] = true
	}
	return out
}
