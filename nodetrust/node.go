package nodetrust

import "github.com/nist190/nist190"

// nodeChecks ask who the nodes are, what one lost node gives away, and what breaks without it.
func nodeChecks() []nist190.Check {
	return []nist190.Check{
		RuntimeSocket(), BlastRadiusCheck(), NodeState(), NodeIdentity(), NodeReconciliation(), PoolDrift(), AgentCoverage(),
		NodePivot(), ResidualAccess(), NodeRemoval(), DrainBlocker(), WebhookOnOneNode(), ControlPlaneQuorum(), MetadataService(), ApprovedInstances(),
	}
}
