package placement

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

// nodeLevelChecks look at nodes, and at who comes onto them.
func nodeLevelChecks() []nist190.Check {
	return []nist190.Check{
		Repulsion(), RegistrationTaint(), onLevels(nodeUnclassified, biased(SeparationNeeds(), inventory.Either, nodeNeeds(0)), checkNodeUnclassified),
		onLevels(higherToleration, answeringForThemselves(), checkHigherToleration),
		onLevels(controlPlaneOpen, answeringForThemselves(), checkControlPlaneOpen),
		onLevels(levelCapacity, biased(SeparationNeeds(), inventory.Either, nodeNeeds(0)), checkLevelCapacity),
	}
}

// nodeLevel is the level of a node or pool.
func nodeLevel(inv *inventory.Inventory, levels *sensitivity.Levels, n *Node) sensitivity.Level {
	if !n.Pool {
		return levels.Node(inv, n.Object).Level
	}
	allowed := map[string][]string{}
	for k, v := range n.Labels {
		allowed[k] = []string{v}
	}
	for k, d := range n.domains {
		if _, ok := n.Labels[k]; !ok && d.listed && !d.absent {
			allowed[k] = d.values
		}
	}
	if isControlPlane(n) {
		return sensitivity.Infra
	}
	return levels.NodesWith(allowed)
}

func isControlPlane(n *Node) bool {
	_, is := n.Labels["node-role.kubernetes.io/control-plane"]
	_, was := n.Labels["node-role.kubernetes.io/master"]
	return is || was
}

var repulsion = nist190.Metadata{
	ID: "placement-repulsion", Title: "Nodes of a level that do not keep other workloads away",
	Doc: `Nodes that are labelled for a sensitivity level have no taint that keeps other workloads away.

A node selector holds the workloads of the level on its nodes; it does not hold anything else off. Any pod without a
selector, and that is most of them, may be scheduled there. That takes a taint with effect NoSchedule or NoExecute, which
only the level's own workloads tolerate. PreferNoSchedule is a wish. Under the admission plugin NodeRestriction a kubelet
cannot remove its taints.

Before:

    metadata: {labels: {sensitivity.node-restriction.kubernetes.io/level: restricted}}

After:

    metadata: {labels: {sensitivity.node-restriction.kubernetes.io/level: restricted}}
    spec: {taints: [{key: sensitivity.node-restriction.kubernetes.io/level, value: restricted, effect: NoSchedule}]}`,
	Claims: nist190.Claims("4a", "4b"), Severity: nist190.SeverityHigh,
	Remediation: `Taint the nodes and give the workloads of the level the toleration. Have the kubelet register with the taint, so that no pod
comes first.`,
	Limits: "Nodes of the lowest level are left out: what comes onto them is judged by its own level.",
}

// Repulsion finds nodes of a level that any workload can come to.
func Repulsion() nist190.Check {
	md := repulsion
	md.Risk, md.Since = nist190.MixedSensitivityLevels, "v0.1.0"
	// Workloads and namespaces are classified along with the scheme and do not count here.
	md.Needs = slices.Concat(nodeNeeds(inventory.Either), []inventory.Need{inventory.NeedOf[corev1.Namespace](inventory.SeverityOnly)}, inventory.WorkloadNeeds(inventory.SeverityOnly))
	return nist190.NewCheck(md, checkRepulsion)
}

