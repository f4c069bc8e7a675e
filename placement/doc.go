// Package placement evaluates NIST SP 800-190 section 4.3.4, mixing of workload sensitivity levels: are deployments
// isolated to sets of hosts by sensitivity level, and do rules keep workloads of a high level off the hosts of a lower?
//
// Levels are those of package sensitivity. [FeasibilityOf] is the engine: on which nodes, and on which nodes that pools can
// make, each workload can land, as the scheduler and the kubelet decide it after admission
// (pkg/scheduler/framework/plugins, pkg/kubelet/lifecycle/predicate.go, plugin/pkg/admission). What depends on other pods
// and free resources is left out, so that "cannot" is a proof; what could not be seen is an answer of its own.
// [SeparationOf] asks it of levels, in three questions that are not merged: do two levels share a node, can they, and could
// an author make them. [Suggest] writes what would keep them apart and proves it. [Images] says what images workloads of a
// level may run.
package placement

import (
	"slices"

	"github.com/nist190/nist190"
)

// Checks lists the checks of the package.
func Checks() []nist190.Check {
	return slices.Concat(
		[]nist190.Check{Unclassified(), Attraction()}, sharingChecks(),
		[]nist190.Check{Enforcement(), DefaultNodes(), LabelProtection()}, nodeLevelChecks(), workloadChecks(),
		[]nist190.Check{AntiAffinity(), SharedData()}, postureChecks(), residueChecks(), imageChecks(), []nist190.Check{TeamNode()},
	)
}
