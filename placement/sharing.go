package placement

import (
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

// sharingChecks are the answers to three questions that are not merged: do levels share a node, can they, and can they
// only on other nodes than today's. What an author could do is placement-enforcement.
func sharingChecks() []nist190.Check {
	// Nodes and classes that were not seen could give pods a machine of their own.
	machines := append(nodeNeeds(0), inventory.NeedOf[nodev1.RuntimeClass](0))
	return []nist190.Check{
		onLevels(observedSharing, biased(SeparationNeeds(), inventory.Exonerating, machines), checkObservedSharing),
		onLevels(possibleSharing, SeparationNeeds(), checkPossibleSharing),
		onLevels(todayOnly, biased(SeparationNeeds(), inventory.Exonerating, nodeNeeds(0)), checkTodayOnly),
	}
}

var observedSharing = nist190.Metadata{
	ID: "placement-observed-sharing", Title: "Node that runs pods of several sensitivity levels",
	Doc: `Pods of two sensitivity levels run on one node at this moment.

Containers share the kernel of their host: who breaks out of a public one has the data of the restricted one beside it.
SP 800-190 asks that a host runs containers of one level. Only pods that exist count, by the node that they are bound to.
Infrastructure runs beside every level. Nodes that give every pod a virtual machine (AWS Fargate, virtual kubelets) are
left out, as are pods whose RuntimeClass does.

Before:

    node-1: shop-web/storefront-1 (public), shop-payments/card-vault-0 (restricted)

After:

    node-1: shop-web/storefront-1 (public)
    node-3: shop-payments/card-vault-0 (restricted)`,
	Claims: nist190.Claims("4a", "4b", "4e"), Controls: []string{"SC-4", "SC-7", "SC-39"}, Severity: nist190.SeverityHigh,
	Remediation: `Hold the workloads of each level on nodes of their own (placement-attraction, placement-repulsion), then delete the pods that
are where they should not be: their controllers make new ones elsewhere.`,
	Limits: `What an earlier pod left on the node, such as images and files in host paths, is not seen. That a virtual machine
stands behind a RuntimeClass is read off the name of its handler.`,
}

func checkObservedSharing(e *nist190.Eval, s *Separation) {
	type tenant struct {
		w   *inventory.Workload
		pod *inventory.Object
	}
	byNode := map[string]map[sensitivity.Level]tenant{}
	for _, set := range s.levels() {
		for _, p := range set.placements {
			if p.ownKernel {
				continue
			}
			for _, x := range p.Workload.Pods {
				if x.Pod.Spec.NodeName == "" || inventory.Terminal(x.Pod) {
					continue
				}
				if n := s.Feasibility.Node(x.Pod.Spec.NodeName); n != nil && n.OwnKernels {
					continue
				}
				on := byNode[x.Pod.Spec.NodeName]
				if on == nil {
					on = map[sensitivity.Level]tenant{}
					byNode[x.Pod.Spec.NodeName] = on
				}
				if _, ok := on[set.level]; !ok {
					on[set.level] = tenant{p.Workload, x.Object}
				}
			}
		}
	}
	nodes := sortedKeys(byNode)
	any := s.pairs(func(high, low sensitivity.Level) {
		out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Key: s.pairKey(high, low), Severity: severity(s.Levels, high)}
		var shared []string
		for _, n := range nodes {
			hi, ok := byNode[n][high]
			lo, ok2 := byNode[n][low]
			if !ok || !ok2 {
				continue
			}
			if len(shared) == 0 {
				out.Status = nist190.Fail
				out.Message = fmt.Sprintf("pods of %s and %s workloads run on one node: %q of %s and %q of %s on node %q", s.Levels.Name(high), s.Levels.Name(low),
					hi.pod.Name(), named(hi.w), lo.pod.Name(), named(lo.w), n)
				out.Evidence = []nist190.Evidence{nist190.At(hi.pod, "spec", "nodeName").Showing(n), nist190.At(lo.pod, "spec", "nodeName").Showing(n)}
			}
			shared = append(shared, n)
		}
		if len(shared) > 1 {
			out.Message += ", and on " + phrase.Count(len(shared)-1, "more node")
		}
		e.Report(out)
	})
	if !any && len(s.unclassified) == 0 {
		e.NotApplicable(inventory.Cluster, "no two sensitivity levels have workloads")
	}
	s.reportUnclassified(e)
}

