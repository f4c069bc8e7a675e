package placement

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var antiAffinity = nist190.Metadata{
	ID: "placement-anti-affinity", Title: "Anti-affinity between levels that does not separate them",
	Doc: `A workload keeps away from pods of another sensitivity level by anti-affinity, and the rule does not do what it seems to.

Preferred anti-affinity is a wish. A term without namespaces and namespaceSelector looks at the pod's own namespace alone. On
a node without the label of topologyKey the term is not enforced (satisfyPodAntiAffinity of the scheduler's plugin
InterPodAffinity). Terms count here whose selector, of pods or namespaces, speaks of a label that declares sensitivity. The
scheduler enforces a required term against both sides; pods that name their node come past it.

Before:

    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution: [...]

After: nodes of each level's own; anti-affinity spreads replicas and is no boundary.`,
	Claims: nist190.Claims("4b"), Severity: nist190.SeverityMedium, Subjects: inventory.WorkloadKinds(),
	Remediation: `Hold each level on nodes of its own. If anti-affinity is to stay, make it required, with a namespaceSelector that spans the other
level's namespaces and topologyKey kubernetes.io/hostname.`,
	Limits: "Whether the selector picks every pod of the other level is not compared.",
}

// AntiAffinity finds anti-affinity that is meant to keep levels apart and does not.
func AntiAffinity() nist190.Check {
	return onLevels(antiAffinity, answeringForThemselves(), checkAntiAffinity)
}

func checkAntiAffinity(e *nist190.Eval, s *Separation) {
	keys := sensitivity.Setting.Get(e.Inventory).Keys
	if keys == nil {
		keys = sensitivity.Default().Keys
	}
	for _, set := range s.levels() {
		for _, p := range set.placements {
			a := p.Workload.Template.Spec.Affinity
			if a == nil || a.PodAntiAffinity == nil {
				continue
			}
			if out, ok := s.judgeAntiAffinity(p, a.PodAntiAffinity, keys); ok {
				e.Report(out)
			}
		}
	}
}

func (s *Separation) judgeAntiAffinity(p *Placement, a *corev1.PodAntiAffinity, keys []string) (out nist190.Outcome, ok bool) {
	w := p.Workload
	out = passing(w)
	fail := func(why string, path ...any) {
		if out.Status != nist190.Fail {
			out.Status, out.Message = nist190.Fail, why
			out.Evidence = []nist190.Evidence{nist190.Place(specOf(w, append([]any{"affinity", "podAntiAffinity"}, path...)...))}
		}
	}
	const required, preferred = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"
	for i := range a.RequiredDuringSchedulingIgnoredDuringExecution {
		t := &a.RequiredDuringSchedulingIgnoredDuringExecution[i]
		if !speaksOf(t, keys) {
			continue
		}
		ok = true
		if len(t.Namespaces) == 0 && t.NamespaceSelector == nil {
			fail("its anti-affinity to pods of another level looks at its own namespace alone", required, i)
			continue
		}
		var lacking []string
		for n := range p.Nodes(s.Feasibility) {
			if _, has := n.Labels[t.TopologyKey]; !has && !n.Pool {
				lacking = append(lacking, n.String())
			}
		}
		if len(lacking) > 0 {
			fail(fmt.Sprintf("its anti-affinity to pods of another level is not enforced on nodes without the label %q: %s", t.TopologyKey, phrase.Shorten(lacking)), required, i, "topologyKey")
		}
	}
	for i := range a.PreferredDuringSchedulingIgnoredDuringExecution {
		if t := &a.PreferredDuringSchedulingIgnoredDuringExecution[i].PodAffinityTerm; !ok && speaksOf(t, keys) {
			ok = true
			fail("it only prefers to keep away from pods of another level", preferred, i)
		}
	}
	return out, ok
}

// speaksOf tells whether a term selects pods or namespaces by a label that declares sensitivity.
func speaksOf(t *corev1.PodAffinityTerm, keys []string) bool {
	for _, sel := range []*metav1.LabelSelector{t.LabelSelector, t.NamespaceSelector} {
		if sel == nil {
			continue
		}
		parsed, err := metav1.LabelSelectorAsSelector(sel)
		if err != nil {
			continue
		}
		requirements, _ := parsed.Requirements()
		if slices.ContainsFunc(requirements, func(r labels.Requirement) bool { return slices.Contains(keys, r.Key()) }) {
			return true
		}
	}
	return false
}
