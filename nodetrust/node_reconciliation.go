package nodetrust

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
)

var nodeReconciliation = nist190.Metadata{
	ID: "nodetrust-node-reconciliation", Title: "Inventories of nodes that disagree",
	Doc: `A lease, a CSINode, a Machine of Cluster API or a NodeClaim of Karpenter speaks of a node that is not there, or a node is
there that none of those who make nodes knows.

Several parties keep a list of nodes. Where they disagree, the inventory is not accurate: a machine that runs and is no node,
a node that nobody made, or leftovers. Machines and claims are compared where the cluster has any of their kind: nodes of
the control plane may be made otherwise. Each side is matched by the name of the node, else by the provider ID.

Before:

    kind: NodeClaim
    status: {nodeName: ip-10-0-1-7}     # no such Node

After: the claim is deleted, and with it its instance.`,
	Claims: []nist190.Claim{{Sentence: "5c", Conclusive: true}, {Sentence: "5a"}, {Sentence: "5b"}}, Controls: []string{"CM-8", "CM-8(1)", "CM-8(3)"}, Severity: nist190.SeverityMedium,
	Remediation: "Find out which side is right. Delete leftovers; cordon and drain a node that nobody made until it is known where it came from.",
	Limits:      "Instances of the cloud that are in none of these lists. Virtual nodes have no CSINode.",
}

// NodeReconciliation finds nodes and what speaks of them that do not match.
func NodeReconciliation() nist190.Check {
	md := nodeReconciliation
	md.Risk, md.Since = nist190.NodeTrust, "v0.1.0"
	md.Subjects, md.Needs = []schema.GroupKind{nodeKind}, NodesNeeds()
	return nist190.NewCheck(md, checkNodeReconciliation)
}

func checkNodeReconciliation(ctx context.Context, e *nist190.Eval) error {
	n, err := NodesOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	leases, plugins := 0, 0
	for r := range n.All() {
		if r.Lease {
			leases++
		}
		if r.CSINode {
			plugins++
		}
	}
	for _, o := range n.Orphans {
		kind := o.Object.Ref().Kind
		out := nist190.Outcome{Status: nist190.Fail, Subject: o.Object.Ref(), Evidence: []nist190.Evidence{nist190.At(o.Object)}, Severity: nist190.SeverityLow}
		switch {
		case kind == "Lease" || kind == "CSINode":
			out.Message = fmt.Sprintf("node %q, of which it speaks, is not there", o.Node)
		case o.Node != "":
			out.Severity = nist190.SeverityMedium
			out.Message = fmt.Sprintf("node %q, which it says it is, is not there: its machine may still run", o.Node)
		default:
			continue // on its way to become a node
		}
		e.Report(out)
	}
	for r := range n.All() {
		out := nist190.Outcome{Status: nist190.Pass, Subject: r.Object.Ref(), Evidence: []nist190.Evidence{nist190.At(r.Object)}}
		switch {
		case len(n.Machines) > 0 && r.Machine == "" && !r.ControlPlane:
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("no %s made it, while others of the cluster have one", sortedKeys(n.Machines)[0])
			out.Key = "machine"
		case leases > 0 && !r.Lease:
			out.Status, out.Key = nist190.Fail, "lease"
			out.Message = fmt.Sprintf("it has no lease in %q, which every kubelet renews", coordinationNamespace)
		case plugins > 0 && !r.CSINode && r.Node.Status.NodeInfo.KubeletVersion != "" && r.Object.Labels()["type"] != "virtual-kubelet":
			out.Status, out.Key, out.Severity = nist190.Fail, "csinode", nist190.SeverityLow
			out.Message = "it has no CSINode, which every kubelet makes when it registers"
		}
		e.Report(out)
	}
	return nil
}

const coordinationNamespace = "kube-node-lease"
