package placement

import (
	"fmt"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

// demand of a node selector in CEL: the kubelet checks the selector again, so that it holds a pod that names its node or
// tolerates everything as well.
func selectorExpression(key, value string) string {
	return fmt.Sprintf("has(object.spec.nodeSelector) && '%[1]s' in object.spec.nodeSelector && object.spec.nodeSelector['%[1]s'] == '%[2]s'", key, value)
}

// levelPolicy is a ValidatingAdmissionPolicy that demands the node selector of a level from every pod of the namespaces
// that are labelled with it, with a binding for each label by which they are. Keys and values of labels need no quoting in
// CEL.
func levelPolicy(levels *sensitivity.Levels, level sensitivity.Level, namespaces []nameValue) []map[string]any {
	l := levels.Name(level)
	// A level is a value of labels; names of objects have neither capitals nor underscores.
	name := "nodes-of-level-" + strings.ReplaceAll(strings.ToLower(l), "_", "-")
	out := []map[string]any{
		{
			"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": map[string]any{"name": name},
			"spec": map[string]any{
				"failurePolicy": "Fail",
				"matchConstraints": map[string]any{"resourceRules": []any{map[string]any{
					"apiGroups": []any{""}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE", "UPDATE"}, "resources": []any{"pods"},
				}}},
				"validations": []any{map[string]any{
					"expression": selectorExpression(levels.NodeKey(), l),
					"message":    fmt.Sprintf("pods of this namespace run on %s nodes: add the node selector %s: %s", l, levels.NodeKey(), l),
				}},
			},
		},
	}
	for i, label := range namespaces {
		binding := name
		if i > 0 {
			binding += fmt.Sprintf("-%d", i+1)
		}
		out = append(out, map[string]any{
			"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": map[string]any{"name": binding},
			"spec": map[string]any{
				"policyName": name, "validationActions": []any{"Deny"},
				"matchResources": map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{label.name: label.value}}},
			},
		})
	}
	return out
}

// nameValue is a label.
type nameValue struct{ name, value string }

// namespaceLabels are the labels by which namespaces have a level; where none is labelled, the one that they should have.
func namespaceLabels(inv *inventory.Inventory, levels *sensitivity.Levels, level sensitivity.Level) []nameValue {
	var out []nameValue
	for o := range inv.ByKind(inventory.NamespaceRef("").GroupKind()) {
		for _, s := range levels.Namespace(o.Name()).Sources {
			if l := (nameValue{s.Key, s.Value}); s.Kind == sensitivity.NamespaceLabel && s.Level == level && !slices.Contains(out, l) {
				out = append(out, l)
			}
		}
	}
	if len(out) == 0 {
		out = []nameValue{{levels.Key(), levels.Name(level)}}
	}
	return out
}

// demanded is the level whose node selector a policy demands of every pod that is created in a namespace, where its text
// is the one that levelPolicy writes; of other policies nothing is concluded.
func demanded(inv *inventory.Inventory, levels *sensitivity.Levels, ns *inventory.Object) (level sensitivity.Level, policy *inventory.Object) {
	set := labels.Merge(labels.Set(ns.Labels()), labels.Set{"kubernetes.io/metadata.name": ns.Name()})
	for _, b := range inventory.Typed[admissionregistrationv1.ValidatingAdmissionPolicyBinding](inv) {
		m := b.Spec.MatchResources
		if !slices.Equal(b.Spec.ValidationActions, []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny}) || b.Spec.ParamRef != nil ||
			m == nil || m.NamespaceSelector == nil || m.ObjectSelector != nil && len(m.ObjectSelector.MatchLabels)+len(m.ObjectSelector.MatchExpressions) > 0 ||
			len(m.ResourceRules)+len(m.ExcludeResourceRules) > 0 {
			continue
		}
		s := selector(m.NamespaceSelector)
		if s == nil || !s.Matches(set) {
			continue
		}
		o, p, ok := inventory.TypedGet[admissionregistrationv1.ValidatingAdmissionPolicy](inv, "", b.Spec.PolicyName)
		if !ok || !coversPods(&p.Spec) {
			continue
		}
		for i := range levels.Names() {
			l := sensitivity.Level(i + 1)
			if slices.ContainsFunc(p.Spec.Validations, func(v admissionregistrationv1.Validation) bool {
				return v.Expression == selectorExpression(levels.NodeKey(), levels.Name(l))
			}) {
				return l, o
			}
		}
	}
	return sensitivity.Unclassified, nil
}

// coversPods: every pod that is created is validated, and none comes past.
func coversPods(s *admissionregistrationv1.ValidatingAdmissionPolicySpec) bool {
	m := s.MatchConstraints
	if s.ParamKind != nil || len(s.MatchConditions) > 0 || s.FailurePolicy != nil && *s.FailurePolicy != admissionregistrationv1.Fail ||
		m == nil || len(m.ExcludeResourceRules) > 0 {
		return false
	}
	if s := selector(m.NamespaceSelector); s != nil && !s.Empty() {
		return false
	}
	if s := selector(m.ObjectSelector); s != nil && !s.Empty() {
		return false
	}
	return slices.ContainsFunc(m.ResourceRules, func(r admissionregistrationv1.NamedRuleWithOperations) bool {
		return len(r.ResourceNames) == 0 && slices.Contains(r.APIVersions, "v1") &&
			(r.Scope == nil || *r.Scope != admissionregistrationv1.ClusterScope) && createsPods([]admissionregistrationv1.RuleWithOperations{r.RuleWithOperations})
	})
}
