// Package nodelabel tells which labels of nodes a kubelet may change.
package nodelabel

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// KubeletMaySet reports whether a kubelet may set, change and remove a label of its own node where the admission plugin
// NodeRestriction is on: the negation of getForbiddenLabels (plugin/pkg/admission/noderestriction/admission.go).
func KubeletMaySet(key string) bool {
	domain, _, ok := strings.Cut(key, "/")
	if !ok {
		return true
	}
	below := func(suffix string) bool { return domain == suffix || strings.HasSuffix(domain, "."+suffix) }
	switch {
	case below(corev1.LabelNamespaceNodeRestriction):
		return false
	case !below("kubernetes.io") && !below("k8s.io"):
		return true
	case below(corev1.LabelNamespaceSuffixKubelet) || below(corev1.LabelNamespaceSuffixNode):
		return true
	}
	return slices.Contains(known, key)
}

// known are those of k8s.io/kubelet/pkg/apis/well_known_labels.go.
var known = []string{
	corev1.LabelHostname, corev1.LabelTopologyZone, corev1.LabelTopologyRegion, corev1.LabelFailureDomainBetaZone, corev1.LabelFailureDomainBetaRegion,
	corev1.LabelInstanceType, corev1.LabelInstanceTypeStable, corev1.LabelOSStable, corev1.LabelArchStable, "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
}
