package placement

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

// workloadChecks judge workloads one by one.
func workloadChecks() []nist190.Check {
	return []nist190.Check{
		eachWorkload(wildcardToleration, judgeWildcard), eachWorkload(selectorTrap, judgeSelector), eachWorkload(pinnedNode, judgePinned),
		eachWorkload(staticPod, judgeStatic), SchedulerName(), eachWorkload(dataLevel, judgeDataLevel),
		onLevels(runtimeClass, answeringForThemselves(), checkRuntimeClass),
		onLevels(drift, answeringForThemselves(), checkDrift),
	}
}

// ruling reports on a workload, of which out is a pass; with false there is nothing to say of it.
type ruling func(w *inventory.Workload, levels *sensitivity.Levels, out *nist190.Outcome) bool

// eachWorkload is a check of every workload that is not infrastructure, by itself and its level.
func eachWorkload(md nist190.Metadata, judge ruling) nist190.Check {
	md.Risk, md.Since, md.Subjects = nist190.MixedSensitivityLevels, "v0.1.0", inventory.WorkloadKinds()
	md.Needs = slices.Concat(sensitivity.Needs(), inventory.InSubjectNamespace(inventory.WorkloadNeeds(inventory.Incriminating)))
	return nist190.NewCheck(md, func(ctx context.Context, e *nist190.Eval) error {
		workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
		if err != nil {
			return err
		}
		levels, err := sensitivity.LevelsOf(ctx, e.Inventory)
		if err != nil {
			return err
		}
		for _, w := range workloads {
			out := passing(w)
			if levels.Workload(w.Ref()).Level != sensitivity.Infra && judge(w, levels, &out) {
				e.Report(out)
			}
		}
		return nil
	})
}

func specOf(w *inventory.Workload, path ...any) inventory.At {
	return inventory.At{Object: w.Object, Path: slices.Concat(w.TemplatePath, []any{"spec"}, path)}
}

var wildcardToleration = nist190.Metadata{
	ID: "placement-wildcard-toleration", Title: "Workload that tolerates every taint",
	Doc: `A toleration without a key and with operator Exists opens every tainted node to a workload: those of higher levels, the
control plane, and nodes that are being drained.

Agents of the network, of storage and of monitoring need it, since they run on every node. DaemonSets without a sensitivity
level are therefore left out; infrastructure is too.

Before:

    tolerations: [{operator: Exists}]

After:

    tolerations: [{key: sensitivity.node-restriction.kubernetes.io/level, value: internal, effect: NoSchedule}]`,
	Claims: nist190.Claims("4b"), Controls: []string{"AC-6", "SC-7"}, Severity: nist190.SeverityHigh,
	Remediation: "Name the taints that the workload has to tolerate. If it serves every level, classify it as infra.",
	Limits:      "A toleration of effect PreferNoSchedule alone opens nothing.",
}

func judgeWildcard(w *inventory.Workload, levels *sensitivity.Levels, out *nist190.Outcome) bool {
	if levels.Workload(w.Ref()).Level == sensitivity.Unclassified && w.Object.GroupKind() == daemonSetKind {
		return false
	}
	if isMirror(w.Object.Annotations()) {
		return false // the kubelet gives static pods one
	}
	ts := w.Template.Spec.Tolerations
	i := slices.IndexFunc(ts, func(t corev1.Toleration) bool {
		return t.Key == "" && t.Operator == corev1.TolerationOpExists && t.Effect != corev1.TaintEffectPreferNoSchedule
	})
	if i < 0 {
		return true
	}
	out.Status = nist190.Fail
	what := "every taint"
	if ts[i].Effect != "" {
		what += " of effect " + string(ts[i].Effect)
	}
	out.Message = fmt.Sprintf("it tolerates %s: no node is closed to it", what)
	out.Evidence = []nist190.Evidence{nist190.Place(specOf(w, "tolerations", i)).Showing(tolerationText(&ts[i]))}
	return true
}

