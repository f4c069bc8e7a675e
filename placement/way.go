package placement

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// way is one alternative in which a node can satisfy a pod: what each label may be, by key, and the name of the node.
type way struct {
	labels []keyed
	name   domain // of the node, never absent
}

type keyed struct {
	key string
	domain
}

var anyName = existing

// on narrows one label of the way.
func (w way) on(key string, d domain) way {
	i, found := slices.BinarySearchFunc(w.labels, key, func(k keyed, key string) int { return cmp.Compare(k.key, key) })
	w.labels = slices.Clone(w.labels)
	if found {
		w.labels[i].domain = w.labels[i].and(d)
	} else {
		w.labels = slices.Insert(w.labels, i, keyed{key, d})
	}
	return w
}

// and is what satisfies both; ok is false where nothing does.
func (w way) and(o way) (out way, ok bool) {
	out = way{name: w.name.and(o.name), labels: make([]keyed, 0, len(w.labels)+len(o.labels))}
	i, j := 0, 0
	for i < len(w.labels) || j < len(o.labels) {
		switch {
		case j == len(o.labels) || i < len(w.labels) && w.labels[i].key < o.labels[j].key:
			out.labels = append(out.labels, w.labels[i])
			i++
		case i == len(w.labels) || o.labels[j].key < w.labels[i].key:
			out.labels = append(out.labels, o.labels[j])
			j++
		default:
			out.labels = append(out.labels, keyed{w.labels[i].key, w.labels[i].and(o.labels[j].domain)})
			i, j = i+1, j+1
		}
	}
	return out, !out.empty()
}

func (w *way) empty() bool {
	return w.name.empty() || slices.ContainsFunc(w.labels, func(k keyed) bool { return k.empty() })
}

// label is what the way wants of a label.
func (w *way) label(key string) domain {
	i, found := slices.BinarySearchFunc(w.labels, key, func(k keyed, key string) int { return cmp.Compare(k.key, key) })
	if !found {
		return anything
	}
	return w.labels[i].domain
}

// fits tells whether a node has what the way wants.
func (w *way) fits(labels map[string]string, name string) bool {
	if !w.name.holds(name, true) {
		return false
	}
	for i := range w.labels {
		v, ok := labels[w.labels[i].key]
		if !w.labels[i].holds(v, ok) {
			return false
		}
	}
	return true
}

// waysOf are the alternatives of a node selector and a required node affinity, as
// k8s.io/component-helpers/scheduling/corev1/nodeaffinity reads them: terms are ORed, the requirements of a term and the
// node selector ANDed; a term without requirements matches nothing, one that cannot be parsed is skipped, and an affinity
// without terms matches nothing. Alternatives that no node can satisfy are left out.
func waysOf(selector map[string]string, terms []corev1.NodeSelectorTerm, required bool) []way {
	base := way{name: anyName}
	for k, v := range selector {
		base = base.on(k, exactly(v))
	}
	if !required {
		return []way{base}
	}
	var out []way
	for i := range terms {
		if w, ok := termWay(&terms[i], true); ok {
			if w, ok = base.and(w); ok {
				out = append(out, w)
			}
		}
	}
	return out
}

// termWay reads one term; the nodes of volumes have no name to match fields with.
func termWay(term *corev1.NodeSelectorTerm, named bool) (w way, ok bool) {
	if len(term.MatchExpressions)+len(term.MatchFields) == 0 {
		return way{}, false
	}
	w.name = anyName
	for i := range term.MatchExpressions {
		d, ok := domainOf(&term.MatchExpressions[i])
		if !ok {
			return way{}, false
		}
		w = w.on(term.MatchExpressions[i].Key, d)
	}
	for _, r := range term.MatchFields {
		if len(r.Values) != 1 || r.Operator != corev1.NodeSelectorOpIn && r.Operator != corev1.NodeSelectorOpNotIn {
			return way{}, false
		}
		d := exactly(r.Values[0])
		if r.Operator == corev1.NodeSelectorOpNotIn {
			d = domain{present: true, values: d.values}
		}
		switch {
		case !named:
		case r.Key == nodeName:
			w.name = w.name.and(d)
		case !d.holds("", true): // a field that nodes do not have reads as empty
			w.name = nothing
		}
	}
	return w, true
}

// requiredTerms are the terms of the required node affinity; ok is false where there is none.
func requiredTerms(spec *corev1.PodSpec) (terms []corev1.NodeSelectorTerm, ok bool) {
	if spec.Affinity == nil || spec.Affinity.NodeAffinity == nil || spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return nil, false
	}
	return spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms, true
}
