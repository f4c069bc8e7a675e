package placement

import (
	"context"
	"fmt"
	"slices"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var defaultNodes = nist190.Metadata{
	ID: "placement-default-nodes", Title: "New namespaces whose pods may run on any level's nodes",
	Doc: `Nothing holds the pods of a namespace that nobody has classified yet.

A namespace comes into being without a sensitivity level, and until somebody labels and annotates it its authors may write
any node selector and tolerate any taint. Safe by default is admission that sends such pods to nodes for them: the default of
the plugin PodNodeSelector (clusterDefaultNodeSelector), or of OpenShift (defaultNodeSelector of its Scheduler), which the
namespaces with a level override.

Before:

    --enable-admission-plugins=PodNodeSelector

After:

    kind: AdmissionConfiguration
    plugins:
    - name: PodNodeSelector
      configuration:
        podNodeSelectorPluginConfig: {clusterDefaultNodeSelector: "sensitivity.node-restriction.kubernetes.io/level=public"}`,
	Claims: nist190.Claims("4a", "5h"), Controls: []string{"CM-7", "AC-3(3)"}, Severity: nist190.SeverityLow,
	Risk: nist190.MixedSensitivityLevels, Since: "v0.1.0",
	Remediation: `Give the admission plugin PodNodeSelector a clusterDefaultNodeSelector for nodes of the lowest level, and annotate namespaces of
infrastructure with an empty scheduler.alpha.kubernetes.io/node-selector, which takes it away; or refuse pods of namespaces without
a level by a policy.`,
	Limits: `Policies of admission that speak of where pods run are recognised and not evaluated. Namespaces that exist and have no level are
placement-unclassified's to report.`,
}

// DefaultNodes finds out where pods of a namespace without a level are sent.
func DefaultNodes() nist190.Check {
	md := defaultNodes
	md.Needs = enforcementNeeds()
	return nist190.NewCheck(md, checkDefaultNodes)
}

func checkDefaultNodes(ctx context.Context, e *nist190.Eval) error {
	plane, err := planeOf.Get(ctx, e.Inventory)
	if err != nil {
		return err
	}
	levels := map[sensitivity.Level]bool{}
	var scheme *sensitivity.Levels
	if err := eachOfLevel(ctx, e, func(_ *inventory.Workload, l sensitivity.Level, all *sensitivity.Levels) {
		levels[l], scheme = true, all
	}); err != nil {
		return err
	}
	if len(levels) < 2 {
		e.NotApplicable(inventory.Cluster, "no two sensitivity levels have workloads")
		return nil
	}
	out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster}
	on := plane.PodNodeSelector
	if plane.OpenShiftNodeSelector == On {
		on = On
	}
	policies := selectorPolicies(e.Inventory)
	switch {
	case on == On && len(plane.ClusterNodeSelector) > 0:
		values := map[string][]string{}
		for k, v := range plane.ClusterNodeSelector {
			values[k] = []string{v}
		}
		if l := scheme.NodesWith(values); l > lowestOf(levels) {
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("pods of a namespace that nobody has classified are sent to %s nodes", scheme.Name(l))
		}
	case len(policies) > 0:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
		out.Message = "what " + policies[0] + " demands of pods in namespaces without a level is not evaluated"
	case on == Unsaid:
		out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
		out.Message = "whether the admission plugin PodNodeSelector is on, and with which default, cannot be seen"
		out.Remediation = "Show the configuration of the API server, or attest what holds pods of new namespaces."
	default:
		out.Status = nist190.Fail
		out.Message = "nothing holds pods of a namespace that nobody has classified: the admission plugin PodNodeSelector is off"
		if on == On {
			out.Message = "nothing holds pods of a namespace that nobody has classified: the admission plugin PodNodeSelector has no default for them"
		}
	}
	e.Report(out)
	return nil
}

func lowestOf(levels map[sensitivity.Level]bool) sensitivity.Level {
	var out []sensitivity.Level
	for l := range levels {
		out = append(out, l)
	}
	return slices.Min(out)
}