var selectorTrap = nist190.Metadata{
	ID: "placement-selector-trap", Title: "Node selection that does not mean what it seems to",
	Doc: `A required node affinity cannot be satisfied, or part of it is skipped without a word.

An affinity without terms, or with none but empty ones, matches no node. A term that cannot be parsed (Gt with a word, In
without values, two names of nodes) is skipped, and so are the restrictions that it was meant to add: where another term
matches, the pod runs by that one. Requirements that contradict one another match nothing.

Before:

    nodeSelectorTerms: [{matchExpressions: [{key: level, operator: Gt, values: [high]}]}]

After:

    nodeSelectorTerms: [{matchExpressions: [{key: level, operator: In, values: [restricted]}]}]`,
	Claims: nist190.Claims("4b"), Controls: []string{"CM-6"}, Severity: nist190.SeverityMedium, Advisory: true,
	Remediation: "Write one term that limits the label of node levels to the values that are meant.",
	Limits:      "Affinities that admit more nodes than those of the workload's level are placement-attraction's to report.",
}

func judgeSelector(w *inventory.Workload, _ *sensitivity.Levels, out *nist190.Outcome) bool {
	terms, required := requiredTerms(&w.Template.Spec)
	if !required {
		return true
	}
	at := []any{"affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"}
	for i := range terms {
		t, ok := termWay(&terms[i], true)
		switch {
		case len(terms[i].MatchExpressions)+len(terms[i].MatchFields) == 0:
			out.Message = "a term of its node affinity is empty, which matches no node"
		case !ok:
			out.Message = "a term of its node affinity cannot be parsed, and is skipped"
		case t.empty():
			out.Message = "the requirements of a term of its node affinity contradict one another"
		default:
			continue
		}
		out.Status = nist190.Fail
		out.Evidence = []nist190.Evidence{nist190.Place(specOf(w, append(at, i)...))}
		break
	}
	if len(specWays(&w.Template.Spec)) == 0 {
		if out.Message == "" {
			out.Message = "its node affinity and node selector match no node"
		} else {
			out.Message += "; no other term is left: it cannot be scheduled"
		}
		if out.Status != nist190.Fail {
			out.Evidence = []nist190.Evidence{nist190.Place(specOf(w, at[:3]...))}
		}
		out.Status = nist190.Fail
	}
	return true
}

var pinnedNode = nist190.Metadata{
	ID: "placement-node-name", Title: "Workload that names its node and so passes by the scheduler",
	Doc: `A pod template sets spec.nodeName: the scheduler is not asked.

The kubelet of that node still checks the node selector, the required affinity, and taints of effect NoExecute, and
ignores taints of effect NoSchedule, which is what most isolation is made of (pkg/kubelet/lifecycle/predicate.go). The pod
is also lost when the node is.

Before:

    spec: {nodeName: node-3}

After:

    spec: {nodeSelector: {sensitivity.node-restriction.kubernetes.io/level: restricted}}`,
	Claims: nist190.Claims("4b", "4c"), Controls: []string{"SC-7"}, Severity: nist190.SeverityMedium,
	Remediation: "Replace nodeName by a node selector.",
	Limits:      "A Pod that runs always names its node, whoever chose it: Pods that were read from a cluster are not judged.",
}

func judgePinned(w *inventory.Workload, _ *sensitivity.Levels, out *nist190.Outcome) bool {
	if len(w.Pods) > 0 && w.Pods[0].Object == w.Object && wasAdmitted(w.Object, w.Pods[0].Pod) {
		return false
	}
	if name := w.Template.Spec.NodeName; name != "" {
		out.Status = nist190.Fail
		out.Message = fmt.Sprintf("it names node %q: neither the scheduler nor taints of effect NoSchedule are asked", name)
		out.Evidence = []nist190.Evidence{nist190.Place(specOf(w, "nodeName")).Showing(name)}
	}
	return true
}

var staticPod = nist190.Metadata{
	ID: "placement-static-pod", Title: "Workload that a kubelet runs from a file of its node",
	Doc: `A Pod of a workload is a static one: the kubelet of its node runs it from a file, past the scheduler, admission and even
taints of effect NoExecute.

Static pods are for the control plane. Whoever can write to the directory of manifests on a node runs what they like there;
no rule of the cluster sees it before it runs.

Before:

    /etc/kubernetes/manifests/web.yaml

After: a Deployment or DaemonSet.`,
	Claims: nist190.Claims("4b"), Controls: []string{"CM-5", "SC-7"}, Severity: nist190.SeverityMedium,
	Remediation: "Run it as a Deployment or DaemonSet, and limit who can write to the node's directory of manifests.",
	Limits:      "Seen where the API has the mirror of the pod. Infrastructure namespaces are left out.",
}