var possibleSharing = nist190.Metadata{
	ID: "placement-possible-sharing", Title: "Nodes that workloads of several sensitivity levels can share",
	Doc: `Two workloads of different sensitivity levels can be scheduled to one node.

Every workload is tried on every node, as the scheduler and the kubelet decide: node name, selector, required affinity,
taints, volumes, topology keys, the node selector of RuntimeClass and what admission is known to add. Preferences, free
resources and other pods are left out, since they can only refuse more: where two levels cannot share a node by this, that
is proved for the nodes that there are. Taints and cordons that pass do not count. Pools that make nodes (Karpenter,
Cluster API, eksctl, kops) count like nodes. Each failure is one pair of levels, with a pair of workloads and a node.

Before:

    spec: {containers: [...]}                                            # of a public and of a restricted workload

After:

    nodeSelector: {sensitivity.node-restriction.kubernetes.io/level: restricted}
    tolerations: [{key: sensitivity.node-restriction.kubernetes.io/level, value: restricted, effect: NoSchedule}]`,
	Claims: []nist190.Claim{
		{Sentence: "4a", Conclusive: true}, {Sentence: "4b", Conclusive: true}, {Sentence: "4c"}, {Sentence: "4e", Conclusive: true},
	},
	Controls: []string{"AC-4", "SC-7", "SC-39"}, Severity: nist190.SeverityHigh,
	Remediation: `Label and taint nodes for each level, and give its workloads the node selector and the toleration.`,
	Limits: `Infrastructure is left out. What a pod's author could write instead is placement-enforcement; what holds on other nodes than
today's placement-today-only. Workloads that a mutating webhook may change are not assessed, unless pods that run show that
it does not.`,
}

func checkPossibleSharing(e *nist190.Eval, s *Separation) {
	any := s.pairs(func(high, low sensitivity.Level) {
		out := nist190.Outcome{Subject: inventory.Cluster, Key: s.pairKey(high, low), Severity: severity(s.Levels, high)}
		hi, lo := s.Levels.Name(high), s.Levels.Name(low)
		m, answer := s.Meet(high, low)
		if m.Node != nil {
			out.Evidence = slices.Concat(whereFrom(m.High.Workload), whereFrom(m.Low.Workload), []nist190.Evidence{m.Node.evidence()})
			out.Remediation = remedy(s.Levels, high)
		}
		switch answer {
		case Can:
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("%s and %s workloads can share %s: %s and %s on %s", hi, lo, s.countNodes(m.Nodes), named(m.High.Workload), named(m.Low.Workload), m.Node)
			if m.Sandboxed {
				out.Severity = nist190.SeverityLow
				out.Message += ", of which one has a machine of its own by the name of its runtime"
			}
		case Undetermined:
			out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
			out.Message = fmt.Sprintf("whether %s and %s workloads can share a node is not known: of %s and %s on %s, %s", hi, lo, named(m.High.Workload), named(m.Low.Workload), m.Node,
				strings.Join(doubtsOn(m), ", "))
		default:
			out.Status = nist190.Pass
		}
		e.Report(out)
	})
	if !any && len(s.unclassified) == 0 {
		e.NotApplicable(inventory.Cluster, "no two sensitivity levels have workloads")
	}
	s.reportUnclassified(e)
}

