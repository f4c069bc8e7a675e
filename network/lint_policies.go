package network

import (
	"context"
	"fmt"
	"iter"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// lintChecks find policies that do not do what their authors meant.
func lintChecks() []nist190.Check {
	return []nist190.Check{
		onMap(policySelectsNothing, findPolicySelectsNothing),
		onMap(ruleSelectsNothing, findRuleSelectsNothing),
		onMap(inertRule, findInertRule),
		onMap(namedPortDiffers, findNamedPortDiffers),
		onMap(newPodOpen, findNewPodOpen),
		onMap(unsupportedPolicy, findUnsupportedPolicy),
		onMap(priorityConflict, findPriorityConflict),
		onMap(labelTrust, findLabelTrust),
		onMap(internalBlock, findInternalBlock),
		onMap(familyGap, findFamilyGap),
		onMap(halfOpen, findHalfOpen),
		onMap(dnsBlocked, findDNSBlocked),
		onMap(redundantRule, findRedundantRule),
	}
}

// policyKind is what most lints report on. That not every workload was seen is no finding of theirs: it lowers what they
// say of policies.
var policyKind = []schema.GroupKind{inventory.NeedOf[networkingv1.NetworkPolicy](inventory.Either).GroupKind()}

// everyPod: a pod that was not seen may be the one that a selector is for.
func everyPod() []inventory.Need { return inventory.WorkloadNeeds(inventory.Either) }

// lintPolicy is a NetworkPolicy in both forms.
type lintPolicy struct {
	*policy
	spec *networkingv1.NetworkPolicySpec
}

// lintPolicies lists the NetworkPolicies that the API server accepts.
func (m *model) lintPolicies() iter.Seq[lintPolicy] {
	return func(yield func(lintPolicy) bool) {
		for _, p := range m.policies {
			if p.object == nil || p.doubt != "" || p.object.GroupKind() != policyKind[0] {
				continue
			}
			np, err := inventory.As[networkingv1.NetworkPolicy](p.object)
			if err == nil && !yield(lintPolicy{p, &np.Spec}) {
				return
			}
		}
	}
}

// lintRule is a rule of a NetworkPolicy in both forms; its peers are in one order.
type lintRule struct {
	lintPolicy
	*rule
	d Direction
	flow
}

func (r *lintRule) peerAt(j int) []any {
	return append(slices.Clone(r.path), [...]string{"from", "to"}[r.d], j)
}

func (r *lintRule) portAt(k int) []any { return append(slices.Clone(r.path), "ports", k) }

// lintRules lists the rules of the directions that policies govern.
func (m *model) lintRules() iter.Seq[lintRule] {
	return func(yield func(lintRule) bool) {
		for p := range m.lintPolicies() {
			for _, d := range []Direction{Ingress, Egress} {
				flows := rulesOf(p.spec, policyTypes[d])
				for i := range p.dirs[d].rules {
					r := lintRule{p, &p.dirs[d].rules[i], d, flows[i]}
					if len(r.flow.peers) > 0 && len(r.flow.peers) != len(r.rule.peers) {
						continue // some of them could not be read
					}
					if !yield(r) {
						return
					}
				}
			}
		}
	}
}

// ends are what selectors can be meant for: the pods that are there, and the templates of workloads of which pods run,
// since the next rollout makes its pods of these.
type ends struct {
	m         *model
	there     bitset // classes with pods
	templates []*class
}

func (m *model) ends() ends {
	out := ends{m: m}
	for i, c := range m.classes {
		if !c.newcomer {
			out.there.set(i)
		}
	}
	seen := map[*inventory.Workload]bool{}
	for _, p := range m.pods {
		if w := p.Workload; !p.Template && !isPod(w.Object) && !seen[w] {
			seen[w] = true
			out.templates = append(out.templates, &class{
				Pod: &Pod{Workload: w, Object: w.Object, Template: true, Namespace: p.Namespace, Labels: w.Template.Labels, Spec: &w.Template.Spec},
				in:  m.namespaces[p.Namespace],
			})
		}
	}
	return out
}

// in lists those of a namespace, or of all.
func (x *ends) in(ns namespace) iter.Seq[*class] {
	return func(yield func(*class) bool) {
		from, to := 0, len(x.m.classes)
		if ns != "" {
			own := x.m.inCluster[string(ns)]
			from, to = own[0], own[1]
		}
		for _, c := range x.m.classes[from:to] {
			if !c.newcomer && !yield(c) {
				return
			}
		}
		for _, c := range x.templates {
			if (ns == "" || c.Namespace == string(ns)) && !yield(c) {
				return
			}
		}
	}
}

// systemUnseen tells of kube-system that none of its pods is there. Every cluster has that namespace, and manifests of
// applications rarely hold what runs in it: policies that speak of it are not judged.
func (x *ends) systemUnseen() bool {
	for range x.in(metav1.NamespaceSystem) {
		return false
	}
	return true
}

// speaksOfSystem tells whether a peer selects kube-system.
func (r *lintRule) speaksOfSystem(j int) bool {
	s := r.flow.peers[j].NamespaceSelector
	if s == nil {
		return r.flow.peers[j].PodSelector != nil && r.object.Namespace() == metav1.NamespaceSystem
	}
	sel, refused := selectorOf(s)
	return refused == "" && sel.Matches(labels.Set{corev1.LabelMetadataName: metav1.NamespaceSystem})
}

func emptySelector(s *metav1.LabelSelector) bool {
	return len(s.MatchLabels)+len(s.MatchExpressions) == 0
}

var policySelectsNothing = nist190.Metadata{
	ID: "network-policy-selects-nothing", Title: "NetworkPolicy that selects no pod", Advisory: true,
	Doc: `The podSelector of a NetworkPolicy matches no pod of its namespace, and no template that pods are made of. The policy
isolates nothing and allows nothing, while its author believes that a workload is covered: mostly a label was renamed, or
the policy is in another namespace than the pods. Workloads that are scaled to zero count as there. Selectors that look at
labels which controllers give to pods are not judged.

Before:

    kind: NetworkPolicy
    spec: {podSelector: {matchLabels: {app: payment}}}   # the pods are labelled app: payments

After:

    kind: NetworkPolicy
    spec: {podSelector: {matchLabels: {app: payments}}}`,
	Claims: nist190.Claims("3a"), Controls: []string{"AC-4", "CM-6"},
	Severity:    nist190.SeverityLow,
	Remediation: "Correct the podSelector or the namespace of the policy, or delete the policy.",
	Needs:       everyPod(), Subjects: policyKind,
	Limits: "Pods that an operator makes from its own resources are seen in a cluster only: manifests that hold such resources are not judged. Labels that admission adds are seen in running pods only.",
}

func findPolicySelectsNothing(_ context.Context, e *nist190.Eval, z *Zones) (bool, error) {
	x := z.m.ends()
	system := x.systemUnseen()
	found := false
	for p := range z.m.lintPolicies() {
		s := &p.spec.PodSelector
		ns := p.object.Namespace()
		if emptySelector(s) || system && ns == metav1.NamespaceSystem || x.some(p.namespace, p.selects) {
			continue
		}
		message := fmt.Sprintf("no pod or template of namespace %q matches %s", ns, metav1.FormatLabelSelector(s))
		sel, _ := selectorOf(s)
		reqs, _ := sel.Requirements()
		// Without the rule that pods on the host's network are not governed.
		if x.some(p.namespace, func(c *class) truth { return matchAll(reqs, c.label) }) {
			message = fmt.Sprintf("only pods on the network of their host match %s, and NetworkPolicy does not govern these", metav1.FormatLabelSelector(s))
		} else if z.m.unshown && p.object.Strength() < inventory.Observed {
			continue
		}
		found = true
		e.Fail(p.object.Ref(), "", message, nist190.At(p.object, "spec", "podSelector"))
	}
	return found, nil
}

// some tells whether anything of a namespace may match.
func (x *ends) some(ns namespace, matches func(*class) truth) bool {
	for c := range x.in(ns) {
		if matches(c) != no {
			return true
		}
	}
	return false
}