func checkRepulsion(ctx context.Context, e *nist190.Eval) error {
	levels, err := sensitivity.DeclaredOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	open, closed := map[sensitivity.Level][]*Node{}, map[sensitivity.Level][]*Node{}
	for _, n := range nodesOf(e.Inventory) {
		l := nodeLevel(e.Inventory, levels, n)
		switch {
		case l <= 1:
		case len(n.Taints) == 0:
			open[l] = append(open[l], n)
		default:
			closed[l] = append(closed[l], n)
		}
	}
	for i := range levels.Names() {
		l := sensitivity.Level(i + 1)
		out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Key: levels.Name(l), Severity: severity(levels, l)}
		if len(open[l])+len(closed[l]) == 0 {
			continue
		}
		if nodes := open[l]; len(nodes) > 0 {
			var names []string
			soft := false
			for _, n := range nodes {
				names = append(names, n.String())
				soft = soft || len(n.all) > 0
			}
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("nothing keeps other workloads off %s nodes: %s", levels.Name(l), phrase.Shorten(names))
			if soft {
				out.Message += "; PreferNoSchedule is a wish, and other taints that are there pass"
			}
			for _, n := range few(nodes) {
				out.Evidence = append(out.Evidence, n.evidence())
			}
			out.Remediation = fmt.Sprintf("kubectl taint node %s %s=%s:NoSchedule\n\nand give the workloads of the level the toleration:\n\ntolerations:\n- {key: %s, operator: Equal, value: %s, effect: NoSchedule}\n",
				nodes[0].Name, levels.NodeKey(), levels.Name(l), levels.NodeKey(), levels.Name(l))
		}
		e.Report(out)
	}
	return nil
}

var higherToleration = nist190.Metadata{
	ID: "placement-higher-toleration", Title: "Workload that tolerates the taint of a higher level",
	Doc: `A workload tolerates the taint that keeps the nodes of a higher sensitivity level for that level.

The taint is there to keep it away. It counts whether the nodes were seen or not: a toleration that names a higher level by
its word is one, and so is one that all lasting taints of such a node fall under. Tolerations of everything are
placement-wildcard-toleration's.

Before, of an internal workload:

    tolerations: [{key: sensitivity.node-restriction.kubernetes.io/level, operator: Exists}]

After:

    tolerations: [{key: sensitivity.node-restriction.kubernetes.io/level, value: internal, effect: NoSchedule}]`,
	Claims: nist190.Claims("4b"), Controls: []string{"AC-6", "SC-7"}, Severity: nist190.SeverityHigh, Subjects: inventory.WorkloadKinds(),
	Remediation: "Limit the toleration to the value of the workload's own level.",
	Limits:      "A node selector of the workload can hold it elsewhere all the same; then the toleration is needless.",
}

func checkHigherToleration(e *nist190.Eval, s *Separation) {
	tainted := s.taintedNodes(e.Inventory)
	for _, set := range s.levels() {
		for _, p := range set.placements {
			w := p.Workload
			spec := &w.Template.Spec
			at := inventory.At{Object: w.Object, Path: append(slices.Clone(w.TemplatePath), "spec", "tolerations")}
			out := passing(w)
			if len(spec.Tolerations) == 0 {
				e.Report(out)
				continue
			}
			for i := range spec.Tolerations {
				t := &spec.Tolerations[i]
				if t.Key == "" {
					continue
				}
				level, what := s.tolerated(tainted, t, set.level)
				if level == 0 {
					continue
				}
				out.Status, out.Severity = nist190.Fail, severity(s.Levels, level)
				out.Message = fmt.Sprintf("it is %s and tolerates the taint of %s nodes%s", s.Levels.Name(set.level), s.Levels.Name(level), what)
				out.Evidence = []nist190.Evidence{nist190.Place(at, i).Showing(tolerationText(t))}
				break
			}
			if out.Status == nist190.Fail {
				out.Remediation = fmt.Sprintf("Replace the toleration in %s:\n\ntolerations:\n- {key: %s, operator: Equal, value: %s, effect: NoSchedule}\n", named(w), s.Levels.NodeKey(), s.Levels.Name(set.level))
			}
			e.Report(out)
		}
	}
}

// taintedNode is one of the nodes that have a level and the same taints.
type taintedNode struct {
	*Node
	level sensitivity.Level
}

func (s *Separation) taintedNodes(inv *inventory.Inventory) []taintedNode {
	var out []taintedNode
	seen := map[string]bool{}
	for _, n := range s.Feasibility.nodes {
		l := nodeLevel(inv, s.Levels, n)
		if key := fmt.Sprint(l, n.Taints); len(n.Taints) > 0 && l > 0 && !seen[key] {
			seen[key] = true
			out = append(out, taintedNode{n, l})
		}
	}
	return out
}

