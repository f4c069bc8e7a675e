// Package network evaluates NIST SP 800-190 section 4.3.3, poorly separated inter-container traffic: is traffic
// separated into virtual networks by sensitivity level, with a small number of well-defined interfaces between them?
//
// NetworkPolicy is evaluated as a conformant plugin enforces it (k8s.io/api/networking/v1, pkg/apis/networking and
// test/e2e/network/netpol of Kubernetes): per direction, as a union of allows, over the labels that pods have. So are
// AdminNetworkPolicy, BaselineAdminNetworkPolicy and ClusterNetworkPolicy (sigs.k8s.io/network-policy-api), and what can be
// told of Cilium's and Calico's policies. What only another engine understands is named and left undecided.
//
// Ends of connections are pods, addresses outside, and what is known by its name alone: hosts that ExternalName Services,
// ServiceEntries and policies speak of, and Services of Knative. Where a name leads is not known, so that only what holds
// for every address is certain of it.
package network

import (
	"slices"

	"github.com/nist190/nist190"
)

// Checks lists the checks of the package.
func Checks() []nist190.Check {
	return slices.Concat([]nist190.Check{DefaultDeny()}, zoneChecks(), exposureChecks(), egressChecks(), lintChecks(), encryptionChecks())
}
