package placement

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/nodelabel"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var labelProtection = nist190.Metadata{
	ID: "placement-label-protection", Title: "Isolation by a label that a kubelet can give its own node",
	Doc: `Workloads are held on nodes of their level by a label that any kubelet can set on its own node.

Who takes over one node makes it look like a node of the restricted level, and restricted pods come to it by themselves,
with their Secrets (KEP-279). The admission plugin NodeRestriction keeps kubelets from setting labels below
node-restriction.kubernetes.io, and labels of kubernetes.io and k8s.io other than a few of their own (host name, zone,
region, instance type, operating system, architecture, and those below node.kubernetes.io and kubelet.kubernetes.io). Every
other key is theirs to set. Without the plugin all are, and taints as well.

Before:

    nodeSelector: {pool: vault}

After:

    nodeSelector: {sensitivity.node-restriction.kubernetes.io/level: restricted}`,
	Claims: nist190.Claims("4a", "4b", "5d"), Controls: []string{"AC-3", "SC-7"}, Severity: nist190.SeverityHigh,
	Remediation: `Label the nodes with a key below node-restriction.kubernetes.io, and select by it. Run the API server with the admission
plugin NodeRestriction and the Node authorizer.`,
	Limits: "Only workloads with a level, and labels that give nodes one, are looked at.",
}

// LabelProtection finds labels of node levels that kubelets can forge.
func LabelProtection() nist190.Check {
	md := labelProtection
	md.Risk, md.Since = nist190.MixedSensitivityLevels, "v0.1.0"
	md.Needs = inventory.JoinNeeds(sensitivity.Needs(), inventory.WorkloadNeeds(inventory.Incriminating), ControlPlaneNeeds())
	return nist190.NewCheck(md, checkLabelProtection)
}

func checkLabelProtection(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	levels, err := sensitivity.LevelsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	plane, err := planeOf.Get(ctx, e.Inventory)
	if err != nil {
		return err
	}
	restriction := plane.NodeRestriction
	byKey := map[string][]*inventory.Workload{}
	for _, w := range workloads {
		if level := levels.Workload(w.Ref()).Level; level > 0 {
			for _, key := range heldBy(levels, &w.Template.Spec, level) {
				byKey[key] = append(byKey[key], w)
			}
		}
	}
	for _, key := range sortedKeys(byKey) {
		ws := byKey[key]
		out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Key: key, Evidence: evidenceOf(ws)}
		what := fmt.Sprintf("%s held on nodes of their level by the label %q", phrase.Count(len(ws), "workload"), key)
		if len(ws) == 1 {
			what = fmt.Sprintf("%s is held on nodes of its level by the label %q", named(ws[0]), key)
		} else {
			what = strings.Replace(what, " held", " are held", 1) + " (" + phrase.Workloads(ws) + ")"
		}
		switch {
		case nodelabel.KubeletMaySet(key):
			out.Status = nist190.Fail
			out.Message = what + ", which every kubelet can set on its own node"
			out.Remediation = "Label the nodes and select by a key that kubelets cannot set:\n\nkubectl label node NODE sensitivity.node-restriction.kubernetes.io/level=LEVEL\n"
		case restriction == Off:
			out.Status = nist190.Fail
			plane.rests(&out)
			out.Message = what + "; without the admission plugin NodeRestriction every kubelet can set it on any node"
		case restriction == Unsaid:
			out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
			out.Message = what + "; kubelets cannot set it where the admission plugin NodeRestriction is on, which cannot be seen"
			out.Remediation = "Show the configuration of the API server, or attest that NodeRestriction is on."
		default:
			plane.rests(&out)
		}
		e.Report(out)
	}
	return nil
}

// heldBy are the labels that hold a pod on nodes of its level, of each alternative one: a protected one if there is any.
func heldBy(levels *sensitivity.Levels, spec *corev1.PodSpec, level sensitivity.Level) []string {
	var out []string
	for _, a := range alternatives(specWays(spec)) {
		key := ""
		for _, k := range sortedKeys(a.values) {
			if levels.NodesWith(map[string][]string{k: a.values[k]}) == level && (key == "" || nodelabel.KubeletMaySet(key) && !nodelabel.KubeletMaySet(k)) {
				key = k
			}
		}
		if key != "" && !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	return out
}