func judgeStatic(w *inventory.Workload, _ *sensitivity.Levels, out *nist190.Outcome) bool {
	if w.Object.Ref().Kind != "Pod" {
		return false
	}
	if isMirror(w.Object.Annotations()) {
		out.Status = nist190.Fail
		out.Message = fmt.Sprintf("it is a static pod of node %q: neither admission nor taints are asked", w.Template.Spec.NodeName)
		out.Evidence = []nist190.Evidence{nist190.At(w.Object, "metadata", "annotations", corev1.MirrorPodAnnotationKey)}
	}
	return true
}

var runtimeClass = nist190.Metadata{
	ID: "placement-runtime-class", Title: "RuntimeClass that is missing, or that nodes cannot run",
	Doc: `A workload names a RuntimeClass that does not exist, or can land on nodes whose container runtime does not know its handler.

A sandbox such as gVisor or Kata Containers is what lets workloads of several levels share a node. Without the RuntimeClass
the API server refuses the pods; on a node that lacks the handler they fail to start, and the quick way out is to take the
class away. The RuntimeClass should select the nodes that can run it.

Before:

    kind: RuntimeClass
    handler: runsc

After:

    kind: RuntimeClass
    handler: runsc
    scheduling: {nodeSelector: {sandbox: gvisor}}`,
	Claims: nist190.Claims("4e"), Controls: []string{"SC-39", "SC-7"}, Severity: nist190.SeverityMedium, Subjects: inventory.WorkloadKinds(),
	Remediation: "Create the RuntimeClass, with a node selector for the nodes whose runtime has the handler.",
	Limits:      "Nodes that do not report their handlers (status.runtimeHandlers) are not judged. What a handler does is not seen.",
}

func checkRuntimeClass(e *nist190.Eval, s *Separation) {
	for _, p := range s.Feasibility.placements {
		w := p.Workload
		name := w.Template.Spec.RuntimeClassName
		if name == nil || *name == "" {
			continue
		}
		out := nist190.Outcome{Status: nist190.Pass, Subject: w.Ref(), Evidence: []nist190.Evidence{nist190.Place(specOf(w, "runtimeClassName")).Showing(*name)}}
		o, rc, ok := inventory.TypedGet[nodev1.RuntimeClass](e.Inventory, "", *name)
		if !ok {
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("RuntimeClass %q does not exist: its pods are refused", *name)
			e.Report(out)
			continue
		}
		var lacking []string
		for n := range p.Nodes(s.Feasibility) {
			if n.Pool || p.On(n) != Can {
				continue
			}
			node, err := inventory.As[corev1.Node](n.Object)
			if err != nil || len(node.Status.RuntimeHandlers) == 0 {
				continue
			}
			if !slices.ContainsFunc(node.Status.RuntimeHandlers, func(h corev1.NodeRuntimeHandler) bool { return h.Name == rc.Handler }) {
				lacking = append(lacking, n.String())
			}
		}
		if len(lacking) > 0 {
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("it can land on nodes whose container runtime has no handler %q: %s", rc.Handler, phrase.Shorten(lacking))
			out.Evidence = append(out.Evidence, nist190.At(o, "handler").Showing(rc.Handler))
		}
		e.Report(out)
	}
}

var drift = nist190.Metadata{
	ID: "placement-drift", Title: "Pod on a node that it could not be scheduled to any more",
	Doc: `A pod runs on a node whose labels no longer satisfy its node selector or affinity, or that has a NoSchedule taint that it does
not tolerate.

Rules are asked when a pod is scheduled, and not again: a node that is relabelled or tainted for another level keeps the
pods that it has, beside those that come. Only a taint of effect NoExecute makes them leave.

Before:

    kubectl taint node node-3 level=restricted:NoSchedule      # what runs there stays

After:

    kubectl drain node-3 && kubectl uncordon node-3`,
	Claims: nist190.Claims("4b", "4e"), Controls: []string{"CM-3"}, Severity: nist190.SeverityMedium, Subjects: inventory.WorkloadKinds(),
	Remediation: "Drain the node once it has its labels and taints, or delete the pods that do not belong there.",
	Limits:      "Taints that come and go with a node's state are left out, as are infrastructure and pods whose template names the node.",
}

