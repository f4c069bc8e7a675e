package nodetrust

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var controlPlaneQuorum = nist190.Metadata{
	ID: "nodetrust-control-plane-quorum", Title: "Control plane that does not survive the loss of one node",
	Doc: `etcd has fewer than three members, or an even number of them, or there is one API server.

etcd needs more than half of its members: of one none may be lost, of two none either, of three one. A node of the control
plane that is not trusted any more can be taken out only where the others go on. Members are the static pods of etcd by the
node that they run on, else what a KubeadmControlPlane asks for, else what etcd was started with. Where a vendor runs the
control plane, what the vendor documents counts as the vendor's word.

Before:

    kind: KubeadmControlPlane
    spec: {replicas: 1}

After:

    spec: {replicas: 3}`,
	Claims: []nist190.Claim{{Sentence: "5e", Conclusive: true}}, Controls: []string{"CP-9", "CP-10", "SC-36"}, Severity: nist190.SeverityHigh,
	Remediation: "Run three or five nodes of the control plane, in different zones, each with a member of etcd and an API server behind one address.",
	Limits:      "Whether members are healthy. An external etcd is known by its flags alone.",
}

var kubeadmControlPlane = schema.GroupKind{Group: "controlplane.cluster.x-k8s.io", Kind: "KubeadmControlPlane"}

// ControlPlaneQuorum finds control planes of one node.
func ControlPlaneQuorum() nist190.Check {
	md := controlPlaneQuorum
	md.Risk, md.Since = nist190.NodeTrust, "v0.1.0"
	md.Needs = inventory.JoinNeeds(inventory.WorkloadNeeds(inventory.Either), []inventory.Need{
		{Group: kubeadmControlPlane.Group, Kind: kubeadmControlPlane.Kind, Resource: "kubeadmcontrolplanes"},
	}, controlplane.Needs())
	return nist190.NewCheck(md, checkControlPlaneQuorum)
}

func checkControlPlaneQuorum(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	seen := false
	for o := range e.Inventory.ByKind(kubeadmControlPlane) {
		seen = true
		spec, _ := o.Unstructured().Object["spec"].(map[string]any)
		replicas := int64(1) // the default
		if n, ok := spec["replicas"].(int64); ok {
			replicas = n
		}
		e.Report(quorum(o.Ref(), int(replicas), "it asks for", nist190.At(o, "spec", "replicas")))
	}
	programs := map[string]map[string][]nist190.Evidence{}
	for _, w := range workloads {
		if _, ok := controlPlane(w); !ok {
			continue
		}
		for _, c := range w.Template.Spec.Containers {
			for _, program := range []string{"etcd", "kube-apiserver"} {
				if node := w.Template.Spec.NodeName; runs(c, program) && node != "" {
					if programs[program] == nil {
						programs[program] = map[string][]nist190.Evidence{}
					}
					programs[program][node] = append(programs[program][node], nist190.At(w.Object, "spec", "nodeName").Showing(node))
				}
			}
		}
	}
	if etcd := programs["etcd"]; len(etcd) > 0 {
		seen = true
		out := quorum(inventory.Cluster, len(etcd), "the control plane has", nist190.Evidence{})
		out.Key, out.Evidence = "etcd", nil
		for _, node := range sortedKeys(etcd) {
			out.Evidence = append(out.Evidence, etcd[node]...)
		}
		e.Report(out)
	}
	if servers := programs["kube-apiserver"]; len(servers) > 0 {
		seen = true
		out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Key: "kube-apiserver"}
		for _, node := range sortedKeys(servers) {
			out.Evidence = append(out.Evidence, servers[node]...)
		}
		if len(servers) == 1 {
			out.Status, out.Message = nist190.Fail, fmt.Sprintf("one node, %q, runs an API server", sortedKeys(servers)[0])
		}
		e.Report(out)
	}
	if seen {
		return nil
	}
	view, err := controlplane.Of(ctx, e.Inventory)
	if err != nil {
		return err
	}
	m, managed := view.Managed()
	if a, ok := m.Asserted(cloud.QuorumSurvives); ok {
		e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Key: "etcd", Strength: inventory.VendorAsserted, Message: a.Statement})
		return nil
	}
	if members := view.Etcd().Members(); members.OK() && len(members.Value) > 1 {
		out := quorum(inventory.Cluster, len(members.Value), "etcd was started with", nist190.Evidence{})
		out.Key, out.Evidence = "etcd", nil
		if len(members.Places) > 0 && members.Places[0].Object != nil {
			out.Evidence = []nist190.Evidence{nist190.At(members.Places[0].Object, members.Places[0].Path...)}
		}
		out.Strength = members.Strength
		e.Report(out)
		return nil
	}
	message := "nothing tells how many nodes the control plane has"
	if managed {
		message = fmt.Sprintf("the control plane is that of %s; a description of the cluster would tell whether it spans zones", m.Vendor)
	}
	e.Report(nist190.Outcome{Status: nist190.NotAssessed, Subject: inventory.Cluster, Key: "etcd", Reason: nist190.ReasonUnknown, Message: message})
	return nil
}

// quorum judges a number of members.
func quorum(subject inventory.Ref, n int, prefix string, at nist190.Evidence) nist190.Outcome {
	out := nist190.Outcome{Status: nist190.Pass, Subject: subject, Evidence: []nist190.Evidence{at}}
	switch {
	case n < 3:
		out.Status = nist190.Fail
		out.Message = fmt.Sprintf("%s %s of etcd, of which none may be lost", prefix, phrase.Count(n, "member"))
	case n%2 == 0:
		out.Status, out.Severity = nist190.Fail, nist190.SeverityLow
		out.Message = fmt.Sprintf("%s %d members of etcd, of which no more may be lost than of %d", prefix, n, n-1)
	}
	return out
}
