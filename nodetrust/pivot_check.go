package nodetrust

import (
	"context"
	"fmt"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var nodePivot = nist190.Metadata{
	ID: "nodetrust-node-pivot", Title: "Container that is root on its node",
	Doc: `A workload has a container that is privileged, has a capability over the kernel, or writes a place from which the node runs what
it finds: whoever takes over the container has the node, and what nodetrust-blast-radius says of it.

The finding names the nodes that come with it, where its pods run already. Sockets of the runtime and the directories of credentials are nodetrust-runtime-socket's. Software that makes a node one of a cluster
(network plugins, kube-proxy, storage drivers, device plugins), known by what its DaemonSet mounts, does not work otherwise
and passes, and the report says why. Containers in a user namespace of their own (hostUsers: false) are root there alone.

Before:

    securityContext: {privileged: true}

After:

    securityContext: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}`,
	Claims: nist190.Claims("5d"), Controls: []string{"AC-6", "CM-7", "SC-39"}, CIS: []string{"5.2.2"}, Severity: nist190.SeverityHigh,
	Remediation: `Drop privileged and the capability, mount nothing of the node or mount it read-only, and enforce the Pod Security profile baseline.
What cannot do without runs on nodes of its own.`,
	Limits: "Flaws of the kernel and the runtime. Devices that a plugin hands out. Links within the file system of the node.",
}

// NodePivot finds containers that are root on their node.
func NodePivot() nist190.Check {
	md := nodePivot
	md.Risk, md.Since, md.Subjects = nist190.NodeTrust, "v0.1.0", inventory.WorkloadKinds()
	md.Needs = inventory.WorkloadNeeds(inventory.Incriminating)
	return nist190.NewCheck(md, checkNodePivot)
}

func checkNodePivot(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, w := range workloads {
		if component, is := controlPlane(w); is {
			e.NotApplicable(w.Ref(), component+" is the control plane itself")
			continue
		}
		pivots := pivotsOf(w)
		if len(pivots) == 0 {
			e.Pass(w.Ref(), nist190.At(w.Object))
			continue
		}
		on := nodesOf([]*inventory.Workload{w})
		for _, p := range pivots {
			out := nist190.Outcome{Status: nist190.Fail, Subject: w.Ref(), Key: p.container + " " + p.what, Severity: p.severity, Evidence: []nist190.Evidence{p.evidence}}
			out.Message = fmt.Sprintf("container %q, %s, is root on its node", p.container, p.how)
			if len(on) > 0 {
				out.Message += fmt.Sprintf(": %s (%s)", phrase.Count(len(on), "node"), phrase.Shorten(on))
			}
			if p.agent {
				out.Status, out.Severity = nist190.Pass, nist190.SeverityUnset
				out.Message += "; network plugins, storage drivers and the like need that"
			}
			e.Report(out)
		}
	}
	return nil
}
