package network

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

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
	named      bool // by their names
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

// excepts tells whether what has no labels of pods matches.
func (s ciliumSelector) excepts() bool {
	return !slices.ContainsFunc(s.terms, func(t ciliumTerm) bool {
		return t.operator != metav1.LabelSelectorOpNotIn && t.operator != metav1.LabelSelectorOpDoesNotExist
	})
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
		out.named = out.named || name == ciliumNamespace
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
