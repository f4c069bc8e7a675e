package nodetrust

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
)

var nodeState = nist190.Metadata{
	ID: "nodetrust-node-state", Title: "Node that the control plane does not hear from",
	Doc: `A node is not ready, or its kubelet has been silent, for longer than the control plane waits before it moves the pods away.

The state of a node is part of an inventory that can be relied on: nobody can say what a node does from which nothing is
heard, and its pods may still run. What counts is the condition Ready and how long it has been so, and the node's lease,
which its kubelet renews every ten seconds. Ages are counted to the newest sign of life of any node, so that a snapshot
says what it said when it was taken; inventory.Clock, asOf of the configuration, sets another moment.

Before:

    status:
      conditions: [{type: Ready, status: Unknown, reason: NodeStatusUnknown}]

After: the node is back, or its Node object is deleted.`,
	Claims: []nist190.Claim{{Sentence: "5c", Conclusive: true}}, Controls: []string{"CM-8", "CM-8(2)"}, Severity: nist190.SeverityMedium,
	Remediation: `Find out what the machine does. If it is gone, delete its Node, which also makes the tokens of its pods invalid; if it is not
trusted, isolate it in the network first and add the taint node.kubernetes.io/out-of-service.`,
	Limits: "A snapshot without leases and conditions tells no state. One moment tells nothing of nodes that come and go.",
}

// lostAfter is how long pods stay on a node that is not ready: the tolerations that DefaultTolerationSeconds adds.
const lostAfter = 5 * time.Minute

// NodeState finds nodes that are not ready or silent.
func NodeState() nist190.Check {
	md := nodeState
	md.Risk, md.Since, md.Subjects, md.Needs = nist190.NodeTrust, "v0.1.0", []schema.GroupKind{nodeKind}, NodesNeeds()
	return nist190.NewCheck(md, checkNodeState)
}

func checkNodeState(ctx context.Context, e *nist190.Eval) error {
	n, err := NodesOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for r := range n.All() {
		at := nist190.At(r.Object, "status", "conditions")
		out := nist190.Outcome{Subject: r.Object.Ref(), Status: nist190.Pass, Evidence: []nist190.Evidence{at}}
		age := n.Age(r.Since)
		long := ""
		if age > 0 {
			long = fmt.Sprintf(" for %s", age)
		}
		why := ""
		if r.ReadyReason != "" {
			why = " (" + r.ReadyReason + ")"
		}
		switch {
		case r.Ready == "" && r.Heartbeat.IsZero():
			out.Status, out.Reason = nist190.NotAssessed, nist190.ReasonUnknown
			out.Message = "the object has no condition Ready: it was not read from a cluster"
			out.Evidence = []nist190.Evidence{nist190.At(r.Object)}
		case r.Ready == corev1.ConditionUnknown && (age == 0 || age > lostAfter):
			out.Status, out.Severity = nist190.Fail, nist190.SeverityHigh
			out.Message = fmt.Sprintf("nothing has been heard from it%s%s, and it may still run its pods", long, why)
		case r.Ready == corev1.ConditionFalse && (age == 0 || age > lostAfter):
			out.Status = nist190.Fail
			out.Message = fmt.Sprintf("it has not been ready%s%s", long, why)
		case n.Silent(r):
			out.Status, out.Severity = nist190.Fail, nist190.SeverityHigh
			out.Message = fmt.Sprintf("its lease was last renewed %s before the newest of the others, and no controller says that it is lost", n.Age(r.Heartbeat))
		}
		e.Report(out)
	}
	return nil
}
