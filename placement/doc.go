// Package placement evaluates NIST SP 800-190 section 4.3.4, mixing of workload sensitivity levels: are deployments
// isolated to sets of hosts by sensitivity level, and do rules keep workloads of a high level off the hosts of a lower?
//
// Levels are those of package sensitivity. Node selection follows the scheduler and the kubelet, which checks it again
// (pkg/scheduler/framework/plugins/nodeaffinity, k8s.io/component-helpers/scheduling/corev1/nodeaffinity).
package placement

import (
	"slices"

	"github.com/nist190/nist190"
)

// Checks lists the checks of the package.
func Checks() []nist190.Check {
	return slices.Concat(
		[]nist190.Check{Unclassified(), Attraction()}, sharingChecks(), []nist190.Check{Enforcement(), LabelProtection()}, nodeLevelChecks(),
		workloadChecks(), []nist190.Check{AntiAffinity(), SharedData(), ThreatPosture()},
	)
}
