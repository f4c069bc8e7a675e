package placement

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// alternative is one way in which a node can satisfy a pod: the values that each label may take, where the pod limits
// them to a list, and the nodes that it names.
type alternative struct {
	values map[string][]string
	nodes  []string // nil: not limited by name
}

// nodeName is the one field that node selectors can match (metadata.name), beside labels.
const nodeName = "metadata.name"

// alternatives are the ways in which nodes satisfy nodeSelector and the required node affinity: the terms are ORed, the
// requirements of a term and the nodeSelector ANDed. A term without requirements, or one that cannot be satisfied, is no
// way at all. Preferred affinity and tolerations never limit. Only equality with listed values is kept: Exists,
// DoesNotExist, NotIn, Gt and Lt leave nodes that nobody has labelled yet open, but NotIn takes values out of a list.
func alternatives(spec *corev1.PodSpec) []alternative {
	base := alternative{values: map[string][]string{}}
	for k, v := range spec.NodeSelector {
		base.values[k] = []string{v}
	}
	terms := requiredTerms(spec)
	if terms == nil {
		return []alternative{base}
	}
	var out []alternative
	for i := range terms {
		if a, ok := base.narrowed(&terms[i]); ok {
			out = append(out, a)
		}
	}
	return out
}

// requiredTerms is nil where the pod has no required node affinity; an affinity without terms matches no node.
func requiredTerms(spec *corev1.PodSpec) []corev1.NodeSelectorTerm {
	if spec.Affinity == nil || spec.Affinity.NodeAffinity == nil || spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return nil
	}
	terms := spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	if terms == nil {
		return []corev1.NodeSelectorTerm{}
	}
	return terms
}

func (a alternative) narrowed(term *corev1.NodeSelectorTerm) (alternative, bool) {
	if len(term.MatchExpressions)+len(term.MatchFields) == 0 {
		return alternative{}, false
	}
	out := alternative{values: map[string][]string{}, nodes: a.nodes}
	for k, v := range a.values {
		out.values[k] = v
	}
	for _, r := range term.MatchExpressions {
		switch r.Operator {
		case corev1.NodeSelectorOpIn:
			if len(r.Values) == 0 {
				return alternative{}, false // an error: the term is skipped
			}
			if known, ok := out.values[r.Key]; ok {
				out.values[r.Key] = both(known, r.Values)
			} else {
				out.values[r.Key] = slices.Clone(r.Values)
			}
		case corev1.NodeSelectorOpNotIn, corev1.NodeSelectorOpDoesNotExist, corev1.NodeSelectorOpExists, corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt:
		default:
			return alternative{}, false
		}
	}
	for _, r := range term.MatchExpressions {
		known, ok := out.values[r.Key]
		if !ok {
			continue
		}
		switch r.Operator {
		case corev1.NodeSelectorOpNotIn:
			out.values[r.Key] = slices.DeleteFunc(slices.Clone(known), func(v string) bool { return slices.Contains(r.Values, v) })
		case corev1.NodeSelectorOpDoesNotExist:
			out.values[r.Key] = nil
		}
	}
	for _, r := range term.MatchExpressions {
		needed := slices.Contains([]corev1.NodeSelectorOperator{corev1.NodeSelectorOpExists, corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt}, r.Operator)
		if needed && slices.ContainsFunc(term.MatchExpressions, func(o corev1.NodeSelectorRequirement) bool {
			return o.Key == r.Key && o.Operator == corev1.NodeSelectorOpDoesNotExist
		}) {
			return alternative{}, false
		}
	}
	for _, r := range term.MatchFields {
		if r.Key != nodeName || len(r.Values) != 1 {
			return alternative{}, false
		}
		if r.Operator == corev1.NodeSelectorOpIn {
			if out.nodes != nil {
				out.nodes = both(out.nodes, r.Values)
			} else {
				out.nodes = slices.Clone(r.Values)
			}
		}
	}
	for _, values := range out.values {
		if len(values) == 0 {
			return alternative{}, false
		}
	}
	return out, out.nodes == nil || len(out.nodes) > 0
}

func both(a, b []string) []string {
	out := []string{}
	for _, v := range a {
		if slices.Contains(b, v) {
			out = append(out, v)
		}
	}
	return out
}

// nodeSelectorAnnotation is what the admission plugin PodNodeSelector adds to every pod of a namespace.
const nodeSelectorAnnotation = "scheduler.alpha.kubernetes.io/node-selector"

// namespaceSelector reads that annotation as the plugin does; nil where there is none that it can read.
func namespaceSelector(annotations map[string]string) map[string]string {
	text, ok := annotations[nodeSelectorAnnotation]
	if !ok {
		return nil
	}
	m, err := labels.ConvertSelectorToLabelsMap(text)
	if err != nil {
		return nil
	}
	return m
}
