package placement

import (
	"maps"

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

// alternatives are the ways in which nodes satisfy a pod of which only equality with listed values is kept: Exists,
// DoesNotExist, NotIn, Gt and Lt leave nodes that nobody has labelled yet open.
func alternatives(ways []way) []alternative {
	var out []alternative
	for i := range ways {
		a := alternative{values: map[string][]string{}}
		for _, k := range ways[i].labels {
			if k.listed && !k.absent {
				a.values[k.key] = k.values
			}
		}
		if ways[i].name.listed {
			a.nodes = ways[i].name.values
		}
		out = append(out, a)
	}
	return out
}

// specWays are the ways of a pod's own node selector and required node affinity.
func specWays(spec *corev1.PodSpec) []way {
	terms, required := requiredTerms(spec)
	return waysOf(spec.NodeSelector, terms, required)
}

// nodeSelectorAnnotation is what the admission plugin PodNodeSelector adds to every pod of a namespace.
const nodeSelectorAnnotation = "scheduler.alpha.kubernetes.io/node-selector"

// namespaceSelector reads that annotation as the plugin does; nil where there is none that it can read.
func namespaceSelector(annotations map[string]string) map[string]string {
	return selectorIn(annotations, nodeSelectorAnnotation)
}

func selectorIn(annotations map[string]string, key string) map[string]string {
	text, ok := annotations[key]
	if !ok {
		return nil
	}
	m, err := labels.ConvertSelectorToLabelsMap(text)
	if err != nil {
		return nil
	}
	return m
}

// merged is both selectors; conflict is a key that they differ in.
func merged(a, b map[string]string) (out map[string]string, conflict string) {
	out = maps.Clone(a)
	if out == nil {
		out = make(map[string]string, len(b))
	}
	for k, v := range b {
		if have, ok := out[k]; ok && have != v {
			conflict = k
		}
		out[k] = v
	}
	return out, conflict
}