func checkDrift(e *nist190.Eval, s *Separation) {
	for _, p := range s.Feasibility.placements {
		w := p.Workload
		pinned := w.Template.Spec.NodeName != "" && (len(w.Pods) == 0 || w.Pods[0].Object != w.Object)
		if s.Levels.Workload(w.Ref()).Level == sensitivity.Infra || pinned {
			continue
		}
		seen := false
		out := passing(w)
		for _, x := range w.Pods {
			if inventory.Terminal(x.Pod) || x.Pod.Spec.NodeName == "" || !wasAdmitted(x.Object, x.Pod) || isMirror(x.Object.Annotations()) {
				continue
			}
			n := s.Feasibility.Node(x.Pod.Spec.NodeName)
			if n == nil {
				continue
			}
			seen = true
			why := ""
			if ways := specWays(&x.Pod.Spec); !slices.ContainsFunc(ways, func(w way) bool { return n.fits(&w) }) {
				why = "whose labels do not satisfy its node selector and affinity"
			} else if t := untolerated(n.Taints, x.Pod.Spec.Tolerations, true, corev1.TaintEffectNoSchedule); t != nil {
				why = fmt.Sprintf("whose taint %s it does not tolerate", strings.TrimSuffix(t.ToString(), ":"))
			}
			if why != "" {
				out.Status = nist190.Fail
				out.Message = fmt.Sprintf("Pod %q runs on %s, %s", x.Object.Name(), n, why)
				out.Evidence = []nist190.Evidence{nist190.At(x.Object, "spec", "nodeName").Showing(n.Name), n.evidence()}
				break
			}
		}
		if seen {
			e.Report(out)
		}
	}
}

var dataLevel = nist190.Metadata{
	ID: "placement-data-level", Title: "Workload that uses data of a higher level than its own",
	Doc: `A workload is declared to be of one sensitivity level and uses a Secret, ConfigMap or claim that is labelled with a higher one.

The data decides: a public workload that mounts restricted data is restricted, whatever its label says, and belongs on
other nodes. Other checks judge it by the higher level.

Before:

    metadata: {labels: {nist190.dev/sensitivity: public}}
    spec: {volumes: [{name: v, secret: {secretName: card-keys}}]}      # labelled restricted

After: the workload is labelled restricted, or does without the data.`,
	Claims: nist190.Claims("4a"), Controls: []string{"AC-16"}, Severity: nist190.SeverityMedium,
	Remediation: "Label the workload, or its namespace, with the level of its data; or take the data away from it.",
	Limits:      "Only data that is labelled, or picked by a rule of the sensitivity scheme, has a level. What is read through the API is not seen.",
}

func judgeDataLevel(w *inventory.Workload, levels *sensitivity.Levels, out *nist190.Outcome) bool {
	class := levels.Workload(w.Ref())
	declared := sensitivity.Unclassified
	var data *sensitivity.Source
	for i, s := range class.Sources {
		if isData(s.Of) {
			if data == nil || s.Level > data.Level {
				data = &class.Sources[i]
			}
			continue
		}
		declared = max(declared, s.Level)
	}
	if declared <= 0 || !class.Known() {
		return false // placement-unclassified
	}
	if data == nil || data.Level <= declared {
		return true
	}
	out.Status, out.Severity = nist190.Fail, min(severity(levels, data.Level), nist190.SeverityMedium)
	out.Message = fmt.Sprintf("it is declared %s and uses data that is %s: %s", levels.Name(declared), levels.Name(data.Level), data)
	out.Evidence = []nist190.Evidence{nist190.At(w.Object, "metadata", "name")}
	if data.At.Object != nil {
		out.Evidence = append(out.Evidence, nist190.Place(data.At).Showing(data.Value))
	}
	out.Remediation = fmt.Sprintf("kubectl label -n %s %s %s %s=%s\n\nand do the same in its manifest, or take the data away.\n", w.Namespace(), strings.ToLower(w.Ref().Kind), w.Object.Name(), levels.Key(), levels.Name(data.Level))
	return true
}

func isData(r inventory.Ref) bool {
	return r.Group == "" && (r.Kind == "Secret" || r.Kind == "ConfigMap" || r.Kind == "PersistentVolumeClaim")
}