// tolerated is the highest level above own whose nodes a toleration opens: by the word that it names, or by nodes whose
// every taint it covers.
func (s *Separation) tolerated(nodes []taintedNode, t *corev1.Toleration, own sensitivity.Level) (level sensitivity.Level, what string) {
	if t.Operator != corev1.TolerationOpExists {
		if l := s.Levels.NodesWith(map[string][]string{t.Key: {t.Value}}); l > own {
			level = l
		}
	} else if top := s.Levels.Names(); s.Levels.NodesWith(map[string][]string{t.Key: {top[len(top)-1]}}) > own {
		level, what = sensitivity.Level(len(top)), ", whatever its value"
	}
	for _, n := range nodes {
		if n.level > own && n.level > level && !slices.ContainsFunc(n.Taints, func(x corev1.Taint) bool { return !tolerates(t, &x, true) }) {
			level, what = n.level, fmt.Sprintf(", such as %s", n)
		}
	}
	return level, what
}

func tolerationText(t *corev1.Toleration) string {
	key := t.Key
	if key == "" {
		key = "every key"
	}
	out := key + "=" + t.Value
	if t.Operator == corev1.TolerationOpExists {
		out = key + " exists"
	}
	if t.Effect != "" {
		out += ":" + string(t.Effect)
	}
	return out
}

var controlPlaneOpen = nist190.Metadata{
	ID: "placement-control-plane", Title: "Control plane nodes that run workloads",
	Doc: `Nodes of the control plane have no taint that keeps workloads away, or a workload tolerates it.

The control plane's node has the keys of the cluster and of etcd: who breaks out of a container there has everything.
kubeadm and kops taint these nodes; k3s does not, and an explicit empty list of taints takes kubeadm's away. DaemonSets
that have no sensitivity level, such as agents that run on every node, are left out.

Before:

    nodeRegistration: {taints: []}

After:

    nodeRegistration: {taints: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]}`,
	Claims: nist190.Claims("4b"), Controls: []string{"SC-2", "SC-3"}, Severity: nist190.SeverityHigh, Subjects: inventory.WorkloadKinds(),
	Remediation: "Taint the nodes node-role.kubernetes.io/control-plane:NoSchedule and remove the toleration from workloads.",
	Limits:      "Where the provider runs the control plane, its nodes are not to be seen, and no workload runs on them.",
}

func checkControlPlaneOpen(e *nist190.Eval, s *Separation) {
	var open, all []*Node
	for _, n := range s.Feasibility.nodes {
		if !isControlPlane(n) {
			continue
		}
		all = append(all, n)
		if len(n.Taints) == 0 {
			open = append(open, n)
		}
	}
	if len(all) == 0 {
		return
	}
	nodes := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Key: "taint"}
	if len(open) > 0 {
		var names []string
		for _, n := range few(open) {
			names = append(names, n.String())
			nodes.Evidence = append(nodes.Evidence, n.evidence())
		}
		nodes.Status = nist190.Fail
		nodes.Message = "nothing keeps workloads off the control plane: " + phrase.Shorten(names)
		if len(all) == len(s.Feasibility.nodes) {
			nodes.Severity = nist190.SeverityLow
			nodes.Message += "; there are no other nodes"
		}
		nodes.Remediation = fmt.Sprintf("kubectl taint node %s node-role.kubernetes.io/control-plane:NoSchedule\n", open[0].Name)
	}
	e.Report(nodes)
	for _, p := range s.Feasibility.placements {
		w := p.Workload
		level := s.Levels.Workload(w.Ref()).Level
		if level == sensitivity.Infra || level == sensitivity.Unclassified && w.Object.GroupKind() == daemonSetKind {
			continue
		}
		out := passing(w)
		for _, n := range all {
			if on := p.On(n); len(n.Taints) > 0 && on == Can {
				out.Status = nist190.Fail
				out.Message = fmt.Sprintf("it can run on the control plane: it tolerates every taint of %s", n)
				out.Evidence = append(whereFrom(w), n.evidence())
				break
			}
		}
		e.Report(out)
	}
}

