package nodetrust

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var nodeIdentity = nist190.Metadata{
	ID: "nodetrust-node-identity", Title: "Nodes that share an identity",
	Doc: `Two nodes have the same machine ID, hardware UUID, provider ID or internal address, or a node of a cloud does not say which
machine it is.

A node must be one and the same throughout its life. Machines that were cloned from an image with an /etc/machine-id share
it, and with it addresses by DHCP, names in logs and licences; two nodes with one provider ID are one machine that joined
twice, or an impostor. Empty and zero values say nothing and do not count. Containers of kind, k3d and minikube share the IDs
of their machine.

Before:

    node-1: {nodeInfo: {machineID: 4c4c4544004a3510}}
    node-2: {nodeInfo: {machineID: 4c4c4544004a3510}}

After: an image without machine-id, so that systemd makes one at the first boot.`,
	Claims: []nist190.Claim{{Sentence: "5b", Conclusive: true}, {Sentence: "5c"}}, Controls: []string{"IA-3", "IA-4", "CM-8"}, Severity: nist190.SeverityHigh,
	Remediation: `Remove one of the nodes from the cluster and let it join anew: empty /etc/machine-id in the image (systemd-firstboot makes
one), give each virtual machine a UUID of its own, and run the cloud controller manager, which sets spec.providerID.`,
	Limits: "That a name stood for another machine before takes two snapshots to see. A UUID is what the firmware reports.",
}

// NodeIdentity finds nodes that cannot be told apart.
func NodeIdentity() nist190.Check {
	md := nodeIdentity
	md.Risk, md.Since, md.Subjects = nist190.NodeTrust, "v0.1.0", []schema.GroupKind{nodeKind}
	md.Needs = []inventory.Need{inventory.NeedOf[corev1.Node](inventory.Incriminating)}
	return nist190.NewCheck(md, checkNodeIdentity)
}

func checkNodeIdentity(_ context.Context, e *nist190.Eval) error {
	n := &Nodes{}
	clouds := map[string]int{}
	for o, x := range inventory.Typed[corev1.Node](e.Inventory) {
		n.all = append(n.all, newRecord(o, x))
		clouds[cloudOf(x.Spec.ProviderID)]++
	}
	failing := map[*NodeRecord]bool{}
	for _, d := range n.Duplicates() {
		first := d.Nodes[0]
		var names []string
		out := nist190.Outcome{Status: nist190.Fail, Subject: first.Object.Ref(), Key: d.What, Severity: nist190.SeverityHigh}
		for _, r := range d.Nodes {
			failing[r] = true
			if r != first {
				names = append(names, fmt.Sprintf("%q", r.Name))
			}
			if len(out.Evidence) < maxEvidence {
				out.Evidence = append(out.Evidence, nist190.At(r.Object, d.Path...).Showing(d.Value))
			}
		}
		out.Message = fmt.Sprintf("its %s %q is also that of %s", d.What, d.Value, phrase.Shorten(names))
		if !slices.ContainsFunc(d.Nodes, func(r *NodeRecord) bool { return !r.inContainers() }) {
			out.Severity = nist190.SeverityLow
			out.Message += "; they are containers of one machine"
		}
		e.Report(out)
	}
	for _, r := range n.all {
		at := nist190.At(r.Object, "spec", "providerID")
		id := r.Node.Spec.ProviderID
		i := &r.Node.Status.NodeInfo
		switch {
		case id == "" && len(clouds) > 1 && r.Ready != "":
			most := ""
			for _, c := range sortedKeys(clouds) {
				if c != "" && (most == "" || clouds[c] > clouds[most]) {
					most = c
				}
			}
			e.Report(nist190.Outcome{Status: nist190.Fail, Subject: r.Object.Ref(), Key: "providerID", Severity: nist190.SeverityMedium, Evidence: []nist190.Evidence{at},
				Message: fmt.Sprintf("it has no spec.providerID while other nodes are machines of %q: nothing ties it to one", most)})
		case failing[r]:
		case id == "" && i.SystemUUID == "" && i.MachineID == "":
			e.NotAssessed(r.Object.Ref(), nist190.ReasonUnknown, "it says neither spec.providerID nor status.nodeInfo: it was not read from a cluster", nist190.At(r.Object))
		default:
			e.Pass(r.Object.Ref(), at)
		}
	}
	return nil
}
