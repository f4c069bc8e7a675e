package nodetrust

import (
	"context"
	"fmt"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
)

var agentCoverage = nist190.Metadata{
	ID: "nodetrust-agent-coverage", Title: "Node without the cluster's log or metric agent",
	Doc: `The cluster has an agent that reads the logs or the metrics of its nodes, and some node has none: a taint that the agent
does not tolerate, or a node selector, keeps it off.

What happens on such a node is not seen: health, logs of its pods, signs of an attack. Agents are known by what they are,
DaemonSets of software such as Fluent Bit, Fluentd, Vector, the CloudWatch agent, the OpenTelemetry collector or the node
exporter, or that mount the logs of pods. A node is covered where a pod of one runs, or can. Where no agent is given at all the
check does not decide: logs and metrics may be collected by the machines themselves.

Before:

    kind: DaemonSet     # fluent-bit
    spec: {template: {spec: {tolerations: []}}}      # and a node has the taint dedicated=payments:NoSchedule

After:

    spec: {template: {spec: {tolerations: [{operator: Exists}]}}}`,
	Claims: nist190.Claims("5c", "2f"), Controls: []string{"AU-12", "CM-8", "SI-4"}, Severity: nist190.SeverityMedium,
	Remediation: "Let the agent tolerate all taints, and select no nodes, so that those that are added later are covered as well.",
	Limits:      "Whether the agent works, and where it sends what it reads. Agents that no DaemonSet runs. Virtual nodes are not judged.",
}

// AgentCoverage finds nodes that no log or metric agent serves.
func AgentCoverage() nist190.Check {
	md := agentCoverage
	md.Risk, md.Since, md.Subjects, md.Needs = nist190.NodeTrust, "v0.1.0", inventory.WorkloadKinds(), CoverageNeeds()
	return nist190.NewCheck(md, checkAgentCoverage)
}

func checkAgentCoverage(ctx context.Context, e *nist190.Eval) error {
	c, err := CoverageOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, role := range []Role{LogAgent, MetricAgent} {
		if !c.Has(role) {
			e.Report(nist190.Outcome{Status: nist190.NotAssessed, Subject: inventory.Cluster, Key: role.String(), Reason: nist190.ReasonUnknown,
				Message: fmt.Sprintf("no DaemonSet that was given is a %s", role)})
			continue
		}
		uncovered := c.Uncovered(role)
		var agents []*inventory.Workload
		for _, a := range c.Agents {
			if a.Role == role {
				agents = append(agents, a.Workload)
			}
		}
		first := agents[0]
		out := nist190.Outcome{Status: nist190.Pass, Subject: first.Ref(), Key: role.String(), Evidence: []nist190.Evidence{nist190.At(first.Object)}}
		if len(uncovered) > 0 {
			var names []string
			for _, n := range uncovered {
				names = append(names, fmt.Sprintf("%q", n.Name))
				if len(out.Evidence) < maxEvidence {
					out.Evidence = append(out.Evidence, nist190.At(n.Object, "spec", "taints"))
				}
			}
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("%s not served by any %s (%s): %s", phrase.Count(len(names), "node"), role, phrase.Workloads(agents), phrase.Shorten(names))
			if x := why(c, first, uncovered[0]); x != "" {
				out.Message += "; " + x
			}
		}
		e.Report(out)
	}
	return nil
}

// why is what keeps an agent from a node, in the scheduler's words.
func why(c *Coverage, w *inventory.Workload, n *placement.Node) string {
	x := c.nodes.Explain(c.on[w], n)
	if x.Refusal == nil {
		return ""
	}
	return fmt.Sprintf("on the first, %s", x.Refusal.Reason)
}
