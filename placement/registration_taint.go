package placement

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var registrationTaint = nist190.Metadata{
	ID: "placement-registration-taint", Title: "Nodes of a level that join the cluster without their taint",
	Doc: `Nodes of a sensitivity level carry a taint that keeps other workloads away, and their kubelets do not register with it:
somebody, or a controller, adds it later.

A node is open from the moment that it is ready. In between the scheduler may put any pod there, and a NoSchedule taint does
not make it leave again. The label of the level cannot come from the kubelet (NodeRestriction), so its own pods come later:
the taint has to be there first.

Before:

    kubectl taint node node-4 sensitivity.node-restriction.kubernetes.io/level=restricted:NoSchedule      # once it has joined

After:

    registerWithTaints:                                      # of the kubelet, or of the node group that makes it
    - {key: sensitivity.node-restriction.kubernetes.io/level, value: restricted, effect: NoSchedule}`,
	Claims: nist190.Claims("4b"), Controls: []string{"CM-6", "SC-7"}, Severity: nist190.SeverityLow, Advisory: true,
	Risk: nist190.MixedSensitivityLevels, Since: "v0.1.0",
	Remediation: `Set registerWithTaints of the kubelets, by kubeadm's nodeRegistration.taints or the taints of the node group; for labels too, that
a controller sets, register with a taint that the controller takes away.`,
	Limits: "Nodes without a lasting taint are placement-repulsion's to report. Pools of nodes to come have the taints that they are made with.",
}

// RegistrationTaint finds nodes that are open until somebody taints them.
func RegistrationTaint() nist190.Check {
	md := registrationTaint
	md.Needs = inventory.JoinNeeds(slices.Concat(nodeNeeds(inventory.Either), []inventory.Need{inventory.NeedOf[corev1.Namespace](inventory.SeverityOnly)}, inventory.WorkloadNeeds(inventory.SeverityOnly)), ControlPlaneNeeds())
	return nist190.NewCheck(md, checkRegistrationTaint)
}

func checkRegistrationTaint(ctx context.Context, e *nist190.Eval) error {
	levels, err := sensitivity.DeclaredOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	view, err := controlplane.Of(ctx, e.Inventory)
	if err != nil {
		return err
	}
	byLevel := map[sensitivity.Level][]*Node{}
	for _, n := range nodesOf(e.Inventory) {
		if l := nodeLevel(e.Inventory, levels, n); l > 1 && !n.Pool && len(n.Taints) > 0 {
			byLevel[l] = append(byLevel[l], n)
		}
	}
	for i := range levels.Names() {
		if l := sensitivity.Level(i + 1); len(byLevel[l]) > 0 {
			e.Report(judgeRegistration(view, levels, l, byLevel[l]))
		}
	}
	return nil
}

func judgeRegistration(view *controlplane.View, levels *sensitivity.Levels, l sensitivity.Level, nodes []*Node) nist190.Outcome {
	out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Key: levels.Name(l)}
	var late []string
	var unsure *controlplane.Basis
	described := view.Replicas(process.Kubelet)
	for _, n := range nodes {
		v := view.Kubelet(n.Name).RegisterWithTaints()
		switch {
		case !v.OK():
			if unsure == nil {
				unsure = &v.Basis
			}
		case len(lasting(v.Value)) == 0 && v.Known != controlplane.Explicit && !slices.Contains(described, n.Name):
			// What is known of all nodes together leaves open how each of them was joined.
			if unsure == nil {
				unsure = &controlplane.Basis{Reason: "nothing describes how " + n.String() + " joined", Wanted: []string{"its JoinConfiguration", "/configz of its kubelet"}}
			}
		case len(lasting(v.Value)) == 0:
			late = append(late, n.String())
			if len(late) <= maxEvidence {
				out.Evidence = append(out.Evidence, n.evidence())
			}
			judge.Rest(&out, v.Basis)
		default:
			judge.Rest(&out, v.Basis)
		}
	}
	switch {
	case len(late) > 0:
		out.Status = nist190.Fail
		out.Message = fmt.Sprintf("%s nodes register without a taint and are open until somebody adds it: %s", levels.Name(l), phrase.Shorten(late))
	case unsure != nil:
		na := judge.NotAssessed(out.Subject, out.Key, *unsure)
		na.Message = "whether " + levels.Name(l) + " nodes register with their taint is not known: " + na.Message
		return na
	}
	return out
}
