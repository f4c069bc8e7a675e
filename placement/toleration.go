package placement

import (
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// tolerates is Toleration.ToleratesTaint of k8s.io/api/core/v1 (toleration.go), whose signature changed with the minors:
// an empty effect is every effect, an empty key every key, an empty operator Equal. Lt and Gt compare whole numbers in
// their canonical spelling, where the feature gate TaintTolerationComparisonOperators is on.
func tolerates(t *corev1.Toleration, taint *corev1.Taint, compare bool) bool {
	if t.Effect != "" && t.Effect != taint.Effect || t.Key != "" && t.Key != taint.Key {
		return false
	}
	switch t.Operator {
	case "", corev1.TolerationOpEqual:
		return t.Value == taint.Value
	case corev1.TolerationOpExists:
		return true
	case tolerationOpLt, tolerationOpGt:
		if !compare {
			return false
		}
		mine, ok := canonical(t.Value)
		its, ok2 := canonical(taint.Value)
		return ok && ok2 && (t.Operator == tolerationOpLt && its < mine || t.Operator == tolerationOpGt && its > mine)
	}
	return false
}

// The operators of KEP-5471, which the oldest k8s.io/api that is supported does not have.
const (
	tolerationOpLt corev1.TolerationOperator = "Lt"
	tolerationOpGt corev1.TolerationOperator = "Gt"
)

// canonical reads a number that is spelled as strconv would spell it.
func canonical(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == s
}

// untolerated is the first taint with one of the effects that nothing tolerates.
func untolerated(taints []corev1.Taint, tolerations []corev1.Toleration, compare bool, effects ...corev1.TaintEffect) *corev1.Taint {
	for i := range taints {
		if slices.Contains(effects, taints[i].Effect) &&
			!slices.ContainsFunc(tolerations, func(t corev1.Toleration) bool { return tolerates(&t, &taints[i], compare) }) {
			return &taints[i]
		}
	}
	return nil
}

// transientTaints come and go with the state of a node or its start. That a node is cordoned today isolates nobody.
var transientTaints = map[string]bool{
	corev1.TaintNodeNotReady: true, corev1.TaintNodeUnreachable: true, corev1.TaintNodeUnschedulable: true, corev1.TaintNodeMemoryPressure: true,
	corev1.TaintNodeDiskPressure: true, corev1.TaintNodePIDPressure: true, corev1.TaintNodeNetworkUnavailable: true, corev1.TaintNodeOutOfService: true,
	"node.cloudprovider.kubernetes.io/uninitialized": true, "node.cloudprovider.kubernetes.io/shutdown": true,
	"ToBeDeletedByClusterAutoscaler": true, "DeletionCandidateOfClusterAutoscaler": true, // cluster-autoscaler/utils/taints
	"karpenter.sh/disrupted": true, "karpenter.sh/unregistered": true, "karpenter.sh/disruption": true,
	"node.cilium.io/agent-not-ready": true, "node.cluster.x-k8s.io/uninitialized": true,
}

// lasting are the taints of a node that keep pods off it for good: transient ones and PreferNoSchedule are left out.
func lasting(taints []corev1.Taint) []corev1.Taint {
	return slices.DeleteFunc(slices.Clone(taints), func(t corev1.Taint) bool {
		return transientTaints[t.Key] || t.Effect != corev1.TaintEffectNoSchedule && t.Effect != corev1.TaintEffectNoExecute
	})
}

// mergeTolerations is MergeTolerations of pkg/util/tolerations: what another covers is dropped.
func mergeTolerations(first, second []corev1.Toleration) []corev1.Toleration {
	all := slices.Concat(first, second)
	var out []corev1.Toleration
	for i := range all {
		covered := slices.ContainsFunc(out, func(t corev1.Toleration) bool { return covers(&t, &all[i]) }) ||
			slices.ContainsFunc(all[i+1:], func(t corev1.Toleration) bool {
				return !equality.Semantic.DeepEqual(&t, &all[i]) && covers(&t, &all[i])
			})
		if !covered {
			out = append(out, all[i])
		}
	}
	return out
}

// covers is isSuperset of the same package.
func covers(ss, t *corev1.Toleration) bool {
	if equality.Semantic.DeepEqual(t, ss) {
		return true
	}
	if t.Key != ss.Key && (ss.Key != "" || ss.Operator != corev1.TolerationOpExists) || t.Effect != ss.Effect && ss.Effect != "" {
		return false
	}
	if ss.Effect == corev1.TaintEffectNoExecute && ss.TolerationSeconds != nil &&
		(t.TolerationSeconds == nil || *t.TolerationSeconds > *ss.TolerationSeconds) {
		return false
	}
	switch ss.Operator {
	case corev1.TolerationOpEqual, "":
		return t.Operator == corev1.TolerationOpEqual && t.Value == ss.Value
	case corev1.TolerationOpExists:
		return true
	}
	return false
}

// daemonTolerations are what the controller gives pods of DaemonSets (pkg/controller/daemon/util/daemonset_util.go).
func daemonTolerations(spec *corev1.PodSpec) []corev1.Toleration {
	add := func(key string, effect corev1.TaintEffect) corev1.Toleration {
		return corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: effect}
	}
	out := []corev1.Toleration{
		add(corev1.TaintNodeNotReady, corev1.TaintEffectNoExecute), add(corev1.TaintNodeUnreachable, corev1.TaintEffectNoExecute),
		add(corev1.TaintNodeDiskPressure, corev1.TaintEffectNoSchedule), add(corev1.TaintNodeMemoryPressure, corev1.TaintEffectNoSchedule),
		add(corev1.TaintNodePIDPressure, corev1.TaintEffectNoSchedule), add(corev1.TaintNodeUnschedulable, corev1.TaintEffectNoSchedule),
	}
	if spec.HostNetwork {
		out = append(out, add(corev1.TaintNodeNetworkUnavailable, corev1.TaintEffectNoSchedule))
	}
	return out
}
