package placement

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var attraction = nist190.Metadata{
	ID:    "placement-attraction",
	Title: "Workload that is not held on nodes of its level",
	Risk:  nist190.MixedSensitivityLevels,
	Doc: `A workload with a sensitivity level may be scheduled to nodes of another level.

SP 800-190 isolates deployments to sets of hosts by sensitivity level, since containers share the kernel of their host.
Half of that is attraction: a node selector, or a required node affinity of which every term (they are alternatives)
limits the label of node levels to the workload's own. Preferred affinity is a wish. NotIn, DoesNotExist and Exists admit
nodes that nobody has labelled. A toleration opens a tainted node and holds nobody there. A pod that names its node is
judged by the level of that node.

Before:

    spec: {tolerations: [{key: sensitivity, value: restricted}]}

After:

    spec:
      nodeSelector: {sensitivity.node-restriction.kubernetes.io/level: restricted}
      tolerations: [{key: sensitivity, value: restricted, effect: NoSchedule}]

The severity is low for the lowest level, medium for the next and high above. A selector that the namespace's annotation
scheduler.alpha.kubernetes.io/node-selector adds counts where the admission plugin PodNodeSelector, which is off by default,
is known to be on, or running pods show that it was added. The node selector of the pod's RuntimeClass counts. The default
selector of a cluster does not: it is for whoever has none, of whatever level.`,
	Claims:   nist190.Claims("4a", "4b"),
	Controls: []string{"SC-7", "SC-39"},
	Severity: nist190.SeverityHigh,
	Remediation: `Label the nodes of each level with a key that kubelets cannot set themselves
(sensitivity.node-restriction.kubernetes.io/level) and add the node selector to the pod template. Taint the nodes as well,
so that other workloads stay away.`,
	Subjects: inventory.WorkloadKinds(),
	Needs: inventory.JoinNeeds(
		// Labels of unseen namespaces and data could give the workload another level.
		sensitivity.Needs(),
		// A workload answers for itself; a running pod can refute what the namespace's annotation promises.
		inventory.InSubjectNamespace(inventory.WorkloadNeeds(inventory.Incriminating)),
		// A selector holds on nodes that do not exist yet, so that nodes decide nothing but for the few workloads that name
		// one; of those the check itself says NotAssessed where the node was not collected, as it rarely is of manifests.
		// A RuntimeClass can only hold pods more.
		[]inventory.Need{inventory.NeedOf[corev1.Node](inventory.SeverityOnly), inventory.NeedOf[nodev1.RuntimeClass](inventory.Exonerating)},
		ControlPlaneNeeds(),
	),
	Since: "v0.1.0",
	Limits: `That nodes carry the labels, that others stay off them (taints) and who may change labels are other questions. Selectors
that a bound volume or a webhook adds are not counted. Nodes are looked at only where a workload names
one. Topology spread constraints count for nothing: they spread the pods of one workload and keep nobody away, and unless they say
nodeTaintsPolicy: Honor they do not look at taints.`,
}

// Attraction finds workloads with a sensitivity level that nothing holds on nodes of it.
func Attraction() nist190.Check { return nist190.NewCheck(attraction, checkAttraction) }

func checkAttraction(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	levels, err := sensitivity.LevelsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	profile, err := ProfileOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	p := placer{inv: e.Inventory, levels: levels, profile: profile}
	var without []*inventory.Workload
	for _, w := range workloads {
		switch class := levels.Workload(w.Ref()); {
		case class.Level == sensitivity.Infra:
		case class.Known():
			e.Report(p.judge(w, class))
		default:
			without = append(without, w)
		}
	}
	if len(without) > 0 {
		e.Report(nist190.Outcome{
			Status: nist190.NotAssessed, Subject: inventory.Cluster, Key: "unclassified", Reason: nist190.ReasonUnclassified,
			Message:     fmt.Sprintf("no node is right or wrong for %s without a sensitivity level: %s", phrase.Count(len(without), "workload"), phrase.Workloads(without)),
			Remediation: "Give them a level; see placement-unclassified.",
		})
	}
	return nil
}

type placer struct {
	inv     *inventory.Inventory
	levels  *sensitivity.Levels
	profile Profile
}

// hold is how firmly something keeps pods on nodes of a level.
type hold uint8

const (
	loose   hold = iota // nothing does
	astray              // something keeps them on nodes of another level
	unseen              // a node that it names was not collected
	partial             // some alternatives do
	firm
)