var levelCapacity = nist190.Metadata{
	ID: "placement-level-capacity", Title: "Level with one node, or workload with none",
	Doc: `All workloads of a sensitivity level can land on one node alone, or a workload can land on none.

Isolation costs availability where a level has too few nodes: its workloads are down with the node, and whoever is on call
will be tempted to lift the rules. A workload that no node takes stays pending, or is moved by somebody in a hurry.

Before:

    kubectl get nodes -l sensitivity.node-restriction.kubernetes.io/level=restricted     # one

After:

    kubectl get nodes -l sensitivity.node-restriction.kubernetes.io/level=restricted     # two or more`,
	Claims: nist190.Claims("4a"), Controls: []string{"CP-2"}, Severity: nist190.SeverityLow, Advisory: true,
	Remediation: "Give the level a second node, or mend the node selector that no node satisfies.",
	Limits:      "Free resources are not counted. A pool counts as more than one node.",
}

func checkLevelCapacity(e *nist190.Eval, s *Separation) {
	if len(s.Feasibility.nodes) == 0 {
		return
	}
	for _, set := range s.levels() {
		out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Key: s.Levels.Name(set.level)}
		var on []*Node
		for _, n := range s.Feasibility.nodes {
			if set.possible.has(n.index) {
				on = append(on, n)
			}
		}
		var none []*inventory.Workload
		for _, p := range set.placements {
			if len(p.classes) > 0 && p.possible.empty() && p.Workload.Replicas != 0 {
				none = append(none, p.Workload)
			}
		}
		switch {
		case len(none) > 0:
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("no node takes %s of level %s: %s", phrase.Count(len(none), "workload"), s.Levels.Name(set.level), phrase.Workloads(none))
			for _, w := range few(none) {
				out.Evidence = append(out.Evidence, whereFrom(w)...)
			}
		case len(on) == 1 && !on[0].Pool && len(s.Feasibility.nodes) > 1:
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("%s workloads can run on %s alone: they are down with it", s.Levels.Name(set.level), on[0])
			out.Evidence = []nist190.Evidence{on[0].evidence()}
		}
		e.Report(out)
	}
}

var nodeUnclassified = nist190.Metadata{
	ID: "placement-node-unclassified", Title: "Nodes that are for no sensitivity level in particular",
	Doc: `Workloads have sensitivity levels, and nodes do not, or some of them do not.

Deployments are isolated to sets of hosts by level, and a host without a level is in no set. A level comes from the node's
label, a rule of the sensitivity scheme, or the role of the control plane. Pools that make nodes count like nodes. Where a
taint names a level its nodes have one, even without the label.

Before:

    metadata: {labels: {pool: general}}

After:

    metadata: {labels: {sensitivity.node-restriction.kubernetes.io/level: internal}}`,
	Claims: nist190.Claims("4a"), Controls: []string{"CM-8", "RA-2"}, Severity: nist190.SeverityMedium,
	Remediation: "Label the nodes with the level that they are for; have the pools that make them do so.",
	Limits:      "Clusters whose workloads are of one level, or have none, are left out.",
}

func checkNodeUnclassified(e *nist190.Eval, s *Separation) {
	if len(s.byLevel) < 2 || len(s.Feasibility.nodes) == 0 {
		return
	}
	var without []*Node
	for _, n := range s.Feasibility.nodes {
		if nodeLevel(e.Inventory, s.Levels, n) == sensitivity.Unclassified && !s.taintedFor(n) && !n.OwnKernels {
			without = append(without, n)
		}
	}
	out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster}
	if len(without) > 0 {
		var names []string
		for _, n := range without {
			names = append(names, n.String())
		}
		out.Status = nist190.Fail
		out.Message = fmt.Sprintf("%s are for no sensitivity level in particular: %s", s.countNodes(len(without)), phrase.Shorten(names))
		for _, n := range few(without) {
			out.Evidence = append(out.Evidence, n.evidence())
		}
		out.Remediation = fmt.Sprintf("kubectl label node %s %s=LEVEL\n\nwith one of %s.\n", without[0].Name, s.Levels.NodeKey(), strings.Join(s.Levels.Names(), ", "))
	}
	e.Report(out)
}

// taintedFor: a taint that names a level keeps the node for it.
func (s *Separation) taintedFor(n *Node) bool {
	return slices.ContainsFunc(n.Taints, func(t corev1.Taint) bool { return s.Levels.NodesWith(map[string][]string{t.Key: {t.Value}}) > 0 })
}