// doubtsOn tells why it is not known whether two workloads meet.
func doubtsOn(m Meeting) []string {
	var out []string
	if m.Node.openLabels {
		out = append(out, reasonPool)
	}
	for _, p := range []*Placement{m.High, m.Low} {
		if p.On(m.Node) != Undetermined {
			continue
		}
		for _, d := range p.Doubts {
			if !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
	}
	if len(out) == 0 {
		out = append(out, "what admission adds to their pods is not known")
	}
	return out
}

// countNodes is "3 of 5 nodes"; pools are counted with them.
func (s *Separation) countNodes(n int) string {
	what := "nodes"
	if slices.ContainsFunc(s.Feasibility.nodes, func(n *Node) bool { return n.Pool }) {
		what = "nodes and pools"
	}
	return fmt.Sprintf("%d of %d %s", n, len(s.Feasibility.nodes), what)
}

var todayOnly = nist190.Metadata{
	ID: "placement-today-only", Title: "Levels that only today's nodes keep apart",
	Doc: `Workloads of two sensitivity levels cannot share any of the nodes that there are, but nothing that they ask of nodes excludes
one another: on a node without the taint, or with other labels, both would run.

Where node selectors and required affinities of every pair of workloads contradict one another, no node that anybody adds
can hold both. That is proved from the requirements alone, and so for manifests without nodes as well. A cluster whose
workloads are all of one level passes too: it is a cluster for that level. Taints prove nothing here: they are a property of
nodes, and an autoscaler or a colleague adds nodes that lack them.

Before:

    tolerations: [{key: sensitivity, value: restricted, effect: NoSchedule}]     # admits, and holds nobody

After:

    nodeSelector: {sensitivity.node-restriction.kubernetes.io/level: restricted}`,
	Claims: []nist190.Claim{{Sentence: "4b"}, {Sentence: "4c", Conclusive: true}}, Severity: nist190.SeverityMedium,
	Remediation: `Give the workloads of both levels a node selector for the label of node levels, each with its own level.`,
	Limits: `Levels that can share a node today are placement-possible-sharing's to report. Without nodes, levels that only taints
could keep apart are not assessed.`,
}

func checkTodayOnly(e *nist190.Eval, s *Separation) {
	any := s.pairs(func(high, low sensitivity.Level) {
		out := nist190.Outcome{Subject: inventory.Cluster, Key: s.pairKey(high, low), Severity: nist190.SeverityMedium}
		a, b, apart := s.Apart(high, low)
		if apart {
			out.Status = nist190.Pass
			e.Report(out)
			return
		}
		out.Evidence = slices.Concat(whereFrom(a.Workload), whereFrom(b.Workload))
		nodes := len(s.Feasibility.nodes)
		_, answer := s.Meet(high, low)
		switch {
		case nodes == 0:
			need := inventory.NeedOf[corev1.Node](inventory.Either)
			c := e.Inventory.Coverage(need.GroupKind(), "")
			out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonMissingEvidence
			out.Missing = []nist190.Missing{{Evidence: need.String(), State: c.State, Reason: c.Reason}}
			out.Message = fmt.Sprintf("nothing that %s and %s ask of nodes keeps %s and %s workloads apart, and the nodes' taints were not seen", named(a.Workload), named(b.Workload), s.Levels.Name(high), s.Levels.Name(low))
		case answer != Cannot:
			return // placement-possible-sharing says so
		default:
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("only the %d nodes of today keep %s and %s workloads apart: nothing that %s and %s ask of a node contradicts", nodes, s.Levels.Name(high), s.Levels.Name(low), named(a.Workload), named(b.Workload))
			out.Remediation = remedy(s.Levels, high)
		}
		e.Report(out)
	})
	if all := s.levels(); !any && len(s.unclassified) == 0 {
		// A cluster for one level alone is what sentence 4c asks for where hosts are not pinned.
		if len(all) == 1 {
			one := []*inventory.Workload{all[0].placements[0].Workload}
			e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Key: "dedicated", Evidence: evidenceOf(one)})
		} else {
			e.NotApplicable(inventory.Cluster, "no workload has a sensitivity level")
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