// holds judges a pod spec against a level. other is the level of the nodes where it is astray; node is one that decided
// and was not collected.
func (p *placer) holds(spec *corev1.PodSpec, level sensitivity.Level) (h hold, other sensitivity.Level, node string) {
	ways := alternatives(specWays(spec))
	found := map[hold]int{}
	for _, way := range ways {
		got, missing := p.levelOf(way)
		switch {
		case missing != "":
			found[unseen]++
			node = missing
		case got == level:
			found[firm]++
		case got > 0:
			found[astray]++
			other = got
		default:
			found[loose]++
		}
	}
	switch {
	case found[firm] == len(ways): // no way at all: no node fits, so that none is wrong
		return firm, 0, ""
	case found[unseen] > 0 && found[loose]+found[astray] == 0:
		return unseen, 0, node
	case spec.NodeName != "":
		// The scheduler is not asked. The kubelet asks for the selectors again, which did not decide.
		switch got, missing := p.nodeLevel(spec.NodeName); {
		case missing != "":
			return unseen, 0, missing
		case got == level:
			return firm, 0, ""
		default:
			return astray, got, spec.NodeName
		}
	case found[astray] == len(ways):
		return astray, other, ""
	case found[firm] > 0:
		return partial, 0, ""
	}
	return loose, 0, ""
}

// levelOf is the level of every node that satisfies an alternative; missing is a node that it names and that was not
// collected.
func (p *placer) levelOf(a alternative) (level sensitivity.Level, missing string) {
	if l := p.levels.NodesWith(a.values); l > 0 {
		return l, ""
	}
	names := a.nodes
	if names == nil {
		names = a.values[corev1.LabelHostname]
	}
	for i, name := range names {
		got, missing := p.nodeLevel(name)
		if missing != "" {
			return 0, missing
		}
		if i > 0 && got != level {
			return 0, ""
		}
		level = got
	}
	return level, ""
}

func (p *placer) nodeLevel(name string) (level sensitivity.Level, missing string) {
	o, ok := p.inv.Get(schema.GroupKind{Kind: "Node"}, "", name)
	if !ok {
		return 0, name
	}
	return p.levels.Node(p.inv, o).Level, ""
}

func (p *placer) judge(w *inventory.Workload, class sensitivity.Class) nist190.Outcome {
	spec := p.withRuntimeClass(&w.Template.Spec)
	template := inventory.At{Object: w.Object, Path: append(slices.Clone(w.TemplatePath), "spec")}
	name := p.levels.Name(class.Level)
	out := nist190.Outcome{Subject: w.Ref(), Severity: severity(p.levels, class.Level), Evidence: selectors(template, spec)}
	self := nist190.At(w.Object, "metadata", "name")
	h, other, node := p.holds(spec, class.Level)
	if h == loose || h == partial {
		if annotated, ok := p.annotated(w, class.Level); ok {
			annotated.Subject, annotated.Severity = out.Subject, out.Severity
			if annotated.Status == nist190.Fail {
				annotated.Message = fmt.Sprintf("it is %s (%s), and %s", name, class.Because(), annotated.Message)
				annotated.Remediation = p.remedy(w, class.Level)
			}
			return annotated
		}
	}
	because := fmt.Sprintf("it is %s (%s), and ", name, class.Because())
	switch h {
	case firm:
		out.Status = nist190.Pass
		out.Evidence = append(out.Evidence, self)
		return out
	case unseen:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonMissingEvidence
		out.Message = because + fmt.Sprintf("is held on node %q, whose level is not known", node)
		need := inventory.NeedOf[corev1.Node](inventory.Either)
		c := p.inv.Coverage(need.GroupKind(), "")
		out.Missing = []nist190.Missing{{Evidence: need.String(), State: c.State, Reason: fmt.Sprintf("node %q was not collected", node)}}
	case astray:
		out.Status = nist190.Fail
		switch {
		case node != "":
			out.Message = because + fmt.Sprintf("is pinned to node %q, which is %s", node, p.levels.Name(other))
		default:
			out.Message = because + fmt.Sprintf("its node selector holds it on %s nodes", p.levels.Name(other))
		}
	case partial:
		out.Status = nist190.Fail
		out.Message = because + "one of its affinity terms, which are alternatives, admits other nodes"
	default:
		out.Status = nist190.Fail
		out.Message = because + fmt.Sprintf("nothing holds it on %s nodes", name) + p.halfMeasures(spec, class.Level)
	}
	if len(out.Evidence) == 0 {
		out.Evidence = []nist190.Evidence{self}
	}
	out.Remediation = p.remedy(w, class.Level)
	return out
}

// withRuntimeClass adds the node selector of the pod's RuntimeClass, as its admission does.
func (p *placer) withRuntimeClass(spec *corev1.PodSpec) *corev1.PodSpec {
	if spec.RuntimeClassName == nil {
		return spec
	}
	_, rc, ok := inventory.TypedGet[nodev1.RuntimeClass](p.inv, "", *spec.RuntimeClassName)
	if !ok || rc.Scheduling == nil || len(rc.Scheduling.NodeSelector) == 0 {
		return spec
	}
	out := *spec
	out.NodeSelector, _ = merged(spec.NodeSelector, rc.Scheduling.NodeSelector)
	return &out
}

// selectors are the fields that limit the nodes of a pod.
func selectors(at inventory.At, spec *corev1.PodSpec) []nist190.Evidence {
	var out []nist190.Evidence
	if spec.NodeName != "" {
		out = append(out, nist190.Place(at, "nodeName").Showing(spec.NodeName))
	}
	if len(spec.NodeSelector) > 0 {
		out = append(out, nist190.Place(at, "nodeSelector").Showing(labels.Set(spec.NodeSelector).String()))
	}
	if _, required := requiredTerms(spec); required {
		out = append(out, nist190.Place(at, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"))
	}
	return out
}

// halfMeasures names what looks as if it held and does not.
func (p *placer) halfMeasures(spec *corev1.PodSpec, level sensitivity.Level) string {
	var out []string
	if spec.Affinity != nil && spec.Affinity.NodeAffinity != nil {
		for _, t := range spec.Affinity.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution {
			w, ok := termWay(&t.Preference, true)
			if a := alternatives([]way{w}); ok && p.levels.NodesWith(a[0].values) == level {
				out = append(out, "it only prefers them")
				break
			}
		}
	}
	if trap := p.trap(spec, level); trap != "" {
		out = append(out, trap)
	}
	for _, t := range spec.Tolerations {
		if l, ok := p.levels.Parse(t.Value); ok && l == level {
			out = append(out, "a toleration admits it to them and does not hold it there")
			break
		}
	}
	if len(out) == 0 {
		return ""
	}
	return ": " + strings.Join(out, "; ")
}

// trap names a requirement of the label of node levels that admits more than the level.
func (p *placer) trap(spec *corev1.PodSpec, level sensitivity.Level) string {
	terms, _ := requiredTerms(spec)
	for _, t := range terms {
		for _, r := range t.MatchExpressions {
			if p.levels.NodesWith(map[string][]string{r.Key: {p.levels.Name(level)}}) != level {
				continue
			}
			switch r.Operator {
			case corev1.NodeSelectorOpNotIn, corev1.NodeSelectorOpDoesNotExist:
				return fmt.Sprintf("%s admits nodes that nobody has labelled", r.Operator)
			case corev1.NodeSelectorOpExists:
				return "Exists admits every value of the label"
			}
		}
	}
	return ""
}

// annotated judges a workload whose namespace asks for a node selector that would hold it. The plugin that adds it,
// PodNodeSelector, is off by default and cannot be seen: only running pods that carry the selector prove it, and one that
// does not refutes it.
func (p *placer) annotated(w *inventory.Workload, level sensitivity.Level) (nist190.Outcome, bool) {
	ns, ok := p.inv.Get(inventory.NamespaceRef("").GroupKind(), "", w.Namespace())
	if !ok {
		return nist190.Outcome{}, false
	}
	on, added := p.profile.PodNodeSelector, namespaceSelector(ns.Annotations())
	at := nist190.At(ns, "metadata", "annotations", nodeSelectorAnnotation).Showing(ns.Annotations()[nodeSelectorAnnotation])
	if len(added) == 0 || on == Off {
		return nist190.Outcome{}, false
	}
	spec := w.Template.Spec
	spec.NodeSelector = labels.Merge(added, spec.NodeSelector)
	if h, _, _ := p.holds(&spec, level); h != firm {
		return nist190.Outcome{}, false
	}
	self := nist190.At(w.Object, "metadata", "name")
	if on == On {
		return nist190.Outcome{Status: nist190.Pass, Evidence: []nist190.Evidence{self, at}}, true
	}
	running, without := 0, ""
	for _, pod := range w.Pods {
		if inventory.Terminal(pod.Pod) || pod.Object == w.Object && pod.Pod.Spec.NodeName == "" {
			continue
		}
		running++
		for k, v := range added {
			if pod.Pod.Spec.NodeSelector[k] != v {
				without = pod.Object.Name()
			}
		}
	}
	switch {
	case without != "":
		return nist190.Outcome{Status: nist190.Fail, Evidence: []nist190.Evidence{self, at},
			Message: fmt.Sprintf("the node selector that its namespace asks for was not added to Pod %q", without)}, true
	case running > 0:
		return nist190.Outcome{Status: nist190.Pass, Evidence: []nist190.Evidence{self, at.Because("its running pods carry it")}}, true
	}
	return nist190.Outcome{
		Status: nist190.NotAssessed, Reason: nist190.ReasonUnknown, Evidence: []nist190.Evidence{self, at},
		Message:     "only the node selector of its namespace's annotation holds it on nodes of its level, and whether the admission plugin PodNodeSelector adds that cannot be seen",
		Remediation: "Add the node selector to the pod template as well, or attest that the API server runs with the plugin.",
	}, true
}

func (p *placer) remedy(w *inventory.Workload, l sensitivity.Level) string {
	name := p.levels.Name(l)
	return fmt.Sprintf("Add to %s of %s %q, and label the nodes that are meant for %s workloads:\n\nnodeSelector:\n  %s: %s\n",
		inventory.PathString(append(slices.Clone(w.TemplatePath), "spec")...), w.Ref().Kind, w.Object.Name(), name, p.levels.NodeKey(), name)
}
